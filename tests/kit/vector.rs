//! The shape of a token vector, and the reading of it.
#![allow(dead_code, reason = "each test uses a part")]

use serde::{Deserialize, Serialize};

use super::reference;

/// One line of `tests/vectors/tokens.json` and `precedence.json`; `tests/vectors/README.md` explains the fields.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    pub keys: Vec<RingKey>,
    pub purpose: String,
    #[serde(with = "optional_hex")]
    pub ad: Option<Vec<u8>>,
    pub now: u32,
    pub skew: u64,
    pub max_age: u64,
    pub floor: u32,
    pub limit: usize,
    pub reads: Reads,
    pub token: String,
    #[serde(with = "optional_hex")]
    pub payload: Option<Vec<u8>>,
    pub block: Option<usize>,
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<String>,
    pub key: Option<String>,
    pub comment: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RingKey {
    #[serde(with = "hex")]
    pub master: [u8; 32],
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<u32>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Primary,
    Accepted,
    Retired,
}

/// What the opener takes the payload for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    Bytes,
    String,
}

pub fn name(error: reference::Error) -> &'static str {
    use reference::Error::*;
    match error {
        TooLong => "TooLong",
        Invalid => "Invalid",
        UnknownVersion => "UnknownVersion",
        UnknownKey(_) => "UnknownKey",
        NotYetValid => "NotYetValid",
        Revoked => "Revoked",
        Expired => "Expired",
        Payload => "Payload",
    }
}

impl Vector {
    pub fn reference_keys(&self) -> Vec<reference::Key> {
        let key = |key: &RingKey| reference::Key {
            master: key.master,
            retired: key.retired_at,
        };
        self.keys.iter().map(key).collect()
    }

    pub fn opener<'a>(&'a self, keys: &'a [reference::Key]) -> reference::Opener<'a> {
        reference::Opener {
            keys,
            label: "seal",
            purpose: self.purpose.as_bytes(),
            ad: self.ad.as_deref(),
            now: self.now,
            skew: self.skew,
            max_age: self.max_age,
            floor: self.floor,
            limit: self.limit,
        }
    }

    /// The vector as the reference implementation judges it.
    pub fn open_with_reference(&self) -> Result<reference::Opened, reference::Error> {
        let opened = reference::open(&self.opener(&self.reference_keys()), &self.token)?;
        match self.reads {
            Reads::String if !is_postcard_string(&opened.payload) => Err(reference::Error::Payload),
            _ => Ok(opened),
        }
    }
}

/// A varint length, that many bytes of UTF-8, and nothing after them.
fn is_postcard_string(payload: &[u8]) -> bool {
    let mut length = 0u128;
    for (i, byte) in payload.iter().enumerate().take(10) {
        length |= u128::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let text = &payload[i + 1..];
            return text.len() as u128 == length && std::str::from_utf8(text).is_ok();
        }
    }
    false
}

mod optional_hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(hex::encode).serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| hex::decode(text).map_err(D::Error::custom))
            .transpose()
    }
}
