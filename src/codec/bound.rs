//! The six calls, with associated data or without.

use super::{
    codec::{Codec, Opened},
    error::{OpenError, SealError},
};
use crate::{secret::wipe, timestamp::Timestamp};
use core::fmt;
use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

#[cfg(feature = "alloc")]
use crate::{secret::Scratch, token};
#[cfg(feature = "alloc")]
use alloc::{string::String, vec};
#[cfg(feature = "alloc")]
use serde::de::DeserializeOwned;

/// Associated data up to this length is joined with its prefix on the stack.
const ASSOCIATED_DATA_ON_STACK: usize = 1024;
/// Sets a bound token apart from a plain one, also if it is bound to no bytes.
const BOUND: u8 = 0x01;

/// A [`Codec`] for tokens bound to associated data: see [`Codec::bound_to`]. The six calls are those
/// of the codec.
///
/// ```
/// use hardtack::{Codec, Key, Keyring};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
/// let tenant = codec.bound_to(b"tenant-7");
/// let token = tenant.seal("paid")?;
/// assert_eq!(tenant.open::<String>(&token)?.value, "paid");
/// assert!(codec.open::<String>(&token).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[must_use = "binding seals nothing by itself"]
pub struct BoundCodec<'a> {
    pub(super) codec: &'a Codec,
    pub(super) associated_data: Option<&'a [u8]>,
}

/// Shows the codec, not the bytes: they are not in the token, so perhaps nobody is to know them.
impl fmt::Debug for BoundCodec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundCodec")
            .field("codec", self.codec)
            .finish_non_exhaustive()
    }
}

