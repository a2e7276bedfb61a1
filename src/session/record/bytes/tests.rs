use super::*;
use alloc::{format, vec};

fn flash(level: FlashLevel, text: &str) -> Flash {
    Flash {
        level,
        text: text.into(),
    }
}

fn record() -> Record<'static> {
    Record {
        ids: Ids {
            session: SessionId::from_bytes(core::array::from_fn(|i| 0xa0 + i as u8)),
            login: LoginId::from_bytes(core::array::from_fn(|i| 0xb0 + i as u8)),
        },
        head: RecordHead {
            schema: 7,
            by_login: false,
            created_at: Timestamp::from_unix(1_700_000_000),
            idle_limit: 1800,
            lifetime: 43_200,
            longest: 7_776_000,
            device_key: None,
            subject: None,
            remembered: true,
            flashes: vec![
                flash(FlashLevel::Success, "Added"),
                flash(FlashLevel::Error, "é"),
            ],
        },
        data: &[0xde, 0xad],
    }
}

fn encoded(record: Record<'_>) -> Vec<u8> {
    let mut bytes = record.head.encode(record.ids, &()).unwrap();
    assert_eq!(record.head.encoded_len(&()).unwrap(), bytes.len());
    bytes.extend_from_slice(record.data);
    bytes
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.replace(' ', "");
    let mut bytes = vec![0; digits.len() / 2];
    base16ct::lower::decode(digits, &mut bytes).unwrap();
    bytes
}

const RECORD: &str = "01 07 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf b0b1b2b3b4b5b6b7 01 \
    80e2cfaa06 880e c0d102 80ceda03 02 01 054164646564 03 02c3a9 dead";

#[test]
fn record_vectors() {
    assert_eq!(encoded(record()), bytes(RECORD));
    assert!(Record::decode(&bytes(RECORD)) == Ok(record()));

    let empty = Record {
        ids: Ids {
            session: SessionId::from_bytes([0; 16]),
            login: LoginId::from_bytes([0; 8]),
        },
        head: RecordHead {
            schema: 0,
            by_login: true,
            created_at: Timestamp::MIN,
            idle_limit: 127,
            lifetime: u32::MAX,
            longest: 128,
            device_key: Some(core::array::from_fn(|i| if i == 0 { 3 } else { 0x11 })),
            subject: Some("ada".into()),
            remembered: false,
            flashes: vec![],
        },
        data: &[],
    };
    let hex = "01 00 00000000000000000000000000000000 0000000000000000 0e 00 7f ffffffff0f 8001 \
        0311111111111111111111111111111111111111111111111111111111111111 11 03616461 00";
    assert_eq!(encoded(empty.clone()), bytes(hex));
    assert!(Record::decode(&bytes(hex)) == Ok(empty));
}

#[test]
fn an_unknown_layout_is_told_apart_and_nothing_else_of_it_is_read() {
    for layout in [0, 2, 255] {
        assert_eq!(
            Record::decode(&[layout]).err(),
            Some(RecordError::UnknownLayout)
        );
        let mut other = bytes(RECORD);
        other[0] = layout;
        assert_eq!(
            Record::decode(&other).err(),
            Some(RecordError::UnknownLayout)
        );
    }
    assert_eq!(Record::decode(&[]).err(), Some(RecordError::Malformed));
}

#[test]
fn unknown_flags_are_an_unknown_layout_before_anything_else_is_read() {
    for bit in 4..8 {
        let mut with = bytes(RECORD);
        with[26] |= 1 << bit;
        for record in [&with[..], &with[..27]] {
            assert_eq!(
                Record::decode(record).err(),
                Some(RecordError::UnknownLayout)
            );
        }
    }
}

#[test]
fn numbers_have_one_form() {
    let start = "01 00 00000000000000000000000000000000 0000000000000000 00";
    for (rest, what) in [
        ("8000 00 00 00 00", "a longer zero"),
        ("00 00 00 ff8000 00", "a longer number"),
        ("ffffffff1f 00 00 00 00", "more than 32 bits"),
        ("808080808000 00 00 00 00", "six bytes"),
    ] {
        let record = bytes(&format!("{start} {rest}"));
        assert_eq!(
            Record::decode(&record).err(),
            Some(RecordError::Malformed),
            "{what}"
        );
    }
    for number in [
        0,
        1,
        127,
        128,
        16_383,
        16_384,
        1 << 21,
        (1 << 28) - 1,
        1 << 28,
        u32::MAX,
    ] {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, number);
        assert_eq!(bytes.len(), varint_len(number), "{number}");
        assert_eq!(Reader(&bytes).varint(), Ok(number));
    }
}

#[test]
fn a_device_key_and_a_subject_are_of_their_form() {
    let key = |first: &str| format!("02 00 00 00 00 {first}{}", "11".repeat(32));
    let subject = |len: usize| {
        format!(
            "04 00 00 00 00 {:02x}{}{}",
            (len % 128) | if len > 127 { 128 } else { 0 },
            match len / 128 {
                0 => String::new(),
                high => format!("{high:02x}"),
            },
            "61".repeat(len)
        )
    };
    for (rest, good) in [
        (key("02"), true),
        (key("03"), true),
        (key("04"), false),
        (key("00"), false),
        (subject(1), true),
        (subject(255), true),
        (subject(256), false),
        (subject(0), false),
    ] {
        let start = "01 00 00000000000000000000000000000000 0000000000000000";
        let record = bytes(&format!("{start} {rest} 00"));
        assert_eq!(Record::decode(&record).is_ok(), good, "{rest}");
    }
}

#[test]
fn a_record_cut_anywhere_before_its_data_is_malformed() {
    let whole = bytes(RECORD);
    let data = whole.len() - 2;
    for cut in 1..data {
        assert_eq!(
            Record::decode(&whole[..cut]).err(),
            Some(RecordError::Malformed),
            "{cut}"
        );
    }
    assert!(
        Record::decode(&whole[..data])
            == Ok(Record {
                data: &[],
                ..record()
            })
    );
}

#[test]
fn malformed_fields_are_refused() {
    let start = "01 00 00000000000000000000000000000000 0000000000000000 00 00 00";
    for (rest, what) in [
        ("ffffffff1f 00 00", "a number over 32 bits"),
        ("00 00 01 04 00", "an unknown level"),
        ("00 00 01 ff 00", "an unknown level"),
        ("00 00 01 00 01 ff", "a text that is not UTF-8"),
        ("00 00 01 00 ffffffffffffffffff01 00", "a claimed length"),
        ("00 00 ffffffffffffffffff01 00 00", "a claimed count"),
        ("00 00 ffffffff0f 00 00", "a claimed count"),
    ] {
        let record = bytes(&format!("{start} {rest}"));
        assert_eq!(
            Record::decode(&record).err(),
            Some(RecordError::Malformed),
            "{what}"
        );
    }
}
