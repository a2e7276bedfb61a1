use super::{
    error::{OpenError, SealError},
    open::{self, Opened},
    seal,
    settings::Settings,
};
use crate::timestamp::Timestamp;
use core::fmt;
use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

#[cfg(feature = "std")]
use crate::system_random::SystemRandom;
#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use serde::de::DeserializeOwned;

/// Seals and opens tokens that are bound to associated data. [`Codec::bound_to`] makes it.
///
/// The six methods do what the methods of [`Codec`] with the same names do.
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
///
/// [`Codec`]: crate::Codec
/// [`Codec::bound_to`]: crate::Codec::bound_to
#[derive(Clone, Copy)]
#[must_use = "binding seals nothing by itself"]
pub struct BoundCodec<'a> {
    pub(super) settings: &'a Settings,
    pub(super) associated_data: &'a [u8],
}

/// Shows the codec, and not the associated data. It is not in the token, so it may be a secret.
impl fmt::Debug for BoundCodec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundCodec")
            .field("codec", self.settings)
            .finish_non_exhaustive()
    }
}

impl BoundCodec<'_> {
    /// Seals a value at the present time, as [`Codec::seal`](crate::Codec::seal) does.
    ///
    /// ```
    /// # use hardtack::{Codec, Key, Keyring};
    /// # let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let token = codec.bound_to(b"tenant-7").seal("paid")?;
    /// assert_eq!(token.len(), codec.seal("paid")?.len()); // the associated data is not in it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`] but [`BufferTooSmall`](SealError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](SealError::AssociatedDataTooLong).
    #[cfg(feature = "std")]
    pub fn seal<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, SealError> {
        self.seal_with(value, Timestamp::now(), &mut SystemRandom)
    }

    /// Opens a token at the present time, as [`Codec::open`](crate::Codec::open) does.
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
    /// Any [`OpenError`] but [`BufferTooSmall`](OpenError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](OpenError::AssociatedDataTooLong).
    #[cfg(feature = "std")]
    pub fn open<T: DeserializeOwned>(&self, token: &str) -> Result<Opened<T>, OpenError> {
        self.open_at(token, Timestamp::now())
    }

    /// Seals a value at a given time, as [`Codec::seal_with`](crate::Codec::seal_with) does.
    ///
    /// # Errors
    ///
    /// Any [`SealError`] but [`BufferTooSmall`](SealError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](SealError::AssociatedDataTooLong).
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
        seal::seal_to_string(self.settings, Some(self.associated_data), value, now, rng)
    }

    /// Opens a token at a given time, as [`Codec::open_at`](crate::Codec::open_at) does.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but [`BufferTooSmall`](OpenError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](OpenError::AssociatedDataTooLong).
    #[cfg(feature = "alloc")]
    pub fn open_at<T: DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Opened<T>, OpenError> {
        open::open_owned(self.settings, Some(self.associated_data), token, now)
    }

    /// Seals a value into `buf`, as [`Codec::seal_into`](crate::Codec::seal_into) does.
    ///
    /// # Errors
    ///
    /// Any [`SealError`]. `buf` is then zeroed.
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
        seal::seal_into(
            self.settings,
            Some(self.associated_data),
            value,
            now,
            rng,
            buf,
        )
    }

    /// Opens a token in `buf`, as [`Codec::open_in`](crate::Codec::open_in) does.
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
        open::open_in(self.settings, Some(self.associated_data), token, now, buf)
    }
}