impl BoundCodec<'_> {
    /// As [`Codec::seal`].
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let token = codec.bound_to(b"tenant-7").seal("paid")?;
    /// assert_eq!(token.len(), codec.seal("paid")?.len()); // the bytes are not in it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`] but `BufferTooSmall`.
    #[cfg(feature = "std")]
    pub fn seal<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, SealError> {
        self.seal_with(value, Timestamp::now(), &mut getrandom::SysRng)
    }

    /// As [`Codec::open`].
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring, OpenError};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let token = codec.bound_to(b"tenant-7").seal("paid")?;
    /// assert_eq!(codec.bound_to(b"tenant-7").open::<String>(&token)?.value, "paid");
    /// let error = codec.bound_to(b"").open::<String>(&token).unwrap_err();
    /// assert_eq!(error, OpenError::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but `BufferTooSmall`.
    #[cfg(feature = "std")]
    pub fn open<T: DeserializeOwned>(&self, token: &str) -> Result<Opened<T>, OpenError> {
        self.open_at(token, Timestamp::now())
    }

    /// As [`Codec::seal_with`].
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring, Timestamp};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let (tenant, noon) = (codec.bound_to(b"tenant-7"), Timestamp::from_unix(1_700_000_000));
    /// let token = tenant.seal_with("paid", noon, &mut getrandom::SysRng)?;
    /// assert_eq!(tenant.open_at::<String>(&token, noon)?.value, "paid");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`] but `BufferTooSmall`.
    #[cfg(feature = "alloc")]
    pub fn seal_with<T, R>(
        &self,
        value: &T,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<String, SealError>
    where
        T: Serialize + ?Sized,
        R: TryCryptoRng + ?Sized,
    {
        let mut text = Scratch(vec![0; self.sealed_len(value)?]);
        match self.seal_to_len(value, now, rng, &mut text.0) {
            Ok(len) => text.0.truncate(len),
            // Longer than it was a moment ago: no buffer would be right.
            Err(SealError::BufferTooSmall { .. }) => return Err(SealError::Payload),
            Err(error) => return Err(error),
        }
        String::from_utf8(core::mem::take(&mut text.0)).map_err(|_| SealError::Payload)
    }

    /// As [`Codec::open_at`].
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.bound_to(b"tenant-7").seal_with("paid", noon, &mut getrandom::SysRng)?;
    /// let error = codec.bound_to(b"tenant-8").open_at::<String>(&token, noon).unwrap_err();
    /// assert_eq!(error, OpenError::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but `BufferTooSmall`.
    #[cfg(feature = "alloc")]
    pub fn open_at<T: DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Opened<T>, OpenError> {
        if token.len() > self.codec.max_token_len {
            return Err(OpenError::TooLong);
        }
        let mut scratch = Scratch(vec![0; token::body_len(token.len())]);
        self.open_in(token, now, &mut scratch.0)
    }

    /// As [`Codec::seal_into`].
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring, Timestamp};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let (tenant, noon) = (codec.bound_to(b"tenant-7"), Timestamp::from_unix(1_700_000_000));
    /// let mut text = [0; 100];
    /// let token = tenant.seal_into("paid", noon, &mut getrandom::SysRng, &mut text)?;
    /// assert_eq!(token.len(), codec.token_len(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`]; `buf` is zeroed then.
    pub fn seal_into<'b, T, R>(
        &self,
        value: &T,
        now: Timestamp,
        rng: &mut R,
        buf: &'b mut [u8],
    ) -> Result<&'b str, SealError>
    where
        T: Serialize + ?Sized,
        R: TryCryptoRng + ?Sized,
    {
        match self.seal_to_len(value, now, rng, buf) {
            // The text is base64url, hence UTF-8.
            Ok(len) => buf
                .get(..len)
                .and_then(|text| core::str::from_utf8(text).ok())
                .ok_or(SealError::Payload),
            Err(SealError::BufferTooSmall { .. }) => match self.sealed_len(value)? {
                needed if needed > buf.len() => Err(SealError::BufferTooSmall { needed }),
                // Shorter than it was a moment ago: no buffer would be right.
                _ => Err(SealError::Payload),
            },
            Err(error) => Err(error),
        }
    }

    /// As [`Codec::open_in`].
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.bound_to(b"tenant-7").seal_with("paid", noon, &mut getrandom::SysRng)?;
    /// let mut buf = [0; 64];
    /// assert_eq!(codec.bound_to(b"tenant-7").open_in::<&str>(&token, noon, &mut buf)?.value, "paid");
    /// let error = codec.bound_to(b"tenant-8").open_in::<&str>(&token, noon, &mut buf).unwrap_err();
    /// assert_eq!(error, OpenError::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`OpenError`].
    pub fn open_in<'b, T: Deserialize<'b>>(
        &self,
        token: &str,
        now: Timestamp,
        buf: &'b mut [u8],
    ) -> Result<Opened<T>, OpenError> {
        let opened = self
            .with_associated_data(|data| self.codec.open_payload(data, token, now, buf))
            .ok_or(OpenError::AssociatedDataTooLong)??;
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

    #[inline]
    fn seal_to_len<T, R>(
        &self,
        value: &T,
        now: Timestamp,
        rng: &mut R,
        buf: &mut [u8],
    ) -> Result<usize, SealError>
    where
        T: Serialize + ?Sized,
        R: TryCryptoRng + ?Sized,
    {
        let write = |buf: &mut [u8]| match postcard::to_slice(value, buf) {
            Ok(payload) => Ok(payload.len()),
            // How much is needed, only counting tells.
            Err(postcard::Error::SerializeBufferFull) => {
                Err(SealError::BufferTooSmall { needed: 0 })
            }
            Err(_) => Err(SealError::Payload),
        };
        self.with_associated_data(|data| self.codec.seal_payload(data, now, rng, buf, write))
            .unwrap_or_else(|| {
                wipe(buf);
                Err(SealError::AssociatedDataTooLong)
            })
    }

    /// The length of the token for this value, or that it is too long.
    fn sealed_len<T: Serialize + ?Sized>(&self, value: &T) -> Result<usize, SealError> {
        let payload =
            postcard::experimental::serialized_size(value).map_err(|_| SealError::Payload)?;
        let (len, max) = (self.codec.token_len(payload), self.codec.max_token_len);
        if len > max {
            Err(SealError::TooLong { len, max })
        } else {
            Ok(len)
        }
    }

    /// Calls `f` with the associated data as the AEAD gets it: nothing, or `0x01` and the bytes.
    #[inline]
    fn with_associated_data<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        // One call of `f`, so that it is inlined; what a plain token does not need is not touched.
        let mut stack;
        #[cfg(feature = "alloc")]
        let heap;
        let data: &[u8] = match self.associated_data {
            None => &[],
            Some(bytes) if bytes.len() <= ASSOCIATED_DATA_ON_STACK => {
                stack = [BOUND; 1 + ASSOCIATED_DATA_ON_STACK];
                stack.get_mut(1..=bytes.len())?.copy_from_slice(bytes);
                stack.get(..=bytes.len())?
            }
            #[cfg(feature = "alloc")]
            Some(bytes) => {
                heap = [&[BOUND], bytes].concat();
                &heap
            }
            #[cfg(not(feature = "alloc"))]
            Some(_) => return None,
        };
        Some(f(data))
    }
}
