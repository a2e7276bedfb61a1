//! Opening, with or without associated data.

use super::{associated_data, error::OpenError, settings::Settings};
use crate::{
    keys::{KeyId, KeyState},
    secret::wipe,
    timestamp::Timestamp,
    token::{self, Body, HeaderBytes, VERSION_PADDED, VERSION_PLAIN},
};
use serde::Deserialize;

#[cfg(feature = "alloc")]
use crate::secret::Scratch;
#[cfg(feature = "alloc")]
use serde::de::DeserializeOwned;

/// Holds an opened value and what its token says about itself. All of it is authenticated.
///
/// ```
/// use hardtack::{Codec, Key, KeyState, Keyring};
///
/// let (new, old) = (Key::generate()?, Key::generate()?);
/// let token = Codec::new(&Keyring::new(old.clone()), "greeting/1").seal("hello")?;
///
/// let codec = Codec::new(&Keyring::new(new).accept(old.clone())?, "greeting/1");
/// let opened = codec.open::<String>(&token)?;
/// assert_eq!((opened.value.as_str(), opened.key), ("hello", old.id()));
/// assert_eq!(opened.key_state, KeyState::Accepted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened<T> {
    /// The value that was sealed.
    pub value: T,
    /// The time at which it was sealed.
    pub issued_at: Timestamp,
    /// The id of the key that sealed it.
    pub key: KeyId,
    /// The present state of that key. If it is not the primary key, you may want to seal the value
    /// again.
    pub key_state: KeyState,
}

/// Opens a token into a value that owns its data.
#[cfg(feature = "alloc")]
#[inline]
pub(super) fn open_owned<T: DeserializeOwned>(
    settings: &Settings,
    associated_data: Option<&[u8]>,
    token: &str,
    now: Timestamp,
) -> Result<Opened<T>, OpenError> {
    // Before the allocation: an attacker chooses the length of a token.
    if token.len() > settings.max_token_len {
        return Err(OpenError::TooLong);
    }
    let mut scratch = Scratch::zeroed(token::body_len(token.len()));
    open_in(settings, associated_data, token, now, &mut scratch.0)
}

/// Opens a token in `buf` into a value that may borrow from it.
#[inline]
pub(super) fn open_in<'b, T: Deserialize<'b>>(
    settings: &Settings,
    associated_data: Option<&[u8]>,
    token: &str,
    now: Timestamp,
    buf: &'b mut [u8],
) -> Result<Opened<T>, OpenError> {
    let opened = open_payload(settings, associated_data, token.as_bytes(), Some(now), buf)?;
    match postcard::take_from_bytes(opened.value) {
        Ok((value, [])) => Ok(Opened {
            value,
            issued_at: opened.issued_at,
            key: opened.key,
            key_state: opened.key_state,
        }),
        _ => Err(OpenError::Payload),
    }
}

/// Opens a token down to its payload, which then stands in `buf`. On every error but
/// [`OpenError::Payload`] there is no plaintext in `buf`. Without `now`, the time is not judged.
#[inline]
pub(super) fn open_payload<'b>(
    settings: &Settings,
    associated_data: Option<&[u8]>,
    token: &[u8],
    now: Option<Timestamp>,
    buf: &'b mut [u8],
) -> Result<Opened<&'b [u8]>, OpenError> {
    associated_data::prefixed(associated_data, |data| {
        open_prefixed(settings, data, token, now, buf)
    })
    .unwrap_or(Err(OpenError::AssociatedDataTooLong))
}

/// Takes the steps of the format page in their order.
fn open_prefixed<'b>(
    settings: &Settings,
    associated_data: &[u8],
    token: &[u8],
    now: Option<Timestamp>,
    buf: &'b mut [u8],
) -> Result<Opened<&'b [u8]>, OpenError> {
    if token.len() > settings.max_token_len {
        return Err(OpenError::TooLong);
    }
    let needed = token::body_len(token.len());
    if buf.len() < needed {
        return Err(OpenError::BufferTooSmall { needed });
    }
    let header = HeaderBytes::decode(token).ok_or(OpenError::Invalid)?;
    let body = Body::decode(token, buf).ok_or(OpenError::Invalid)?;
    let padded = match header.version() {
        VERSION_PLAIN => false,
        VERSION_PADDED => true,
        _ => return Err(OpenError::UnknownVersion),
    };
    let id = header.key_id();
    let (key_state, key) = settings.keys.find(id).ok_or(OpenError::UnknownKey(id))?;
    let plaintext = body
        .open(key.as_bytes(), &header, associated_data)
        .map_err(|_| OpenError::Invalid)?;
    // The time is judged only now: before the tag verified, an attacker could have chosen it.
    let issued_at = header.issued_at();
    if let Some(now) = now
        && let Err(error) = settings.validity.check(issued_at, key_state, now)
    {
        wipe(plaintext);
        return Err(error);
    }
    let value = if padded {
        token::unpad(plaintext).ok_or(OpenError::Payload)?
    } else {
        plaintext
    };
    Ok(Opened {
        value,
        issued_at,
        key: id,
        key_state,
    })
}
