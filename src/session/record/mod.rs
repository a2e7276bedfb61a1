//! What a session token carries: its bytes and what they name.

#[cfg(feature = "store")]
mod about;
mod bytes;
mod flash;
mod id;
mod login_id;
#[cfg(feature = "store")]
mod ticket;

#[cfg(feature = "store")]
pub(crate) use about::About;
pub(crate) use bytes::{Ids, Record, RecordError, RecordHead};
pub use flash::{Flash, FlashLevel};
pub(crate) use flash::{MAX_FLASH_BYTES, MAX_FLASHES};
pub use id::{ParseSessionIdError, SessionId};
pub use login_id::{LoginId, ParseLoginIdError};
#[cfg(feature = "store")]
pub(crate) use ticket::{MAX_TICKET_LEN, Ticket, TicketSecret};
