//! Values and rules about time: seal and open.

mod associated_data;
mod bound;
#[expect(clippy::module_inception, reason = "the file holds the type `Codec`")]
mod codec;
mod error;
mod header;
mod open;
mod seal;
mod settings;
mod validity;
#[cfg(test)]
mod worked_token;

pub use bound::BoundCodec;
pub use codec::Codec;
pub use error::{OpenError, SealError};
pub use header::TokenHeader;
pub use open::Opened;
#[cfg(feature = "session")]
pub(crate) use settings::token_len;
