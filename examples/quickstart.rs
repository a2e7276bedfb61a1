//! Seals a value on a terminal, opens it, and shows which tokens are refused.
//!
//! ```sh
//! cargo run --example quickstart
//!
//! export HARDTACK_KEYS=$(openssl rand -base64 32)
//! echo 'meet at noon' | cargo run --example quickstart -- seal note/1
//! cargo run --example quickstart -- open note/1 TOKEN
//! ```

use hardtack::{Codec, Key, Keyring, OpenError, Opened, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    process::ExitCode,
    time::Duration,
};

const KEYS: &str = "HARDTACK_KEYS";
const USAGE: &str = "usage: quickstart [seal PURPOSE < TEXT | open PURPOSE TOKEN]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => tour(),
        ["seal", purpose] => seal(purpose),
        ["open", purpose, token] => open(purpose, token),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the keys from the environment, or makes a key that is lost when the program ends.
fn keyring() -> Result<Keyring, Box<dyn Error>> {
    if env::var_os(KEYS).is_some() {
        return Ok(Keyring::from_env(KEYS)?);
    }
    eprintln!("WARNING: {KEYS} is not set. The key of this run is gone when it ends, and nothing");
    eprintln!("WARNING: that it sealed will ever open again. Make a key and keep it:");
    eprintln!("WARNING:     export {KEYS}=$(openssl rand -base64 32)");
    Ok(Keyring::new(Key::generate()?))
}

fn seal(purpose: &str) -> Result<(), Box<dyn Error>> {
    let codec = Codec::new(&keyring()?, purpose);
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    writeln!(io::stdout(), "{}", codec.seal(&text)?)?;
    Ok(())
}

fn open(purpose: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let codec = Codec::new(&keyring()?, purpose);
    let text: String = codec.open(token)?.value;
    write!(io::stdout(), "{text}")?;
    Ok(())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Session {
    user: u64,
    name: String,
    roles: Vec<String>,
    csrf: [u8; 16],
}

fn tour() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let ring = keyring()?;
    let codec = Codec::new(&ring, "session/1");
    let session = Session {
        user: 1_815,
        name: "Ada Lovelace".into(),
        roles: vec!["author".into(), "reviewer".into()],
        csrf: *b"\xa7\x1c\x05\xee\x90\x3b\x44\xd2\x6f\x18\x83\xbb\x5e\x72\xc9\x01",
    };

    let token = codec.seal(&session)?;
    writeln!(out, "keys           {ring}")?;
    writeln!(out, "token          {token}")?;
    writeln!(out, "               {} characters", token.len())?;
    let opened: Opened<Session> = codec.open(&token)?;
    assert_eq!(opened.value, session);
    writeln!(out, "opened         {:?}", opened.value)?;
    writeln!(out, "               issued at {}", opened.issued_at)?;

    let (head, tail) = token.split_at(token.len() / 2);
    let other = if tail.starts_with('A') { 'B' } else { 'A' };
    let changed = format!("{head}{other}{}", &tail[1..]);
    let other_purpose = Codec::new(&ring, "password-reset/1");
    let stranger = Codec::new(&Keyring::new(Key::generate()?), "session/1");
    let in_two_days = Timestamp::now().saturating_add(Duration::from_secs(2 * 24 * 60 * 60));
    for (what, opened) in [
        ("one character", codec.open(&changed)),
        ("other purpose", other_purpose.open(&token)),
        ("stranger's key", stranger.open(&token)),
        ("in two days", codec.open_at(&token, in_two_days)),
    ] {
        writeln!(out, "{what:<14} refused: {}", refusal(opened)?)?;
    }

    let (yesterday, today) = (Key::generate()?, Key::generate()?);
    let old = Codec::new(&Keyring::new(yesterday.clone()), "session/1").seal(&session)?;
    let rotated = Keyring::new(today).accept_retired(yesterday, Timestamp::now())?;
    let codec = Codec::new(&rotated, "session/1");
    writeln!(out, "rotated keys   {rotated}")?;
    for (age, token) in [("old", old), ("new", codec.seal(&session)?)] {
        let opened: Opened<Session> = codec.open(&token)?;
        writeln!(
            out,
            "{age} token      opened with {} {}",
            opened.key, opened.key_state
        )?;
    }
    Ok(())
}

fn refusal(opened: Result<Opened<Session>, OpenError>) -> Result<OpenError, &'static str> {
    opened.err().ok_or("opened what is to be refused")
}
