//! The vectors in `tests/vectors/` against the library, none skipped. The reference implementation wrote them.

use std::{collections::HashMap, fs, path::Path};

use crate::kit::{
    library::{codec, name, state},
    raw::Raw,
    rng::Given,
    vector::{Reads, RingKey, Vector},
};
use hardtack::{Codec, Key, KeyError, Keyring, OpenError, Opened, SealError, Timestamp};
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Opens the vector's token by both calls, which must agree, as the type that it is read as; a string is
/// written back as the payload that it came from.
fn open(codec: &Codec, vector: &Vector) -> Result<Opened<Raw>, OpenError> {
    let now = Timestamp::from_unix(vector.now);
    let mut buf = vec![0xAA; Codec::open_len(&vector.token)];
    let (allocating, borrowing) = match (vector.reads, &vector.ad) {
        (Reads::Bytes, None) => (
            codec.open_at::<Raw>(&vector.token, now),
            codec.open_in::<Raw>(&vector.token, now, &mut buf),
        ),
        (Reads::Bytes, Some(ad)) => (
            codec.bound_to(ad).open_at::<Raw>(&vector.token, now),
            codec
                .bound_to(ad)
                .open_in::<Raw>(&vector.token, now, &mut buf),
        ),
        (Reads::String, None) => {
            let text = codec.open_at::<String>(&vector.token, now);
            let borrowed = codec.open_in::<&str>(&vector.token, now, &mut buf);
            assert_eq!(
                text.as_ref().map(|o| o.value.as_str()),
                borrowed.as_ref().map(|o| o.value)
            );
            let bytes = codec.open_at::<Raw>(&vector.token, now);
            return text.and(bytes);
        }
        (Reads::String, Some(_)) => unimplemented!("no vector is both"),
    };
    assert_eq!(allocating, borrowing, "{}", vector.name);
    allocating
}

/// Panics with every vector that the library judges otherwise, so that one run tells them all.
fn judge(vectors: &[Vector]) {
    let mut wrong = vec![];
    for vector in vectors {
        let opened = open(&codec(vector), vector);
        let found = match &opened {
            Ok(opened) => (None, Some(&opened.value.0), Some(opened.key.to_string())),
            Err(error) => {
                let (name, key) = name(*error);
                (Some(name), None, key)
            }
        };
        let expected = (
            vector.error.as_deref(),
            vector.payload.as_ref(),
            vector.key.clone(),
        );
        if found != expected {
            wrong.push(format!(
                "{}: found {found:?}, expected {expected:?}",
                vector.name
            ));
        }
        if let Ok(opened) = opened {
            let id = |key: &&RingKey| Key::from_bytes(key.master).unwrap().id() == opened.key;
            assert_eq!(
                opened.key_state,
                state(vector.keys.iter().find(id).unwrap())
            );
            let header = Codec::inspect(&vector.token).unwrap();
            assert_eq!(
                (opened.issued_at, opened.key),
                (header.issued_at, header.key)
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        vectors.len(),
        wrong.join("\n")
    );
}

#[test]
fn tokens() {
    judge(&read::<Vec<Vector>>("tokens.json"));
}

#[test]
fn precedence() {
    let vectors: Vec<Vector> = read("precedence.json");
    assert!(vectors.iter().all(|vector| !vector.then.is_empty()));
    judge(&vectors);
}

#[test]
fn there_are_enough_and_each_error_has_some() {
    let vectors: Vec<Vector> = read("tokens.json");
    let mut counts = HashMap::<_, usize>::new();
    for vector in &vectors {
        *counts.entry(vector.error.as_deref()).or_default() += 1;
    }
    let valid = counts.remove(&None).unwrap();
    assert!(vectors.len() >= 300, "{} vectors", vectors.len());
    assert!(
        vectors.len() - valid >= 220,
        "{valid} of {} open",
        vectors.len()
    );
    let mut names: Vec<&str> = counts.keys().flatten().copied().collect();
    names.sort_unstable();
    let all = [
        "Expired",
        "Invalid",
        "NotYetValid",
        "Payload",
        "Revoked",
        "TooLong",
        "UnknownKey",
        "UnknownVersion",
    ];
    assert_eq!(names, all);
    assert!(counts.values().all(|count| *count >= 8), "{counts:?}");
}

/// An honest token is what sealing the same value at the same time with the same randomness gives.
#[test]
fn sealing_makes_the_same_tokens() {
    let vectors: Vec<Vector> = read("tokens.json");
    let mut sealed = 0;
    for vector in &vectors {
        let (Some(block), Some(payload)) = (vector.block, &vector.payload) else {
            continue; // refused, or written as no honest sealer does
        };
        let header = Codec::inspect(&vector.token).unwrap();
        let id = |key: &RingKey| Key::from_bytes(key.master).unwrap().id() == header.key;
        let sealer = vector.keys.iter().find(|key| id(key)).unwrap();
        let ring = Keyring::new(Key::from_bytes(sealer.master).unwrap());
        let codec = Codec::new(&ring, &vector.purpose)
            .pad_to(block)
            .max_token_len(vector.limit);
        let mut random = Given(random_of(&vector.token));
        let value = Raw(payload.clone());
        let mut buf = vec![0xAA; codec.token_len(payload.len())];
        let (token, also) = match &vector.ad {
            None => (
                codec.seal_with(&value, header.issued_at, &mut random),
                codec.seal_into(&value, header.issued_at, &mut random, &mut buf),
            ),
            Some(ad) => (
                codec
                    .bound_to(ad)
                    .seal_with(&value, header.issued_at, &mut random),
                codec
                    .bound_to(ad)
                    .seal_into(&value, header.issued_at, &mut random, &mut buf),
            ),
        };
        assert_eq!(
            token.as_deref(),
            Ok(vector.token.as_str()),
            "{}",
            vector.name
        );
        assert_eq!(also, Ok(vector.token.as_str()), "{}", vector.name);
        sealed += 1;
    }
    assert!(sealed >= 100, "{sealed}");
}

fn random_of(token: &str) -> [u8; 16] {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(&token[..32]).unwrap()[8..]
        .try_into()
        .unwrap()
}

#[test]
fn nothing_is_sealed_in_the_last_second() {
    let codec = Codec::new(&Keyring::new(Key::generate().unwrap()), "greeting/1");
    let sealed = codec.seal_with("hello", Timestamp::from_unix(u32::MAX), &mut Given([1; 16]));
    assert_eq!(sealed, Err(SealError::Time));
}

#[test]
fn keys() {
    #[derive(serde::Deserialize)]
    struct File {
        colliding: [String; 2],
        derivations: Vec<Derivation>,
    }
    #[derive(serde::Deserialize)]
    struct Derivation {
        #[serde(with = "hex::serde")]
        master: [u8; 32],
        key_id: String,
    }
    let file: File = read("keys.json");
    for derivation in &file.derivations {
        let key = Key::from_bytes(derivation.master).unwrap();
        assert_eq!(key.id().to_string(), derivation.key_id);
    }
    let [one, other] = file
        .colliding
        .map(|master| Key::from_bytes(hex::decode(master).unwrap().try_into().unwrap()).unwrap());
    let id = one.id();
    let ring = Keyring::new(one).accept(other);
    assert_eq!(ring.unwrap_err(), KeyError::DuplicateId(id));
}
