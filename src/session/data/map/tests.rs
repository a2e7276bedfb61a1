use super::*;
use crate::session::data::OldData;
use alloc::{format, vec};
use proptest::{collection::vec, option, prelude::*};

fn map(entries: &[(&str, &[u8])]) -> SessionMap {
    SessionMap::read(entries.iter().copied().collect())
}

fn decode<T: SessionData>(bytes: &[u8]) -> Option<T> {
    OldData::new(0, bytes).read()
}

fn encode(map: &SessionMap) -> Vec<u8> {
    postcard::to_allocvec(map).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.replace(' ', "");
    let mut bytes = vec![0; digits.len() / 2];
    base16ct::lower::decode(digits, &mut bytes).unwrap();
    bytes
}

#[test]
fn vectors() {
    for (entries, hex) in [
        (map(&[]), "00"),
        (map(&[("cart", &[0x81, 0x07])]), "01 0463617274 028107"),
        // Keys are ordered by their bytes, not by their lengths.
        (
            map(&[
                ("", b""),
                ("B", b"\x01"),
                ("aa", b"\x02"),
                ("b", b"\x03"),
                ("é", b"\x04"),
            ]),
            "05 0000 0142 0101 026161 0102 0162 0103 02c3a9 0104",
        ),
    ] {
        assert_eq!(encode(&entries), bytes(hex));
        assert!(decode::<SessionMap>(&bytes(hex)) == Some(entries), "{hex}");
    }
}

#[test]
fn values_are_cbor() {
    let mut map = SessionMap::default();
    map.insert("cart", [7]).unwrap();
    assert_eq!(encode(&map), bytes("01 0463617274 028107"));
}

#[test]
fn the_order_of_insertion_does_not_show() {
    let keys = ["b", "", "é", "aa", "B"];
    let fill = |keys: &mut dyn Iterator<Item = &&str>| {
        let mut map = SessionMap::default();
        keys.for_each(|key| map.insert(key, 1).unwrap());
        map
    };
    let forwards = fill(&mut keys.iter());
    assert_eq!(encode(&forwards), encode(&fill(&mut keys.iter().rev())));
    assert_eq!(
        forwards.keys().collect::<Vec<_>>(),
        ["", "B", "aa", "b", "é"]
    );
}

#[test]
fn only_the_same_keys_with_the_same_values_are_equal() {
    let it = map(&[("a", b"\x01"), ("b", b"\x02")]);
    for (other, what) in [
        (map(&[("a", b"\x01"), ("b", b"\x03")]), "another value"),
        (map(&[("a", b"\x01"), ("c", b"\x02")]), "another key"),
        (
            map(&[("a", b"\x01"), ("b", b"\x02"), ("c", b"\x03")]),
            "one more key",
        ),
        (map(&[]), "no keys"),
    ] {
        assert_ne!(it, other, "{what}");
        assert_ne!(other, it, "{what}");
    }
    // Equal, however the values came there.
    let mut written = SessionMap::default();
    written.extend([("b", 2), ("a", 1)]).unwrap();
    assert_eq!(written, it);
}

proptest! {
    /// A tree of keys and values is the model.
    #[test]
    fn a_dictionary_does_what_a_map_does(
        steps in vec(("[a-c]{0,2}", option::of(vec(any::<u8>(), 0..40))), 0..40),
    ) {
        let (mut entries, mut model) = (Entries::default(), BTreeMap::new());
        for (key, value) in &steps {
            match value {
                Some(value) => {
                    entries.put(key, value);
                    model.insert(key.as_str(), value.as_slice());
                }
                None => prop_assert_eq!(entries.remove(key), model.remove(key.as_str()).is_some()),
            }
            prop_assert!(entries.iter().eq(model.iter().map(|(key, value)| (*key, *value))));
            prop_assert_eq!(entries.len(), model.len());
            for (key, _) in &steps {
                prop_assert_eq!(entries.value(key), model.get(key.as_str()).copied());
            }
        }
    }
}

#[test]
fn a_dictionary_has_one_encoding() {
    for (hex, what) in [
        ("", "no count"),
        ("02 0162 0103 0161 0102", "keys out of order"),
        ("02 0161 0102 0161 0102", "a key twice"),
        (
            "02 026161 00 0142 00",
            "keys out of order, the longer one first",
        ),
        ("00 00", "a byte left over"),
        ("01 0161 0102 00", "a byte left over"),
        ("01 0161", "a value missing"),
        ("01 0161 02 01", "a value cut"),
        ("01 01ff 00", "a key that is not UTF-8"),
        ("ffffffffffffffffff01 0161 00", "a claimed count"),
        ("ffffffff0f 0161 00", "a claimed count"),
        ("01 ffffffffffffffffff01 61", "a claimed length of a key"),
        (
            "01 0161 ffffffffffffffffff01 61",
            "a claimed length of a value",
        ),
    ] {
        assert!(decode::<SessionMap>(&bytes(hex)).is_none(), "{what}");
    }
}

#[test]
fn a_value_that_cannot_be_stored_leaves_what_was_there() {
    let mut map = SessionMap::default();
    map.insert("a", "kept").unwrap();
    // A map that has a key twice.
    let doubled = Doubled;
    let error = map.insert("a", &doubled).unwrap_err();
    assert!(
        matches!(&error, SessionError::Unstorable { key, .. } if key == "a"),
        "{error}"
    );
    assert_eq!(map.get::<String>("a").unwrap().as_deref(), Some("kept"));
    assert_eq!(
        (map.len(), map.is_empty(), map.contains_key("b")),
        (1, false, false)
    );
    assert!(map.remove("a") && !map.remove("a"));
    assert!(map.is_empty());
}

struct Doubled;

impl Serialize for Doubled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("k", 1), ("k", 2)])
    }
}

#[test]
fn the_wrong_type_is_told_by_its_kind() {
    let mut map = SessionMap::default();
    map.insert("integer", -1).unwrap();
    map.insert("bytes", serde_bytes::Bytes::new(b"x")).unwrap();
    map.insert("text", "x").unwrap();
    map.insert("sequence", [1]).unwrap();
    map.insert("map", BTreeMap::from([(1, 2)])).unwrap();
    map.insert("float", 1.5).unwrap();
    for (key, kind) in [
        ("integer", "an integer"),
        ("bytes", "a byte string"),
        ("text", "a text"),
        ("sequence", "a sequence"),
        ("map", "a map"),
        ("float", "a boolean, null or a float"),
    ] {
        let error = map.get::<char>(key).map(drop);
        if key == "text" {
            assert_eq!(error, Ok(()));
            continue;
        }
        let reason = format!("found {kind}, wanted char");
        let key = key.into();
        assert_eq!(error, Err(SessionError::WrongType { key, reason }));
    }
}
