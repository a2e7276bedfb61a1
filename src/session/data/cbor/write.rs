//! Writes a value as one deterministic item (RFC 8949, section 4.2.1), in one pass.

use super::{Error, half};
use alloc::vec::Vec;
use serde::ser::{self, Serialize, SerializeMap as _, Serializer};

// Major types (RFC 8949, section 3.1), where they stand in the first byte.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const ARRAY: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const TAG: u8 = 6 << 5;

/// Returns the item of a value with at most this many levels inside.
pub(super) fn to_vec<T: Serialize + ?Sized>(value: &T, levels: usize) -> Result<Vec<u8>, Error> {
    // Most values fit, twice: sorting needs the room.
    let (mut bytes, mut entries) = (Vec::with_capacity(256), Vec::new());
    value.serialize(Writer {
        bytes: &mut bytes,
        entries: &mut entries,
        levels,
    })?;
    Ok(bytes)
}

/// Writes a major type and its argument in the fewest bytes.
fn head(bytes: &mut Vec<u8>, major: u8, argument: u64) {
    let [.., d, c, b, a] = argument.to_be_bytes();
    match argument {
        0..24 => bytes.push(major | a),
        24..0x100 => bytes.extend_from_slice(&[major | 24, a]),
        0x100..0x1_0000 => bytes.extend_from_slice(&[major | 25, b, a]),
        0x1_0000..0x1_0000_0000 => bytes.extend_from_slice(&[major | 26, d, c, b, a]),
        _ => {
            bytes.push(major | 27);
            bytes.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// Writes a byte or text string.
fn string(bytes: &mut Vec<u8>, major: u8, content: &[u8]) {
    head(bytes, major, content.len() as u64);
    bytes.extend_from_slice(content);
}

/// Writes an integer, or `-1 - n` if it is `negative`. Beyond 64 bits it is a tagged byte string (section 3.4.3).
fn integer(bytes: &mut Vec<u8>, negative: bool, n: u128) {
    let (major, tag) = if negative {
        (NEGATIVE, 3)
    } else {
        (UNSIGNED, 2)
    };
    if let Ok(n) = u64::try_from(n) {
        return head(bytes, major, n);
    }
    let (digits, zeros) = (n.to_be_bytes(), n.leading_zeros() as usize / 8);
    head(bytes, TAG, tag);
    string(bytes, BYTES, digits.get(zeros..).unwrap_or_default());
}

/// Writes a float in the fewest bytes that keep it. Every NaN is the same.
fn float(bytes: &mut Vec<u8>, value: f64) {
    let single = value as f32;
    if value.is_nan() {
        bytes.extend_from_slice(b"\xf9\x7e\x00");
    } else if f64::from(single).to_bits() != value.to_bits() {
        bytes.push(0xfb);
        bytes.extend_from_slice(&value.to_be_bytes());
    } else if let Some(half) = half::to_bits(single) {
        bytes.push(0xf9);
        bytes.extend_from_slice(&half.to_be_bytes());
    } else {
        bytes.push(0xfa);
        bytes.extend_from_slice(&single.to_be_bytes());
    }
}

struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    /// The entries of all maps that are being written, those of the innermost map last.
    entries: &'a mut Vec<Entry>,
    /// How many levels may be inside what is written.
    levels: usize,
}

/// Where an entry of a map stands.
struct Entry {
    /// The first bytes of the key. They decide most comparisons.
    prefix: u64,
    start: usize,
    key_end: usize,
    end: usize,
}

impl<'a> Writer<'a> {
    /// Writes a value that is inside this one.
    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Writer {
            bytes: self.bytes,
            entries: self.entries,
            levels: self.levels.checked_sub(1).ok_or(Error::TooDeep)?,
        })
    }

    /// Begins a variant with content: a map of one entry.
    fn variant(self, name: &str) -> Self {
        head(self.bytes, MAP, 1);
        string(self.bytes, TEXT, name.as_bytes());
        self
    }

    /// Begins an array or a map. Its length is written at its end: serde may not know it, or be wrong.
    fn compound(self) -> Compound<'a> {
        let (start, first) = (self.bytes.len(), self.entries.len());
        self.bytes.push(0);
        Compound {
            writer: self,
            start,
            len: 0,
            first,
            key: None,
        }
    }
}

macro_rules! scalars {
    ($($method:ident($self:ident $(, $arg:tt: $type:ty)*) $write:expr;)*) => {$(
        fn $method($self $(, $arg: $type)*) -> Result<(), Error> {
            $write;
            Ok(())
        }
    )*};
}

macro_rules! nested {
    ($($method:ident($self:ident $(, $arg:tt: $type:ty)*) $writer:expr;)*) => {$(
        fn $method<T: Serialize + ?Sized>($self $(, $arg: $type)*, value: &T) -> Result<(), Error> {
            let mut writer = $writer;
            writer.inside(value)
        }
    )*};
}

