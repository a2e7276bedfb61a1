//! A headless Chromium, and what it is to look at.
//!
//! Nothing is installed here. Debian has it all: `apt-get install chromium chromium-driver nginx-light`.

mod driver;
mod process;

pub use driver::{Browser, Cookie};
pub use process::{Proxy, Server};

/// Two keys that are nobody's: `openssl rand -base64 32`.
pub const KEYS: &str =
    "mJ3cQ0xV5hY8rN2tLkA7uZ1eWpSdGfB4iHqXoCvT9Rs=,yK6wE2nP8vU4jM0aZtR5cQ1xHsLdFgB7iVqYoXkT3Nw=";
