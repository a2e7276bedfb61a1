//! XChaCha20-Poly1305 ([draft-irtf-cfrg-xchacha-03]) in place, with a detached tag.
//!
//! Two implementations give the same bytes. With the feature `ring`, on x86-64 and aarch64, HChaCha20
//! comes from `chacha20` and ChaCha20-Poly1305 ([RFC 8439]) from `ring`. Everything else runs
//! `chacha20poly1305`. Both wipe their keys, but `ring` leaves the subkey of the last nonce on the stack.
//!
//! [draft-irtf-cfrg-xchacha-03]: https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha-03
//! [RFC 8439]: https://www.rfc-editor.org/rfc/rfc8439

pub(crate) const NONCE_LEN: usize = 24;
pub(crate) const TAG_LEN: usize = 16;

/// Says that the plaintext to seal is longer than 256 GiB, or that the tag to open does not verify.
pub(crate) struct AeadError;

#[cfg(not(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable {
    use super::{AeadError, NONCE_LEN, TAG_LEN};
    use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};

    pub(crate) fn seal(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        associated_data: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; TAG_LEN], AeadError> {
        XChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(nonce.into(), associated_data, data.into())
            .map(Into::into)
            .map_err(|_| AeadError)
    }

    pub(crate) fn open(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        associated_data: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), AeadError> {
        XChaCha20Poly1305::new(key.into())
            .decrypt_inout_detached(nonce.into(), associated_data, data.into(), tag.into())
            .map_err(|_| AeadError)
    }
}

#[cfg(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod with_ring {
    use super::{AeadError, NONCE_LEN, TAG_LEN};
    use crate::secret::wipe;
    use chacha20::{R20, hchacha};
    use ring::aead::{
        Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN as IETF_NONCE_LEN, Nonce, UnboundKey,
    };

    /// Derives the subkey from the first 16 bytes of the nonce. Four zeros and the last 8 bytes are the
    /// nonce for the subkey.
    // Otherwise the key schedule is copied to the caller, a hundred instructions of each token.
    #[inline(always)]
    fn subkey(key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> Result<(LessSafeKey, Nonce), AeadError> {
        let [head @ .., a, b, c, d, e, f, g, h] = nonce;
        let head: &[u8; 16] = head;
        let key = schedule(hchacha::<R20>(key.into(), head.into()).as_mut())?;
        let ietf_nonce: [u8; IETF_NONCE_LEN] = [0, 0, 0, 0, *a, *b, *c, *d, *e, *f, *g, *h];
        Ok((key, Nonce::assume_unique_for_key(ietf_nonce)))
    }

    /// Makes the key schedule of a subkey, and overwrites the subkey.
    #[inline(always)]
    fn schedule(subkey: &mut [u8; 32]) -> Result<LessSafeKey, AeadError> {
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, subkey);
        wipe(subkey);
        Ok(LessSafeKey::new(unbound.map_err(|_| AeadError)?))
    }

    pub(crate) fn seal(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        associated_data: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; TAG_LEN], AeadError> {
        let (key, nonce) = subkey(key, nonce)?;
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(associated_data), data)
            .map_err(|_| AeadError)?;
        tag.as_ref().try_into().map_err(|_| AeadError)
    }

    pub(crate) fn open(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        associated_data: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), AeadError> {
        let (key, nonce) = subkey(key, nonce)?;
        key.open_in_place_separate_tag(nonce, Aad::from(associated_data), (*tag).into(), data, 0..)
            .map(|_plaintext| ())
            .map_err(|_| AeadError)
    }

    #[cfg(all(test, target_os = "linux"))]
    mod tests {
        use super::schedule;
        use crate::unseen::stays_in_frame;

        #[test]
        fn the_subkey_of_a_nonce_is_wiped() {
            let subkey = b"thirty-two bytes that must leave";
            let (stays, key) = stays_in_frame(subkey, schedule);
            assert!(!stays);
            assert!(key.is_ok());
        }
    }
}

#[cfg(not(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) use portable::{open, seal};
#[cfg(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) use with_ring::{open, seal};
