//! The values of the dictionary, compared with those of cbor2: what the library writes, and what it reads.

use crate::read;
use arbitrary::Arbitrary;
use cbor2::{
    Value,
    core::{Decoder, Header},
};
use hardtack::session::SessionMap;
use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer, MapDeserializer};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::ser::{
    SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeTupleVariant as _,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The levels that a value may have.
const MAX_DEPTH: usize = 128;

/// Everything that serde can say, in any order, and with lengths that are unknown or wrong.
#[derive(Arbitrary, Clone, Debug)]
enum Any {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
    /// A float with few bits, which has a short form.
    Short(u16, u8),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Any>),
    UnitStruct,
    Newtype(Box<Any>),
    UnitVariant,
    NewtypeVariant(Box<Any>),
    TupleVariant(Vec<Any>),
    Seq(Option<u8>, Vec<Any>),
    /// Many elements, so that the length needs more than a byte.
    Long(u16, Box<Any>),
    Map(Option<u8>, Vec<(Any, Any)>),
    /// Short texts as keys, which are often the same.
    Texts(Vec<(u8, Any)>),
    Struct(Box<[Any; 3]>),
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Any::Bool(value) => serializer.serialize_bool(*value),
            Any::I8(n) => serializer.serialize_i8(*n),
            Any::I16(n) => serializer.serialize_i16(*n),
            Any::I32(n) => serializer.serialize_i32(*n),
            Any::I64(n) => serializer.serialize_i64(*n),
            Any::I128(n) => serializer.serialize_i128(*n),
            Any::U8(n) => serializer.serialize_u8(*n),
            Any::U16(n) => serializer.serialize_u16(*n),
            Any::U32(n) => serializer.serialize_u32(*n),
            Any::U64(n) => serializer.serialize_u64(*n),
            Any::U128(n) => serializer.serialize_u128(*n),
            Any::F32(float) => serializer.serialize_f32(*float),
            Any::F64(float) => serializer.serialize_f64(*float),
            Any::Short(bits, zeros) => {
                let bits = u64::from(*bits) << 48 >> (zeros % 40);
                serializer.serialize_f64(f64::from_bits(bits))
            }
            Any::Char(char) => serializer.serialize_char(*char),
            Any::Text(text) => serializer.serialize_str(text),
            Any::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Any::None => serializer.serialize_none(),
            Any::Some(value) => serializer.serialize_some(value),
            Any::UnitStruct => serializer.serialize_unit_struct("Any"),
            Any::Newtype(value) => serializer.serialize_newtype_struct("Any", value),
            Any::UnitVariant => serializer.serialize_unit_variant("Any", 0, "Unit"),
            Any::NewtypeVariant(value) => {
                serializer.serialize_newtype_variant("Any", 1, "Newtype", value)
            }
            Any::TupleVariant(values) => {
                let mut tuple =
                    serializer.serialize_tuple_variant("Any", 2, "Tuple", values.len())?;
                values
                    .iter()
                    .try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Any::Seq(len, values) => {
                let mut seq = serializer.serialize_seq(len.map(usize::from))?;
                values
                    .iter()
                    .try_for_each(|value| seq.serialize_element(value))?;
                seq.end()
            }
            Any::Long(len, value) => {
                let mut seq = serializer.serialize_seq(None)?;
                (0..len % 300).try_for_each(|_| seq.serialize_element(value))?;
                seq.end()
            }
            Any::Map(len, entries) => {
                let mut map = serializer.serialize_map(len.map(usize::from))?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Any::Texts(entries) => serializer.collect_map(entries.iter().map(|(key, value)| {
                // Some differ at once, some only behind the first bytes.
                let (len, end) = (usize::from(key % 12), key / 12);
                (format!("{}{end}", &"same-beginning"[..len]), value)
            })),
            Any::Struct(fields) => {
                let [a, b, c] = &**fields;
                let mut fields = serializer.serialize_struct("Any", 3)?;
                fields.serialize_field("id", a)?;
                fields.serialize_field("admin", b)?;
                fields.serialize_field("name", c)?;
                fields.end()
            }
        }
    }
}

