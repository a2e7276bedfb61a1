//! What becomes of a session over time: pure rules, with the time and the randomness as parameters.
//! Nothing here knows a header, a cookie, a store or a framework.

mod decision;
mod live;
mod random;
mod rules;
#[cfg(feature = "store")]
mod ticket;
mod view;

pub(crate) use decision::{Closing, Decision, Save};
pub(crate) use live::{BrowserHolds, LiveSession};
#[cfg(feature = "store")]
pub(crate) use live::{OwnChange, read_record};
pub(crate) use random::{new_login_id, new_session_id};
pub(crate) use rules::{EndedLogin, Now, Rules, Sealed, Timeouts, Validate};
#[cfg(feature = "store")]
pub(crate) use ticket::{SealedTicket, keep_saved};
pub use view::SessionView;
