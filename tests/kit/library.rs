//! The library as the tests of the format call it.
#![allow(dead_code, reason = "each test uses a part")]

use std::time::Duration;

use hardtack::{Codec, Key, KeyError, KeyState, Keyring, OpenError, Timestamp};

use super::vector::{RingKey, State, Vector};

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
