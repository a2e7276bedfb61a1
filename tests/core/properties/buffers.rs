use hardtack::{Codec, OpenError, Opened, SealError, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{Sealing, sealing};
use crate::kit::{raw::Raw, rng::Given};

fn seal_into<'b>(
    sealing: &Sealing,
    codec: &Codec,
    buf: &'b mut [u8],
) -> Result<&'b str, SealError> {
    let (value, at) = (
        Raw(sealing.payload.clone()),
        Timestamp::from_unix(sealing.at),
    );
    match &sealing.ad {
        None => codec.seal_into(&value, at, &mut Given(sealing.random), buf),
        Some(ad) => codec
            .bound_to(ad)
            .seal_into(&value, at, &mut Given(sealing.random), buf),
    }
}

fn open_in(
    sealing: &Sealing,
    token: &str,
    now: u32,
    buf: &mut [u8],
) -> Result<Opened<Raw>, OpenError> {
    let (codec, now) = (sealing.codec(), Timestamp::from_unix(now));
    match &sealing.ad {
        None => codec.open_in(token, now, buf),
        Some(ad) => codec.bound_to(ad).open_in(token, now, buf),
    }
}

proptest! {
    #[test]
    fn sealing_into_any_larger_buffer_gives_the_same_token(sealing in sealing(), more in 0..100_usize) {
        let mut buf = vec![0xAA; sealing.codec().token_len(sealing.payload.len()) + more];
        let token = sealing.seal();
        prop_assert_eq!(seal_into(&sealing, &sealing.codec(), &mut buf), Ok(token.as_str()));
    }

    #[test]
    fn a_buffer_too_small_to_seal_says_what_is_needed_and_keeps_nothing(sealing in sealing(), len in any::<Index>()) {
        let needed = sealing.codec().token_len(sealing.payload.len());
        let mut buf = vec![0xAA; len.index(needed)];
        prop_assert_eq!(seal_into(&sealing, &sealing.codec(), &mut buf), Err(SealError::BufferTooSmall { needed }));
        prop_assert!(buf.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn opening_in_any_larger_buffer_gives_the_same_value(sealing in sealing(), more in 0..100_usize) {
        let token = sealing.seal();
        let mut buf = vec![0xAA; Codec::open_len(&token) + more];
        prop_assert_eq!(open_in(&sealing, &token, sealing.at, &mut buf), sealing.open(&token));
    }

    #[test]
    fn a_buffer_too_small_to_open_says_what_is_needed(sealing in sealing(), len in any::<Index>()) {
        let token = sealing.seal();
        let needed = Codec::open_len(&token);
        let mut buf = vec![0xAA; len.index(needed)];
        prop_assert_eq!(open_in(&sealing, &token, sealing.at, &mut buf), Err(OpenError::BufferTooSmall { needed }));
    }

    #[test]
    fn a_refused_token_leaves_no_plaintext(sealing in sealing(), flip in any::<Option<Index>>()) {
        let mut sealing = sealing;
        sealing.payload.extend(b"at least these");
        sealing.at /= 2;
        let mut token = sealing.seal().into_bytes();
        let now = match flip {
            None => sealing.at + 86_401,
            Some(at) => {
                let at = 32 + at.index(token.len() - 33);
                token[at] = if token[at] == b'A' { b'B' } else { b'A' };
                sealing.at
            }
        };
        let token = String::from_utf8(token).unwrap();
        let mut buf = vec![0xAA; Codec::open_len(&token)];
        let error = open_in(&sealing, &token, now, &mut buf).unwrap_err();
        prop_assert_eq!(error, if flip.is_none() { OpenError::Expired } else { OpenError::Invalid });
        // Eight bytes in a row by chance: 2^-64 for each place.
        let kept = |plain: &[u8]| plain != [0; 8] && buf.windows(8).any(|found| found == plain);
        prop_assert!(!sealing.payload.windows(8).take(50).any(kept));
    }

    #[test]
    fn what_an_opener_would_find_too_long_is_not_sealed(sealing in sealing(), limit in 0..5000_usize) {
        let codec = sealing.codec().max_token_len(limit);
        let (token, len) = (sealing.seal(), sealing.codec().token_len(sealing.payload.len()));
        let mut buf = vec![0xAA; len];
        let sealed = seal_into(&sealing, &codec, &mut buf).map(str::to_owned);
        let now = Timestamp::from_unix(sealing.at);
        let opened = match &sealing.ad {
            None => codec.open_at::<Raw>(&token, now),
            Some(ad) => codec.bound_to(ad).open_at::<Raw>(&token, now),
        };
        if len > limit {
            prop_assert_eq!(sealed, Err(SealError::TooLong { len, max: limit }));
            prop_assert_eq!(opened, Err(OpenError::TooLong));
        } else {
            prop_assert_eq!(sealed, Ok(token));
            prop_assert!(opened.is_ok());
        }
    }
}
