//! josekit: JWE in compact form, `dir` and `A256GCM`, from OpenSSL. Its byte interface: no claims, no key id.

use std::borrow::Cow;

use josekit::jwe::alg::direct::{DirectJweDecrypter, DirectJweEncrypter};
use josekit::jwe::{self, Dir, JweHeader};

use super::{About, Peer, Plain, Randomness};

pub struct Josekit {
    header: JweHeader,
    encrypter: DirectJweEncrypter,
    decrypter: DirectJweDecrypter,
}

impl Peer for Josekit {
    const ABOUT: About = About {
        name: "josekit (JWE dir, A256GCM)",
        randomness: Randomness::Process, // OpenSSL's RAND_bytes
        key_id: false,
        time: false,
    };

    fn new() -> Self {
        let key: [u8; 32] = rand::random();
        let mut header = JweHeader::new();
        header.set_content_encryption("A256GCM");
        Self {
            header,
            encrypter: Dir.encrypter_from_bytes(key).expect("32 bytes are a key"),
            decrypter: Dir.decrypter_from_bytes(key).expect("32 bytes are a key"),
        }
    }
    fn seal(&self, text: Cow<'_, str>) -> String {
        jwe::serialize_compact(text.as_bytes(), &self.header, &self.encrypter)
            .expect("a payload serializes")
    }
    fn open(&self, token: &str) -> Option<impl Plain> {
        jwe::deserialize_compact(token, &self.decrypter)
            .ok()
            .map(|(payload, _)| payload)
    }
}
