use super::{
    aead::{self, AeadError, TAG_LEN},
    header::{HEADER_LEN, HEADER_TEXT_LEN, HeaderBytes},
};
use crate::secret::wipe;
use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};
use core::mem::MaybeUninit;

/// How many bytes a token has besides its plaintext.
pub(crate) const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

/// Returns the number of characters of a token with a plaintext of this many bytes.
pub(crate) const fn text_len(plaintext_len: usize) -> usize {
    let bytes = plaintext_len.saturating_add(OVERHEAD);
    // ceil(bytes * 4 / 3) without overflow
    bytes.saturating_add(bytes.div_ceil(3))
}

/// Returns the number of bytes after the header in a token of this many characters.
pub(crate) const fn body_len(text_len: usize) -> usize {
    // floor(len * 3 / 4) without overflow
    let len = text_len.saturating_sub(HEADER_TEXT_LEN);
    len.saturating_sub(len.div_ceil(4))
}

/// Seals the plaintext in `buf`, which begins at [`HEADER_LEN`], and puts the token in its place. The
/// token has [`text_len`] characters.
///
/// Returns `None` if `buf` is shorter than the token, or if the plaintext is longer than 256 GiB, the
/// most that the cipher takes.
pub(crate) fn seal(
    key: &[u8; 32],
    header: &HeaderBytes,
    associated_data: &[u8],
    plaintext_len: usize,
    buf: &mut [u8],
) -> Option<()> {
    let len = seal_bytes(key, header, associated_data, plaintext_len, buf)?;
    encode_in_place(buf, len)
}

/// Does the same without the text: leaves the bytes of the token in `buf`, and returns their number.
#[inline]
pub(crate) fn seal_bytes(
    key: &[u8; 32],
    header: &HeaderBytes,
    associated_data: &[u8],
    plaintext_len: usize,
    buf: &mut [u8],
) -> Option<usize> {
    let (head, body) = buf.split_first_chunk_mut::<HEADER_LEN>()?;
    let (plaintext, rest) = body.split_at_mut_checked(plaintext_len)?;
    let tag = rest.first_chunk_mut::<TAG_LEN>()?;
    *head = *header.nonce();
    *tag = aead::seal(key, header.nonce(), associated_data, plaintext).ok()?;
    Some(plaintext_len.saturating_add(OVERHEAD))
}

/// Replaces the first `len` bytes of `buf` by their base64url text, block by block from the end. The
/// text of a block begins where the block begins or later, so no byte is overwritten before it is
/// read.
fn encode_in_place(buf: &mut [u8], len: usize) -> Option<()> {
    const BLOCK: usize = 1536;
    const BLOCK_TEXT: usize = 2048;
    // Not zeroed first, which would cost as much as the encoding of a short token.
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

/// Holds what follows the header. It was canonical text of sufficient length, and is not yet
/// authenticated.
pub(crate) struct Body<'b> {
    ciphertext: &'b mut [u8],
    tag: &'b [u8; TAG_LEN],
}

impl<'b> Body<'b> {
    /// Decodes the text after the header into `buf`, which must have [`body_len`] bytes.
    ///
    /// Only one text decodes to given bytes: padding, white space, another alphabet and bits set after
    /// the last byte are refused. So nobody can change the text of a token that still opens, for
    /// example to pass a denylist of tokens.
    #[inline]
    pub(crate) fn decode(text: &[u8], buf: &'b mut [u8]) -> Option<Body<'b>> {
        let text = text.get(HEADER_TEXT_LEN..)?;
        let decoded: &'b mut [u8] = URL_SAFE_NO_PAD.decode(text, buf.as_out()).ok()?;
        Body::split(decoded)
    }

    /// Takes the bytes after the header.
    #[inline]
    pub(crate) fn split(bytes: &'b mut [u8]) -> Option<Body<'b>> {
        let (ciphertext, tag) = bytes.split_last_chunk_mut::<TAG_LEN>()?;
        Some(Body { ciphertext, tag })
    }

    /// Returns the plaintext if the tag verifies under this key. Otherwise the buffer is zeroed.
    #[inline]
    pub(crate) fn open(
        self,
        key: &[u8; 32],
        header: &HeaderBytes,
        associated_data: &[u8],
    ) -> Result<&'b mut [u8], AeadError> {
        let nonce = header.nonce();
        match aead::open(key, nonce, associated_data, self.ciphertext, self.tag) {
            Ok(()) => Ok(self.ciphertext),
            Err(error) => {
                // A cipher may decrypt before it compares tags: forged plaintext must not stay.
                wipe(self.ciphertext);
                Err(error)
            }
        }
    }
}
