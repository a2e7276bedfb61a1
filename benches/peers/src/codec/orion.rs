//! orion: `aead::seal`, XChaCha20-Poly1305, and the base64 crate, for orion has no text form.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use orion::aead::{self, SecretKey};

use super::{About, Peer, Plain, Randomness};

pub struct Orion(SecretKey);

impl Peer for Orion {
    const ABOUT: About = About {
        name: "orion + base64",
        randomness: Randomness::System,
        key_id: false,
        time: false,
    };

    fn new() -> Self {
        Self(SecretKey::generate().expect("the system has randomness"))
    }
    fn seal(&self, text: Cow<'_, str>) -> String {
        BASE64.encode(aead::seal(&self.0, text.as_bytes()).expect("a message seals"))
    }
    fn open(&self, token: &str) -> Option<impl Plain> {
        aead::open(&self.0, &BASE64.decode(token).ok()?).ok()
    }
}
