//! The session's cookie: read from the Cookie header, set and removed here and nowhere else.

mod attributes;
mod chunks;
mod session_cookie;
#[cfg(test)]
mod vectors;

pub(crate) use attributes::CookieAttributes;
pub use attributes::SameSite;
pub(crate) use chunks::{CookieLimits, Names, TooLarge};
pub(crate) use session_cookie::SessionCookie;
