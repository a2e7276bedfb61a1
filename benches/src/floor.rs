//! The bare primitives by hand: XChaCha20-Poly1305, base64url and postcard, with no key id, no time,
//! no policy, no padding. What hardtack does costs at least this.

use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};
use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

#[cfg(not(feature = "ring"))]
mod cipher {
    use super::{NONCE_LEN, TAG_LEN};
    use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};

    pub fn seal(key: &[u8; 32], nonce: &[u8; NONCE_LEN], data: &mut [u8]) -> [u8; TAG_LEN] {
        XChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(nonce.into(), b"", data.into())
            .expect("short")
            .into()
    }

    pub fn open(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        data: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Option<()> {
        XChaCha20Poly1305::new(key.into())
            .decrypt_inout_detached(nonce.into(), b"", data.into(), tag.into())
            .ok()
    }
}

#[cfg(feature = "ring")]
mod cipher {
    use super::{NONCE_LEN, TAG_LEN};
    use chacha20::{R20, hchacha};
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    fn subkey(key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> (LessSafeKey, Nonce) {
        let (head, tail) = nonce.split_first_chunk::<16>().expect("24 bytes");
        let subkey = hchacha::<R20>(key.into(), head.into());
        let mut ietf_nonce = [0; 12];
        ietf_nonce[4..].copy_from_slice(tail);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &subkey).expect("32 bytes");
        (
            LessSafeKey::new(key),
            Nonce::assume_unique_for_key(ietf_nonce),
        )
    }

    pub fn seal(key: &[u8; 32], nonce: &[u8; NONCE_LEN], data: &mut [u8]) -> [u8; TAG_LEN] {
        let (key, nonce) = subkey(key, nonce);
        key.seal_in_place_separate_tag(nonce, Aad::empty(), data)
            .expect("short")
            .as_ref()
            .try_into()
            .expect("16 bytes")
    }

    pub fn open(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        data: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Option<()> {
        let (key, nonce) = subkey(key, nonce);
        key.open_in_place_separate_tag(nonce, Aad::empty(), (*tag).into(), data, 0..)
            .ok()
            .map(|_| ())
    }
}

/// Seals into `text` by way of `scratch`: 16 of the nonce's 24 bytes are random, as in hardtack.
pub fn seal_into<'b, T: Serialize + ?Sized, R: TryCryptoRng>(
    key: &[u8; 32],
    value: &T,
    rng: &mut R,
    scratch: &mut [u8],
    text: &'b mut [u8],
) -> Option<&'b str> {
    let mut nonce = [0; NONCE_LEN];
    rng.try_fill_bytes(&mut nonce[8..]).ok()?;
    let len = postcard::to_slice(value, &mut scratch[NONCE_LEN..])
        .ok()?
        .len();
    let end = NONCE_LEN + len;
    let tag = cipher::seal(key, &nonce, &mut scratch[NONCE_LEN..end]);
    scratch[..NONCE_LEN].copy_from_slice(&nonce);
    scratch[end..end + TAG_LEN].copy_from_slice(&tag);
    let bytes = &scratch[..end + TAG_LEN];
    Some(URL_SAFE_NO_PAD.encode_as_str(bytes, text.as_out()))
}

/// Opens in `buf`.
pub fn open_in<'b, T: Deserialize<'b>>(
    key: &[u8; 32],
    token: &str,
    buf: &'b mut [u8],
) -> Option<T> {
    let bytes: &'b mut [u8] = URL_SAFE_NO_PAD
        .decode(token.as_bytes(), buf.as_out())
        .ok()?;
    let (nonce, bytes) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
    let (data, tag) = bytes.split_last_chunk_mut::<TAG_LEN>()?;
    cipher::open(key, nonce, data, tag)?;
    postcard::from_bytes(data).ok()
}

/// [`seal_into`] with memory of its own.
pub fn seal<T: Serialize + ?Sized, R: TryCryptoRng>(
    key: &[u8; 32],
    value: &T,
    rng: &mut R,
) -> Option<String> {
    let len = postcard::experimental::serialized_size(value).ok()?;
    let mut bytes = Vec::with_capacity(NONCE_LEN + len + TAG_LEN);
    bytes.extend_from_slice(&[0; NONCE_LEN]);
    let mut bytes = postcard::to_extend(value, bytes).ok()?;
    let (nonce, data) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
    rng.try_fill_bytes(&mut nonce[8..]).ok()?;
    let tag = cipher::seal(key, nonce, data);
    bytes.extend_from_slice(&tag);
    Some(URL_SAFE_NO_PAD.encode_to_string(bytes))
}

/// [`open_in`] with memory of its own.
pub fn open<T: DeserializeOwned>(key: &[u8; 32], token: &str) -> Option<T> {
    let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(token).ok()?;
    let (nonce, rest) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
    let (data, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
    cipher::open(key, nonce, data, tag)?;
    postcard::from_bytes(data).ok()
}
