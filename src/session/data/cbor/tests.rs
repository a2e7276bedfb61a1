use super::{ValueError, decode, encode};
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};
use core::fmt::Debug;
use proptest::{collection, option, prelude::*};
use serde::{
    Deserialize, Serialize, Serializer,
    de::DeserializeOwned,
    ser::{SerializeMap as _, SerializeSeq},
};
use serde_bytes::ByteBuf;
use std::collections::HashMap;

fn hex(value: impl Serialize) -> String {
    encode(&value)
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(decode::<T>(&encode(&value).unwrap()).unwrap(), value);
}

/// Encodes `value` and decodes it as `T`.
fn read_as<T: DeserializeOwned>(value: impl Serialize) -> Result<T, ValueError> {
    decode(&encode(&value).unwrap())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u8);
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    a: u8,
    b: Option<u8>,
}

/// A map in this order.
struct Entries<K, V>(Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for Entries<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// Every kind of the serde data model, nested in itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Unit,
    Signed(i128),
    Unsigned(u128),
    Tuple(i8, u16, f32, f64, char, bool),
    Struct {
        text: Option<String>,
        bytes: ByteBuf,
        unit: (),
    },
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
    Numbered(BTreeMap<i64, Tree>),
    Boxed(Option<Box<Tree>>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Unit),
        any::<i128>().prop_map(Tree::Signed),
        any::<i64>().prop_map(|number| Tree::Signed(number.into())),
        any::<u128>().prop_map(Tree::Unsigned),
        any::<(i8, u16, f32, f64, char, bool)>()
            .prop_map(|(a, b, c, d, e, f)| Tree::Tuple(a, b, c, d, e, f)),
        (option::of(any::<String>()), any::<Vec<u8>>()).prop_map(|(text, bytes)| Tree::Struct {
            text,
            bytes: ByteBuf::from(bytes),
            unit: ()
        }),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
            collection::btree_map(any::<String>(), inner.clone(), 0..6).prop_map(Tree::Map),
            collection::btree_map(any::<i64>(), inner.clone(), 0..6).prop_map(Tree::Numbered),
            option::of(inner.prop_map(Box::new)).prop_map(Tree::Boxed),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back_equal(tree in tree()) {
        prop_assert_eq!(&decode::<Tree>(&encode(&tree).unwrap()).unwrap(), &tree);
    }

    #[test]
    fn the_bytes_are_those_of_another_implementation(tree in tree()) {
        let bytes = encode(&tree).unwrap();
        prop_assert_eq!(&bytes, &cbor2::to_canonical_vec(&tree).unwrap());
        prop_assert_eq!(&cbor2::from_slice::<Tree>(&bytes).unwrap(), &tree);
    }

    #[test]
    fn a_map_of_any_keys_in_any_order_is_sorted(
        keys in collection::vec(tree(), 0..40),
        repeat: bool,
    ) {
        let mut encoded: Vec<_> = keys.iter().map(|key| encode(key).unwrap()).collect();
        let mut map: Vec<_> = keys.into_iter().zip(0..).collect();
        if repeat && let Some((first, _)) = map.first() {
            map.push((first.clone(), 0));
            encoded.push(encoded[0].clone());
        }
        encoded.sort();
        let twice = encoded.windows(2).any(|pair| pair[0] == pair[1]);
        let map = Entries(map);
        prop_assert_eq!(encode(&map).is_err(), twice);
        prop_assert_eq!(encode(&map).ok(), cbor2::to_canonical_vec(&map).ok());
    }

    #[test]
    fn floats_are_those_of_another_implementation(bits: u64, narrow: u32, cut in 0..64) {
        for float in [
            f64::from_bits(bits),
            f64::from_bits(bits >> cut << cut),
            f32::from_bits(narrow).into(),
            f32::from_bits(narrow & 0xffff_e000).into(),
        ] {
            prop_assert_eq!(encode(&float).unwrap(), cbor2::to_canonical_vec(&float).unwrap());
        }
    }

    #[test]
    fn an_integer_is_read_as_a_float_exactly_if_that_is_the_same_number(int: i128, bits in 0..127u32) {
        for int in [int >> bits, 1_i128 << bits, -1_i128 << bits, !(-1_i128 << bits)] {
            let float = int as f64;
            let same = float as i128 == int && int != i128::MAX;
            prop_assert_eq!(read_as::<f64>(int).ok(), same.then_some(float));
            let there_and_back = same.then(|| read_as::<i128>(float).unwrap());
            prop_assert_eq!(there_and_back, same.then_some(int));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode::<Tree>(&bytes);
        let _ = decode::<Ignores>(&bytes);
    }

    #[test]
    fn a_cut_or_lengthened_item_is_an_error(tree in tree(), cut in any::<prop::sample::Index>(), extra: u8) {
        let mut bytes = encode(&tree).unwrap();
        prop_assert!(decode::<Tree>(&bytes[..cut.index(bytes.len())]).is_err());
        bytes.push(extra);
        prop_assert!(decode::<Tree>(&bytes).is_err());
    }

    #[test]
    fn a_hash_map_encodes_to_equal_bytes_in_any_order(map: HashMap<String, u32>) {
        let again: HashMap<_, _> = map.iter().collect();
        prop_assert_eq!(encode(&again).unwrap(), encode(&map).unwrap());
    }
}

#[test]
fn every_integer_width_comes_back_at_its_ends() {
    macro_rules! ends {
        ($($int:ty)*) => {$(
            round_trip(<$int>::MIN);
            round_trip(<$int>::MAX);
        )*};
    }
    ends!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
    // The border between the plain integers and the bignums of CBOR.
    round_trip([u64::MAX.into(), 1i128 << 64, -(1 << 64), -(1 << 64) - 1]);
}

#[test]
fn structs_floats_and_chars_come_back() {
    round_trip((
        (),
        Unit,
        Newtype(7),
        Pair(1, "x".into()),
        Named { a: 1, b: None },
        Named { a: 1, b: Some(2) },
    ));
    round_trip([
        0.0,
        -0.0,
        0.1,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]);
    round_trip([0.1, f32::MAX, f32::MIN_POSITIVE, 1e-45]);
    assert!(read_as::<f64>(f64::NAN).unwrap().is_nan());
    round_trip(['a', 'é', '\u{10ffff}', '\0']);
}

/// Types such as addresses and UUIDs have a text for people and bytes for formats like this one.
#[test]
fn a_type_with_two_forms_is_read_in_the_one_that_was_written() {
    let address = std::net::Ipv4Addr::new(192, 0, 2, 7);
    assert_eq!(hex(address), hex([192, 0, 2, 7]));
    round_trip(address);
}

#[test]
fn the_bytes_are_those_of_the_format() {
    // Shortest integers.
    assert_eq!(
        hex([0u64, 23, 24, 255, 256, 65_535, 65_536]),
        "87001718 1818ff1901 0019ffff1a00010000".replace(' ', "")
    );
    assert_eq!(
        hex([-1i64, -24, -25, i64::MIN]),
        "8420373818 3b7fffffffffffffff".replace(' ', "")
    );
    assert_eq!(hex(1u128 << 64), "c249010000000000000000");
    // Unit and `None` are null.
    assert_eq!(
        hex(((), Unit, None::<u8>, Some(()), Some(None::<u8>))),
        "85f6f6f6f6f6"
    );
    // Structs are maps with text keys, enums externally tagged.
    assert_eq!(hex(Named { a: 1, b: None }), "a26161016162f6");
    assert_eq!(hex(Tree::Unit), "64556e6974");
    assert_eq!(hex(Tree::Signed(-1)), "a1665369676e656420");
    // The shortest floats without a loss.
    assert_eq!(
        hex((1.5f32, 1.5f64, 0.1f32, 0.1f64)),
        "84f93e00f93e00fa3dcccccdfb3fb999999999999a"
    );
    assert_eq!(hex(serde_bytes::Bytes::new(b"ab")), "426162");
    assert_eq!(hex(vec![1u8, 2]), "820102");
    // Types that have a compact form use it.
    assert_eq!(hex(core::net::Ipv4Addr::LOCALHOST), "84187f000001");
    // Keys in the order of their bytes.
    assert_eq!(
        hex(BTreeMap::from([("bb", 1), ("c", 2)])),
        "a261630262626201"
    );
}

#[test]
fn lengths_are_definite_even_where_serde_knows_none() {
    struct Unknown;
    impl Serialize for Unknown {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            seq.serialize_element(&1)?;
            seq.end()
        }
    }
    #[derive(Serialize)]
    struct Flattened {
        #[serde(flatten)]
        rest: BTreeMap<&'static str, u8>,
    }
    struct Displayed;
    impl Serialize for Displayed {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{:>300}", ""))
        }
    }
    assert_eq!(hex(Unknown), "8101");
    assert_eq!(
        hex(Flattened {
            rest: BTreeMap::from([("a", 1)])
        }),
        "a1616101"
    );
    assert!(hex(Displayed).starts_with("79012c20"));
}

