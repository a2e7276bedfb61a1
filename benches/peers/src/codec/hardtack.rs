//! `Codec::seal` and `open`: postcard, XChaCha20-Poly1305, the clock and the system's randomness.

use hardtack::{Codec as Hard, Key, Keyring, Timestamp};

use super::{About, Codec, Randomness, SEAL};
use crate::payload::{Account, Numbers};
use serde::Serialize;

pub struct Hardtack(Hard);

impl Codec for Hardtack {
    const ABOUT: About = About {
        name: SEAL,
        randomness: Randomness::System,
        key_id: true,
        time: true,
    };

    fn new() -> Self {
        let keyring = Keyring::new(Key::generate().expect("the system has randomness"));
        Self(Hard::new(&keyring, "peers/1"))
    }
    fn seal(&self, account: &Account) -> String {
        self.0.seal(account).expect("an account seals")
    }
    fn open(&self, token: &str) -> Option<Account> {
        self.0.open(token).ok().map(|opened| opened.value)
    }
    fn seal_numbers(&self, numbers: &Numbers) -> String {
        self.0.seal(numbers).expect("numbers seal")
    }
    fn open_numbers(&self, token: &str) -> Option<Numbers> {
        self.0.open(token).ok().map(|opened| opened.value)
    }
    fn seal_text(&self, text: &str) -> String {
        self.0.seal(text).expect("text seals")
    }
    fn open_text(&self, token: &str) -> Option<impl AsRef<[u8]>> {
        self.0.open::<String>(token).ok().map(|opened| opened.value)
    }
}

impl Hardtack {
    /// As `seal`, with `rand`'s generator of the thread: what the peers use that keep one.
    pub fn seal_with(&self, value: &impl Serialize) -> String {
        self.0
            .seal_with(value, Timestamp::now(), &mut rand::rng())
            .expect("a value seals")
    }
    pub fn seal_text_with(&self, text: &str) -> String {
        self.0
            .seal_with(text, Timestamp::now(), &mut rand::rng())
            .expect("text seals")
    }
}
