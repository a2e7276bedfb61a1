//! All the bytes of a typed session, whatever they are.

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use std::fmt;

pub struct Rest(pub Vec<u8>);

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rest, D::Error> {
        deserializer.deserialize_tuple(usize::MAX, Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Rest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Rest, A::Error> {
        let mut bytes = Vec::new();
        // Postcard's tuples have no length: the end is where no byte is left.
        while let Ok(Some(byte)) = access.next_element() {
            bytes.push(byte);
        }
        Ok(Rest(bytes))
    }
}
