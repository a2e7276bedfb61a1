use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hardtack::{Codec, OpenError, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::{Deserialize, Serialize};

use super::{Sealing, master, sealing, seconds, time, verdict, verdict_there};
use crate::kit::{
    library,
    raw::Raw,
    reference,
    vector::{Reads, RingKey, State, Vector},
};

/// Makes a keyring with key 0 as the primary and key 1 in any state, and an opener with any settings.
fn opener(sealing: Sealing) -> impl Strategy<Value = Vector> {
    let states = prop_oneof![Just(None), time().prop_map(Some), Just(Some(sealing.at))];
    let near = |at: u32| prop_oneof![Just(at), Just(at.saturating_sub(1)), Just(at + 1), time()];
    // No ring has two keys of one id, and of many random ones some have.
    let id = reference::key_id(&sealing.master);
    let other = master().prop_filter("the same id", move |other| reference::key_id(other) != id);
    let keys = (other, states, any::<bool>());
    let times = (near(sealing.at), prop_oneof![Just(0), near(sealing.at)]);
    let limit = prop_oneof![Just(16_384), 0..300_usize];
    (keys, times, seconds(), seconds(), limit).prop_map(
        move |((other, retired_at, primary), (now, floor), skew, max_age, limit)| {
            let state = if retired_at.is_some() {
                State::Retired
            } else {
                State::Accepted
            };
            let (first, second) = if primary {
                (sealing.master, other)
            } else {
                (other, sealing.master)
            };
            Vector {
                name: String::new(),
                keys: vec![
                    RingKey {
                        master: first,
                        state: State::Primary,
                        retired_at: None,
                    },
                    RingKey {
                        master: second,
                        state,
                        retired_at,
                    },
                ],
                purpose: sealing.purpose.clone(),
                ad: sealing.ad.clone(),
                now,
                skew,
                max_age,
                floor,
                limit,
                reads: Reads::Bytes,
                token: String::new(),
                payload: None,
                block: None,
                error: None,
                then: vec![],
                key: None,
                comment: String::new(),
            }
        },
    )
}

fn open(vector: &Vector) -> super::Verdict {
    let (codec, now) = (library::codec(vector), Timestamp::from_unix(vector.now));
    verdict(match &vector.ad {
        None => codec.open_at::<Raw>(&vector.token, now),
        Some(ad) => codec.bound_to(ad).open_at::<Raw>(&vector.token, now),
    })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Value {
    id: u64,
    name: String,
    tags: Vec<Option<String>>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Nothing,
    Number(i32),
    Pair { left: char, right: bool },
}

fn value() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just(Kind::Nothing),
        any::<i32>().prop_map(Kind::Number),
        any::<(char, bool)>().prop_map(|(left, right)| Kind::Pair { left, right }),
    ];
    (
        any::<u64>(),
        any::<String>(),
        proptest::collection::vec(any::<Option<String>>(), 0..4),
        kind,
    )
        .prop_map(|(id, name, tags, kind)| Value {
            id,
            name,
            tags,
            kind,
        })
}

