//! Every token that differs by a bit, by a character or by its length is refused, and for the right reason.

use crate::kit::{keys::key, raw::Raw, rng::Given};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hardtack::{Codec, KeyId, Keyring, OpenError, Timestamp};

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct Sealed {
    codec: Codec,
    bound: bool,
    token: String,
}

/// Tokens of every length modulo 4 that base64 knows, plain and padded, bound and not.
fn tokens() -> Vec<Sealed> {
    let ring = Keyring::new(key(1)).accept(key(2)).unwrap();
    let cases = [
        (0, 0, false),
        (6, 0, false),
        (5, 0, true),
        (6, 16, false),
        (32, 16, true),
        (100, 1, false),
    ];
    let seal = |(len, block, bound)| {
        let codec = Codec::new(&ring, "bits/1").pad_to(block);
        let (value, random) = (Raw(vec![0x5A; len]), &mut Given([len as u8; 16]));
        let token = match bound {
            true => codec.bound_to(b"here").seal_with(&value, NOW, random),
            false => codec.seal_with(&value, NOW, random),
        };
        Sealed {
            codec,
            bound,
            token: token.unwrap(),
        }
    };
    let sealed: Vec<Sealed> = cases.map(seal).into();
    for remainder in [0, 2, 3] {
        assert!(
            sealed
                .iter()
                .any(|sealed| sealed.token.len() % 4 == remainder)
        );
    }
    sealed
}

impl Sealed {
    fn open(&self, token: &str) -> Result<Raw, OpenError> {
        match self.bound {
            true => self.codec.bound_to(b"here").open_at(token, NOW),
            false => self.codec.open_at(token, NOW),
        }
        .map(|opened| opened.value)
    }

    fn raw(&self) -> Vec<u8> {
        assert!(self.open(&self.token).is_ok());
        URL_SAFE_NO_PAD.decode(&self.token).unwrap()
    }
}

/// What a token that decodes to these bytes is refused for, if they are not those that were sealed.
fn reason(sealed: &[u8], bytes: &[u8]) -> OpenError {
    let known = |version: u8| version == 0x84 || version == 0x85;
    match bytes {
        [version, a, b, c, ..] if bytes.len() >= 40 => {
            if !known(*version) {
                OpenError::UnknownVersion
            } else if [*a, *b, *c] != sealed[1..4] {
                OpenError::UnknownKey(KeyId::from_bytes([*a, *b, *c]))
            } else {
                OpenError::Invalid
            }
        }
        _ => OpenError::Invalid,
    }
}

#[test]
fn every_flipped_bit() {
    for sealed in tokens() {
        let raw = sealed.raw();
        for bit in 0..raw.len() * 8 {
            let mut changed = raw.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let found = sealed.open(&URL_SAFE_NO_PAD.encode(&changed));
            assert_eq!(
                found,
                Err(reason(&raw, &changed)),
                "bit {bit} of {}",
                sealed.token
            );
        }
    }
}

#[test]
fn every_truncation_of_the_bytes_at_either_end() {
    for sealed in tokens() {
        let raw = sealed.raw();
        for len in 0..raw.len() {
            for part in [&raw[..len], &raw[raw.len() - len..]] {
                let found = sealed.open(&URL_SAFE_NO_PAD.encode(part));
                assert_eq!(
                    found,
                    Err(reason(&raw, part)),
                    "{len} bytes of {}",
                    sealed.token
                );
            }
        }
    }
}

#[test]
fn every_truncation_of_the_text_at_either_end() {
    for sealed in tokens() {
        let (raw, text) = (sealed.raw(), &sealed.token);
        for len in 0..text.len() {
            for part in [&text[..len], &text[text.len() - len..]] {
                let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
                assert_eq!(
                    sealed.open(part),
                    Err(reason(&raw, &bytes)),
                    "{part} of {text}"
                );
            }
        }
    }
}

#[test]
fn every_other_byte_for_every_character() {
    for sealed in tokens() {
        let raw = sealed.raw();
        for at in 0..sealed.token.len() {
            for byte in 0..=255 {
                let mut changed = sealed.token.clone().into_bytes();
                if std::mem::replace(&mut changed[at], byte) == byte {
                    continue; // the token itself
                }
                let Ok(text) = str::from_utf8(&changed) else {
                    assert!(byte >= 0x80);
                    continue; // no str, cannot be passed
                };
                let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
                assert_eq!(sealed.open(text), Err(reason(&raw, &bytes)), "{text}");
            }
        }
    }
}

#[test]
fn every_character_inserted_anywhere() {
    for sealed in tokens() {
        let raw = sealed.raw();
        for at in 0..=sealed.token.len() {
            for inserted in ALPHABET.iter().chain(b"= \t\r\n+/.\0") {
                let mut text = sealed.token.clone();
                text.insert(at, char::from(*inserted));
                let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap_or_default();
                assert_eq!(sealed.open(&text), Err(reason(&raw, &bytes)), "{text}");
            }
        }
    }
}
