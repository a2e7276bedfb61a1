//! Nothing that is done with a secret may depend on it: neither a branch nor an address. Memcheck reports exactly that
//! for bytes that are not initialised, so the secrets are declared to be such.
//!
//!     cargo run --release
//!     cargo run --release --features ring
//!
//! What is accepted or refused is seen by everybody and branches once, on one bit, at the end: `decisions.rs` names
//! these places in the source. Every other report fails and is printed with its frames. The naive functions below must
//! be caught, or the program fails.

mod decisions;
mod memcheck;
#[path = "../../reference/mod.rs"]
mod reference;
mod reports;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
use std::{env, hint::black_box, process::ExitCode};

const MASTER: [u8; 32] = *b"\xd0the quick brown fox jumps over!";
const NOW: u32 = 1_700_000_000;
/// Label and purpose of the codec under test.
const SCOPE: (&str, &[u8]) = ("seal", b"secrets/1");

/// The names of all checks, and what each of them does with a secret.
fn checks() -> Vec<(String, Box<dyn FnOnce()>)> {
    let mut checks: Vec<(String, Box<dyn FnOnce()>)> = vec![
        (
            "naive: a comparison that ends at the first difference".into(),
            Box::new(naive_comparison),
        ),
        (
            "naive: a decoder with a table".into(),
            Box::new(naive_decoder),
        ),
    ];
    for place in [None, Some(0), Some(31)] {
        let name = format!("keys are compared, byte {place:?} of the masters differs");
        checks.push((name, Box::new(move || compare(place))));
    }
    let texts = [
        ("hex", hex::encode(MASTER)),
        ("upper-case hex", hex::encode_upper(MASTER)),
        ("base64", STANDARD_NO_PAD.encode(MASTER)),
        ("padded base64", STANDARD.encode(MASTER)),
        ("base64url", URL_SAFE_NO_PAD.encode(MASTER)),
        ("padded base64url", URL_SAFE.encode(MASTER)),
    ];
    for (name, text) in texts {
        let mut wrong = text.clone();
        wrong.replace_range(20..21, "*");
        let name = format!("key text is read: {name}");
        checks.push((name.clone(), Box::new(move || read(&text, true))));
        let name = format!("{name}, one character wrong");
        checks.push((name, Box::new(move || read(&wrong, false))));
    }
    for place in [None, Some(24), Some(31), Some(39)] {
        let name = format!("a tag is verified, byte {place:?} is wrong");
        checks.push((name, Box::new(move || verify(place))));
    }
    checks.push((
        "a tag is verified, behind 1000 bytes".into(),
        Box::new(refuse_long),
    ));
    checks
}

fn main() -> ExitCode {
    if let Some(wanted) = env::args().nth(1) {
        if !memcheck::is_running() {
            eprintln!("not under valgrind: nothing was checked");
            return ExitCode::FAILURE;
        }
        let check = checks().into_iter().find(|(name, _)| *name == wanted);
        let (_, check) = check.expect("the name of a check");
        check();
        return ExitCode::SUCCESS;
    }
    let mut failed = false;
    for (name, _) in checks() {
        let (status, reports) = reports::run(&name);
        let (allowed, others): (Vec<_>, Vec<_>) = reports
            .iter()
            .partition(|report| decisions::allowed(&name, report));
        let naive = name.starts_with("naive: ");
        let good = status.success() && others.is_empty() != naive;
        let verdict = if good { "ok" } else { "FAILED" };
        let (allowed, found) = (allowed.len(), others.len());
        println!("{verdict}: {name}: {allowed} allowed decisions, {found} other reports");
        if !good {
            others.iter().for_each(|report| print!("{report}"));
            failed = true;
        }
    }
    ExitCode::from(u8::from(failed))
}

/// Branches on single bytes of the secret.
fn naive_comparison() {
    let secret = MASTER;
    memcheck::hide(&secret);
    let same = secret.iter().zip(&MASTER).all(|(a, b)| black_box(a) == b);
    black_box(same);
}

/// Addresses memory by single bytes of the secret.
fn naive_decoder() {
    let text = hex::encode(MASTER);
    memcheck::hide(text.as_bytes());
    let table: [u8; 256] = std::array::from_fn(|i| (i as u8).wrapping_sub(b'0'));
    let sum = text.bytes().fold(0_u8, |sum, character| {
        sum ^ black_box(&table)[usize::from(character)]
    });
    black_box(sum);
}

/// Compares two keys: whether they are equal is the caller's to look at.
fn compare(place: Option<usize>) {
    let key = Key::from_bytes(MASTER).unwrap();
    hide_within(&key, &reference::prk(&MASTER));
    let mut other = MASTER;
    if let Some(place) = place {
        other[place] ^= 1;
    }
    let other_key = Key::from_bytes(other).unwrap();
    hide_within(&other_key, &reference::prk(&other));
    let equal = memcheck::show(key == other_key);
    assert_eq!(equal, place.is_none());
}

fn read(text: &str, good: bool) {
    // The padding says nothing but the length.
    memcheck::hide(text.trim_end_matches('=').as_bytes());
    let key = text.parse::<Key>();
    assert_eq!(key.is_ok(), good);
    black_box(&key);
}

/// Opens a token without a payload: what is decoded from it after the tag is the caller's own.
fn verify(place: Option<usize>) {
    let codec = codec();
    let token = reference::seal(&MASTER, SCOPE, None, 0, (NOW, [7; 16]), &[]).unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    if let Some(place) = place {
        bytes[place] ^= 0x80;
    }
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let mut buf = [0; 64];
    let opened = codec.open_in::<()>(&token, Timestamp::from_unix(NOW), &mut buf);
    let expected = if place.is_none() {
        Ok(())
    } else {
        Err(OpenError::Invalid)
    };
    assert_eq!(opened.map(|opened| opened.value), expected);
}

/// Refuses a token with ciphertext in front of the tag, which is not decrypted to anything that is read.
fn refuse_long() {
    let codec = codec();
    let token = reference::seal(&MASTER, SCOPE, None, 0, (NOW, [8; 16]), &[0x5A; 1000]).unwrap();
    let forged = token[..token.len() - 4].to_owned() + "AAAA";
    let mut buf = [0; 1100];
    let opened = codec.open_in::<()>(&forged, Timestamp::from_unix(NOW), &mut buf);
    assert_eq!(opened.unwrap_err(), OpenError::Invalid);
}

/// Returns a codec whose key is hidden.
fn codec() -> Codec {
    let ring = Keyring::new(Key::from_bytes(MASTER).unwrap());
    let codec = Codec::new(&ring, "secrets/1");
    hide_within(&codec, &reference::derive(&MASTER, "seal", b"secrets/1"));
    codec
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
