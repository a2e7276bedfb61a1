use super::aead::NONCE_LEN;
use crate::{keys::KeyId, timestamp::Timestamp};
use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};

pub(crate) const HEADER_LEN: usize = 24;
pub(super) const HEADER_TEXT_LEN: usize = 32;
const RANDOM_LEN: usize = 16;

const _: () = assert!(HEADER_LEN == NONCE_LEN, "the header is the nonce");
const _: () = assert!(
    HEADER_TEXT_LEN * 3 == HEADER_LEN * 4,
    "the header ends between two characters"
);

/// `base64-simd` decodes 32 characters in one step only if at least six more follow.
const FAST_TEXT_LEN: usize = 40;
const FAST_LEN: usize = 30;
const _: () = assert!(FAST_TEXT_LEN * 3 == FAST_LEN * 4);

/// The plaintext is the payload.
pub(crate) const VERSION_PLAIN: u8 = 0x84;
/// The plaintext is the payload with ISO/IEC 7816-4 padding.
pub(crate) const VERSION_PADDED: u8 = 0x85;

/// Holds the first 24 bytes of a token: version, key id, time and random bytes.
#[derive(Clone, Copy)]
pub(crate) struct HeaderBytes([u8; HEADER_LEN]);

impl HeaderBytes {
    #[inline]
    pub(crate) fn new(
        version: u8,
        key: KeyId,
        issued_at: Timestamp,
        random: [u8; RANDOM_LEN],
    ) -> HeaderBytes {
        let mut bytes = [0; HEADER_LEN];
        let (fixed, tail) = bytes.split_at_mut(HEADER_LEN - RANDOM_LEN);
        let [k0, k1, k2] = key.to_bytes();
        let [t0, t1, t2, t3] = issued_at.to_unix().to_be_bytes();
        fixed.copy_from_slice(&[version, k0, k1, k2, t0, t1, t2, t3]);
        tail.copy_from_slice(&random);
        HeaderBytes(bytes)
    }

    /// Decodes the first 32 characters of `text`. Returns `None` if there are fewer, or if they are
    /// not canonical base64url.
    #[inline]
    pub(crate) fn decode(text: &[u8]) -> Option<HeaderBytes> {
        let mut bytes = [0; FAST_LEN];
        let decoded = [FAST_TEXT_LEN, HEADER_TEXT_LEN].iter().any(|len| {
            text.get(..*len).is_some_and(|text| {
                let place = bytes.as_mut_slice().as_out();
                URL_SAFE_NO_PAD.decode(text, place).is_ok()
            })
        });
        let header = bytes.first_chunk().copied().map(HeaderBytes);
        header.filter(|_| decoded)
    }

    /// Takes the header of a token that is bytes and not text.
    #[cfg(feature = "store")]
    pub(crate) fn from_bytes(bytes: [u8; HEADER_LEN]) -> HeaderBytes {
        HeaderBytes(bytes)
    }

    pub(crate) fn version(&self) -> u8 {
        let [version, ..] = self.0;
        version
    }

    pub(crate) fn key_id(&self) -> KeyId {
        let [_, a, b, c, ..] = self.0;
        KeyId::from_bytes([a, b, c])
    }

    pub(crate) fn issued_at(&self) -> Timestamp {
        let [_, _, _, _, a, b, c, d, ..] = self.0;
        Timestamp::from_unix(u32::from_be_bytes([a, b, c, d]))
    }

    /// Returns the nonce, which is the whole header. So an attacker who changes the version, the key
    /// id or the time changes the nonce, and the tag no longer verifies.
    pub(crate) fn nonce(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }
}
