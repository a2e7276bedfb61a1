use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use hardtack::Key;
use proptest::sample::Index;
use proptest::{collection::vec, prelude::*};

use super::master;
use crate::kit::{
    key_text::{HASHES, decode, weak},
    reference,
};

fn encodings(bytes: &[u8; 32]) -> [String; 6] {
    [
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        hex::encode(bytes),
        hex::encode_upper(bytes),
    ]
}

proptest! {
    #[test]
    fn a_key_has_the_id_that_the_reference_derives(master in master()) {
        prop_assert_eq!(Key::from_bytes(master).unwrap().id().to_bytes(), reference::key_id(&master));
    }

    #[test]
    fn every_encoding_is_the_same_key(master in master(), upper in any::<u64>()) {
        let key = Key::from_bytes(master).unwrap();
        let mixed: String = hex::encode(master).char_indices()
            .map(|(i, c)| if upper >> i & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect();
        for text in encodings(&master).iter().chain([&mixed]) {
            prop_assert_eq!(text.parse::<Key>(), Ok(key.clone()), "{}", text);
        }
    }

    #[test]
    fn key_text_is_read_as_other_decoders_read_it(
        master in master(), which in 0..6_usize, from in any::<Index>(), to in any::<Index>(), insert in "[A-Za-z0-9_=+/ \n-]{0,3}|\\PC",
    ) {
        let text = &encodings(&master)[which];
        let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
        // Mostly one character for another, so that the length stays.
        let to = if to % 4 == 0 { to } else { (from + insert.chars().count()).min(text.len()) };
        let changed = [&text[..from.min(to)], &insert, &text[from.max(to)..]].concat();
        let expected = decode(&changed).map(|bytes| Key::from_bytes(bytes).unwrap());
        prop_assert_eq!(changed.parse::<Key>().ok(), expected, "{}", changed);
    }

    #[test]
    fn any_text_of_a_key_s_length_is_read_as_other_decoders_read_it(
        text in "[A-Za-z0-9_-]{43}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=?|[0-9a-fA-F]{64}|[0-9a-g]{64}|\\PC{0,70}",
    ) {
        let expected = decode(&text).map(|bytes| Key::from_bytes(bytes).unwrap());
        prop_assert_eq!(text.parse::<Key>().ok(), expected);
    }

    #[test]
    fn weak_bytes_are_refused_and_no_others(
        bytes in prop_oneof![
            any::<[u8; 32]>(),
            proptest::array::uniform32(0x1f..=0x7f_u8),
            proptest::array::uniform32(b' '..=b'~'),
            vec(any::<u8>(), 1..=32).prop_map(|period| std::array::from_fn(|i| period[i % period.len()])),
            (any::<[u8; 32]>(), 0..=32_usize, 0..=32_usize).prop_map(|(bytes, from, to)| {
                std::array::from_fn(|i| if (from..to).contains(&i) { bytes[0] } else { bytes[i] })
            }),
            proptest::sample::select(HASHES.as_flattened()).prop_map(|hash| hex::decode(hash).unwrap().try_into().unwrap()),
            (any::<u8>(), any::<u8>()).prop_map(|(first, step)| std::array::from_fn(|i| first.wrapping_add(step.wrapping_mul(i as u8)))),
        ],
        change in proptest::option::of((any::<Index>(), any::<u8>())),
    ) {
        let mut bytes: [u8; 32] = bytes;
        if let Some((at, byte)) = change {
            bytes[at.index(32)] = byte;
        }
        prop_assert_eq!(Key::from_bytes(bytes).is_err(), weak(&bytes));
    }

    #[test]
    fn no_message_shows_key_material(master in master(), which in 0..6_usize, cut in prop_oneof![Just(1), 1..30_usize]) {
        let text = &encodings(&master)[which];
        let shown = format!("{:?}", Key::from_bytes(master).unwrap());
        prop_assert_eq!(shown, format!("Key({})", hex::encode(reference::key_id(&master))));
        let spoilt = format!("!{}", &text[cut..]);
        let error = spoilt.parse::<Key>().unwrap_err();
        let shown = format!("{error} {error:?}");
        let part = |part: &[u8]| shown.contains(str::from_utf8(part).unwrap());
        prop_assert!(!text.as_bytes().windows(8).any(part), "{}", shown);
    }
}
