//! The cases, each in the list of `list.rs`.

pub mod chunks;
pub mod endings;
pub mod flash;
pub mod former;
pub mod header;
pub mod keys;
pub mod life;
pub mod origin;
pub mod refused;
pub mod response;
pub mod rivals;
pub mod saving;
pub mod typed;

use crate::{
    kit::browser::Jar,
    site::{Site, sealed},
};

/// The cookie of a site that says nothing else.
pub const NAME: &str = "__Host-session";

/// No Set-Cookie line.
pub const NONE: [&str; 0] = [];

/// A session of this site in which `a` is this number.
pub fn session(site: &Site, a: u8) -> Jar {
    sealed(&site.sessions, |session| session.insert("a", a))
}

/// Its token.
pub fn token(site: &Site, a: u8) -> String {
    session(site, a).0.remove(NAME).unwrap()
}

/// The Cookie line of this token.
pub fn line(token: &str) -> String {
    format!("{NAME}={token}")
}

/// What is in a request's session under `a`.
pub fn a(site: &Site, cookie: impl Into<Vec<u8>>) -> Option<u8> {
    let visit = site.request().cookie(cookie);
    visit.visit(|session| session.get("a")).value()
}
