//! The example as its reader runs it. A program of its own, for it needs the example, which `cargo test` alone builds.
#![cfg(feature = "std")]

use std::{
    env,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// `cargo test` builds the examples beside the tests.
fn example() -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let name = format!("quickstart{}", env::consts::EXE_SUFFIX);
    profile.join("examples").join(name)
}

fn run(keys: Option<&str>, arguments: &[&str], stdin: &[u8]) -> Output {
    let mut command = Command::new(example());
    command.args(arguments).env_remove("HARDTACK_KEYS");
    if let Some(keys) = keys {
        command.env("HARDTACK_KEYS", keys);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("`cargo test` builds the example");
    // It may have refused already, and closed the pipe.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

const OLD: &str = "d1f3b5a79c8e60427f2e4d6c8b0a19385746f1d3e5c7b9a08214365870badcfe";
const NEW: &str = "6e8c97a5b3f1d72406f8e9dacbbcad9e8f70615243342516e7d8c9baab9c8d7e";

#[test]
fn it_seals_and_opens_text_and_refuses_the_rest_with_a_reason() {
    let note = "meet at noon, \u{2615}\n";
    let sealed = run(Some(OLD), &["seal", "note/1"], note.as_bytes());
    assert!(sealed.status.success());
    assert_eq!(text(&sealed.stderr), "");
    let token = text(&sealed.stdout).trim_end();
    assert!(token.starts_with('h'));

    let rotated = format!("{NEW},{OLD}");
    for keys in [OLD, &rotated] {
        let opened = run(Some(keys), &["open", "note/1", token], b"");
        assert!(opened.status.success());
        assert_eq!((text(&opened.stdout), text(&opened.stderr)), (note, ""));
    }

    let changed = token.replacen('h', "g", 1);
    let id = hardtack::Codec::inspect(token).unwrap().key;
    for (keys, purpose, token, reason) in [
        (
            OLD,
            "note/1",
            &*changed,
            "the token has an unknown version".to_owned(),
        ),
        (
            OLD,
            "note/1",
            &token[..token.len() - 4],
            "the token is not valid".to_owned(),
        ),
        (OLD, "note/2", token, "the token is not valid".to_owned()),
        (
            NEW,
            "note/1",
            token,
            format!("no key of the keyring has the id {id}"),
        ),
    ] {
        let refused = run(Some(keys), &["open", purpose, token], b"");
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(text(&refused.stdout), "");
        assert_eq!(text(&refused.stderr), format!("error: {reason}\n"));
    }
}

#[test]
fn the_tour_shows_a_token_four_refusals_and_a_rotation() {
    let tour = run(Some(OLD), &[], b"");
    assert_eq!(text(&tour.stderr), "");
    assert!(tour.status.success());
    let lines: Vec<_> = text(&tour.stdout).lines().collect();
    let line = |name: &str| {
        let found: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix(name))
            .collect();
        assert_eq!(found.len(), 1, "{name}: {lines:#?}");
        found[0].trim_start()
    };
    let token = line("token  ");
    assert_eq!(lines[2].trim_start(), format!("{} characters", token.len()));
    assert!(line("opened  ").starts_with("Session { user: 1815, name: \"Ada Lovelace\""));
    let id = hardtack::Codec::inspect(token).unwrap().key;
    assert_eq!(line("keys  "), format!("{id} primary"));
    for (what, reason) in [
        ("one character", "the token is not valid"),
        ("other purpose", "the token is not valid"),
        (
            "stranger's key",
            &format!("no key of the keyring has the id {id}"),
        ),
        ("in two days", "the token has expired"),
    ] {
        assert_eq!(line(what), format!("refused: {reason}"));
    }
    assert!(line("old token").contains(" retired at "));
    assert!(line("new token").ends_with(" primary"));
}

#[test]
fn without_keys_it_says_how_to_keep_one() {
    for (arguments, stdin) in [(&[][..], &b""[..]), (&["seal", "note/1"], b"noon")] {
        let done = run(None, arguments, stdin);
        assert!(done.status.success());
        let warning = text(&done.stderr);
        assert!(
            warning.contains("WARNING: HARDTACK_KEYS is not set"),
            "{warning}"
        );
        assert!(warning.contains("export HARDTACK_KEYS=$(openssl rand -base64 32)\n"));
    }
}

#[test]
fn what_it_cannot_use_is_an_error() {
    let bad_key = run(Some("hunter2"), &["seal", "note/1"], b"noon");
    assert_eq!(bad_key.status.code(), Some(1));
    let error = text(&bad_key.stderr);
    assert!(error.starts_with("error: environment variable HARDTACK_KEYS: key 1: found 7"));
    assert_eq!(text(&bad_key.stdout), "");

    let too_long = run(Some(OLD), &["seal", "note/1"], &[b'x'; 20_000]);
    assert_eq!(too_long.status.code(), Some(1));
    assert!(text(&too_long.stderr).ends_with(" characters, the maximum is 16384\n"));

    let not_text = run(Some(OLD), &["seal", "note/1"], b"\xff");
    assert_eq!(not_text.status.code(), Some(1));

    for arguments in [
        &["seal"][..],
        &["open", "note/1"],
        &["close", "note/1"],
        &[""],
    ] {
        let usage = run(Some(OLD), arguments, b"");
        assert_eq!(usage.status.code(), Some(2));
        assert!(text(&usage.stderr).starts_with("usage: quickstart "));
    }
}
