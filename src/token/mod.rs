//! Tokens: bytes in, bytes out. Nothing here knows time policy or serde.
//!
//! ```text
//! token  = base64url-no-pad( header || ciphertext || tag )
//! header = version (1) || key id (3) || issued-at (4) || random (16)
//! ```
//!
//! The header is 24 bytes and exactly 32 characters of text. It is decoded apart from the body, so
//! that opening needs a buffer for the body only.

mod aead;
mod body;
mod header;
mod padding;

#[cfg(test)]
pub(crate) use aead::seal as aead_seal;
pub(crate) use body::{Body, body_len, seal, text_len};
#[cfg(feature = "store")]
pub(crate) use body::{OVERHEAD, seal_bytes};
pub(crate) use header::{HEADER_LEN, HeaderBytes, VERSION_PADDED, VERSION_PLAIN};
pub(crate) use padding::{pad, padded_len, unpad};
