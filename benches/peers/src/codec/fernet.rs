//! fernet: AES-128-CBC and HMAC-SHA256, with a time in the clear. From RustCrypto, the faster of its two backends.

use std::borrow::Cow;

use super::{About, Peer, Plain, Randomness};

pub struct Fernet(fernet::Fernet);

impl Peer for Fernet {
    const ABOUT: About = About {
        name: "fernet",
        randomness: Randomness::System,
        key_id: false,
        time: true,
    };

    fn new() -> Self {
        Self(fernet::Fernet::new(&fernet::Fernet::generate_key()).expect("a generated key is good"))
    }
    fn seal(&self, text: Cow<'_, str>) -> String {
        self.0.encrypt(text.as_bytes())
    }
    fn open(&self, token: &str) -> Option<impl Plain> {
        self.0.decrypt_with_ttl(token, 3600).ok()
    }
}
