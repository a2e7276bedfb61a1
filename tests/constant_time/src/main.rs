//! Nothing that is done with a secret may depend on it: neither a branch nor an address. Memcheck reports exactly that
//! for bytes that are not initialised, so the secrets are declared to be such, and the reports are counted.
//!
//!     cargo build --release && valgrind --quiet target/release/hardtack-constant-time
//!     cargo build --release --features ring && valgrind --quiet target/release/hardtack-constant-time
//!
//! What is accepted or refused is seen by everybody and branches once, on one bit, at the end. So each check has a
//! number of decisions, and more reports than that fail. What depends on single bytes reports for each of them: the
//! naive functions below must be caught, or the program fails.

mod memcheck;
#[path = "../../reference/mod.rs"]
mod reference;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
use std::{hint::black_box, process::ExitCode};

const MASTER: [u8; 32] = *b"\xd0a secret that nobody ever sees!";
const NOW: u32 = 1_700_000_000;

struct Checks {
    failed: bool,
}

impl Checks {
    /// Runs something on secrets and counts the reports.
    fn count(&mut self, name: &str, good: impl Fn(usize) -> bool, f: impl FnOnce()) {
        let before = memcheck::errors();
        f();
        let reports = memcheck::errors() - before;
        let verdict = if good(reports) { "ok" } else { "FAILED" };
        println!("{verdict}: {name}: {reports} reports");
        self.failed |= !good(reports);
    }

    /// Constant time, but for so many decisions.
    fn constant(&mut self, name: &str, decisions: usize, f: impl FnOnce()) {
        self.count(name, |reports| reports <= decisions, f);
    }

    /// Must be caught.
    fn naive(&mut self, name: &str, f: impl FnOnce()) {
        self.count(name, |reports| reports > 8, f);
    }
}

fn main() -> ExitCode {
    if !memcheck::is_running() {
        eprintln!("not under valgrind: nothing was checked");
        return ExitCode::FAILURE;
    }
    let mut checks = Checks { failed: false };
    naive(&mut checks);
    keys(&mut checks);
    texts(&mut checks);
    tags(&mut checks);
    ExitCode::from(u8::from(checks.failed))
}

/// What a comparison and a decoder must not be.
fn naive(checks: &mut Checks) {
    let secret = MASTER;
    memcheck::hide(&secret);
    checks.naive("a comparison that ends at the first difference", || {
        let same = secret.iter().zip(&MASTER).all(|(a, b)| black_box(a) == b);
        black_box(same);
    });
    let text = hex::encode(MASTER);
    memcheck::hide(text.as_bytes());
    checks.naive("a decoder with a table", || {
        let table: [u8; 256] = std::array::from_fn(|i| (i as u8).wrapping_sub(b'0'));
        let sum = text.bytes().fold(0_u8, |sum, character| {
            sum ^ black_box(&table)[usize::from(character)]
        });
        black_box(sum);
    });
}

/// No decision: whether they are equal is the caller's to look at.
fn keys(checks: &mut Checks) {
    let prk = reference::prk(&MASTER);
    let key = Key::from_bytes(MASTER).unwrap();
    hide_within(&key, &prk);
    for place in [None, Some(0), Some(31)] {
        let mut other = MASTER;
        if let Some(place) = place {
            other[place] ^= 1;
        }
        let other_key = Key::from_bytes(other).unwrap();
        hide_within(&other_key, &reference::prk(&other));
        checks.constant(
            &format!("keys are compared, byte {place:?} of the masters differs"),
            0,
            || {
                let equal = black_box(key == other_key);
                memcheck::show(&equal);
                assert_eq!(equal, place.is_none());
            },
        );
    }
}

/// Decisions: whether the text decodes and ends canonically, is published, is a passphrase, is a progression; base64
/// also, whether it is of one alphabet.
fn texts(checks: &mut Checks) {
    let texts = [
        ("hex", hex::encode(MASTER), 4),
        ("upper-case hex", hex::encode_upper(MASTER), 4),
        ("base64", STANDARD_NO_PAD.encode(MASTER), 6),
        ("padded base64", STANDARD.encode(MASTER), 6),
        ("base64url", URL_SAFE_NO_PAD.encode(MASTER), 6),
        ("padded base64url", URL_SAFE.encode(MASTER), 6),
    ];
    for (name, text, decisions) in texts {
        let mut wrong = text.clone();
        wrong.replace_range(20..21, "*");
        for (name, text, good) in [
            (name.into(), text, true),
            (format!("{name}, one character wrong"), wrong, false),
        ] {
            // The padding says nothing but the length.
            memcheck::hide(text.trim_end_matches('=').as_bytes());
            checks.constant(&format!("key text is read: {name}"), decisions, || {
                let key = text.parse::<Key>();
                assert_eq!(key.is_ok(), good);
                black_box(&key);
            });
        }
    }
}

/// Decisions: whether the tag verifies. The cipher branches on it, and if it is not inlined, so does its caller.
fn tags(checks: &mut Checks) {
    let ring = Keyring::new(Key::from_bytes(MASTER).unwrap());
    let codec = Codec::new(&ring, "secrets/1");
    hide_within(&codec, &reference::derive(&MASTER, "seal", b"secrets/1"));
    let scope = ("seal", &b"secrets/1"[..]);
    // No payload: what is decoded from it after the tag is the caller's own.
    let token = reference::seal(&MASTER, scope, None, 0, (NOW, [7; 16]), &[]).unwrap();
    for place in [None, Some(24), Some(31), Some(39)] {
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        if let Some(place) = place {
            bytes[place] ^= 0x80;
        }
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let expected = if place.is_none() {
            Ok(())
        } else {
            Err(OpenError::Invalid)
        };
        checks.constant(
            &format!("a tag is verified, byte {place:?} is wrong"),
            2,
            || {
                let mut buf = [0; 64];
                let opened = codec.open_in::<()>(&token, Timestamp::from_unix(NOW), &mut buf);
                assert_eq!(opened.map(|opened| opened.value), expected);
            },
        );
    }
    // Ciphertext in front of the tag, which is not decrypted to anything that is read.
    let token = reference::seal(&MASTER, scope, None, 0, (NOW, [8; 16]), &[0x5A; 1000]).unwrap();
    let forged = token[..token.len() - 4].to_owned() + "AAAA";
    checks.constant("a tag behind 1000 bytes is refused", 2, || {
        let mut buf = [0; 1100];
        let opened = codec.open_in::<()>(&forged, Timestamp::from_unix(NOW), &mut buf);
        assert_eq!(opened.unwrap_err(), OpenError::Invalid);
    });
}

/// Declares the secret within a value to be one: it must be there, once.
fn hide_within<T>(value: &T, secret: &[u8; 32]) {
    let bytes = memcheck::bytes_of(value);
    let places: Vec<usize> = (0..=bytes.len() - 32)
        .filter(|at| bytes[*at..*at + 32] == secret[..])
        .collect();
    let [at] = places[..] else {
        panic!("the secret is {} times in the value", places.len());
    };
    memcheck::hide(&bytes[at..at + 32]);
}
