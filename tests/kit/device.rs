//! A key in a browser's device, as software, and what the browser signs with it.
#![allow(dead_code, reason = "each program uses a part")]

use base64ct::{Base64UrlUnpadded, Encoding as _};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};

#[derive(Clone)]
pub struct Device(SigningKey);

impl Device {
    /// A key of its own for each number from 1 on.
    pub fn new(number: u8) -> Device {
        Device(SigningKey::from_slice(&[number; 32]).unwrap())
    }

    /// The key as a record has it.
    pub fn key(&self) -> [u8; 33] {
        let point = self.0.verifying_key().to_sec1_point(true);
        point.as_bytes().try_into().unwrap()
    }

    /// The proof of a registration: it names the key.
    pub fn register(&self, challenge: &str) -> String {
        let point = self.0.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let [x, y] = [x, y].map(base64url);
        self.sign(
            &format!(
                r#"{{"typ":"dbsc+jwt","alg":"ES256","jwk":{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}}}"#
            ),
            challenge,
        )
    }

    /// The proof of a refresh.
    pub fn prove(&self, challenge: &str) -> String {
        self.sign(r#"{"typ":"dbsc+jwt","alg":"ES256"}"#, challenge)
    }

    fn sign(&self, header: &str, challenge: &str) -> String {
        let payload = format!(r#"{{"jti":"{challenge}"}}"#);
        let parts = [header, &payload].map(|part| base64url(part.as_bytes()));
        let signed = parts.join(".");
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", base64url(&signature.to_bytes()))
    }
}

fn base64url(bytes: &[u8]) -> String {
    let mut text = [0; 1024];
    Base64UrlUnpadded::encode(bytes, &mut text).unwrap().into()
}