impl Any {
    /// The values directly inside.
    fn inside(&self) -> Vec<&Any> {
        match self {
            Any::Some(value) | Any::Newtype(value) | Any::NewtypeVariant(value) => vec![value],
            Any::Long(len, value) if len % 300 > 0 => vec![value],
            Any::TupleVariant(values) | Any::Seq(_, values) => values.iter().collect(),
            Any::Map(_, entries) => entries.iter().flat_map(|(a, b)| [a, b]).collect(),
            Any::Texts(entries) => entries.iter().map(|(_, value)| value).collect(),
            Any::Struct(fields) => fields.iter().collect(),
            _ => vec![],
        }
    }

    fn depth(&self) -> usize {
        let inside = self.inside().into_iter().map(Any::depth).max();
        inside.map_or(1, |depth| depth + 1)
    }

    /// How many values there are in all.
    fn size(&self) -> usize {
        let times = match self {
            Any::Long(len, _) => usize::from(len % 300),
            _ => 1,
        };
        let inside = self.inside().into_iter().map(Any::size);
        inside.fold(1, |sum: usize, size| {
            sum.saturating_add(size.saturating_mul(times))
        })
    }
}

/// What the library writes for a value.
fn encode(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut map = SessionMap::default();
    map.insert("key", value).ok()?;
    let map = Value::serialized(&map).unwrap();
    let (_, item) = &map.as_map().unwrap()[0];
    Some(item.as_bytes().unwrap().clone())
}

/// A dictionary with these bytes as its value.
fn dictionary(item: &[u8]) -> SessionMap {
    let item = BorrowedBytesDeserializer::<serde::de::value::Error>::new(item);
    let key = BorrowedStrDeserializer::new("key");
    let map = MapDeserializer::new([(key, item)].into_iter());
    SessionMap::deserialize(map).unwrap()
}

pub fn cbor_values(data: &[u8]) {
    if let Some(value) = read::<Any>(data) {
        write(&value);
    }
    read_all(data);
}