macro_rules! compounds {
    ($($method:ident($self:ident $(, $arg:tt: $type:ty)*) -> $compound:ident $writer:expr;)*) => {
        $(type $compound = Compound<'a>;)*
        $(fn $method($self $(, $arg: $type)*) -> Result<Compound<'a>, Error> {
            Ok($writer.compound())
        })*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;

    scalars! {
        serialize_bool(self, value: bool) self.bytes.push(0xf4 | u8::from(value));
        serialize_i8(self, n: i8) self.serialize_i64(n.into())?;
        serialize_i16(self, n: i16) self.serialize_i64(n.into())?;
        serialize_i32(self, n: i32) self.serialize_i64(n.into())?;
        serialize_i64(self, n: i64) integer(self.bytes, n < 0, (n ^ n >> 63).unsigned_abs().into());
        serialize_i128(self, n: i128) integer(self.bytes, n < 0, (n ^ n >> 127).unsigned_abs());
        serialize_u8(self, n: u8) self.serialize_u64(n.into())?;
        serialize_u16(self, n: u16) self.serialize_u64(n.into())?;
        serialize_u32(self, n: u32) self.serialize_u64(n.into())?;
        serialize_u64(self, n: u64) head(self.bytes, UNSIGNED, n);
        serialize_u128(self, n: u128) integer(self.bytes, false, n);
        serialize_f32(self, value: f32) float(self.bytes, value.into());
        serialize_f64(self, value: f64) float(self.bytes, value);
        serialize_char(self, value: char) self.serialize_str(value.encode_utf8(&mut [0; 4]))?;
        serialize_str(self, text: &str) string(self.bytes, TEXT, text.as_bytes());
        serialize_bytes(self, bytes: &[u8]) string(self.bytes, BYTES, bytes);
        serialize_none(self) self.bytes.push(0xf6);
        serialize_unit(self) self.bytes.push(0xf6);
        serialize_unit_struct(self, _: &'static str) self.bytes.push(0xf6);
        serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) self.serialize_str(name)?;
    }

    nested! {
        serialize_some(self) self;
        serialize_newtype_struct(self, _: &'static str) self;
        serialize_newtype_variant(self, _: &'static str, _: u32, name: &'static str) self.variant(name);
    }

    compounds! {
        serialize_seq(self, _: Option<usize>) -> SerializeSeq self;
        serialize_tuple(self, _: usize) -> SerializeTuple self;
        serialize_tuple_struct(self, _: &'static str, _: usize) -> SerializeTupleStruct self;
        serialize_tuple_variant(self, _: &'static str, _: u32, name: &'static str, _: usize)
            -> SerializeTupleVariant self.variant(name);
        serialize_map(self, _: Option<usize>) -> SerializeMap self;
        serialize_struct(self, _: &'static str, _: usize) -> SerializeStruct self;
        serialize_struct_variant(self, _: &'static str, _: u32, name: &'static str, _: usize)
            -> SerializeStructVariant self.variant(name);
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// An array or a map that is being written.
struct Compound<'a> {
    writer: Writer<'a>,
    start: usize,
    /// The elements so far, of an array.
    len: usize,
    /// The first of its entries, of a map.
    first: usize,
    /// Where the key begins and ends whose value is next.
    key: Option<(usize, usize)>,
}

impl Compound<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.len = self.len.saturating_add(1);
        self.writer.inside(value)
    }

    fn end_array(self) -> Result<(), Error> {
        close(self.writer.bytes, self.start, ARRAY, self.len);
        Ok(())
    }

    fn end_map(self) -> Result<(), Error> {
        if self.key.is_some() {
            return Err(Error::Other);
        }
        let Writer { bytes, entries, .. } = self.writer;
        let new = entries.get_mut(self.first..).unwrap_or_default();
        let key = |entry: &Entry| (entry.prefix, bytes.get(entry.start..entry.key_end));
        if !new.is_sorted_by(|a, b| key(a) < key(b)) {
            new.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
            if !new.is_sorted_by(|a, b| key(a) < key(b)) {
                return Err(Error::KeyTwice);
            }
            let end = bytes.len();
            for entry in &*new {
                bytes.extend_from_within(entry.start..entry.end);
            }
            drop(bytes.drain(self.start.saturating_add(1)..end));
        }
        let len = new.len();
        entries.truncate(self.first);
        close(bytes, self.start, MAP, len);
        Ok(())
    }
}

/// Puts the length where the compound begins.
fn close(bytes: &mut Vec<u8>, start: usize, major: u8, len: usize) {
    match bytes.get_mut(start) {
        Some(first) if len < 24 => *first = major | len as u8,
        _ => {
            let mut longer = Vec::new();
            head(&mut longer, major, len as u64);
            drop(bytes.splice(start..=start, longer));
        }
    }
}

macro_rules! ends {
    ($($trait:ident $method:ident($($key:ident)?) $element:ident, $end:ident;)*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), Error> {
                self.$element($($key,)? value)
            }

            fn end(self) -> Result<(), Error> {
                self.$end()
            }
        }
    )*};
}

ends! {
    SerializeSeq serialize_element() element, end_array;
    SerializeTuple serialize_element() element, end_array;
    SerializeTupleStruct serialize_field() element, end_array;
    SerializeTupleVariant serialize_field() element, end_array;
    SerializeStruct serialize_field(key) serialize_entry, end_map;
    SerializeStructVariant serialize_field(key) serialize_entry, end_map;
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        if self.key.is_some() {
            return Err(Error::Other);
        }
        let start = self.writer.bytes.len();
        self.writer.inside(key)?;
        self.key = Some((start, self.writer.bytes.len()));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let (start, key_end) = self.key.take().ok_or(Error::Other)?;
        self.writer.inside(value)?;
        let Writer { bytes, entries, .. } = &mut self.writer;
        let mut prefix = [0; 8];
        let key = bytes.get(start..key_end).unwrap_or_default();
        for (prefix, byte) in prefix.iter_mut().zip(key) {
            *prefix = *byte;
        }
        if entries.is_empty() {
            entries.reserve(8);
        }
        entries.push(Entry {
            prefix: u64::from_be_bytes(prefix),
            start,
            key_end,
            end: bytes.len(),
        });
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        self.end_map()
    }
}