#[test]
fn another_type_is_an_error() {
    assert!(read_as::<String>(5).is_err());
    assert!(read_as::<u8>("5").is_err());
    assert!(read_as::<u8>(256).is_err());
    assert!(read_as::<u64>(-1).is_err());
    assert!(read_as::<u8>("1").is_err());
    assert!(read_as::<f64>("1").is_err());
    assert!(read_as::<bool>(1).is_err());
    assert!(read_as::<char>("ab").is_err());
    assert!(read_as::<u8>(()).is_err());
    assert!(read_as::<()>(Vec::<u8>::new()).is_err());
    assert!(read_as::<String>(serde_bytes::Bytes::new(b"ab")).is_err());
    assert!(read_as::<Named>((1, 2)).is_err());
    assert!(read_as::<Named>(BTreeMap::from([("b", 1)])).is_err());
    assert!(read_as::<Tree>("Nothing").is_err());
    // The same number with another sign or width fits, so it is read.
    assert_eq!(read_as::<u8>(5i64).unwrap(), 5);
    assert_eq!(read_as::<Option<u8>>(5).unwrap(), Some(5));
}

#[test]
fn a_number_is_read_as_the_kind_that_is_asked_for_if_nothing_is_lost() {
    // JavaScript writes 60.0 as an integer, and integers beyond 2^53 as floats.
    assert_eq!(read_as::<f64>(60).unwrap(), 60.0);
    assert_eq!(read_as::<f32>(-60).unwrap(), -60.0);
    assert_eq!(read_as::<u8>(60.0).unwrap(), 60);
    assert_eq!(read_as::<i8>(-128.0).unwrap(), -128);
    assert_eq!(read_as::<u64>(2f64.powi(60)).unwrap(), 1 << 60);
    assert_eq!(read_as::<i64>(-2f64.powi(63)).unwrap(), i64::MIN);
    assert_eq!(read_as::<u128>(2f64.powi(127)).unwrap(), 1 << 127);
    assert_eq!(read_as::<f64>(1u128 << 64).unwrap(), 2f64.powi(64));
    for lost in [1.5, -0.0, f64::NAN, f64::INFINITY, 1e39, -1e39] {
        assert!(read_as::<i128>(lost).is_err(), "{lost}");
        assert!(read_as::<u128>(lost).is_err(), "{lost}");
    }
    assert!(read_as::<f64>((1u64 << 53) + 1).is_err());
    assert!(read_as::<f64>(i128::MAX).is_err());
    assert!(read_as::<u64>(2f64.powi(64)).is_err());
    assert!(read_as::<u8>(-60.0).is_err());
}

