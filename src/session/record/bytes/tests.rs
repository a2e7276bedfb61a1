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
        id: SessionId::from_bytes(core::array::from_fn(|i| 0xa0 + i as u8)),
        head: RecordHead {
            schema: 7,
            created_at: Timestamp::from_unix(1_700_000_000),
            idle_limit: 1800,
            lifetime: 43_200,
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
    let mut bytes = record.head.encode(record.id, &()).unwrap();
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

const RECORD: &str = "01 07 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 80e2cfaa06 880e c0d102 01 \
    02 01 054164646564 03 02c3a9 dead";

#[test]
fn record_vectors() {
    assert_eq!(encoded(record()), bytes(RECORD));
    assert!(Record::decode(&bytes(RECORD)) == Ok(record()));

    let empty = Record {
        id: SessionId::from_bytes([0; 16]),
        head: RecordHead {
            schema: 0,
            created_at: Timestamp::MIN,
            idle_limit: 127,
            lifetime: u32::MAX,
            remembered: false,
            flashes: vec![],
        },
        data: &[],
    };
    let hex = "01 00 00000000000000000000000000000000 00 7f ffffffff0f 00 00";
    assert_eq!(encoded(empty.clone()), bytes(hex));
    assert!(Record::decode(&bytes(hex)) == Ok(empty));
}

#[test]
fn an_unknown_layout_is_told_apart_and_nothing_else_of_it_is_read() {
    for layout in [0, 2, 255] {
        assert_eq!(
            Record::decode(&[layout]).err(),
            Some(RecordError::UnknownLayout(layout))
        );
        let mut other = bytes(RECORD);
        other[0] = layout;
        assert_eq!(
            Record::decode(&other).err(),
            Some(RecordError::UnknownLayout(layout))
        );
    }
    assert_eq!(Record::decode(&[]).err(), Some(RecordError::Malformed));
}

#[test]
fn other_flags_are_ignored() {
    for (flags, remembered) in [(0x00, false), (0x01, true), (0xfe, false), (0xff, true)] {
        let mut with = bytes(RECORD);
        with[28] = flags;
        let mut expected = record();
        expected.head.remembered = remembered;
        assert!(Record::decode(&with) == Ok(expected), "{flags}");
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
    let start = "01 00 00000000000000000000000000000000 00 00";
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
