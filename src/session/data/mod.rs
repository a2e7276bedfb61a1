//! What an application keeps in a session: a type of its own, or the dictionary.

mod cbor;
mod map;
mod typed;

pub use map::SessionMap;
pub use typed::{OldData, SessionData};
