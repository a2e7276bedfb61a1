//! What becomes of a session over time: pure rules, with the time and the randomness as parameters.
//! Nothing here knows a header, a cookie, a store or a framework.

mod decision;
mod live;
mod random;
mod rules;
mod sealed;
mod timeouts;
mod view;

pub(crate) use decision::{Closing, Decision, Save};
pub(crate) use live::LiveSession;
pub(crate) use random::{new_login_id, new_session_id};
pub(crate) use rules::{Now, Rules, Validate};
pub(crate) use sealed::{EndedLogin, Sealed};
pub(crate) use timeouts::Timeouts;
pub use view::SessionView;
