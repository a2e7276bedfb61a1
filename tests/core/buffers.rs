//! Buffers, limits and values that do not cooperate: an error that helps, and no plaintext behind.

use crate::kit::{
    clock::at,
    keys::ring,
    rng::{Constant, Failing},
};
use core::cell::Cell;
use hardtack::{Codec, OpenError, SealError};
use serde::{Serialize, Serializer, ser::SerializeTuple as _};

fn codec() -> Codec {
    Codec::new(&ring(1), "buffers/1")
}

fn seal<'b>(
    codec: &Codec,
    value: &(impl Serialize + ?Sized),
    buf: &'b mut [u8],
) -> Result<&'b str, SealError> {
    codec.seal_into(value, at(1000), &mut Constant(3), buf)
}

#[test]
fn a_payload_of_100_bytes_makes_187_characters_that_begin_with_h() {
    let value = ([0xee_u8; 32], [0xee_u8; 32], [0xee_u8; 32], [0xee_u8; 4]);
    let mut buf = [0; 187];
    let token = seal(&codec(), &value, &mut buf).unwrap();
    assert_eq!(token.len(), 187);
    assert!(token.starts_with('h'));
    assert_eq!(codec().token_len(100), 187);
    let mut buf = [0; 300];
    let padded = seal(&codec().pad_to(64), &value, &mut buf).unwrap();
    assert!(padded.starts_with('h'));
}

#[test]
fn sealing_says_what_it_needs_and_that_is_just_enough() {
    let texts = ["", "hello", &"x".repeat(100), &"y".repeat(2000)];
    for block in [0, 1, 2, 16, 64] {
        let codec = codec().pad_to(block);
        for text in texts {
            let encoded = text.len() + if text.len() < 128 { 1 } else { 2 };
            let needed = codec.token_len(encoded);
            for len in 0..needed {
                let mut buf = vec![0xff; len];
                let sealed = seal(&codec, text, &mut buf);
                assert_eq!(sealed, Err(SealError::BufferTooSmall { needed }));
                assert!(buf.iter().all(|byte| *byte == 0));
            }
            for len in [needed, needed + 1, needed + 100] {
                let mut buf = vec![0xff; len];
                let token = seal(&codec, text, &mut buf).unwrap().to_owned();
                assert_eq!(token.len(), needed);
                let mut buf = vec![0; Codec::open_len(&token)];
                let opened = codec.open_in::<&str>(&token, at(1000), &mut buf);
                assert_eq!(opened.unwrap().value, text);
            }
        }
    }
}

#[test]
fn an_empty_payload_is_a_value() {
    let needed = codec().token_len(0);
    for len in 0..needed {
        let sealed = seal(&codec(), &(), &mut vec![0; len]).map(str::len);
        assert_eq!(sealed, Err(SealError::BufferTooSmall { needed }));
    }
    let mut buf = vec![0; needed];
    let token = seal(&codec(), &(), &mut buf).unwrap();
    let opened = codec().open_in::<()>(token, at(1000), &mut [0; 16]);
    assert!(opened.is_ok());
}

#[test]
fn opening_says_what_it_needs_and_that_is_just_enough() {
    for len in [0, 1, 2, 3, 200, 1000] {
        let text = "z".repeat(len);
        let mut buf = [0; 2000];
        let token = seal(&codec(), &text, &mut buf).unwrap();
        let needed = Codec::open_len(token);
        for len in 0..needed {
            let mut buf = vec![0xff; len];
            let opened = codec()
                .open_in::<&str>(token, at(1000), &mut buf)
                .map(|opened| opened.value);
            assert_eq!(opened, Err(OpenError::BufferTooSmall { needed }));
            assert!(buf.iter().all(|byte| *byte == 0xff), "not touched");
        }
        for len in [needed, needed + 1, needed + 100] {
            let mut buf = vec![0xff; len];
            let opened = codec().open_in::<&str>(token, at(1000), &mut buf);
            assert_eq!(opened.unwrap().value, text);
        }
    }
}

#[test]
fn the_longest_token_is_sealed_and_opened_and_one_character_more_is_not() {
    let mut buf = [0; 200];
    let token = seal(&codec(), "hello", &mut buf).unwrap();
    let len = token.len();
    let exact = codec().max_token_len(len);
    let opened = exact
        .open_in::<&str>(token, at(1000), &mut [0; 200])
        .is_ok();
    assert!(opened);
    assert_eq!(seal(&exact, "hello", &mut [0; 200]).map(str::len), Ok(len));

    let (max, short) = (len - 1, codec().max_token_len(len - 1));
    for buf_len in [0, max, len, 200] {
        let mut buf = vec![0xff; buf_len];
        let sealed = seal(&short, "hello", &mut buf);
        assert_eq!(sealed, Err(SealError::TooLong { len, max }));
        assert!(buf.iter().all(|byte| *byte == 0));
        let opened = short.open_in::<&str>(token, at(1000), &mut buf);
        assert_eq!(opened.unwrap_err(), OpenError::TooLong);
    }
}