#[test]
fn the_error_says_what_was_found_and_whether_it_fits() {
    let error = |result: Result<i32, ValueError>| result.unwrap_err().to_string();
    let unfit = "found an integer, wanted i32: a number does not fit";
    for number in [5_000_000_000, -5_000_000_000, i64::MAX] {
        assert_eq!(error(read_as(number)), unfit);
    }
    assert_eq!(error(read_as(u64::MAX)), unfit);
    assert_eq!(
        error(read_as(1u128 << 64)),
        "found a tagged item, wanted i32: a number does not fit"
    );
    let other = "found a boolean, null or a float, wanted i32";
    assert_eq!(
        error(read_as(5e9)),
        format!("{other}: a number does not fit")
    );
    assert_eq!(error(read_as(1.5)), other);
    assert_eq!(error(read_as(())), other);
    assert_eq!(error(read_as("secret")), "found a text, wanted i32");
    let nested = read_as::<Vec<u8>>([1, 256]).unwrap_err().to_string();
    assert!(
        nested.ends_with("wanted alloc::vec::Vec<u8>: a number does not fit"),
        "{nested}"
    );
    assert!(
        encode(&Deep(Nest::Seq, 200))
            .unwrap_err()
            .to_string()
            .ends_with("is nested too deep")
    );
}

