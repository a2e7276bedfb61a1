//! The command as people run it: what it prints, what it says, and its exit status.

use hardtack::{
    Codec, Key, Keyring, Timestamp,
    session::{FlashLevel, SessionData, SessionManager, SessionManagerBuilder, testing},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

const DAY: u64 = 86_400;
const HARDTACK: &str = env!("CARGO_BIN_EXE_hardtack");

/// One call of the command.
struct Call {
    command: Command,
    input: Vec<u8>,
}

struct Done {
    status: i32,
    out: String,
    err: String,
}

impl Call {
    fn input(mut self, input: impl AsRef<[u8]>) -> Call {
        self.input = input.as_ref().into();
        self
    }

    fn env(mut self, name: &str, value: &str) -> Call {
        self.command.env(name, value);
        self
    }

    fn run(mut self) -> Done {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The command may end before it reads all of this.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        let output = child.wait_with_output().unwrap();
        Done {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    #[track_caller]
    fn good(self) -> Done {
        assert_eq!(self.status, 0, "{}", self.err);
        self
    }

    /// Checks the status, and that standard error has each of these.
    #[track_caller]
    fn fails(self, status: i32, words: &[&str]) -> Done {
        assert_eq!(self.status, status, "{}\n{}", self.out, self.err);
        self.says(words)
    }

    #[track_caller]
    fn says(self, words: &[&str]) -> Done {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in: {}", self.err);
        }
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

fn hardtack(args: &[&str]) -> Call {
    let mut command = Command::new(HARDTACK);
    command.args(args).env_remove("SESSION_KEYS");
    Call {
        command,
        input: Vec::new(),
    }
}

/// The text of a new key, and the key.
fn new_key() -> (String, Key) {
    let text = hardtack(&["key"]).run().good().out.trim_end().to_owned();
    let key = text.parse().unwrap();
    (text, key)
}

fn ring(text: &str) -> Keyring {
    text.parse().unwrap()
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp::now().saturating_sub(Duration::from_secs(seconds))
}

/// Settings whose clock stands this long ago.
fn sessions(keys: &str, seconds_ago: u64) -> SessionManagerBuilder {
    let time = ago(seconds_ago);
    SessionManager::builder(ring(keys)).clock(move || time)
}

/// The Cookie header of a session with these values.
fn cookie(manager: &SessionManager, values: &[(&str, Value)]) -> String {
    let session = testing::new_session(manager);
    for (key, value) in values {
        session.insert(key, value).unwrap();
    }
    testing::cookie_header(&session).unwrap()
}

fn simple_cookie(keys: &str) -> String {
    let manager = sessions(keys, 5).build().unwrap();
    cookie(&manager, &[("user", json!("ada")), ("cart", json!([7, 8]))])
}

#[test]
fn a_key_is_new_and_its_id_is_told() {
    let first = hardtack(&["key"]).run().good();
    let key: Key = first.out.trim_end().parse().unwrap();
    first.says(&[&key.id().to_string()]);
    assert_ne!(new_key().0, new_key().0);
}

#[test]
fn a_list_of_keys_is_checked_wherever_it_is() {
    let [(new, new_key), (next, next_key), (old, old_key)] = [(); 3].map(|()| new_key());
    let list = format!("{new}, {next},{old}@{}", ago(3 * DAY).to_unix());
    let expected = |out: &str| {
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines[0], format!("1  {}  seals and opens", new_key.id()));
        assert_eq!(lines[1], format!("2  {}  opens", next_key.id()));
        let retired = format!("3  {}  opens what was sealed until 20", old_key.id());
        assert!(
            lines[2].starts_with(&retired) && lines[2].contains("(3days"),
            "{out}"
        );
        assert_eq!(lines.len(), 3);
    };
    let done = hardtack(&["keys", "check"])
        .env("SESSION_KEYS", &list)
        .run();
    expected(&done.good().says(&["SESSION_KEYS: good"]).out);
    let done = hardtack(&["keys", "check", "--keys-env", "OTHER"])
        .env("OTHER", &list)
        .run();
    expected(&done.good().says(&["OTHER: good"]).out);
    let done = hardtack(&["keys", "check", "--keys-file", "-"])
        .input(format!("{list}\n"))
        .run();
    expected(&done.good().says(&["standard input: good"]).out);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, format!("{list}\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let done = hardtack(&["keys", "check", "--keys-file", path]).run();
    expected(&done.good().says(&[path]).out);

    let future = format!("{new},{old}@{}", u32::MAX);
    let done = hardtack(&["keys", "check"])
        .env("SESSION_KEYS", &future)
        .run()
        .good();
    done.says(&["retires in the future, at 2106-02-07T06:28:15Z"]);
}

#[test]
fn every_fault_of_a_list_is_told_in_its_place() {
    let [(one, one_key), (two, two_key)] = [(); 2].map(|()| new_key());
    let list = format!(
        "secret,{one},,{one},{two}@tomorrow,{two}@5,\"{two}\",{}",
        "00".repeat(32)
    );
    let done = hardtack(&["keys", "check"])
        .env("SESSION_KEYS", &list)
        .run();
    let done = done.fails(
        1,
        &["SESSION_KEYS: 6 entries have a fault, and no server takes the list"],
    );
    let faults = [
        "1  ------  found 6 characters, a key is 32 random bytes",
        &format!("2  {}  opens", one_key.id()),
        "3  ------  found an empty entry",
        "4  ------  two keys of the keyring have the id",
        "5  ------  found no time in Unix seconds after the @",
        &format!(
            "6  {}  opens what was sealed until 1970-01-01T00:00:05Z",
            two_key.id()
        ),
        "7  ------  found a quotation mark (\")",
        "8  ------  found 32 bytes that follow a pattern",
    ];
    assert_eq!(done.out.lines().count(), faults.len(), "{}", done.out);
    for (line, fault) in done.out.lines().zip(faults) {
        assert!(line.starts_with(fault), "{line}");
    }
    for key in [&one, &two] {
        assert!(!done.out.contains(key) && !done.err.contains(key));
    }

    let retired_first = format!("{one}@5,{two}");
    let done = hardtack(&["keys", "check"])
        .env("SESSION_KEYS", &retired_first)
        .run();
    let done = done.fails(1, &["one entry has a fault"]);
    assert!(
        done.out
            .contains("1  ------  found a retirement time on the first key")
    );
    let nine = [(); 9].map(|()| new_key().0).join(",");
    let done = hardtack(&["keys", "check"])
        .env("SESSION_KEYS", &nine)
        .run()
        .fails(1, &[]);
    assert!(done.out.contains("9  ------  found more than 8 keys"));
}

#[test]
fn keys_that_cannot_be_read_are_told_from_keys_with_a_fault() {
    for command in [&["keys", "check"][..], &["open"], &["seal"]] {
        hardtack(command)
            .run()
            .fails(3, &["environment variable SESSION_KEYS: not set"]);
        let args = [command, &["--keys-file", "no/such/file"]].concat();
        hardtack(&args)
            .run()
            .fails(3, &["file no/such/file: cannot be read (entity not found)"]);
    }
    for command in ["open", "seal"] {
        let call = hardtack(&[command]).env("SESSION_KEYS", "secret");
        call.run().fails(
            1,
            &["environment variable SESSION_KEYS: key 1: found 6 characters"],
        );
    }
    let done = hardtack(&["keys", "check", "--keys-file", "-"])
        .input(b"\xff")
        .run();
    done.fails(1, &["standard input: found bytes that are not UTF-8"]);
}

#[test]
fn keys_and_tokens_are_refused_as_arguments_and_not_repeated() {
    let (key, _) = new_key();
    let header = simple_cookie(&key);
    let token = header.split_once('=').unwrap().1;
    let hex = "8f".repeat(16) + &"0123456789abcdef".repeat(2);
    for secret in [
        &key,
        &header,
        token,
        &hex,
        &format!("{key},{hex}@1"),
        &format!("2.{token}"),
    ] {
        for args in [
            &["key", secret][..],
            &["keys", "check", secret],
            &["keys", "check", "--keys-env", secret],
            &["keys", "check", &format!("--keys-file={secret}")],
            &["inspect", secret],
            &["open", secret],
            &["open", "--cookie", secret],
            &["open", "--file", secret],
            &["open", "--token", secret],
            &["seal", secret],
            &[secret],
        ] {
            // A chunk alone is only a part of a token, and no command takes it.
            if secret.starts_with("2.") && args.len() < 2 {
                continue;
            }
            let done = hardtack(args).env("SESSION_KEYS", &key).run();
            assert_ne!(done.status, 0, "{args:?}");
            if !secret.starts_with("2.") {
                let done = done.fails(
                    2,
                    &["do not belong into an argument", "every user", "history"],
                );
                let shown = [token, key.as_str(), &hex]
                    .iter()
                    .any(|s| done.err.contains(s));
                assert!(!shown, "{}", done.err);
            }
        }
    }
    for command in [&["keys", "check"][..], &["inspect"], &["open"], &["seal"]] {
        let done = hardtack(&[command, &["not-quite-a-token"]].concat())
            .env("SESSION_KEYS", &key)
            .run();
        let done = done.fails(2, &["do not belong into an argument"]);
        assert!(!done.err.contains("not-quite"));
    }
    // What only looks strange is taken.
    let done = hardtack(&["open", "--realm", "héllo, shop"])
        .env("SESSION_KEYS", &key)
        .run();
    done.fails(1, &["there is nothing to read"]);
}

#[test]
fn a_wrong_command_line_is_status_2() {
    hardtack(&[]).run().fails(2, &["Usage"]);
    hardtack(&["frobnicate"]).run().fails(2, &[]);
    hardtack(&["open", "--max-age", "1h"])
        .run()
        .fails(2, &["--purpose"]);
    hardtack(&["open", "--purpose", "p", "--max-age", "soon"])
        .run()
        .fails(2, &[]);
    hardtack(&["open", "--file", "a", "--env", "B"])
        .run()
        .fails(2, &[]);
    let (key, _) = new_key();
    for command in ["open", "seal"] {
        let done = hardtack(&[command, "--keys-file", "-"]).input(&key).run();
        done.fails(2, &["the keys are to come from standard input"]);
    }
    let call = hardtack(&["open", "--cookie", "a b"]).env("SESSION_KEYS", &key);
    let header = simple_cookie(&key);
    call.input(header.split_once('=').unwrap().1)
        .run()
        .fails(2, &["is not a token"]);
}

#[test]
fn help_tells_the_exit_status_of_each_failure() {
    let done = hardtack(&["--help"]).run().good();
    for line in ["0  ", "1  ", "2  ", "3  "] {
        assert!(done.out.contains(line), "{}", done.out);
    }
}

#[test]
fn a_token_is_inspected_without_a_key_in_every_form() {
    let (key, parsed) = new_key();
    let header = simple_cookie(&key);
    let token = header.split_once('=').unwrap().1;
    for input in [
        token.to_owned(),
        format!("  {token}\r\n"),
        header.clone(),
        format!("Cookie: theme=dark; {header}; other=x\n"),
        format!("cookie:{header}"),
        format!("Set-Cookie: {header}; HttpOnly; SameSite=Lax; Secure; Path=/"),
        format!("__Host-session\t{token}\twww.example.org\t/\tSession\t300\t✓"),
        format!("theme=dark\n{header}\n"),
    ] {
        let done = hardtack(&["inspect"]).input(&input).run().good();
        let lines: Vec<_> = done.out.lines().collect();
        assert_eq!(lines[0], "version    0x84 (plain)", "{input}");
        assert_eq!(lines[1], format!("key id     {}", parsed.id()));
        assert!(
            lines[2].starts_with("issued at  20") && lines[2].ends_with("s ago)"),
            "{}",
            lines[2]
        );
        let bytes = token.len() * 3 / 4;
        let length = format!(
            "length     {} characters, {bytes} bytes, {} of them encrypted",
            token.len(),
            bytes - 40
        );
        assert_eq!(lines[3], length);
        assert_eq!(lines.len(), 4);
        done.says(&["only `open` checks them"]);
    }
    let padded = Codec::new(&ring(&key), "p").pad_to(64).seal("x").unwrap();
    let done = hardtack(&["inspect"]).input(padded).run().good();
    assert!(done.out.contains("0x85 (padded)") && done.out.contains(", 64 of them encrypted"));
    let later = format!("hw{}", "A".repeat(60));
    let done = hardtack(&["inspect"]).input(later).run().good();
    assert!(done.out.contains("0x87 (of a later hardtack)"));
    hardtack(&["inspect"])
        .input(&token[..40])
        .run()
        .fails(1, &["the token is cut off"]);
}

#[test]
fn what_is_no_token_or_not_one_token_is_told() {
    let (key, _) = new_key();
    let header = simple_cookie(&key);
    for command in ["inspect", "open"] {
        let run = |args: &[&str], input: &str| {
            let args = [&[command], args].concat();
            hardtack(&args).env("SESSION_KEYS", &key).input(input).run()
        };
        run(&[], "").fails(1, &["there is nothing to read"]);
        run(&[], " \n \r\n").fails(1, &["there is nothing to read"]);
        run(&[], "theme=dark; id=5").fails(1, &["found no token of hardtack", "theme, id"]);
        run(&["--cookie", "sid"], &header).fails(1, &["found no cookie sid"]);
        run(&["--cookie", "sid"], "sid=5").fails(1, &["this is not a token of hardtack"]);
        let other = header.replace("__Host-session", "admin");
        let both = format!("{header}; {other}");
        run(&[], &both).fails(1, &["choose one with --cookie", "__Host-session, admin"]);
        run(&["--file", "no/such/file"], "").fails(3, &["file no/such/file"]);
        run(&["--env", "NO_SUCH"], "").fails(3, &["environment variable NO_SUCH: not set"]);
        run(&[], &"x".repeat(2 << 20)).fails(3, &["longer than any session"]);
    }
}

#[test]
fn a_session_is_opened_from_stdin_file_and_environment() {
    let (key, parsed) = new_key();
    let manager = sessions(&key, 5).build().unwrap();
    let session = testing::new_session(&manager);
    session.regenerate_for_login().unwrap();
    session.insert("user", "ada").unwrap();
    session.flash(FlashLevel::Success, "Welcome").unwrap();
    session.remember(true).unwrap();
    let header = testing::cookie_header(&session).unwrap();
    let expected = |done: Done| {
        let json = done.good().json();
        let id = |value: String| Value::String(value);
        assert_eq!(json["cookie"], "__Host-session");
        assert_eq!(json["key"], id(parsed.id().to_string()));
        assert_eq!(json["id"], id(session.id().unwrap().to_string()));
        assert_eq!(
            json["login_id"],
            id(session.login_id().unwrap().to_string())
        );
        assert_eq!(json["remembered"], true);
        assert_eq!(json["by_login"], true);
        assert_eq!(json["idle_timeout"], 14 * DAY);
        assert_eq!(json["absolute_timeout"], 90 * DAY);
        assert_eq!(
            json["flashes"],
            json!([{ "level": "success", "text": "Welcome" }])
        );
        assert_eq!(json["values"], json!({ "user": "ada" }));
    };
    let open = |args: &[&str]| hardtack(&[&["open"], args].concat()).env("SESSION_KEYS", &key);
    expected(open(&[]).input(&header).run());
    expected(open(&["--env", "COOKIE"]).env("COOKIE", &header).run());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, &header).unwrap();
    expected(open(&["--file", file.path().to_str().unwrap()]).run());
    expected(open(&["--file", "-"]).input(&header).run());
    let keys = tempfile::NamedTempFile::new().unwrap();
    fs::write(&keys, &key).unwrap();
    let keys = keys.path().to_str().unwrap();
    expected(
        hardtack(&["open", "--keys-file", keys])
            .input(&header)
            .run(),
    );
    let args = ["open", "--keys-file", "-", "--env", "COOKIE"];
    expected(hardtack(&args).env("COOKIE", &header).input(&key).run());
}

/// A type of a site, whose encoding the command does not know.
#[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
struct Account {
    user: Option<u64>,
    theme: String,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 2;
}

#[test]
fn what_open_prints_seal_reads_back() {
    let (key, _) = new_key();
    let [open, seal] = ["open", "seal"].map(|command| {
        let key = key.clone();
        move |args: &[&str], input: &str| {
            let args = [&[command], args].concat();
            hardtack(&args)
                .env("SESSION_KEYS", &key)
                .input(input)
                .run()
                .good()
        }
    });
    // Once around, and both sides agree but for the time of sealing.
    let around = |args: &[&str], header: &str| {
        let first = open(args, header);
        let again = seal(&[], &first.out);
        let second = open(args, &again.out);
        let same = |done: &Done| {
            let mut json = done.json();
            for time in ["issued_at", "ends_at"] {
                json[time].take();
            }
            json
        };
        assert_eq!(same(&first), same(&second));
        again.out.trim_end().to_owned()
    };

    let manager = sessions(&key, 5)
        .realm("shop")
        .cookie_name("sid")
        .build()
        .unwrap();
    let session = testing::new_session(&manager);
    let odd: BTreeMap<u8, f64> = [(7, 60.0), (8, f64::INFINITY)].into();
    session.insert("odd", &odd).unwrap();
    session.insert("big", u64::MAX).unwrap();
    session.insert("text", "Zoë\u{202e}\x1b").unwrap();
    session.insert("$bytes", "no bytes").unwrap();
    session.flash(FlashLevel::Info, "one").unwrap();
    let header = testing::cookie_header(&session).unwrap();
    let back = around(&["--realm", "shop"], &header);
    let back = testing::session_from_cookie(&manager, &back);
    assert_eq!(back.id(), session.id());
    assert_eq!(back.get("odd"), Ok(Some(odd)));
    assert_eq!(back.get("big"), Ok(Some(u64::MAX)));
    assert_eq!(back.get("$bytes"), Ok(Some("no bytes".to_owned())));

    let manager = SessionManager::builder(ring(&key))
        .data::<Account>()
        .build()
        .unwrap();
    let session = testing::new_session(&manager);
    session.modify(|account| account.user = Some(7)).unwrap();
    let header = testing::cookie_header(&session).unwrap();
    let back = around(&["--type", "account"], &header);
    let back = testing::session_from_cookie(&manager, &back);
    assert_eq!(back.with(|account| account.user), Ok(Some(7)));

    let large = SessionManager::builder(ring(&key))
        .max_chunks(9)
        .max_cookie_bytes(30_000)
        .build()
        .unwrap();
    let header = cookie(&large, &[("notes", json!("#".repeat(15_000)))]);
    assert!(header.contains("__Host-session.3="));
    let lines = header.replace("; ", "\n");
    let back = testing::session_from_cookie(&large, &around(&[], &lines));
    assert_eq!(back.get("notes"), Ok(Some("#".repeat(15_000))));
}

#[test]
fn a_missing_chunk_is_named() {
    let (key, _) = new_key();
    let manager = sessions(&key, 5).build().unwrap();
    let header = cookie(&manager, &[("notes", json!("#".repeat(4000)))]);
    let first = header.split("; ").next().unwrap();
    for input in [first, first.split_once('=').unwrap().1] {
        for command in ["inspect", "open"] {
            let call = hardtack(&[command]).env("SESSION_KEYS", &key).input(input);
            call.run()
                .fails(1, &["a chunk is missing", "__Host-session.1"]);
        }
    }
}

#[test]
fn a_session_that_does_not_open_says_why() {
    let [(key, parsed), (other, other_key)] = [(); 2].map(|()| new_key());
    let open = |keys: &str, args: &[&str], input: &str| {
        let args = [&["open"], args].concat();
        hardtack(&args).env("SESSION_KEYS", keys).input(input).run()
    };
    let header = simple_cookie(&key);
    let ids = [parsed.id().to_string(), other_key.id().to_string()];
    open(&other, &[], &header).fails(
        1,
        &[
            &format!("the key {} is missing", ids[0]),
            "SESSION_KEYS has",
            &ids[1],
        ],
    );

    let realm = ["--realm", "shop"];
    open(&key, &realm, &header).fails(
        1,
        &[
            "does not open",
            "realm (now shop)",
            "type (now none)",
            "--purpose",
        ],
    );
    open(&key, &[], &header[..header.len() - 4]).fails(1, &["changed or cut off"]);

    let retired = format!("{other},{key}@{}", ago(3 * DAY).to_unix());
    open(&retired, &[], &header).fails(
        1,
        &[
            &format!("the key {} was retired at 20", ids[0]),
            "may be stolen",
        ],
    );

    let tomorrow = Timestamp::now().saturating_add(Duration::from_secs(DAY + 60));
    let future = SessionManager::builder(ring(&key))
        .clock(move || tomorrow)
        .build()
        .unwrap();
    let header = cookie(&future, &[("user", json!(7))]);
    open(&key, &[], &header).fails(1, &["sealed in the future", "(in 1day", "a clock is wrong"]);
}

#[test]
fn a_session_that_is_over_is_shown_and_says_since_when() {
    let (key, _) = new_key();
    let open = |header: &str| {
        hardtack(&["open"])
            .env("SESSION_KEYS", &key)
            .input(header)
            .run()
    };
    let idle = cookie(
        &sessions(&key, 3 * 3600).build().unwrap(),
        &[("user", json!(7))],
    );
    let done = open(&idle).fails(
        1,
        &["the session is over since 20", "(2h 30m", "idle timeout"],
    );
    assert_eq!(done.json()["values"]["user"], 7);
    let sealed = hardtack(&["seal"])
        .env("SESSION_KEYS", &key)
        .input(&done.out)
        .run()
        .good();
    open(&sealed.out).good();

    let absolute = sessions(&key, 2 * DAY).idle_timeout(Duration::from_secs(DAY / 2));
    let header = cookie(&absolute.build().unwrap(), &[("user", json!(7))]);
    let done = open(&header).fails(
        1,
        &[
            "the session is over since 20",
            "(1day 12h",
            "absolute timeout",
        ],
    );
    let sealed = hardtack(&["seal"])
        .env("SESSION_KEYS", &key)
        .input(&done.out)
        .run();
    sealed.fails(1, &["the session is over since 20", "change created_at"]);
}

#[test]
fn of_several_cookies_the_one_that_counts_is_shown() {
    let (key, _) = new_key();
    let make = |name: &str, seconds, user| {
        let manager = sessions(&key, seconds).cookie_name(name).build().unwrap();
        cookie(&manager, &[("user", json!(user))])
    };
    let open = |header: &str| {
        hardtack(&["open"])
            .env("SESSION_KEYS", &key)
            .input(header)
            .run()
    };
    let name = "__Host-session";
    let header = [
        make(name, 60, 1),
        make(name, 3 * 3600, 2),
        make(name, 30, 3),
    ]
    .join("; ");
    let done = open(&header)
        .good()
        .says(&["several cookies open, and the newest counts"]);
    assert_eq!(done.json()["values"]["user"], 3);
    let over = [
        make(name, 3 * 3600, 1),
        make(name, 60, 2),
        format!("{name}=hxxx"),
    ]
    .join("; ");
    assert_eq!(open(&over).good().json()["values"]["user"], 2);

    let planted = [make("id", 60, 1), make("id", 30, 2)].join("; ");
    open(&planted).fails(1, &["two logins came under the name id", "takes neither"]);
}

#[test]
fn a_token_of_a_codec_goes_through_json_and_back() {
    let (key, _) = new_key();
    let ring = ring(&key);
    let open = |args: &[&str], token: &str| {
        let args = [&["open", "--purpose", "login-link/1"], args].concat();
        hardtack(&args).env("SESSION_KEYS", &key).input(token).run()
    };
    let seal = |json: &str| {
        let done = hardtack(&["seal"])
            .env("SESSION_KEYS", &key)
            .input(json)
            .run();
        done.good().out.trim_end().to_owned()
    };
    let codec = Codec::new(&ring, "login-link/1");
    let token = codec.seal("ada@example.org").unwrap();
    let done = open(&[], &token).good();
    assert_eq!(done.json()["payload"], json!({ "text": "ada@example.org" }));
    assert_eq!(
        codec.open::<String>(&seal(&done.out)).unwrap().value,
        "ada@example.org"
    );

    let token = codec.seal(&("ada", 7_u32)).unwrap();
    let done = open(&[], &format!("token={token}")).good();
    assert_eq!(done.json()["payload"], json!({ "hex": "0361646107" }));
    assert_eq!(
        codec.open::<(String, u32)>(&seal(&done.out)).unwrap().value,
        ("ada".into(), 7)
    );

    let bound = codec.bound_to(b"tenant-7");
    let token = bound.seal("x").unwrap();
    let done = open(&["--bound-to", "tenant-7"], &token).good();
    assert_eq!(bound.open::<String>(&seal(&done.out)).unwrap().value, "x");
    open(&[], &token).fails(1, &["does not open", "--bound-to"]);
}

#[test]
fn a_token_that_does_not_open_or_is_over_says_why() {
    let [(key, parsed), (other, _)] = [(); 2].map(|()| new_key());
    let codec = Codec::new(&ring(&key), "p");
    let open = |keys: &str, args: &[&str], token: &str| {
        let args = [&["open"], args].concat();
        hardtack(&args).env("SESSION_KEYS", keys).input(token).run()
    };
    let p = ["--purpose", "p"];
    let sealed = |at| codec.seal_with("x", at, &mut getrandom::SysRng).unwrap();
    let old = sealed(ago(2 * DAY));
    let done = open(&key, &p, &old).fails(
        1,
        &[
            "the token is over since 20",
            "(1day",
            "at most 1day (--max-age)",
        ],
    );
    assert_eq!(done.json()["payload"]["text"], "x");
    open(&key, &["--purpose", "p", "--max-age", "3days"], &old).good();
    open(&key, &["--purpose", "q"], &old).fails(1, &["does not open", "--purpose"]);
    open(&key, &[], &old).fails(1, &["does not open", "needs --purpose"]);
    open(&other, &p, &old).fails(1, &[&format!("the key {} is missing", parsed.id())]);
    let retired = format!("{other},{key}@{}", ago(3 * DAY).to_unix());
    open(&retired, &p, &old).fails(1, &["was retired at 20"]);
    let tomorrow = sealed(Timestamp::now().saturating_add(Duration::from_secs(DAY)));
    open(&key, &p, &tomorrow).fails(1, &["sealed in the future"]);
    let later = format!("hw{}", &old[2..]);
    open(&key, &p, &later).fails(1, &["version"]);
    let two = format!("t={old}; t={}", sealed(ago(9)));
    open(&key, &p, &two).fails(1, &["one whole token at a time"]);
}

#[test]
fn a_session_is_sealed_from_a_few_words_for_a_test() {
    let (key, _) = new_key();
    let json = r#"{"values": {"user": 7, "at": {"$float": "60"}}}"#;
    let done = hardtack(&["seal"])
        .env("SESSION_KEYS", &key)
        .input(json)
        .run()
        .good();
    let manager = SessionManager::builder(ring(&key)).build().unwrap();
    let session = testing::session_from_cookie(&manager, done.out.trim_end());
    assert_eq!(session.refused(), Ok(None));
    assert_eq!(session.get("user"), Ok(Some(7)));
}

#[test]
fn a_session_of_a_device_or_a_subject_goes_through_json_and_back() {
    let (key, _) = new_key();
    let device = format!("02{}", "ab".repeat(32));
    let json = json!({ "device_key": device, "subject": "ada", "created_at": "2020-01-01T00:00:00Z",
        "absolute_timeout": u32::MAX, "longest": u32::MAX });
    let call = |command: &str| hardtack(&[command]).env("SESSION_KEYS", &key);
    let header = call("seal").input(json.to_string()).run().good().out;
    let done = call("open").input(header).run().good();
    let opened = done.json();
    for (field, value) in json.as_object().unwrap() {
        assert_eq!(opened[field], *value, "{field}");
    }
    done.says(&["only together with a proof from its device"]);
}

#[test]
fn json_that_cannot_be_sealed_says_what_is_wrong() {
    let (key, _) = new_key();
    for (json, word) in [
        ("", "the JSON is not what `open` prints"),
        ("__Host-session=hxxx", "the JSON is not what `open` prints"),
        (r#"{"valeus": {}}"#, "unknown field `valeus`"),
        (r#"{"purpose": "p"}"#, "missing field `payload`"),
        (r#"{"purpose": "p", "payload": {"hex": "0"}}"#, "payload is"),
        (
            r#"{"values": {"a": {"$date": 1}}}"#,
            "values, a: $date is not known",
        ),
        (
            r#"{"id": "5"}"#,
            "id: a session id is 32 hexadecimal digits",
        ),
        (
            r#"{"login_id": "5"}"#,
            "login_id: a login id is 16 hexadecimal digits",
        ),
        (r#"{"created_at": "now"}"#, "created_at is a time such as"),
        (
            r#"{"created_at": "2100-01-01T00:00:00Z"}"#,
            "created_at is in the future",
        ),
        (
            r#"{"flashes": [{"level": "loud", "text": ""}]}"#,
            "the level of a flash is",
        ),
        (r#"{"subject": ""}"#, "subject has 1 to 255 bytes"),
        (r#"{"device_key": "02"}"#, "device_key is 33 bytes"),
        (
            r#"{"type": "account", "values": {}}"#,
            "a dictionary has values",
        ),
        (r#"{"type": "account", "data": "x"}"#, "data is hexadecimal"),
        (r#"{"cookie": "a b"}"#, "is not a token"),
        (r#"{"realm": "\u0000"}"#, "zero byte"),
    ] {
        let done = hardtack(&["seal"])
            .env("SESSION_KEYS", &key)
            .input(json)
            .run();
        assert!(done.fails(1, &[word]).out.is_empty(), "{json}");
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let (key, _) = new_key();
    let evil = "\x1b]0;owned\x07\u{9b}2J\u{202e}\r";
    let manager = sessions(&key, 5).build().unwrap();
    let session = testing::new_session(&manager);
    session.insert(evil, evil).unwrap();
    session.flash(FlashLevel::Info, evil).unwrap();
    let header = testing::cookie_header(&session).unwrap();
    let done = hardtack(&["open"])
        .env("SESSION_KEYS", &key)
        .input(header)
        .run()
        .good();
    assert_eq!(done.json()["values"][evil], evil);
    let others = hardtack(&["inspect"])
        .input(format!("{evil}=1; b=2"))
        .run()
        .fails(1, &["\\u0007"]);
    let file = hardtack(&["inspect", "--file", evil])
        .run()
        .fails(3, &["\\u001b"]);
    for text in [done.out, done.err, others.err, file.err] {
        let obeyed = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
        assert_eq!(text.chars().find(obeyed), None, "{text:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_status_3() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(HARDTACK)
        .arg("key")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the output"));
}

/// Runs the example of the page, with the command first in the path.
#[cfg(unix)]
#[test]
fn the_example_of_the_page_works() {
    let page = include_str!("../README.md");
    let script = page
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bin = std::path::Path::new(HARDTACK).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(&folder)
        .env("PATH", path)
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{err}");
    assert!(
        out.contains("seals and opens") && out.contains("0x84 (plain)"),
        "{out}"
    );

    // Both sessions have the fields of the page, in its order.
    let json = page
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let fields = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("  \""));
        lines
            .map(|line| line.split(':').next().unwrap().into())
            .collect()
    };
    assert_eq!(fields(&out), [fields(json), fields(json)].concat());
    assert_eq!(out.matches("\"user\": \"ada\"").count(), 1);
    assert_eq!(out.matches("\"user\": \"grace\"").count(), 1);
}
