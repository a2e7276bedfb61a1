//! Reads an item as the type that is asked for, in one pass.
//!
//! Bytes may be hostile. A length that the rest cannot hold is refused, so nothing is allocated for it. Every serde
//! call inside another and every tag is a level, so the stack is bounded.

use super::{Error, half};
use core::str::from_utf8;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed as Seed, Deserializer, MapAccess, SeqAccess, Visitor,
    value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqDeserializer},
};

/// Reads bytes that are exactly one item, with at most this many levels inside.
pub(super) fn from_slice<T: DeserializeOwned>(mut bytes: &[u8], levels: usize) -> Result<T, Error> {
    let rest = &mut bytes;
    let value = T::deserialize(Reader { rest, levels })?;
    bytes.is_empty().then_some(value).ok_or(Error::Other)
}

/// An item, up to the items inside it.
enum Head<'de> {
    /// Whether it is `-1 - n`, and n.
    Integer(bool, u64),
    /// The same beyond 64 bits: n by its digits.
    Big(bool, &'de [u8]),
    Float(f64),
    Bytes(&'de [u8]),
    Text(&'de str),
    Array(usize),
    Map(usize),
    Simple(u8),
}

// JavaScript has one kind of number: it writes 60.0 as an integer, and 2^60 as a float. So a number is read as the kind
// that is asked for if nothing is lost.
impl Head<'_> {
    /// Returns whether the integer is `-1 - n`, and n.
    fn integer(self) -> Result<(bool, u128), Error> {
        let float = match self {
            Head::Integer(negative, n) => return Ok((negative, n.into())),
            Head::Big(negative, digits) => {
                let push = |n: u128, digit: &u8| Some(n.checked_mul(256)? | u128::from(*digit));
                let n = digits.iter().try_fold(0, push);
                return Ok((negative, n.ok_or(Error::Range)?));
            }
            Head::Float(float) => float,
            _ => return Err(Error::Other),
        };
        // The conversion cuts off a fraction, and ends at the last integer. Both make another float.
        let n = float.abs() as u128;
        if n as f64 != float.abs() || n == u128::MAX {
            return Err(Error::Other);
        }
        let negative = float.is_sign_negative();
        // The sign of -0.0 would be lost.
        Ok((
            negative,
            n.checked_sub(negative.into()).ok_or(Error::Other)?,
        ))
    }

    fn unsigned<N: TryFrom<u128>>(self) -> Result<N, Error> {
        let (negative, n) = self.integer()?;
        n.try_into().ok().filter(|_| !negative).ok_or(Error::Range)
    }

    fn signed<N: TryFrom<i128>>(self) -> Result<N, Error> {
        let (negative, n) = self.integer()?;
        let n = i128::try_from(n).map_err(|_| Error::Range)?;
        N::try_from(if negative { !n } else { n }).map_err(|_| Error::Range)
    }

    fn float(self) -> Result<f64, Error> {
        if let Head::Float(float) = self {
            return Ok(float);
        }
        let n: i128 = self.signed()?;
        let kept = n as f64 as i128 == n && n != i128::MAX;
        kept.then_some(n as f64).ok_or(Error::Range)
    }
}

struct Reader<'a, 'de> {
    rest: &'a mut &'de [u8],
    /// How many levels may be inside what is read.
    levels: usize,
}

impl<'de> Reader<'_, 'de> {
    /// Returns a reader of what is inside this item.
    fn inside(&mut self) -> Result<Reader<'_, 'de>, Error> {
        let levels = self.levels.checked_sub(1).ok_or(Error::TooDeep)?;
        let rest = &mut *self.rest;
        Ok(Reader { rest, levels })
    }

    fn take(&mut self, len: u64) -> Result<&'de [u8], Error> {
        let len = usize::try_from(len).map_err(|_| Error::Other)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Error::Other)?;
        *self.rest = rest;
        Ok(taken)
    }

    /// Reads the next item up to what is inside. Lengths are definite, as the format has it.
    fn head(&mut self) -> Result<Head<'de>, Error> {
        let (first, rest) = self.rest.split_first().ok_or(Error::Other)?;
        *self.rest = rest;
        let (major, info) = (first >> 5, first & 31);
        let push = |n, byte: &u8| n << 8 | u64::from(*byte);
        let argument = match info {
            0..24 => info.into(),
            24..28 => self.take(1 << (info & 3))?.iter().fold(0, push),
            _ => return Err(Error::Other),
        };
        // Every element takes at least one byte.
        let len = || match usize::try_from(argument) {
            Ok(len) if len <= self.rest.len() => Ok(len),
            _ => Err(Error::Other),
        };
        Ok(match (major, info) {
            (0 | 1, _) => Head::Integer(major == 1, argument),
            (2, _) => Head::Bytes(self.take(argument)?),
            (3, _) => Head::Text(from_utf8(self.take(argument)?).map_err(|_| Error::Other)?),
            (4, _) => Head::Array(len()?),
            (5, _) => Head::Map(len()?),
            (6, _) => return self.tagged(argument),
            (_, 27) => Head::Float(f64::from_bits(argument)),
            (_, 26) => Head::Float(f32::from_bits(argument as u32).into()),
            (_, 25) => Head::Float(half::from_bits(argument as u16).into()),
            // Not well-formed (RFC 8949, section 3.3).
            (_, 24) if argument < 32 => return Err(Error::Other),
            _ => Head::Simple(argument as u8),
        })
    }

    fn text(&mut self) -> Result<&'de str, Error> {
        // Most texts are short, as the names of a struct are. Their length is in the first byte, so no head is made of it.
        if let Some((first @ 0x60..0x78, rest)) = self.rest.split_first()
            && let Some((text, rest)) = rest.split_at_checked((first & 31).into())
        {
            *self.rest = rest;
            return from_utf8(text).map_err(|_| Error::Other);
        }
        match self.head()? {
            Head::Text(text) => Ok(text),
            _ => Err(Error::Other),
        }
    }

    /// Reads the item behind a tag. Only the tags of big integers (RFC 8949, section 3.4.3) say what the type does not.
    fn tagged(&mut self, tag: u64) -> Result<Head<'de>, Error> {
        self.levels = self.inside()?.levels;
        match (tag, self.head()?) {
            (2 | 3, Head::Bytes(digits)) => Ok(Head::Big(tag == 3, digits)),
            (2 | 3, _) => Err(Error::Other),
            (_, head) => Ok(head),
        }
    }

    /// Reads what is inside an array or a map, all of it: what a type leaves over, the next type would read.
    fn compound<T, F>(&mut self, left: usize, read: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Inside<'_, 'de>) -> Result<T, Error>,
    {
        let reader = self.inside()?;
        let mut inside = Inside { reader, left };
        let value = read(&mut inside)?;
        (inside.left == 0).then_some(value).ok_or(Error::Other)
    }
}

