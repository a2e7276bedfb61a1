//! biscotti: AES-256-GCM-SIV. It works on whole headers, and offers no other way in.

use std::borrow::Cow;

use biscotti::config::{CryptoAlgorithm, CryptoRule};
use biscotti::{
    Key, Processor, ProcessorConfig, RequestCookie, RequestCookies, ResponseCookie, ResponseCookies,
};

use super::{About, Peer, Plain, Randomness};

pub struct Biscotti(Processor);

impl Peer for Biscotti {
    const ABOUT: About = About {
        name: "biscotti",
        randomness: Randomness::Process, // rand::rng
        key_id: false,
        time: false,
    };

    fn new() -> Self {
        let mut config = ProcessorConfig::default();
        config.crypto_rules.push(CryptoRule {
            cookie_names: vec!["session".to_owned()],
            algorithm: CryptoAlgorithm::Encryption,
            key: Key::generate(),
            fallbacks: Vec::new(),
        });
        Self(config.into())
    }
    /// `session=` and the value: without attributes the same in Set-Cookie and in Cookie.
    fn seal(&self, text: Cow<'_, str>) -> String {
        let mut cookies = ResponseCookies::new();
        cookies.insert(ResponseCookie::new("session", text.into_owned()).unset_path());
        cookies
            .header_values(&self.0)
            .next()
            .expect("one cookie makes one header")
    }
    fn open(&self, header: &str) -> Option<impl Plain> {
        RequestCookies::parse_header(header, &self.0)
            .ok()?
            .get("session")
    }
    fn value(header: &str) -> &str {
        header
            .strip_prefix("session=")
            .expect("the header starts with the name")
    }
}

impl Plain for RequestCookie<'_> {
    fn text(&self) -> Option<&str> {
        Some(self.value())
    }
}
