//! The payload of a token, byte by byte: the type that it was sealed from is not known here.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
    ser::SerializeTuple as _,
};
use std::fmt;

#[derive(Debug, PartialEq)]
pub struct Payload(pub Vec<u8>);

impl Payload {
    /// The text, if the payload is that of one text and nothing else.
    pub fn text(&self) -> Option<&str> {
        let mut len = 0_usize;
        for (at, byte) in self.0.iter().enumerate().take(4) {
            len |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                let text = self.0.get(at + 1..)?;
                let text = std::str::from_utf8(text).ok()?;
                return (Payload::of_text(text) == *self && len == text.len()).then_some(text);
            }
        }
        None
    }

    /// The payload of a text: its length, seven bits a byte, and its bytes.
    pub fn of_text(text: &str) -> Payload {
        let mut bytes = Vec::new();
        let mut len = text.len();
        while len >= 0x80 {
            bytes.push((len & 0x7f) as u8 | 0x80);
            len >>= 7;
        }
        bytes.push(len as u8);
        bytes.extend_from_slice(text.as_bytes());
        Payload(bytes)
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        deserializer.deserialize_tuple(usize::MAX, AllBytes)
    }
}

struct AllBytes;

impl<'de> Visitor<'de> for AllBytes {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Payload, A::Error> {
        let mut bytes = Vec::new();
        // The only error that reading a byte has is that there are none left.
        while let Ok(Some(byte)) = access.next_element() {
            bytes.push(byte);
        }
        Ok(Payload(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardtack::{Codec, Key, Keyring};

    #[test]
    fn a_payload_of_any_type_is_read_and_sealed_as_it_is() {
        let ring = Keyring::new(Key::generate().unwrap());
        let padded = Codec::new(&ring, "p").pad_to(16);
        let codec = Codec::new(&ring, "p");
        for value in ["", "hello", &"é".repeat(9000 / 2)] {
            let token = padded.seal(&(value, 7_u32)).unwrap();
            let payload = codec.open::<Payload>(&token).unwrap().value;
            assert_eq!(payload.text(), None);
            let token = codec.seal(&payload).unwrap();
            let back: (String, u32) = codec.open(&token).unwrap().value;
            assert_eq!((back.0.as_str(), back.1), (value, 7));

            let token = codec.seal(value).unwrap();
            let payload = codec.open::<Payload>(&token).unwrap().value;
            assert_eq!(payload.text(), Some(value));
            assert_eq!(Payload::of_text(value), payload);
        }
        let empty = codec.open::<Payload>(&codec.seal(&()).unwrap());
        assert_eq!(empty.unwrap().value, Payload(vec![]));
        assert_eq!(Payload(vec![0x80, 0]).text(), None);
        assert_eq!(Payload(vec![0x80; 9]).text(), None);
    }
}
