//! The codec.

mod bound;
#[expect(clippy::module_inception, reason = "the room is named after the type")]
mod codec;
pub(crate) mod error;
mod seal;
mod validity;
#[cfg(test)]
mod worked_token;

pub use bound::BoundCodec;
#[cfg(feature = "session")]
pub(crate) use codec::token_len;
pub use codec::{Codec, Header, Opened};
