//! What a session token carries: its bytes and what they name.

mod bytes;
mod flash;
mod id;
mod login_id;

pub(crate) use bytes::{Ids, Record, RecordError, RecordHead};
pub use flash::{Flash, FlashLevel};
pub(crate) use flash::{MAX_FLASH_BYTES, MAX_FLASHES};
pub use id::{ParseSessionIdError, SessionId};
pub use login_id::{LoginId, ParseLoginIdError};
