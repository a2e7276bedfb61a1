//! Encodes a value of the dictionary as one CBOR item (RFC 8949).
//!
//! Postcard does not store types, so a number that is read as a string could return wrong data
//! unnoticed. CBOR stores types and makes it an error. The session calls only [`encode`] and
//! [`decode`].
//!
//! # Why cbor2
//!
//! | | cbor2 1.1 | cbor4ii 1.2 | ciborium 0.2 | minicbor-serde 0.7 |
//! |---|---|---|---|---|
//! | unit is null, as the format requires | yes | no, `[]` | yes | no, `[]` |
//! | equal maps have equal bytes in any order of iteration | yes | no | no | no |
//! | an iterator of unknown length is written with its length | yes | no | no | no |
//! | an array with too many elements is refused at once | yes | yes | no, the rest is read as the next item | yes |
//! | `{"A": 5}` read as the unit variant `A` | error | `A`, the 5 is read as the next item | the same | the same |
//! | 100,000 nested arrays | error | error | error | stack overflow |
//! | a struct of 115 bytes, time to encode and decode as here, on one machine | 1.1 us, 0.9 us | 0.1, 0.3 | 0.3, 1.2 | 0.3, 0.4 |
//!
//! The second row decides. The session compares bytes to find out whether a value changed, and a
//! `HashMap` that was stored again without a change must not send a cookie. The price is slow
//! encoding, through a tree that sorts the keys. Decoding reads the bytes twice, for the reason
//! that is given there.
//!
//! # What is lost
//!
//! - `Some(None)` and `Some(())` are null and are read as `None`. Every NaN becomes the same NaN.
//! - The width of a number is not stored. A number is read as any type that it fits. An `f64` that
//!   is read as `f32` is rounded.
//! - A byte string can be read as a sequence of integers, and the reverse. The bytes are the same.
//! - serde cannot read an `i128` or `u128` inside an untagged, internally tagged or flattened type.

mod depth;

use alloc::{boxed::Box, format, vec::Vec};
use core::fmt;
use serde::{Serialize, de::DeserializeOwned};

/// The maximum depth of a value. Every serde call inside another counts: sequences, maps, structs and
/// variants, and also `Some` and newtypes, which write no byte.
///
/// The maximum is below that of cbor2 for reading, so everything that was written can be read.
const MAX_DEPTH: usize = 128;
const _: () = assert!(MAX_DEPTH < cbor2::de::DEFAULT_RECURSION_LIMIT);

/// Says why a value was not encoded or decoded. The text names only types, because the messages of
/// serde and cbor2 may quote the value, and errors go to logs.
#[derive(Debug)]
pub(super) struct ValueError(Box<str>);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ValueError {}

/// Encodes a value deterministically (RFC 8949, section 4.2.1), with definite lengths, the shortest
/// integers and floats, and sorted keys.
///
/// A map that has a key twice and a value with more than [`MAX_DEPTH`] levels are errors.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ValueError> {
    cbor2::to_canonical_vec(&depth::Limited::new(value, MAX_DEPTH)).map_err(|_| {
        let value = core::any::type_name::<T>();
        let why = format!(
            "{value} does not serialize, has a key twice, or has more than {MAX_DEPTH} levels"
        );
        ValueError(why.into())
    })
}

/// Decodes exactly one item. Extra bytes, extra elements and an item of another type are errors.
///
/// If a key appears twice, a struct is an error and a map keeps the last value, as serde does.
/// `encode` never writes a key twice.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ValueError> {
    // The first pass checks the whole item without `T`: that its lengths are true, and that its
    // depth is bounded with tags, because the typed reader skips any number of tags. So no memory
    // is allocated for a false length.
    let found = cbor2::validate_slice(bytes).and_then(|()| cbor2::from_slice(bytes));
    found.map_err(|_| {
        let (found, wanted) = (kind(bytes), core::any::type_name::<T>());
        ValueError(format!("found {found}, wanted {wanted}").into())
    })
}

/// Names the kind of an item by its major type (RFC 8949, section 3.1).
fn kind(item: &[u8]) -> &'static str {
    match item.first().map(|first| first >> 5) {
        Some(0 | 1) => "an integer",
        Some(2) => "a byte string",
        Some(3) => "a text",
        Some(4) => "a sequence",
        Some(5) => "a map",
        Some(6) => "a tagged item",
        Some(_) => "a boolean, null or a float",
        None => "nothing",
    }
}

#[cfg(test)]
mod tests;
