//! The library as the tests of the format call it.
#![allow(dead_code, reason = "each test uses a part")]

use std::{convert::Infallible, fmt, time::Duration};

use hardtack::{Codec, Key, KeyError, KeyState, Keyring, OpenError, Timestamp};
use rand_core::{TryCryptoRng, TryRng};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use crate::support::{RingKey, State, Vector};

/// The payload itself, every byte of it and no length: how arbitrary payloads pass through the public interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple(self.0.len())?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Raw, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut bytes = vec![];
                // A byte can fail to decode for one reason: there is none left.
                while let Ok(Some(byte)) = seq.next_element() {
                    bytes.push(byte);
                }
                Ok(Raw(bytes))
            }
        }
        from.deserialize_tuple(usize::MAX, Bytes)
    }
}

/// A generator that gives these sixteen bytes, over and over.
pub struct Given(pub [u8; 16]);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the library fills bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the library fills bytes")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

pub fn keyring(keys: &[RingKey]) -> Result<Keyring, KeyError> {
    let (primary, others) = keys.split_first().expect("a ring has a key");
    assert_eq!(primary.state, State::Primary);
    let mut ring = Keyring::new(Key::from_bytes(primary.master)?);
    for other in others {
        let key = Key::from_bytes(other.master)?;
        ring = match (other.state, other.retired_at) {
            (State::Accepted, None) => ring.accept(key)?,
            (State::Retired, Some(at)) => ring.accept_retired(key, Timestamp::from_unix(at))?,
            wrong => panic!("{wrong:?}"),
        };
    }
    Ok(ring)
}

pub fn codec(vector: &Vector) -> Codec {
    Codec::new(&keyring(&vector.keys).unwrap(), &vector.purpose)
        .max_age(Duration::from_secs(vector.max_age))
        .skew(Duration::from_secs(vector.skew))
        .reject_issued_before(Timestamp::from_unix(vector.floor))
        .max_token_len(vector.limit)
}

pub fn state(key: &RingKey) -> KeyState {
    match key.retired_at {
        Some(at) => KeyState::Retired(Timestamp::from_unix(at)),
        None if key.state == State::Primary => KeyState::Primary,
        None => KeyState::Accepted,
    }
}

/// The name of the format page for the error, and the key id if it carries one.
pub fn name(error: OpenError) -> (&'static str, Option<String>) {
    let name = match error {
        OpenError::TooLong => "TooLong",
        OpenError::Invalid => "Invalid",
        OpenError::UnknownVersion => "UnknownVersion",
        OpenError::UnknownKey(id) => return ("UnknownKey", Some(id.to_string())),
        OpenError::NotYetValid => "NotYetValid",
        OpenError::Revoked => "Revoked",
        OpenError::Expired => "Expired",
        OpenError::Payload => "Payload",
        other => panic!("not of the format: {other:?}"),
    };
    (name, None)
}
