//! Encodes a value of the dictionary as one CBOR item (RFC 8949).
//!
//! Postcard does not store types, so a number that is read as a string could return wrong data
//! unnoticed. CBOR stores types and makes it an error. The session calls only [`encode`] and
//! [`decode`].
//!
//! # Why not a crate
//!
//! The session saves what changed, and compares bytes: a `HashMap` that was put back unchanged must not send a cookie. So
//! equal maps must give equal bytes. Of the crates, only cbor2 does that, through a tree of the value. The tests compare
//! every byte with it. [`mod@write`] appends to a vector, and sorts
//! only the maps whose keys came in another order.
//!
//! | | here | cbor2 1.1 | cbor4ii 1.2 | ciborium 0.2 | minicbor-serde 0.7 |
//! |---|---|---|---|---|---|
//! | unit is null, as the format page has it | yes | yes | no, `[]` | yes | no, `[]` |
//! | equal maps give equal bytes, whatever order they iterate in | yes | yes | no | no | no |
//! | an iterator of unknown length is written with its length | yes | yes | no | no | no |
//! | an array longer than its type wants is refused where it stands | yes | yes | yes | no, the rest is read as what follows | yes |
//! | `{"A": 5}` read as the unit variant `A` | error | error | `A`, the 5 is read as what follows | likewise | likewise |
//! | 100,000 nested arrays | error | error | error | error | stack overflow |
//! | instructions to encode and decode a struct of 115 bytes | 1,600, 1,300 | 4,800, 2,900 | 500, 1,100 | 800, 6,300 | 2,000, 1,200 |
//! | the same for 8 short texts as keys of a map, in no order | 3,300, 6,400 | 10,400, 9,700 | 1,500, 5,900 | 1,600, 14,900 | 3,400, 6,000 |
//!
//! callgrind counted the instructions, of release builds for x86-64. cbor2 decodes after `validate_slice`: its typed reader
//! alone skips tags without a limit.
//!
//! # Numbers
//!
//! JavaScript has one kind of number. It writes 60.0 as an integer, and integers beyond 2^53 as floats. So a number is
//! read as the kind that is asked for, integer or float, if nothing is lost. The error for a number beyond its type says so.
//!
//! # What is lost
//!
//! - `Some(None)` and `Some(())` are null and are read as `None`. Every NaN becomes the same NaN.
//! - The width of a number is not stored. A number is read as any type that it fits. A number that
//!   is read as `f32` is rounded.
//! - A byte string can be read as a sequence of integers, and the reverse. The bytes are the same.
//! - serde cannot read an `i128` or `u128` inside an untagged, internally tagged or flattened type.

mod half;
mod read;
mod write;

use alloc::{boxed::Box, format, vec::Vec};
use core::fmt;
use serde::{
    Serialize,
    de::{self, DeserializeOwned, Unexpected},
    ser,
};

/// Levels that a value may have, counting every serde call inside another: sequences, maps, structs, variants, and
/// also `Some` and newtypes, which leave no byte.
const MAX_DEPTH: usize = 128;

/// Levels that an item may have. A variant with fields is one level of a value, and two of an item: a map and what is
/// in it. So whatever was written can be read.
const MAX_ITEM_DEPTH: usize = 2 * MAX_DEPTH;

/// Why a value was not encoded or decoded, in words. They name types only: serde's own may quote the value, and errors
/// go to logs.
#[derive(Debug)]
pub(super) struct ValueError(Box<str>);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ValueError {}

/// Why an item was not written or read.
#[derive(Clone, Copy, Debug)]
enum Error {
    KeyTwice,
    TooDeep,
    /// A number does not fit.
    Range,
    /// The value's own `Serialize` failed, or the item is malformed or of another type.
    Other,
}

/// Encodes deterministically (RFC 8949, section 4.2.1): definite lengths, shortest integers and floats, sorted keys.
///
/// A map that has a key twice and a value with more than [`MAX_DEPTH`] levels are errors.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ValueError> {
    write::to_vec(value, MAX_DEPTH - 1).map_err(|error| {
        let why = match error {
            Error::KeyTwice => "has a key twice",
            Error::TooDeep => "is nested too deep",
            Error::Range | Error::Other => "does not serialize",
        };
        ValueError(format!("{} {why}", core::any::type_name::<T>()).into())
    })
}

/// Decodes exactly one item. Extra bytes, extra elements and an item of another type are errors.
///
/// If a key appears twice, a struct is an error and a map keeps the last value, as serde does.
/// `encode` never writes a key twice.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ValueError> {
    read::from_slice(bytes, MAX_ITEM_DEPTH - 1).map_err(|error| {
        let (found, wanted) = (kind(bytes), core::any::type_name::<T>());
        let why = match error {
            Error::Range => ": a number does not fit",
            _ => "",
        };
        ValueError(format!("found {found}, wanted {wanted}{why}").into())
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Error::Other
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Error::Other
    }

    fn invalid_value(found: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        match found {
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => Error::Range,
            _ => Error::Other,
        }
    }
}

#[cfg(test)]
mod tests;
