//! branca: XChaCha20-Poly1305 in base62, with a time in the clear.

use std::borrow::Cow;

use branca::{decode, encode};
use hardtack::Timestamp;

use super::{About, Peer, Plain, Randomness};

pub struct Branca([u8; 32]);

impl Peer for Branca {
    const ABOUT: About = About {
        name: "branca",
        randomness: Randomness::System,
        key_id: false,
        time: true,
    };

    fn new() -> Self {
        Self(rand::random())
    }
    fn seal(&self, text: Cow<'_, str>) -> String {
        encode(text.as_bytes(), &self.0, Timestamp::now().to_unix()).expect("a message encodes")
    }
    fn open(&self, token: &str) -> Option<impl Plain> {
        decode(token, &self.0, 3600).ok()
    }
}