macro_rules! methods {
    ($($method:ident($self:ident, $visitor:ident $(, $arg:ty)*) $value:expr;)*) => {$(
        #[allow(unused_mut, reason = "not all of them read a head")]
        fn $method<V: Visitor<'de>>(mut $self $(, _: $arg)*, $visitor: V) -> Result<V::Value, Error> {
            $value
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_, 'de> {
    type Error = Error;

    methods! {
        deserialize_any(self, visitor) match self.head()? {
            Head::Integer(false, n) => visitor.visit_u64(n),
            Head::Integer(true, n) if n >> 63 == 0 => visitor.visit_i64(!(n as i64)),
            head @ (Head::Integer(..) | Head::Big(true, _)) => visitor.visit_i128(head.signed()?),
            head @ Head::Big(false, _) => visitor.visit_u128(head.unsigned()?),
            Head::Float(float) => visitor.visit_f64(float),
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Text(text) => visitor.visit_borrowed_str(text),
            Head::Array(len) => self.compound(len, |inside| visitor.visit_seq(inside)),
            Head::Map(len) => self.compound(len, |inside| visitor.visit_map(inside)),
            Head::Simple(bool @ (20 | 21)) => visitor.visit_bool(bool == 21),
            // `undefined` of JavaScript is read as null.
            Head::Simple(22 | 23) => visitor.visit_unit(),
            Head::Simple(_) => Err(Error::Other),
        };
        deserialize_bool(self, visitor) self.deserialize_any(visitor);
        deserialize_i8(self, visitor) self.deserialize_i64(visitor);
        deserialize_i16(self, visitor) self.deserialize_i64(visitor);
        deserialize_i32(self, visitor) self.deserialize_i64(visitor);
        deserialize_i64(self, visitor) visitor.visit_i64(self.head()?.signed()?);
        deserialize_i128(self, visitor) visitor.visit_i128(self.head()?.signed()?);
        deserialize_u8(self, visitor) self.deserialize_u64(visitor);
        deserialize_u16(self, visitor) self.deserialize_u64(visitor);
        deserialize_u32(self, visitor) self.deserialize_u64(visitor);
        deserialize_u64(self, visitor) visitor.visit_u64(self.head()?.unsigned()?);
        deserialize_u128(self, visitor) visitor.visit_u128(self.head()?.unsigned()?);
        deserialize_f32(self, visitor) visitor.visit_f32(self.head()?.float()? as f32);
        deserialize_f64(self, visitor) visitor.visit_f64(self.head()?.float()?);
        deserialize_char(self, visitor) self.deserialize_str(visitor);
        deserialize_str(self, visitor) visitor.visit_borrowed_str(self.text()?);
        deserialize_string(self, visitor) self.deserialize_str(visitor);
        deserialize_identifier(self, visitor) self.deserialize_str(visitor);
        // Bytes and a sequence of integers are read as each other: serde does not always know which it has.
        deserialize_bytes(self, visitor) match self.head()? {
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Array(len) => self.compound(len, |inside| visitor.visit_seq(inside)),
            _ => Err(Error::Other),
        };
        deserialize_byte_buf(self, visitor) self.deserialize_bytes(visitor);
        deserialize_seq(self, visitor) match self.head()? {
            Head::Array(len) => self.compound(len, |inside| visitor.visit_seq(inside)),
            Head::Bytes(bytes) => {
                let mut integers = SeqDeserializer::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut integers)?;
                integers.end().map(|()| value)
            }
            _ => Err(Error::Other),
        };
        deserialize_tuple(self, visitor, usize) self.deserialize_seq(visitor);
        deserialize_tuple_struct(self, visitor, &'static str, usize) self.deserialize_seq(visitor);
        deserialize_map(self, visitor) match self.head()? {
            Head::Map(len) => self.compound(len, |inside| visitor.visit_map(inside)),
            _ => Err(Error::Other),
        };
        deserialize_struct(self, visitor, &'static str, &'static [&'static str]) self.deserialize_map(visitor);
        // A text is a variant without content, a map of one entry is a variant and its content.
        deserialize_enum(self, visitor, &'static str, &'static [&'static str]) match self.head()? {
            Head::Text(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Head::Map(1) => self.compound(1, |inside| visitor.visit_enum(MapAccessDeserializer::new(inside))),
            _ => Err(Error::Other),
        };
        deserialize_unit(self, visitor) self.deserialize_any(visitor);
        deserialize_unit_struct(self, visitor, &'static str) self.deserialize_unit(visitor);
        deserialize_option(self, visitor) match self.rest.first() {
            Some(0xf6 | 0xf7) => self.head().and_then(|_| visitor.visit_none()),
            _ => visitor.visit_some(self.inside()?),
        };
        deserialize_newtype_struct(self, visitor, &'static str) visitor.visit_newtype_struct(self.inside()?);
        deserialize_ignored_any(self, visitor) {
            let len = match self.head()? {
                Head::Array(len) => len,
                Head::Map(len) => len.saturating_mul(2),
                _ => 0,
            };
            (0..len).try_for_each(|_| self.inside()?.deserialize_ignored_any(de::IgnoredAny).map(drop))?;
            visitor.visit_unit()
        };
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// What is inside an array or a map.
struct Inside<'a, 'de> {
    reader: Reader<'a, 'de>,
    /// The elements or entries that are not read yet.
    left: usize,
}

impl<'de> SeqAccess<'de> for Inside<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: Seed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        self.next_value_seed(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Inside<'_, 'de> {
    type Error = Error;

    fn next_key_seed<T: Seed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: Seed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let Reader {
            ref mut rest,
            levels,
        } = self.reader;
        seed.deserialize(Reader { rest, levels })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}