proptest! {
    #[test]
    fn the_library_seals_what_the_reference_seals(sealing in sealing()) {
        prop_assert_eq!(sealing.seal(), sealing.seal_there());
    }

    #[test]
    fn the_library_opens_what_the_reference_seals(sealing in sealing()) {
        let opened = sealing.open::<Raw>(&sealing.seal_there()).unwrap();
        prop_assert_eq!(opened.value.0, sealing.payload);
        prop_assert_eq!(opened.issued_at.to_unix(), sealing.at);
        prop_assert_eq!(opened.key.to_bytes(), reference::key_id(&sealing.master));
    }

    #[test]
    fn the_reference_opens_what_the_library_seals(sealing in sealing()) {
        let opened = sealing.open_there(&sealing.seal()).unwrap();
        prop_assert_eq!(opened.payload, sealing.payload);
        prop_assert_eq!(opened.issued_at, sealing.at);
    }

    #[test]
    fn any_opener_judges_an_honest_token_as_the_reference_does(
        (sealing, mut vector) in sealing().prop_flat_map(|s| (Just(s.clone()), opener(s))),
    ) {
        vector.token = sealing.seal_there();
        prop_assert_eq!(open(&vector), verdict_there(vector.open_with_reference()));
    }

    #[test]
    fn any_opener_judges_any_authentic_token_as_the_reference_does(
        (sealing, mut vector) in sealing().prop_flat_map(|s| (Just(s.clone()), opener(s))),
        version in prop_oneof![0x84..0x88_u8, any::<u8>()],
        at in time(),
    ) {
        let key = reference::derive(&sealing.master, "seal", sealing.purpose.as_bytes());
        let id = reference::key_id(&sealing.master);
        let header = reference::header(version, id, at, sealing.random);
        vector.token = reference::encrypt(&key, &header, sealing.ad.as_deref(), &sealing.payload);
        prop_assert_eq!(open(&vector), verdict_there(vector.open_with_reference()));
    }

    #[test]
    fn zeros_after_the_padding_change_nothing(sealing in sealing(), zeros in 0..600_usize) {
        let key = reference::derive(&sealing.master, "seal", sealing.purpose.as_bytes());
        let id = reference::key_id(&sealing.master);
        let header = reference::header(reference::PADDED, id, sealing.at, sealing.random);
        let plaintext = [&sealing.payload[..], &[0x80], &vec![0; zeros]].concat();
        let token = reference::encrypt(&key, &header, sealing.ad.as_deref(), &plaintext);
        prop_assert_eq!(sealing.open::<Raw>(&token).unwrap().value.0, sealing.payload);
    }

    #[test]
    fn a_changed_byte_is_refused_as_the_reference_does(
        sealing in sealing(), at in any::<Index>(), mask in 1..=255_u8,
    ) {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealing.seal()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let found = verdict(sealing.open(&token));
        prop_assert!(found.is_err());
        prop_assert_eq!(found, verdict_there(sealing.open_there(&token)));
    }

    #[test]
    fn a_changed_text_is_refused_as_the_reference_does(
        sealing in sealing(), from in any::<Index>(), to in any::<Index>(), insert in "[A-Za-z0-9_=+/ -]{0,5}|\\PC",
    ) {
        let token = sealing.seal();
        let (from, to) = (from.index(token.len() + 1), to.index(token.len() + 1));
        let changed = [&token[..from.min(to)], &insert, &token[from.max(to)..]].concat();
        if changed == token {
            return Ok(());
        }
        let found = verdict(sealing.open(&changed));
        prop_assert!(found.is_err());
        prop_assert_eq!(found, verdict_there(sealing.open_there(&changed)));
    }

    #[test]
    fn any_text_is_judged_as_the_reference_does(sealing in sealing(), text in "\\PC{0,80}|[A-Za-z0-9_-]{0,120}|h[A-Za-z0-9_-]{50,80}") {
        prop_assert_eq!(verdict(sealing.open(&text)), verdict_there(sealing.open_there(&text)));
    }

    #[test]
    fn any_bytes_behind_the_key_id_are_judged_as_the_reference_does(
        sealing in sealing(), rest in proptest::collection::vec(any::<u8>(), 0..100), padded in any::<bool>(),
    ) {
        let id = reference::key_id(&sealing.master);
        let token = URL_SAFE_NO_PAD.encode([&[0x84 | u8::from(padded)][..], &id, &rest].concat());
        let found = verdict(sealing.open(&token));
        prop_assert_eq!(&found, &Err(("Invalid", None)));
        prop_assert_eq!(found, verdict_there(sealing.open_there(&token)));
    }

    #[test]
    fn another_purpose_opens_nothing(sealing in sealing(), purpose in any::<String>()) {
        let purpose = if purpose == sealing.purpose { purpose + "x" } else { purpose };
        let other = Sealing { purpose, ..sealing.clone() };
        prop_assert_eq!(other.open::<Raw>(&sealing.seal()).unwrap_err(), OpenError::Invalid);
    }

    #[test]
    fn other_associated_data_opens_nothing(
        sealing in sealing(), ad in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..3)),
    ) {
        let ad = match ad {
            None if sealing.ad.is_none() => Some(vec![]),
            Some(ad) if sealing.ad.as_ref() == Some(&ad) => None,
            ad => ad,
        };
        let other = Sealing { ad, ..sealing.clone() };
        prop_assert_eq!(other.open::<Raw>(&sealing.seal()).unwrap_err(), OpenError::Invalid);
    }

    #[test]
    fn another_key_opens_nothing(sealing in sealing(), master in master()) {
        if reference::key_id(&master) == reference::key_id(&sealing.master) {
            return Ok(());
        }
        let other = Sealing { master, ..sealing.clone() };
        let error = other.open::<Raw>(&sealing.seal()).unwrap_err();
        prop_assert_eq!(library::name(error), ("UnknownKey", Some(hex::encode(reference::key_id(&sealing.master)))));
    }

    #[test]
    fn values_come_back(sealing in sealing(), value in value()) {
        let token = sealing.seal_value(&value).unwrap();
        prop_assert_eq!(sealing.open::<Value>(&token).unwrap().value, value);
    }

    #[test]
    fn a_value_with_bytes_left_over_or_missing_is_refused(
        sealing in sealing(), value in value(), more in proptest::collection::vec(any::<u8>(), 1..5), less in any::<Index>(),
    ) {
        let payload = postcard::to_allocvec(&value).unwrap();
        let longer = [&payload[..], &more].concat();
        let shorter = payload[..less.index(payload.len())].to_vec();
        for payload in [longer, shorter] {
            let token = sealing.seal_value(&Raw(payload)).unwrap();
            prop_assert_eq!(sealing.open::<Value>(&token).unwrap_err(), OpenError::Payload);
        }
    }

    #[test]
    fn a_token_has_the_length_that_was_foretold_and_begins_with_h(sealing in sealing()) {
        let token = sealing.seal();
        prop_assert_eq!(token.len(), sealing.codec().token_len(sealing.payload.len()));
        prop_assert!(token.starts_with('h'));
    }

    #[test]
    fn inspecting_reads_what_the_header_says(text in "[A-Za-z0-9_-]{32}([A-Za-z0-9_-]|\\PC){0,20}") {
        let bytes = URL_SAFE_NO_PAD.decode(&text[..32]).unwrap();
        let header = Codec::inspect(&text).unwrap();
        prop_assert_eq!(header.version, bytes[0]);
        prop_assert_eq!(&header.key.to_bytes()[..], &bytes[1..4]);
        prop_assert_eq!(&header.issued_at.to_unix().to_be_bytes()[..], &bytes[4..8]);
    }

    #[test]
    fn inspecting_takes_what_begins_with_32_characters_of_the_alphabet(text in "\\PC{0,40}|[A-Za-z0-9_-]{0,40}|[A-Za-z0-9_-]{31}\\PC") {
        let readable = text.len() >= 32 && text.bytes().take(32).all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        prop_assert_eq!(Codec::inspect(&text).is_some(), readable);
    }

    #[test]
    fn fractions_of_seconds_are_dropped(
        sealing in sealing(), now in time(), skew in seconds(), max_age in seconds(), nanos in 0..1_000_000_000_u32,
    ) {
        let token = sealing.seal();
        let open = |nanos| {
            let codec = sealing.codec().skew(Duration::new(skew, nanos)).max_age(Duration::new(max_age, nanos));
            let now = Timestamp::from_unix(now);
            verdict(match &sealing.ad {
                None => codec.open_at(&token, now),
                Some(ad) => codec.bound_to(ad).open_at(&token, now),
            })
        };
        prop_assert_eq!(open(nanos), open(0));
    }
}