#[test]
fn every_half_is_there_and_back() {
    use super::half::{from_bits, to_bits};
    for bits in 0..=u16::MAX {
        let value = from_bits(bits);
        if value.is_nan() {
            assert!(bits & 0x7fff > 0x7c00);
        } else {
            assert_eq!(to_bits(value), Some(bits));
            assert_eq!(
                decode::<f32>(&[&[0xf9], &bits.to_be_bytes()[..]].concat()).unwrap(),
                value
            );
        }
        // The next float has no half.
        if bits & 0x7fff < 0x7c00 {
            assert_eq!(to_bits(f32::from_bits(value.to_bits() | 1)), None);
        }
    }
}

#[test]
fn a_map_with_a_key_or_value_alone_is_not_written() {
    struct Alone(&'static str);
    impl Serialize for Alone {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for step in self.0.chars() {
                match step {
                    'k' => map.serialize_key("key")?,
                    _ => map.serialize_value(&1)?,
                }
            }
            map.end()
        }
    }
    assert!(encode(&Alone("kv")).is_ok());
    for steps in ["k", "v", "kk", "kkv", "kvk", "kvv"] {
        assert!(encode(&Alone(steps)).is_err(), "{steps}");
    }
}

#[test]
fn lengths_that_are_wrong_or_long_are_put_right() {
    struct Claims(Option<usize>, usize);
    impl Serialize for Claims {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(self.0)?;
            (0..self.1).try_for_each(|_| seq.serialize_element(&7))?;
            seq.end()
        }
    }
    for len in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
        for claimed in [None, Some(0), Some(len), Some(usize::MAX)] {
            let bytes = encode(&(Claims(claimed, len), "behind")).unwrap();
            let (read, behind): (Vec<u8>, String) = decode(&bytes).unwrap();
            assert_eq!((read, behind.as_str()), (vec![7; len], "behind"));
            assert_eq!(bytes, encode(&(vec![7u8; len], "behind")).unwrap());
            assert_eq!(
                bytes,
                cbor2::to_canonical_vec(&(vec![7u8; len], "behind")).unwrap()
            );
        }
    }
}

#[test]
fn items_that_other_writers_make_are_read() {
    // Longer heads, tags, bignums with zeros, `undefined`.
    assert_eq!(decode::<u8>(b"\x1b\0\0\0\0\0\0\0\x05").unwrap(), 5);
    assert_eq!(decode::<String>(b"\x79\0\x01a").unwrap(), "a");
    assert_eq!(decode::<String>(b"\xc0\xd9\xd9\xf7\x61a").unwrap(), "a");
    assert_eq!(decode::<Option<u8>>(b"\xf7").unwrap(), None);
    assert_eq!(
        decode::<i128>(b"\xc3\x52\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05").unwrap(),
        -6
    );
    assert_eq!(decode::<Tree>(b"\xa1\x64Unit\xf6").unwrap(), Tree::Unit);
    // Not: indefinite lengths, fields by number.
    assert!(decode::<Vec<u8>>(b"\x9f\x01\xff").is_err());
    assert!(decode::<String>(b"\x7f\x61a\xff").is_err());
    assert!(decode::<Named>(b"\xa2\x00\x01\x01\x02").is_err());
}

#[test]
fn a_type_that_is_nothing_but_itself_does_not_overflow_the_stack() {
    #[derive(Debug, Deserialize)]
    struct Endless(#[expect(dead_code)] Option<Box<Endless>>);
    assert!(decode::<Endless>(b"\xf6").is_ok());
    assert!(decode::<Endless>(b"\x01").is_err());
}

#[test]
fn what_does_not_come_back_as_it_was() {
    assert_eq!(read_as::<f32>(0.1f64).unwrap(), 0.1f32);
    assert_eq!(
        read_as::<Vec<u8>>(serde_bytes::Bytes::new(b"ab")).unwrap(),
        b"ab"
    );
    assert_eq!(read_as::<ByteBuf>([1u8, 2]).unwrap().into_vec(), [1, 2]);
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Wide { number: i128 },
    }
    assert!(read_as::<Tagged>(Tagged::Wide { number: 1 }).is_err());
}