#[test]
fn the_default_limit_is_16_384_characters() {
    let len = codec().token_len(12_248);
    assert_eq!(len, 16_384);
    let mut buf = vec![0; 20_000];
    let token = seal(&codec(), &"x".repeat(12_246), &mut buf);
    assert_eq!(token.map(str::len), Ok(len));
    let (len, max) = (len + 2, len);
    let sealed = seal(&codec(), &"x".repeat(12_247), &mut buf).map(str::len);
    assert_eq!(sealed, Err(SealError::TooLong { len, max }));
}

#[test]
fn absurd_settings_are_errors_or_no_matter() {
    let mut buf = [0xff; 200];
    let sealed = seal(&codec().pad_to(usize::MAX), "hello", &mut buf);
    assert!(matches!(
        sealed,
        Err(SealError::TooLong {
            len: usize::MAX,
            ..
        })
    ));
    assert_eq!(buf, [0; 200]);
    let boundless = codec().pad_to(usize::MAX).max_token_len(usize::MAX);
    let sealed = seal(&boundless, "hello", &mut buf);
    let needed = usize::MAX;
    assert_eq!(sealed, Err(SealError::BufferTooSmall { needed }));
    let sealed = seal(&codec().max_token_len(0), "hello", &mut buf);
    assert!(matches!(sealed, Err(SealError::TooLong { max: 0, .. })));
}

#[test]
fn no_payload_is_so_long_that_a_short_buffer_seems_enough() {
    for block in [0, 1, 64, usize::MAX] {
        for payload_len in [usize::MAX - 1, usize::MAX] {
            let len = codec().pad_to(block).token_len(payload_len);
            assert_eq!(len, usize::MAX, "{block} {payload_len}");
        }
    }
}

#[test]
fn associated_data_of_any_length_binds_or_is_refused() {
    let mut buf = [0; 200];
    for len in [0, 1, 1023, 1024, 1025, 5000] {
        let data = vec![0xab; len];
        let codec = codec();
        let bound = codec.bound_to(&data);
        let sealed = bound.seal_into("hello", at(1000), &mut Constant(3), &mut buf);
        if len > 1024 && cfg!(not(feature = "alloc")) {
            assert_eq!(sealed, Err(SealError::AssociatedDataTooLong));
            assert_eq!(buf, [0; 200]);
            let opened = bound.open_in::<&str>("", at(1000), &mut buf);
            assert_eq!(opened.unwrap_err(), OpenError::AssociatedDataTooLong);
            continue;
        }
        let token = sealed.unwrap();
        let opened = bound
            .open_in::<&str>(token, at(1000), &mut [0; 200])
            .is_ok();
        assert!(opened, "{len}");
        for other in [&data[..len.saturating_sub(1)], &[&data[..], &[0]].concat()] {
            if other.len() == len {
                continue;
            }
            let opened = codec
                .bound_to(other)
                .open_in::<&str>(token, at(1000), &mut [0; 200])
                .is_ok();
            assert!(!opened, "{len}");
        }
    }
}

#[test]
fn without_randomness_there_is_no_token() {
    let mut buf = [0xff; 200];
    let sealed = codec().seal_into("hello", at(1000), &mut Failing, &mut buf);
    assert_eq!(sealed, Err(SealError::Randomness));
    assert_eq!(buf, [0; 200]);
    #[cfg(feature = "alloc")]
    assert_eq!(
        codec().seal_with("hello", at(1000), &mut Failing),
        Err(SealError::Randomness)
    );
}

/// Fails after some plaintext.
struct Unwilling;

impl Serialize for Unwilling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple(2)?;
        tuple.serialize_element("plaintext")?;
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn a_value_that_does_not_serialize_leaves_nothing() {
    let mut buf = [0xff; 200];
    assert_eq!(
        seal(&codec(), &Unwilling, &mut buf),
        Err(SealError::Payload)
    );
    assert_eq!(buf, [0; 200]);
    #[cfg(feature = "alloc")]
    assert_eq!(
        codec().seal_with(&Unwilling, at(1000), &mut Constant(3)),
        Err(SealError::Payload)
    );
}

/// Has another length each time it is asked.
struct Fickle<const N: usize>([usize; N], Cell<usize>);

impl<const N: usize> Serialize for Fickle<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Fickle(lens, asked) = self;
        let len = lens[asked.replace(asked.get() + 1)];
        to.serialize_str(&"f".repeat(len))
    }
}

#[test]
fn a_value_of_two_lengths_is_sealed_whole_or_not_at_all() {
    // Too long for the buffer, then not, or just not: whatever size the error named, it would be a lie.
    assert_eq!(codec().token_len(1 + 34), 100);
    for then in [3, 34] {
        let mut buf = [0xff; 100];
        let fickle = Fickle([90, then], Cell::new(0));
        assert_eq!(seal(&codec(), &fickle, &mut buf), Err(SealError::Payload));
        assert_eq!(buf, [0; 100]);
    }

    #[cfg(feature = "alloc")]
    {
        let grows = Fickle([3, 90], Cell::new(0));
        let sealed = codec().seal_with(&grows, at(1000), &mut Constant(3));
        assert_eq!(sealed, Err(SealError::Payload));
        let shrinks = Fickle([90, 3], Cell::new(0));
        let token = codec()
            .seal_with(&shrinks, at(1000), &mut Constant(3))
            .unwrap();
        assert_eq!(token.len(), codec().token_len(4));
        assert_eq!(
            codec().open_at::<String>(&token, at(1000)).unwrap().value,
            "fff"
        );
    }
}
