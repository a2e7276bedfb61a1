//! What becomes of a session over time: pure rules, with the time and the randomness as parameters.
//! Nothing here knows a header, a cookie, a store or a framework.

mod live;
mod rules;
mod timeouts;
mod view;

pub(crate) use live::{Decision, Ended, LiveSession, Save, Sealed};
pub(crate) use rules::{Rules, Validate};
pub(crate) use timeouts::Timeouts;
pub use view::SessionView;