#[test]
fn a_sequence_of_another_length_is_an_error_wherever_it_stands() {
    assert!(read_as::<(u8, u8)>([1, 2, 3]).is_err());
    assert!(read_as::<(u8, u8)>([1]).is_err());
    assert!(read_as::<[u8; 2]>([1, 2, 3]).is_err());
    assert!(read_as::<Pair>((1, "x", 2)).is_err());
    // The same number of items, but in other places.
    assert!(read_as::<((u8, u8), u8)>(([1, 2, 3],)).is_err());
    assert!(read_as::<Vec<(u8, u8)>>([[1, 2, 3, 4]]).is_err());
}

#[test]
fn variants_are_not_mistaken_for_their_neighbours() {
    // A unit variant with content, and a variant with its content beside it.
    assert!(read_as::<Tree>(BTreeMap::from([("Unit", 5)])).is_err());
    assert!(read_as::<Vec<Tree>>(("Signed", 5)).is_err());
    assert!(read_as::<Tree>("Signed").is_err());
    assert!(read_as::<Tree>(BTreeMap::from([("Unit", 5), ("Signed", 5)])).is_err());
}

#[test]
fn some_none_is_none() {
    assert_eq!(
        read_as::<Option<Option<u8>>>(Some(None::<u8>)).unwrap(),
        None
    );
    assert_eq!(read_as::<Option<()>>(Some(())).unwrap(), None);
}

#[test]
fn a_key_twice_is_not_written_and_not_read_into_a_struct() {
    struct Twice;
    impl Serialize for Twice {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([("a", 1), ("a", 2)])
        }
    }
    assert!(encode(&Twice).is_err());
    let twice = b"\xa2\x61a\x01\x61a\x02";
    assert!(decode::<Named>(twice).is_err());
    assert_eq!(
        decode::<BTreeMap<String, u8>>(twice).unwrap(),
        BTreeMap::from([("a".into(), 2)])
    );
}

/// Serializes as nested values of this depth, without memory that would be dropped recursively.
#[derive(Clone, Copy)]
struct Deep(Nest, usize);

#[derive(Debug, Clone, Copy)]
enum Nest {
    Some,
    Newtype,
    NewtypeVariant,
    Seq,
    Tuple,
    TupleStruct,
    TupleVariant,
    Key,
    Value,
    Struct,
    StructVariant,
}

const NESTS: [Nest; 11] = [
    Nest::Some,
    Nest::Newtype,
    Nest::NewtypeVariant,
    Nest::Seq,
    Nest::Tuple,
    Nest::TupleStruct,
    Nest::TupleVariant,
    Nest::Key,
    Nest::Value,
    Nest::Struct,
    Nest::StructVariant,
];

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Newtype(Deep);
        #[derive(Serialize)]
        struct TupleStruct(Deep, u8);
        #[derive(Serialize)]
        struct Struct {
            a: Deep,
        }
        #[derive(Serialize)]
        enum Variant {
            Newtype(Deep),
            Tuple(Deep, u8),
            Struct { a: Deep },
        }
        let Some(less) = self.1.checked_sub(1) else {
            return serializer.serialize_u8(1);
        };
        let inner = Deep(self.0, less);
        match self.0 {
            Nest::Some => serializer.serialize_some(&inner),
            Nest::Newtype => Newtype(inner).serialize(serializer),
            Nest::NewtypeVariant => Variant::Newtype(inner).serialize(serializer),
            Nest::Seq => serializer.collect_seq([inner]),
            Nest::Tuple => (inner,).serialize(serializer),
            Nest::TupleStruct => TupleStruct(inner, 1).serialize(serializer),
            Nest::TupleVariant => Variant::Tuple(inner, 1).serialize(serializer),
            Nest::Key => serializer.collect_map([(inner, 1)]),
            Nest::Value => serializer.collect_map([(1, inner)]),
            Nest::Struct => Struct { a: inner }.serialize(serializer),
            Nest::StructVariant => Variant::Struct { a: inner }.serialize(serializer),
        }
    }
}