/// The library writes what cbor2 writes, byte for byte. It refuses what cbor2 refuses, but for two things.
fn write(value: &Any) {
    if value.size() > 5_000 || value.depth() > 2 * MAX_DEPTH {
        return;
    }
    match (encode(value), cbor2::to_canonical_vec(value)) {
        (Some(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{value:?}");
            assert!(value.depth() <= MAX_DEPTH);
            dictionary(&ours).get::<IgnoredAny>("key").unwrap();
        }
        (None, Err(_)) => {}
        // The library's limit is the lower one.
        (None, Ok(_)) => assert!(value.depth() > MAX_DEPTH, "{value:?}"),
        // For cbor2, 0.0 and -0.0 are one key. Their bytes differ, so here they are two.
        (Some(ours), Err(_)) => {
            let minus = ours.windows(3).any(|bytes| bytes == b"\xf9\x80\x00");
            assert!(minus, "{value:?}");
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    id: u32,
    name: Option<String>,
    #[serde(default)]
    more: Vec<Tree>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Number(i64),
    Pair(Box<Tree>, f32),
    Fields { a: char, b: Option<Box<Tree>> },
}

#[derive(Debug, Serialize, Deserialize)]
struct Newtype(Option<Vec<Option<f64>>>);

fn read_all(item: &[u8]) {
    let Some(facts) = Facts::of(item) else {
        return;
    };
    compare::<IgnoredAny>(item, &facts, false);
    compare::<()>(item, &facts, false);
    compare::<bool>(item, &facts, false);
    compare::<char>(item, &facts, false);
    compare::<String>(item, &facts, false);
    compare::<ByteBuf>(item, &facts, false);
    compare::<u8>(item, &facts, false);
    compare::<i16>(item, &facts, false);
    compare::<u64>(item, &facts, false);
    compare::<i64>(item, &facts, false);
    compare::<u128>(item, &facts, false);
    compare::<i128>(item, &facts, false);
    compare::<f32>(item, &facts, false);
    compare::<f64>(item, &facts, false);
    compare::<Vec<u8>>(item, &facts, false);
    compare::<(bool, String)>(item, &facts, false);
    compare::<[Option<bool>; 3]>(item, &facts, false);
    compare::<Newtype>(item, &facts, false);
    compare::<BTreeMap<String, Option<i8>>>(item, &facts, false);
    compare::<BTreeMap<i32, BTreeMap<Vec<u8>, ()>>>(item, &facts, false);
    compare::<Named>(item, &facts, true);
    compare::<Vec<Named>>(item, &facts, true);
    compare::<Tree>(item, &facts, true);
    compare::<serde_json::Value>(item, &facts, false);
}

/// What the library and cbor2 judge differently.
#[derive(Default)]
struct Facts {
    /// The bytes are one item.
    valid: bool,
    /// The format page has definite lengths only.
    indefinite: bool,
    /// Numbers are read as either kind here.
    number: bool,
    /// Tags are passed over here, also where the type is not known. A big integer does not read as a byte string, and may have
    /// zeros before its digits.
    tag: bool,
    /// cbor2 takes bytes for the name of a field or variant, and passes over fields with numbers as names.
    key_without_text: bool,
}

impl Facts {
    /// None of an item that comes near the limits of depth, which do not count the same.
    fn of(item: &[u8]) -> Option<Facts> {
        let mut facts = Facts {
            valid: cbor2::validate_slice(item).is_ok(),
            ..Facts::default()
        };
        if facts.valid {
            let value: Value = cbor2::from_slice(item).ok()?;
            facts.look(&value, MAX_DEPTH / 2)?;
            facts.look_at_heads(item);
        }
        let heads = item
            .iter()
            .filter(|byte| (0x81..0xe0).contains(*byte))
            .count();
        (facts.valid || heads < MAX_DEPTH / 2).then_some(facts)
    }

    fn look(&mut self, value: &Value, levels: usize) -> Option<()> {
        let levels = levels.checked_sub(1)?;
        match value {
            Value::Integer(_) | Value::Float(_) => self.number = true,
            Value::Tag(_, inside) => self.look(inside, levels)?,
            Value::Array(values) => values
                .iter()
                .try_for_each(|value| self.look(value, levels))?,
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.key_without_text |= !matches!(key, Value::Text(_));
                    self.look(key, levels)?;
                    self.look(value, levels)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// What a value does not show: of a big integer whose digits fit into 64 bits, cbor2 makes a plain one.
    fn look_at_heads(&mut self, item: &[u8]) {
        let mut decoder = Decoder::from(item);
        while let (false, Ok(head)) = (self.indefinite, decoder.pull()) {
            match head {
                Header::Bytes(Some(len)) | Header::Text(Some(len)) => {
                    decoder.read_exact(&mut vec![0; len]).unwrap();
                }
                Header::Bytes(None) | Header::Text(None) => self.indefinite = true,
                Header::Array(None) | Header::Map(None) => self.indefinite = true,
                Header::Tag(_) => self.tag = true,
                _ => {}
            }
        }
    }
}

/// The library reads what cbor2 reads, and refuses what it refuses, but for the [`Facts`]. `names` says whether the type
/// has names for its fields.
fn compare<T: DeserializeOwned + Debug>(item: &[u8], facts: &Facts, names: bool) {
    let ours = dictionary(item).get::<T>("key").map(Option::unwrap);
    let theirs = cbor2::from_slice::<T>(item).ok().filter(|_| facts.valid);
    match (ours, theirs) {
        (Ok(ours), Some(theirs)) => assert_eq!(format!("{ours:?}"), format!("{theirs:?}")),
        (Ok(ours), None) => {
            assert!(facts.valid && !facts.indefinite, "{ours:?}");
            assert!(facts.number || facts.tag, "{ours:?}");
        }
        (Err(_), Some(theirs)) => assert!(
            facts.indefinite || facts.tag || names && facts.key_without_text,
            "{theirs:?}"
        ),
        (Err(_), None) => {}
    }
}
