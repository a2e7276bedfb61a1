//! The steps of opening, in the order of the format: a token that fails several is refused for the
//! first, and leaves no plaintext behind.

use crate::kit::{
    clock::at,
    keys::{key, ring},
    rng::Constant,
};
use core::time::Duration;
use hardtack::{Codec, KeyId, OpenError};

const VALUE: &str = "a value that stands out";
const ISSUED_AT: u32 = 10_000;

fn codec() -> Codec {
    Codec::new(&ring(1), "order/1")
}

/// Fails the steps 7, 8 and, as [`refusal`] asks for another type, 9.
fn strict() -> Codec {
    Codec::new(&ring(1), "order/1")
        .reject_issued_before(at(u32::MAX))
        .max_age(Duration::ZERO)
}

fn token() -> String {
    let mut buf = [0; 200];
    codec()
        .seal_into(VALUE, at(ISSUED_AT), &mut Constant(9), &mut buf)
        .unwrap()
        .to_owned()
}

/// Returns the error of the opener for a `u64`, which the value is not.
fn refusal(opener: &Codec, token: &str, now: u32) -> OpenError {
    let mut buf = vec![0xff; Codec::open_len(token)];
    let error = opener
        .open_in::<u64>(token, at(now), &mut buf)
        .map(|opened| opened.value)
        .unwrap_err();
    let has_plaintext = buf
        .windows(4)
        .any(|w| VALUE.as_bytes().windows(4).any(|v| v == w));
    assert_eq!(has_plaintext, error == OpenError::Payload, "{error}");
    error
}

/// The token with its character at `place` replaced.
fn with(token: &str, place: usize, character: u8) -> String {
    let mut bytes = token.as_bytes().to_vec();
    assert_ne!(bytes[place], character);
    bytes[place] = character;
    String::from_utf8(bytes).unwrap()
}

#[test]
fn each_step_comes_before_those_behind_it() {
    let (early, late) = (ISSUED_AT - 100, ISSUED_AT + 100);
    let token = token();
    assert_eq!(refusal(&codec(), &token, late), OpenError::Payload);
    let short_lived = codec().max_age(Duration::ZERO);
    assert_eq!(refusal(&short_lived, &token, late), OpenError::Expired);
    assert_eq!(refusal(&strict(), &token, late), OpenError::Revoked);
    assert_eq!(refusal(&strict(), &token, early), OpenError::NotYetValid);

    // A bit of the tag, which no time is judged without.
    let last = token.len() - 3;
    let other = if token.as_bytes()[last] == b'A' {
        b'B'
    } else {
        b'A'
    };
    let forged = with(&token, last, other);
    assert_eq!(refusal(&strict(), &forged, early), OpenError::Invalid);

    let stranger = Codec::new(&ring(2), "order/1").reject_issued_before(at(u32::MAX));
    let unknown_key = OpenError::UnknownKey(key(1).id());
    assert_eq!(refusal(&stranger, &forged, early), unknown_key);

    // The last bits of the version are the first of the second character.
    let reserved = (b'a'..=b'z')
        .map(|character| with(&forged, 1, character))
        .find(|token| Codec::inspect(token).unwrap().version == 0x86)
        .unwrap();
    assert_eq!(
        refusal(&stranger, &reserved, early),
        OpenError::UnknownVersion
    );

    let not_base64 = format!("{reserved}=");
    assert_eq!(refusal(&stranger, &not_base64, early), OpenError::Invalid);

    let mut small = vec![0; Codec::open_len(&not_base64) - 1];
    let needed = small.len() + 1;
    let error = stranger.open_in::<u64>(&not_base64, at(early), &mut small);
    assert_eq!(error.unwrap_err(), OpenError::BufferTooSmall { needed });

    let brief = stranger.max_token_len(not_base64.len() - 1);
    let error = brief.open_in::<u64>(&not_base64, at(early), &mut small);
    assert_eq!(error.unwrap_err(), OpenError::TooLong);
}

/// A ring's free places are zeros. Were they taken for keys, everybody would know one.
#[test]
fn the_key_id_of_zeros_is_unknown() {
    // Six characters are version, key id and the highest bits of the time, which are zeros too.
    let zeros = format!("hAAAAA{}", &token()[6..]);
    let id = KeyId::from_bytes([0; 3]);
    assert_eq!(Codec::inspect(&zeros).unwrap().key, id);
    assert_eq!(
        refusal(&codec(), &zeros, ISSUED_AT),
        OpenError::UnknownKey(id)
    );
}

#[test]
fn a_token_for_another_use_is_invalid_and_leaves_no_plaintext() {
    let token = token();
    let purpose = Codec::new(&ring(1), "order/2");
    assert_eq!(refusal(&purpose, &token, ISSUED_AT), OpenError::Invalid);
    let mut buf = vec![0; Codec::open_len(&token)];
    for associated_data in [&b""[..], b"tenant-7"] {
        let opened = codec()
            .bound_to(associated_data)
            .open_in::<&str>(&token, at(ISSUED_AT), &mut buf)
            .map(|opened| opened.value);
        assert_eq!(opened, Err(OpenError::Invalid));
        assert!(buf.iter().rev().skip(16).all(|byte| *byte == 0));
    }
}

#[test]
fn text_that_is_no_token_is_invalid() {
    let token = token();
    for text in [
        "",
        "h",
        "hardtack",
        "é",
        "\0",
        &token[..31],
        &token[..32],
        &token[..53],
    ] {
        assert_eq!(
            refusal(&codec(), text, ISSUED_AT),
            OpenError::Invalid,
            "{text}"
        );
    }
    // 40 bytes are the least: the next one is a token, though not one of ours.
    assert_eq!(
        refusal(&codec(), &token[..54], ISSUED_AT),
        OpenError::Invalid
    );
}
