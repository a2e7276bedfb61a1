//! The proof of a device: a signed JWT in compact form ([RFC 7515]), of the one kind that the
//! specification of device-bound sessions has.
//!
//! ```text
//! proof   = base64url( header ) "." base64url( payload ) "." base64url( r ‖ s )
//! header  = {"typ": "dbsc+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": .., "y": ..}}
//! payload = {"jti": challenge}
//! ```
//!
//! The reader is stricter than JSON and base64 are, so that a proof has one reading. It ignores members
//! that it does not know, for later versions of the specification have more.
//!
//! [RFC 7515]: https://www.rfc-editor.org/rfc/rfc7515

use super::json::{Json, Object};
use super::verify::{KEY_LEN, POINT_LEN, SIGNATURE_LEN, decompress, is_signed};
use alloc::{borrow::ToOwned as _, string::String, vec::Vec};
use base64_simd::URL_SAFE_NO_PAD;

/// A browser's proof takes about a fifth. The limit comes before anything is decoded.
pub(super) const MAX_LEN: usize = 2048;

/// A proof that can be read. It proves nothing before [`is_signed_by`](Proof::is_signed_by) returns `true`.
pub(crate) struct Proof {
    /// Header and payload as they were sent.
    signed: Vec<u8>,
    signature: [u8; SIGNATURE_LEN],
    challenge: String,
    new_key: Option<NewKey>,
}

/// The key of a registration, as its two coordinates. They may be anywhere.
struct NewKey {
    compressed: [u8; KEY_LEN],
    point: [u8; POINT_LEN],
}

impl Proof {
    /// Reads the value of a `Secure-Session-Response` header. Returns `None` if it is not a proof.
    pub(crate) fn read(value: &[u8]) -> Option<Proof> {
        let jws = unquoted(value)?;
        if jws.len() > MAX_LEN {
            return None;
        }
        let mut halves = jws.rsplitn(2, is_dot);
        let signature = decode(halves.next()?)?.try_into().ok()?;
        let signed = halves.next()?;
        let mut parts = signed.split(is_dot);
        let header = Object::read(&decode(parts.next()?)?)?;
        let payload = Object::read(&decode(parts.next()?)?)?;
        if parts.next().is_some() || !is_header(&header) {
            return None;
        }
        let new_key = match header.member("jwk") {
            Some(jwk) => Some(NewKey::read(jwk)?),
            None => None,
        };
        Some(Proof {
            signed: signed.to_owned(),
            signature,
            challenge: payload.text("jti")?.to_owned(),
            new_key,
        })
    }

    pub(crate) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// Returns the key that a registration names, compressed. It may be no point of the curve: that
    /// takes a computation, which a flood of proofs must not cause before the challenge is known to be
    /// good.
    pub(crate) fn key(&self) -> Option<&[u8; KEY_LEN]> {
        self.new_key.as_ref().map(|key| &key.compressed)
    }

    /// Returns whether this key signed the proof. A proof that names a key is signed by that one only.
    pub(crate) fn is_signed_by(&self, key: &[u8; KEY_LEN]) -> bool {
        let Some(point) = decompress(key) else {
            return false;
        };
        // The compressed form has one bit of y. A registration whose y is off the curve ends here.
        let is_named = self.new_key.as_ref().is_none_or(|new| new.point == point);
        is_named && is_signed(&self.signed, &self.signature, &point)
    }
}

impl NewKey {
    fn read(jwk: &Json) -> Option<NewKey> {
        let Json::Object(jwk) = jwk else {
            return None;
        };
        // `d` is the private key. A device that sends it does not keep it secret.
        let is_public_key =
            jwk.text("kty")? == "EC" && jwk.text("crv")? == "P-256" && jwk.member("d").is_none();
        if !is_public_key {
            return None;
        }
        let x: [u8; 32] = decode(jwk.text("x")?.as_bytes())?.try_into().ok()?;
        let y: [u8; 32] = decode(jwk.text("y")?.as_bytes())?.try_into().ok()?;
        let [.., last] = y;
        let tag = if last % 2 == 0 { 2 } else { 3 };
        Some(NewKey {
            compressed: [&[tag], x.as_slice()].concat().try_into().ok()?,
            point: [&[4], x.as_slice(), &y].concat().try_into().ok()?,
        })
    }
}

/// Takes the quotes off: the specification has the value as a string of structured fields, whose
/// parameters are ignored, and Chromium sends it bare. No character of a proof needs an escape.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    let Some(rest) = value.strip_prefix(b"\"") else {
        return Some(value);
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'"');
    let text = parts.next()?;
    matches!(parts.next()?, [] | [b';', ..]).then_some(text)
}

fn is_dot(byte: &u8) -> bool {
    *byte == b'.'
}

/// Decodes base64url in its one form: without padding, with zeros in the last bits.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// `alg` must be the one algorithm of the library: a proof does not choose how it is verified. `crit`
/// names extensions that a reader has to know, and this one knows none.
fn is_header(header: &Object) -> bool {
    header.text("typ") == Some("dbsc+jwt")
        && header.text("alg") == Some("ES256")
        && header.member("crit").is_none()
}