/// A smaller limit would refuse what an older version of the library has saved, and a larger one could overflow the
/// stack of a small thread.
#[test]
fn what_is_nested_too_deep_is_not_written() {
    for nest in NESTS {
        // The leaf is a level, too.
        assert!(encode(&Deep(nest, 127)).is_ok(), "{nest:?}");
        for depth in [128, 100_000] {
            assert!(encode(&Deep(nest, depth)).is_err(), "{nest:?}");
        }
    }
}

#[derive(Debug, Deserialize)]
struct Recursive(#[expect(dead_code)] Vec<Recursive>);

#[derive(Debug, Deserialize)]
struct Ignores {
    #[expect(dead_code)]
    a: Option<u8>,
}

#[test]
fn what_is_written_at_the_limit_is_read() {
    for nest in NESTS {
        let bytes = encode(&Deep(nest, 127)).unwrap();
        decode::<serde::de::IgnoredAny>(&bytes).unwrap();
    }
    #[derive(Serialize, Deserialize)]
    enum Chain {
        End,
        Link(Box<Chain>),
    }
    let chain = (1..128).fold(Chain::End, |chain, _| Chain::Link(chain.into()));
    decode::<Chain>(&encode(&chain).unwrap()).unwrap();
    assert!(encode(&Chain::Link(chain.into())).is_err());
    let nested = |levels| {
        let mut bytes = vec![0x81; levels];
        bytes.push(0x00);
        decode::<serde::de::IgnoredAny>(&bytes)
    };
    assert!(nested(255).is_ok());
    assert!(nested(256).is_err());
}

#[test]
fn a_simple_value_of_two_bytes_is_not_one_that_fits_into_one() {
    for (byte, is_read) in [(24, false), (31, false), (32, true), (255, true)] {
        let read = decode::<serde::de::IgnoredAny>(&[0xf8, byte]);
        assert_eq!(read.is_ok(), is_read, "{byte}");
    }
}

#[test]
fn hostile_bytes_are_an_error() {
    let deep = 100_000;
    let mut arrays = vec![0x81; deep];
    arrays.push(0x80);
    let mut tags = vec![0xc1; deep];
    tags.push(0x01);
    let mut maps = b"\xa1\x61a".repeat(deep);
    maps.push(0x01);
    let mut keys = vec![0xa1; deep];
    keys.extend(vec![0x01; deep + 1]);
    let mut indefinite = vec![0x9f; deep];
    indefinite.extend(vec![0xff; deep]);
    let items = [
        arrays,
        tags,
        maps,
        keys,
        indefinite,
        vec![0x9f; deep],
        vec![0xbf; deep],
        vec![0x7f; deep],
        vec![0x5f; deep],
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        b"\x9a\x7f\xff\xff\xff\x01".to_vec(),
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        b"\xc2\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        b"\x1c".to_vec(),
        b"\xff".to_vec(),
        b"\xf8\x10".to_vec(),
        b"\x61\xff".to_vec(),
        b"".to_vec(),
    ];
    for item in items {
        let unknown_field = [b"\xa1\x61z", item.as_slice()].concat();
        let start = &item[..item.len().min(12)];
        assert!(decode::<Ignores>(&unknown_field).is_err(), "{start:02x?}");
        assert!(
            decode::<serde::de::IgnoredAny>(&item).is_err(),
            "{start:02x?}"
        );
        assert!(decode::<Recursive>(&item).is_err(), "{start:02x?}");
        assert!(decode::<Tree>(&item).is_err(), "{start:02x?}");
        assert!(decode::<Vec<u64>>(&item).is_err(), "{start:02x?}");
        assert!(decode::<BTreeMap<u8, u8>>(&item).is_err(), "{start:02x?}");
        assert!(decode::<String>(&item).is_err(), "{start:02x?}");
        assert!(decode::<ByteBuf>(&item).is_err(), "{start:02x?}");
        assert!(decode::<Option<u64>>(&item).is_err(), "{start:02x?}");
        assert!(decode::<u128>(&item).is_err(), "{start:02x?}");
    }
}
