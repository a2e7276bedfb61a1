//! Keys: 32 random bytes in, a key id and a key for each purpose out.

mod error;
mod id;
mod key;
#[cfg(feature = "alloc")]
mod list;
mod ring;
mod slots;
mod state;
mod text;
mod weak;

pub use error::KeyError;
pub use id::{KeyId, ParseKeyIdError};
pub use key::Key;
#[cfg(feature = "store")]
pub(crate) use key::extract;
pub use ring::Keyring;
pub(crate) use slots::KeySlots;
pub use state::KeyState;
