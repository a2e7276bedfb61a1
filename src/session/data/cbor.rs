//! One value of the dictionary as one self-describing CBOR item (RFC 8949).
//!
//! Postcard does not say what its bytes are, so a number read as a string would be garbage that nobody notices. CBOR
//! makes it an error. [`encode`] and [`decode`] are all that the session sees of it.
//!
//! # Why cbor2
//!
//! | | cbor2 1.1 | cbor4ii 1.2 | ciborium 0.2 | minicbor-serde 0.7 |
//! |---|---|---|---|---|
//! | unit is null, as the format page has it | yes | no, `[]` | yes | no, `[]` |
//! | equal maps give equal bytes, whatever order they iterate in | yes | no | no | no |
//! | an iterator of unknown length is written with its length | yes | no | no | no |
//! | an array longer than its type wants is refused where it stands | yes | yes | no, the rest is read as what follows | yes |
//! | `{"A": 5}` read as the unit variant `A` | error | `A`, the 5 is read as what follows | likewise | likewise |
//! | 100,000 nested arrays | error | error | error | stack overflow |
//! | a struct of 115 bytes, encoded and decoded as here, on one host | 1.1 us, 0.9 us | 0.1, 0.3 | 0.3, 1.2 | 0.3, 0.4 |
//!
//! The second row decides: the session saves what changed, and compares bytes. A `HashMap` that was put back
//! unchanged must not send a cookie. Its price is the slow encoding, through a tree that sorts the keys. Decoding goes
//! over the bytes twice, for the reason that stands there.
//!
//! # What does not come back
//!
//! - `Some(None)` and `Some(())` are null, and are read as `None`; every NaN becomes the same NaN.
//! - The width of a number is not kept: what fits is read. An `f64` read as `f32` is rounded.
//! - A byte string can be read as a sequence of integers and the reverse; the bytes are the same.
//! - An `i128` or `u128` inside an untagged, internally tagged or flattened type: serde itself refuses to read it.

mod depth;

use alloc::{boxed::Box, format, vec::Vec};
use core::fmt;
use serde::{Serialize, de::DeserializeOwned};

/// Levels that a value may have, counting every serde call inside another: sequences, maps, structs, variants, and
/// also `Some` and newtypes, which leave no byte.
///
/// Fewer than cbor2 reads, so whatever was written can be read.
const MAX_DEPTH: usize = 128;
const _: () = assert!(MAX_DEPTH < cbor2::de::DEFAULT_RECURSION_LIMIT);

/// Why a value was not encoded or decoded. The text names types: what serde and cbor2 say may quote the value, and errors
/// go to logs.
#[derive(Debug)]
pub(super) struct ValueError(Box<str>);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ValueError {}

/// Encodes deterministically (RFC 8949, section 4.2.1): definite lengths, shortest integers and floats, sorted keys.
///
/// A map with one key twice and a value of more than [`MAX_DEPTH`] levels are errors.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ValueError> {
    cbor2::to_canonical_vec(&depth::Limited::new(value, MAX_DEPTH)).map_err(|_| {
        let value = core::any::type_name::<T>();
        let why =
            format!("{value} does not serialize, has a key twice, or more than {MAX_DEPTH} levels");
        ValueError(why.into())
    })
}

/// Decodes exactly one item. Bytes left over, elements left over and an item of another type are errors.
///
/// A key that stands twice is an error for a struct; of a map the last one counts, as serde has it. `encode` writes
/// neither.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ValueError> {
    // First the whole item, without `T`: its lengths are there and its depth is bounded, tags included (the typed
    // reader skips tags, however many). So nothing is allocated for a length that is only claimed.
    let found = cbor2::validate_slice(bytes).and_then(|()| cbor2::from_slice(bytes));
    found.map_err(|_| {
        let (found, wanted) = (kind(bytes), core::any::type_name::<T>());
        ValueError(format!("found {found}, wanted {wanted}").into())
    })
}

/// What an item is by its major type (RFC 8949, section 3.1).
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
