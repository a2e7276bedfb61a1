//! Header, cipher and base64: bytes in, bytes out. Nothing here knows time policy or serde.
//!
//! ```text
//! token  = base64url-no-pad( header || ciphertext || tag )
//! header = version (1) || key id (3) || issued-at (4) || random (16)
//! ```
//!
//! The header is 24 bytes, exactly 32 characters: it is decoded apart from the body, so that whoever
//! opens needs a buffer for the body only.

use super::aead::{self, AeadError, NONCE_LEN, TAG_LEN};
use crate::{keys::KeyId, secret::wipe, timestamp::Timestamp};
use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};
use core::mem::MaybeUninit;

pub(crate) const HEADER_LEN: usize = 24;
pub(crate) const HEADER_TEXT_LEN: usize = 32;
pub(crate) const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

const _: () = assert!(HEADER_LEN == NONCE_LEN, "the header is the nonce");
const _: () = assert!(
    HEADER_TEXT_LEN * 3 == HEADER_LEN * 4,
    "the header ends between two characters"
);

/// `base64-simd` decodes 32 characters in one step only if at least six more follow.
const FAST_TEXT_LEN: usize = 40;
const FAST_LEN: usize = 30;
const _: () = assert!(FAST_TEXT_LEN * 3 == FAST_LEN * 4);

/// Plaintext as it is.
pub(crate) const VERSION_PLAIN: u8 = 0x84;
/// Plaintext with ISO/IEC 7816-4 padding.
pub(crate) const VERSION_PADDED: u8 = 0x85;

const RANDOM_LEN: usize = 16;

#[derive(Clone, Copy)]
pub(crate) struct Header([u8; HEADER_LEN]);

impl Header {
    #[inline]
    pub(crate) fn new(
        version: u8,
        key: KeyId,
        issued_at: Timestamp,
        random: [u8; RANDOM_LEN],
    ) -> Header {
        let mut bytes = [0; HEADER_LEN];
        let (fixed, tail) = bytes.split_at_mut(HEADER_LEN - RANDOM_LEN);
        let [k0, k1, k2] = key.to_bytes();
        let [t0, t1, t2, t3] = issued_at.to_unix().to_be_bytes();
        fixed.copy_from_slice(&[version, k0, k1, k2, t0, t1, t2, t3]);
        tail.copy_from_slice(&random);
        Header(bytes)
    }

    /// The header of `text`, of which the first 32 characters are read; `None` if they are not
    /// canonical base64url or there are fewer.
    #[inline]
    pub(crate) fn decode(text: &[u8]) -> Option<Header> {
        let mut bytes = [0; FAST_LEN];
        let decoded = [FAST_TEXT_LEN, HEADER_TEXT_LEN].iter().any(|len| {
            text.get(..*len).is_some_and(|text| {
                let place = bytes.as_mut_slice().as_out();
                URL_SAFE_NO_PAD.decode(text, place).is_ok()
            })
        });
        let header = bytes.first_chunk().copied().map(Header);
        header.filter(|_| decoded)
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

    /// The header is the nonce: a changed version, key id or time is another nonce, and the tag no
    /// longer verifies.
    pub(crate) fn nonce(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }
}

/// The number of characters of a token with a plaintext of this length.
pub(crate) const fn text_len(plaintext: usize) -> usize {
    let bytes = plaintext.saturating_add(OVERHEAD);
    // ceil(bytes * 4 / 3) without overflow
    bytes.saturating_add(bytes.div_ceil(3))
}

/// The number of bytes behind the header in a token of this many characters.
pub(crate) const fn body_len(text: usize) -> usize {
    // floor(text * 3 / 4) without overflow
    let text = text.saturating_sub(HEADER_TEXT_LEN);
    text.saturating_sub(text.div_ceil(4))
}

/// Seals the plaintext that stands in `buf` where the header leaves off, and leaves the token there:
/// its length is [`text_len`], which `buf` must have.
pub(crate) fn seal(
    key: &[u8; 32],
    header: &Header,
    associated_data: &[u8],
    plaintext_len: usize,
    buf: &mut [u8],
) -> Result<(), AeadError> {
    let (head, body) = buf.split_first_chunk_mut::<HEADER_LEN>().ok_or(AeadError)?;
    let (plaintext, rest) = body.split_at_mut_checked(plaintext_len).ok_or(AeadError)?;
    let tag = rest.first_chunk_mut::<TAG_LEN>().ok_or(AeadError)?;
    *head = header.0;
    *tag = aead::seal(key, header.nonce(), associated_data, plaintext)?;
    encode_in_place(buf, plaintext_len.saturating_add(OVERHEAD)).ok_or(AeadError)
}

/// Replaces the first `len` bytes of `buf` by their base64url text, block by block from the end: a
/// block's text begins where the block began or later, so no byte is overwritten before it is read.
fn encode_in_place(buf: &mut [u8], len: usize) -> Option<()> {
    const BLOCK: usize = 1536;
    const BLOCK_TEXT: usize = 2048;
    // Not zeroed first: of a short token that would cost as much as the encoding.
    let mut scratch = [const { MaybeUninit::uninit() }; BLOCK_TEXT];
    for block in (0..len.div_ceil(BLOCK)).rev() {
        let start = block.checked_mul(BLOCK)?;
        let bytes = buf.get(start..len.min(start.checked_add(BLOCK)?))?;
        let text = URL_SAFE_NO_PAD.encode(bytes, scratch.as_mut_slice().as_out());
        let place = buf.get_mut(block.checked_mul(BLOCK_TEXT)?..)?;
        place.get_mut(..text.len())?.copy_from_slice(text);
    }
    Some(())
}

/// What stands behind the header: canonical text and long enough, but not authenticated yet.
pub(crate) struct Body<'b> {
    ciphertext: &'b mut [u8],
    tag: &'b [u8; TAG_LEN],
}

impl<'b> Body<'b> {
    /// Decodes what follows the header of `text` into `buf`, which must have [`body_len`] bytes. Exactly
    /// one text decodes to any bytes: no padding, no white space, no other alphabet, no bits set behind
    /// the last byte.
    #[inline]
    pub(crate) fn decode(text: &[u8], buf: &'b mut [u8]) -> Option<Body<'b>> {
        let text = text.get(HEADER_TEXT_LEN..)?;
        let decoded: &'b mut [u8] = URL_SAFE_NO_PAD.decode(text, buf.as_out()).ok()?;
        let (ciphertext, tag) = decoded.split_last_chunk_mut::<TAG_LEN>()?;
        Some(Body { ciphertext, tag })
    }

    /// The plaintext, if the tag verifies under this key; else the buffer is zeroed.
    #[inline]
    pub(crate) fn open(
        self,
        key: &[u8; 32],
        header: &Header,
        associated_data: &[u8],
    ) -> Result<&'b mut [u8], AeadError> {
        let nonce = header.nonce();
        match aead::open(key, nonce, associated_data, self.ciphertext, self.tag) {
            Ok(()) => Ok(self.ciphertext),
            Err(error) => {
                // An implementation may decrypt before it compares tags.
                wipe(self.ciphertext);
                Err(error)
            }
        }
    }
}
