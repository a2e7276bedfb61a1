//! Bytes in, bytes out: the steps of FORMAT.md in their order.

use super::{
    codec::{Codec, Opened},
    error::{OpenError, SealError},
};
use crate::{
    secret::wipe,
    timestamp::Timestamp,
    token::{self, Body, HEADER_LEN, Header as RawHeader, VERSION_PADDED, VERSION_PLAIN, padding},
};
use rand_core::TryCryptoRng;

impl Codec {
    /// Seals the payload that `write` puts at the start of the slice it gets, and returns the
    /// token's length. On error `buf` holds no plaintext.
    pub(crate) fn seal_payload<R: TryCryptoRng + ?Sized>(
        &self,
        associated_data: &[u8],
        now: Timestamp,
        rng: &mut R,
        buf: &mut [u8],
        write: impl FnOnce(&mut [u8]) -> Result<usize, SealError>,
    ) -> Result<usize, SealError> {
        let sealed = self.try_seal_payload(associated_data, now, rng, buf, write);
        if sealed.is_err() {
            wipe(buf);
        }
        sealed
    }

    fn try_seal_payload<R: TryCryptoRng + ?Sized>(
        &self,
        associated_data: &[u8],
        now: Timestamp,
        rng: &mut R,
        buf: &mut [u8],
        write: impl FnOnce(&mut [u8]) -> Result<usize, SealError>,
    ) -> Result<usize, SealError> {
        if now == Timestamp::MAX {
            return Err(SealError::Time);
        }
        let [key, ..] = &self.places;
        let mut random = [0; 16];
        rng.try_fill_bytes(&mut random)
            .map_err(|_| SealError::Randomness)?;

        let plaintext = buf.get_mut(HEADER_LEN..).unwrap_or_default();
        let payload_len = write(plaintext)?;
        let len = self.token_len(payload_len);
        if len > self.max_token_len {
            return Err(SealError::TooLong {
                len,
                max: self.max_token_len,
            });
        }
        let too_small = SealError::BufferTooSmall { needed: len };
        let plaintext_len = padding::pad(plaintext, payload_len, self.pad_to).ok_or(too_small)?;
        let version = if plaintext_len == payload_len {
            VERSION_PLAIN
        } else {
            VERSION_PADDED
        };
        let header = RawHeader::new(version, key.id, now, random);
        let text = buf.get_mut(..len).ok_or(too_small)?;
        token::seal(
            key.secret.as_bytes(),
            &header,
            associated_data,
            plaintext_len,
            text,
        )
        .map_err(|_| too_small)?;
        Ok(len)
    }

    /// The payload of a token, which then stands in `buf`: the steps of FORMAT.md in their order,
    /// down to the padding. On every error but `Payload` there is no plaintext in `buf`.
    pub(crate) fn open_payload<'b>(
        &self,
        associated_data: &[u8],
        token: &str,
        now: Timestamp,
        buf: &'b mut [u8],
    ) -> Result<Opened<&'b [u8]>, OpenError> {
        if token.len() > self.max_token_len {
            return Err(OpenError::TooLong);
        }
        let needed = token::body_len(token.len());
        if buf.len() < needed {
            return Err(OpenError::BufferTooSmall { needed });
        }
        let text = token.as_bytes();
        let header = RawHeader::decode(text).ok_or(OpenError::Invalid)?;
        let body = Body::decode(text, buf).ok_or(OpenError::Invalid)?;
        let padded = match header.version() {
            VERSION_PLAIN => false,
            VERSION_PADDED => true,
            _ => return Err(OpenError::UnknownVersion),
        };
        let id = header.key_id();
        let (key, state) = self
            .keys()
            .find(|(key, _)| key.id == id)
            .ok_or(OpenError::UnknownKey(id))?;
        let plaintext = body
            .open(key.secret.as_bytes(), &header, associated_data)
            .map_err(|_| OpenError::Invalid)?;
        // Only now is the time worth judging: before, whoever sent the token chose it.
        if let Err(error) = self.policy.check(header.issued_at(), state, now) {
            wipe(plaintext);
            return Err(error);
        }
        let value = if padded {
            padding::unpad(plaintext).ok_or(OpenError::Payload)?
        } else {
            plaintext
        };
        Ok(Opened {
            value,
            issued_at: header.issued_at(),
            key: id,
            key_state: state,
        })
    }
}
