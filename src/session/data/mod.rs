//! Holds what an application keeps in a session: a type of its own, or a dictionary.

mod cbor;
mod entries;
mod map;
#[cfg(feature = "store")]
mod own;
mod typed;

pub use map::SessionMap;
#[cfg(feature = "store")]
pub(crate) use map::versions;
#[cfg(feature = "store")]
pub(crate) use own::encode_own;
pub use typed::{OldData, SessionData};
pub(crate) use typed::{comes_back, decode, encode};
