//! Reads, sets and removes the session cookie. No other module knows its attributes or its chunks.

mod attributes;
mod healing;
mod session_cookie;
#[cfg(test)]
mod vectors;

pub(crate) use attributes::CookieAttributes;
pub use attributes::SameSite;
#[cfg(feature = "unstable-device-bound")]
pub(crate) use attributes::is_below;
pub(crate) use session_cookie::{
    CandidateBudget, CookieLimits, Incomplete, Names, SessionCookie, TooLarge, candidates,
};
