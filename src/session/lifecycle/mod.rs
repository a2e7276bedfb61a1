//! What becomes of a session over time: pure rules, with the time and the randomness as parameters.
//! Nothing here knows a header, a cookie, a store or a framework.

mod live;
mod rules;
mod sealed;
mod timeouts;
mod view;

pub(crate) use live::{Closing, Decision, LiveSession, Save};
pub(crate) use rules::{Now, Rules, Validate};
pub(crate) use sealed::{EndedLogin, Sealed};
pub(crate) use timeouts::Timeouts;
pub use view::SessionView;
