//! Sealing, with or without associated data.

use super::{associated_data, error::SealError, settings::Settings};
use crate::{
    secret::wipe,
    timestamp::Timestamp,
    token::{self, HEADER_LEN, HeaderBytes, VERSION_PADDED, VERSION_PLAIN},
};
use rand_core::TryCryptoRng;
use serde::Serialize;

#[cfg(feature = "alloc")]
use crate::secret::Scratch;
#[cfg(feature = "alloc")]
use alloc::string::String;

/// Seals a value into a new string.
#[cfg(feature = "alloc")]
pub(super) fn seal_to_string<T, R>(
    settings: &Settings,
    associated_data: Option<&[u8]>,
    value: &T,
    now: Timestamp,
    rng: &mut R,
) -> Result<String, SealError>
where
    T: Serialize + ?Sized,
    R: TryCryptoRng + ?Sized,
{
    let mut text = Scratch::zeroed(sealed_len(settings, value)?);
    // The buffer is as long as the token. If it is too small, the value is longer than it was a moment
    // ago, and no buffer would be right.
    let write = |place: &mut [u8]| write_value(value, place, || SealError::Payload);
    match seal_payload(settings, associated_data, now, rng, &mut text.0, write) {
        Ok(len) => text.0.truncate(len),
        Err(SealError::BufferTooSmall { .. }) => return Err(SealError::Payload),
        Err(error) => return Err(error),
    }
    String::from_utf8(core::mem::take(&mut text.0)).map_err(|_| SealError::Payload)
}

/// Seals a value into `buf` and returns the token, which begins where `buf` begins.
pub(super) fn seal_into<'b, T, R>(
    settings: &Settings,
    associated_data: Option<&[u8]>,
    value: &T,
    now: Timestamp,
    rng: &mut R,
    buf: &'b mut [u8],
) -> Result<&'b str, SealError>
where
    T: Serialize + ?Sized,
    R: TryCryptoRng + ?Sized,
{
    let buf_len = buf.len();
    let write =
        |place: &mut [u8]| write_value(value, place, || too_small(settings, value, buf_len));
    let len = seal_payload(settings, associated_data, now, rng, buf, write)?;
    // The text is base64url, hence UTF-8.
    buf.get(..len)
        .and_then(|text| core::str::from_utf8(text).ok())
        .ok_or(SealError::Payload)
}

/// Writes a value to the start of `place` and returns its length, or the error of `full` if it does
/// not fit.
#[inline]
fn write_value<T: Serialize + ?Sized>(
    value: &T,
    place: &mut [u8],
    full: impl FnOnce() -> SealError,
) -> Result<usize, SealError> {
    match postcard::to_slice(value, place) {
        Ok(payload) => Ok(payload.len()),
        Err(postcard::Error::SerializeBufferFull) => Err(full()),
        Err(_) => Err(SealError::Payload),
    }
}

/// Says how long the buffer should have been, which takes another pass over the value.
#[cold]
fn too_small<T: Serialize + ?Sized>(settings: &Settings, value: &T, buf_len: usize) -> SealError {
    match sealed_len(settings, value) {
        Ok(needed) if needed > buf_len => SealError::BufferTooSmall { needed },
        // The value is shorter than it was a moment ago, so no buffer would be right.
        Ok(_) => SealError::Payload,
        Err(error) => error,
    }
}

/// Returns the length of the token for this value, in characters.
fn sealed_len<T: Serialize + ?Sized>(settings: &Settings, value: &T) -> Result<usize, SealError> {
    let payload_len =
        postcard::experimental::serialized_size(value).map_err(|_| SealError::Payload)?;
    checked_len(settings, payload_len)
}

fn checked_len(settings: &Settings, payload_len: usize) -> Result<usize, SealError> {
    let (len, max) = (settings.token_len(payload_len), settings.max_token_len);
    if len > max {
        return Err(SealError::TooLong { len, max });
    }
    Ok(len)
}

/// Seals the payload that `write` puts at the start of the slice it gets, and returns the length of
/// the token in characters. On error `buf` is zeroed, so that no plaintext stays in it.
#[inline]
pub(super) fn seal_payload<R: TryCryptoRng + ?Sized>(
    settings: &Settings,
    associated_data: Option<&[u8]>,
    now: Timestamp,
    rng: &mut R,
    buf: &mut [u8],
    write: impl FnOnce(&mut [u8]) -> Result<usize, SealError>,
) -> Result<usize, SealError> {
    let sealed = associated_data::prefixed(associated_data, |data| {
        seal_prefixed(settings, data, now, rng, buf, write)
    });
    let sealed = sealed.unwrap_or(Err(SealError::AssociatedDataTooLong));
    if sealed.is_err() {
        wipe(buf);
    }
    sealed
}

/// Takes the steps of the format page in their order.
fn seal_prefixed<R: TryCryptoRng + ?Sized>(
    settings: &Settings,
    associated_data: &[u8],
    now: Timestamp,
    rng: &mut R,
    buf: &mut [u8],
    write: impl FnOnce(&mut [u8]) -> Result<usize, SealError>,
) -> Result<usize, SealError> {
    if now == Timestamp::MAX {
        return Err(SealError::Time);
    }
    let mut random = [0; 16];
    rng.try_fill_bytes(&mut random)
        .map_err(|_| SealError::Randomness)?;

    let plaintext = buf.get_mut(HEADER_LEN..).unwrap_or_default();
    let payload_len = write(plaintext)?;
    let len = checked_len(settings, payload_len)?;
    let too_small = SealError::BufferTooSmall { needed: len };
    let plaintext_len = token::pad(plaintext, payload_len, settings.pad_to).ok_or(too_small)?;
    let version = if plaintext_len == payload_len {
        VERSION_PLAIN
    } else {
        VERSION_PADDED
    };
    let (id, key) = settings.keys.primary();
    let header = HeaderBytes::new(version, id, now, random);
    let text = buf.get_mut(..len).ok_or(too_small)?;
    token::seal(
        key.as_bytes(),
        &header,
        associated_data,
        plaintext_len,
        text,
    )
    .ok_or(too_small)?;
    Ok(len)
}
