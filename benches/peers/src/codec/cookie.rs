//! cookie: `PrivateJar`, AES-256-GCM with a 96-bit nonce. Added to a jar and got out of one, as the frameworks do.

use std::borrow::Cow;

use cookie::{Cookie, CookieJar, Key};

use super::{About, PRIVATE_JAR, Peer, Plain, Randomness};

pub struct PrivateJar(Key);

impl Peer for PrivateJar {
    const ABOUT: About = About {
        name: PRIVATE_JAR,
        randomness: Randomness::Process, // rand::thread_rng
        key_id: false,
        time: false,
    };

    fn new() -> Self {
        Self(Key::generate())
    }
    fn seal(&self, text: Cow<'_, str>) -> String {
        let mut jar = CookieJar::new();
        jar.private_mut(&self.0)
            .add(Cookie::new("session", text.into_owned()));
        jar.get("session")
            .expect("it was just added")
            .value()
            .to_owned()
    }
    fn open(&self, token: &str) -> Option<impl Plain> {
        let mut jar = CookieJar::new();
        jar.add_original(Cookie::new("session", token.to_owned()));
        jar.private(&self.0).get("session")
    }
}

impl Plain for Cookie<'_> {
    fn text(&self) -> Option<&str> {
        Some(self.value())
    }
}
