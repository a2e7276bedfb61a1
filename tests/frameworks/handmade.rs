//! A session token put together by hand, as the format page says: for records that hardtack does not write.

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, aead::Aead};
use hkdf::Hkdf;
use sha2::Sha256;

/// The header of the token is its nonce.
fn header(key_id: [u8; 3], issued_at: u32) -> [u8; 24] {
    let mut header = [7; 24];
    header[0] = 0x84;
    header[1..4].copy_from_slice(&key_id);
    header[4..8].copy_from_slice(&issued_at.to_be_bytes());
    header
}

/// Seals a record of the dictionary, without realm, as this cookie.
pub fn seal(master: &[u8; 32], cookie: &str, issued_at: u32, record: &[u8]) -> String {
    let prk = Hkdf::<Sha256>::new(Some(b"hardtack v1"), master);
    let (mut key_id, mut key) = ([0; 3], [0; 32]);
    prk.expand(b"key id", &mut key_id).unwrap();
    let purpose = format!("cookie\0{cookie}\0\0");
    prk.expand(purpose.as_bytes(), &mut key).unwrap();
    let header = header(key_id, issued_at);
    let sealed = XChaCha20Poly1305::new(&key.into())
        .encrypt(&header.into(), record)
        .unwrap();
    Base64UrlUnpadded::encode_string(&[&header[..], &sealed[..]].concat())
}

/// An empty dictionary's record, created now.
pub fn record(layout: u8, now: u32) -> Vec<u8> {
    let (schema, id, login_id, flags) = (0u8, [9u8; 16], [8u8; 8], 0u8);
    let (idle, lifetime, longest) = (1800u32, 43_200u32, 43_200u32);
    let (flashes, items) = (0u8, 0u8);
    let fields = (
        (layout, schema, id, login_id, flags),
        (now, idle, lifetime, longest),
        (flashes, items),
    );
    postcard::to_allocvec(&fields).unwrap()
}

/// The same token with another version in its first byte.
pub fn with_version(token: &str, version: u8) -> String {
    let mut bytes = Base64UrlUnpadded::decode_vec(token).unwrap();
    bytes[0] = version;
    Base64UrlUnpadded::encode_string(&bytes)
}
