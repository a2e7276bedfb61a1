//! The list `KEY,KEY,KEY@time` of a keyring, entry by entry, and the environment variable it is in.

use super::{error::KeyError, key::Key, state::KeyState};
use crate::timestamp::Timestamp;

/// Reads the first entry: the primary key.
pub(super) fn first(entry: &str) -> Result<Key, KeyError> {
    match entry.trim() {
        "" => Err(KeyError::Empty),
        entry if entry.contains('@') => Err(KeyError::RetiredPrimary),
        key => key.parse(),
    }
}

/// Reads another entry: a key that only opens, with the time of its retirement if there is one.
pub(super) fn other(entry: &str) -> Result<(Key, KeyState), KeyError> {
    match entry.trim() {
        "" => Err(KeyError::Empty),
        entry => match entry.split_once('@') {
            None => Ok((entry.parse()?, KeyState::Accepted)),
            Some((key, at)) => {
                let key = key.trim_end().parse()?;
                Ok((key, KeyState::Retired(time(at.trim_start())?)))
            }
        },
    }
}

/// Reads digits only, while `u32::from_str` would take a sign.
fn time(text: &str) -> Result<Timestamp, KeyError> {
    match text.parse() {
        Ok(seconds) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Timestamp::from_unix(seconds))
        }
        _ => Err(KeyError::RetirementTime),
    }
}

/// Passes the list in an environment variable to `read`, and overwrites it afterwards.
#[cfg(feature = "std")]
pub(super) fn from_env<T>(
    name: &str,
    read: impl FnOnce(&str) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let list = std::env::var_os(name).ok_or(KeyError::Unset)?;
    let list = zeroize::Zeroizing::new(list.into_encoded_bytes());
    match core::str::from_utf8(&list) {
        Ok(list) => read(list),
        Err(error) => {
            let commas = list.iter().take(error.valid_up_to());
            let commas = commas.filter(|byte| **byte == b',').count();
            Err(KeyError::Entry {
                entry: commas.saturating_add(1),
                error: KeyError::NotUnicode.into(),
            })
        }
    }
}
