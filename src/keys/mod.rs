//! Keys.

mod key;
mod ring;

pub use key::{Key, KeyId};
pub(crate) use ring::MAX_KEYS;
pub use ring::{KeyState, Keyring};
