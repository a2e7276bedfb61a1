use super::{
    bound::BoundCodec,
    error::{OpenError, SealError},
    header::TokenHeader,
    open::{self, Opened},
    seal,
    settings::Settings,
};
use crate::{keys::Keyring, timestamp::Timestamp, token};
use core::{fmt, time::Duration};
use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

#[cfg(feature = "session")]
use crate::keys::KeyId;
#[cfg(feature = "std")]
use crate::system_random::SystemRandom;
#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use serde::de::DeserializeOwned;

/// The first part of HKDF's info, which separates the uses of a master key.
const LABEL: &[u8] = b"seal";

/// Seals values into tokens and opens them again, with the keys of one keyring, for one purpose, by
/// one set of rules.
///
/// The purpose is part of the key, so a token that was sealed for one purpose never opens for another.
/// Let the purpose name one type and its version. If the type changes, change the purpose too, for
/// example from `login-link/1` to `login-link/2`.
///
/// ```
/// use core::time::Duration;
/// use hardtack::{Codec, Key, Keyring, OpenError};
///
/// let ring = Keyring::new(Key::generate()?);
/// let links = Codec::new(&ring, "login-link/1").max_age(Duration::from_secs(15 * 60));
///
/// let token = links.seal(&("ada@example.org", 7_u32))?;
/// let (mail, visits): (String, u32) = links.open(&token)?.value;
/// assert_eq!((mail.as_str(), visits), ("ada@example.org", 7));
///
/// let other = Codec::new(&ring, "password-reset/1");
/// assert_eq!(other.open::<(String, u32)>(&token).unwrap_err(), OpenError::Invalid);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Values
///
/// Values are encoded by [postcard](https://postcard.jamesmunns.com), which stores no names and no
/// types. So it cannot encode serde attributes that depend on names or types:
/// `#[serde(skip_serializing_if)]`, `#[serde(flatten)]`, `#[serde(untagged)]` and
/// `#[serde(tag = "…")]`. It cannot decode a type that calls `deserialize_any`, such as
/// `serde_json::Value`. If the fields of a type change, its old tokens may decode to wrong values or
/// fail to decode. Another purpose prevents this.
///
/// Two of these mistakes are silent, because a codec seals values that it could not read. An enum with
/// `#[serde(skip)]` on a variant comes back with another variant, and so may a struct with
/// `skip_serializing_if` come back with other fields. Open what you seal once, in a test:
///
/// ```
/// # use hardtack::{Codec, Key, Keyring};
/// # use serde::{Deserialize, Serialize};
/// # let codec = Codec::new(&Keyring::new(Key::generate()?), "role/1");
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// enum Role {
///     Guest,
///     #[serde(skip)]
///     Internal, // postcard counts it when it writes, and not when it reads
///     User,
///     Admin,
/// }
///
/// let token = codec.seal(&Role::User)?;
/// assert_eq!(codec.open::<Role>(&token)?.value, Role::Admin); // not what was sealed
/// # let _ = (Role::Guest, Role::Internal);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Methods and features
///
/// | methods | feature | time and randomness | memory |
/// |---|---|---|---|
/// | [`seal`](Codec::seal), [`open`](Codec::open) | `std` | from the operating system | one allocation |
/// | [`seal_with`](Codec::seal_with), [`open_at`](Codec::open_at) | `alloc` | arguments | one allocation |
/// | [`seal_into`](Codec::seal_into), [`open_in`](Codec::open_in) | none | arguments | your buffer |
#[derive(Clone)]
pub struct Codec {
    settings: Settings,
}

impl Codec {
    /// Makes a codec for one purpose with the keys of a keyring.
    ///
    /// This derives one key per key of the keyring by HKDF-SHA256
    /// ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)). Make a codec once and keep it.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, OpenError};
    ///
    /// let ring = Keyring::new(Key::generate()?);
    /// let token = Codec::new(&ring, "invitation/1").seal(&7_u32)?;
    /// assert_eq!(Codec::new(&ring, "invitation/1").open::<u32>(&token)?.value, 7);
    ///
    /// // The type changes, and so does the purpose. Tokens for the old purpose do not open.
    /// let next = Codec::new(&ring, "invitation/2").open::<(u32, String)>(&token);
    /// assert_eq!(next.unwrap_err(), OpenError::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(keyring: &Keyring, purpose: &str) -> Codec {
        Codec::with_label(keyring, &[LABEL, &[0], purpose.as_bytes()])
    }

    /// Makes a codec with another info of HKDF-Expand than `seal ‖ 0x00 ‖ purpose`.
    pub(crate) fn with_label(keyring: &Keyring, info: &[&[u8]]) -> Codec {
        Codec {
            settings: Settings::new(keyring, info),
        }
    }

    /// Sets the maximum age of a token, in whole seconds. The default is 24 hours.
    ///
    /// A token of exactly this age still opens. Fractions of a second are dropped. The maximum applies
    /// when a token is opened; it is not stored in the token.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let hour = Duration::from_secs(3600);
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1").max_age(hour);
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.seal_with("hello", noon, &mut getrandom::SysRng)?;
    ///
    /// let end = noon.saturating_add(hour);
    /// assert!(codec.open_at::<String>(&token, end).is_ok());
    /// let later = end.saturating_add(Duration::from_secs(1));
    /// assert_eq!(codec.open_at::<String>(&token, later).unwrap_err(), OpenError::Expired);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ttl")]
    #[doc(alias = "expiry")]
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Codec {
        self.settings.validity.max_age = max_age.as_secs();
        self
    }

    /// Sets the clock skew that is allowed between two servers, in whole seconds. The default is 60
    /// seconds.
    ///
    /// A token opens if it was sealed at most this much later than the present time of the opener.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1").skew(Duration::from_secs(5));
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.seal_with("hello", noon, &mut getrandom::SysRng)?;
    ///
    /// // On a server with a clock that is behind:
    /// let behind = |seconds| noon.saturating_sub(Duration::from_secs(seconds));
    /// assert!(codec.open_at::<String>(&token, behind(5)).is_ok());
    /// assert_eq!(codec.open_at::<String>(&token, behind(6)).unwrap_err(), OpenError::NotYetValid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "leeway")]
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Codec {
        self.settings.validity.skew = skew;
        self
    }

    /// Refuses every token that was issued before this time, whatever its age.
    ///
    /// Use it after a leak of tokens. After a leak of a key, remove the key instead: anyone who has it
    /// can put any timestamp into a token.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let token = codec.seal("hello")?;
    /// let soon = Timestamp::now().saturating_add(Duration::from_secs(10));
    /// let codec = codec.reject_issued_before(soon);
    /// assert_eq!(codec.open::<String>(&token).unwrap_err(), OpenError::Revoked);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "revoke")]
    #[must_use]
    pub fn reject_issued_before(mut self, time: Timestamp) -> Codec {
        self.settings.validity.reject_issued_before = time;
        self
    }

    /// Pads the payload to a multiple of `block` bytes (ISO/IEC 7816-4), so that the length of a token
    /// reveals less about its value. The default is no padding, which 0 and 1 also mean.
    ///
    /// The setting applies when a token is sealed. Padded and plain tokens both open, whatever it is.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring};
    ///
    /// let plain = Codec::new(&Keyring::new(Key::generate()?), "answer/1");
    /// let padded = plain.clone().pad_to(32);
    /// assert_ne!(plain.seal("yes")?.len(), plain.seal("certainly not")?.len());
    /// assert_eq!(padded.seal("yes")?.len(), padded.seal("certainly not")?.len());
    /// assert_eq!(plain.open::<String>(&padded.seal("yes")?)?.value, "yes");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pad_to(mut self, block: usize) -> Codec {
        self.settings.pad_to = block;
        self
    }

    /// Sets the maximum length of a token, in characters. The default is 16,384.
    ///
    /// A longer token is not sealed. A longer token is not opened either, and not even decoded, so that
    /// an attacker who sends one costs the server little.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, OpenError, SealError};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let token = codec.seal(&"hello".repeat(20))?;
    /// let codec = codec.max_token_len(100);
    /// assert_eq!(codec.open::<String>(&token).unwrap_err(), OpenError::TooLong);
    /// let error = codec.seal(&"hello".repeat(20)).unwrap_err();
    /// assert_eq!(error, SealError::TooLong { len: token.len(), max: 100 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max_token_len(mut self, max: usize) -> Codec {
        self.settings.max_token_len = max;
        self
    }

    /// Returns the number of characters of a token with a payload of `payload_len` bytes, as postcard
    /// encodes it. [`seal_into`](Codec::seal_into) needs a buffer of this length. Saturates.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// assert_eq!(codec.token_len(100), 187);
    /// assert_eq!(codec.pad_to(64).token_len(100), 224);
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    #[must_use]
    pub fn token_len(&self, payload_len: usize) -> usize {
        self.settings.token_len(payload_len)
    }

    /// Returns the length in bytes of the buffer that [`open_in`](Codec::open_in) needs for this token.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let token = codec.seal("hello")?;
    /// // The payload is 6 bytes, a length and the text. The tag is 16 bytes.
    /// assert_eq!(Codec::open_len(&token), 22);
    /// let mut buf = vec![0; Codec::open_len(&token)];
    /// assert_eq!(codec.open_in::<&str>(&token, Timestamp::now(), &mut buf)?.value, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn open_len(token: &str) -> usize {
        token::body_len(token.len())
    }

    /// Reads the version, the key id and the time of a token without opening it, for logs. Nothing is
    /// authenticated.
    ///
    /// Returns `None` if the token does not begin with 32 characters of base64url. If the version is not
    /// `0x84` or `0x85`, `issued_at` may be something else than a time.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring};
    ///
    /// let key = Key::generate()?;
    /// let codec = Codec::new(&Keyring::new(key.clone()), "greeting/1");
    /// let token = codec.seal("hello")?;
    /// assert_eq!(Codec::inspect(&token).unwrap().key, key.id());
    /// assert_eq!(Codec::inspect("hello"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn inspect(token: &str) -> Option<TokenHeader> {
        TokenHeader::of(token.as_bytes())
    }

    /// Binds tokens to associated data, such as the name of a tenant, the id of a form or the path of a
    /// request.
    ///
    /// A bound token opens only with the same bytes. They are not in the token.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, OpenError};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "form/1");
    /// let token = codec.bound_to(b"tenant-7").seal("paid")?;
    /// assert_eq!(codec.bound_to(b"tenant-7").open::<String>(&token)?.value, "paid");
    /// assert_eq!(codec.bound_to(b"tenant-8").open::<String>(&token).unwrap_err(), OpenError::Invalid);
    /// assert_eq!(codec.open::<String>(&token).unwrap_err(), OpenError::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "aad")]
    #[doc(alias = "associated_data")]
    pub fn bound_to<'a>(&'a self, associated_data: &'a [u8]) -> BoundCodec<'a> {
        BoundCodec {
            settings: &self.settings,
            associated_data,
        }
    }

    /// Seals a value at the present time, with random bytes from the operating system.
    ///
    /// Every token costs a system call for 16 random bytes, which takes about as long as the encryption of a
    /// short value. From glibc 2.41 and Linux 6.11 on, it is a call inside the process and takes a tenth of
    /// that time. A generator of the process is not used on purpose: `fork` and a snapshot of the machine copy
    /// it, and two copies would seal with the same nonce. A snapshot also copies the generator of the system, so
    /// the present nanosecond and a counter are mixed in. If you bring a generator that is safe in this
    /// respect, call [`seal_with`](Codec::seal_with).
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, SealError};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// assert_ne!(codec.seal("hello")?, codec.seal("hello")?);
    ///
    /// let error = codec.seal(&"hello".repeat(10_000)).unwrap_err();
    /// assert!(matches!(error, SealError::TooLong { max: 16_384, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`] but [`BufferTooSmall`](SealError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](SealError::AssociatedDataTooLong).
    #[doc(alias = "encrypt")]
    #[doc(alias = "sign")]
    #[cfg(feature = "std")]
    pub fn seal<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, SealError> {
        self.seal_with(value, Timestamp::now(), &mut SystemRandom)
    }

    /// Opens a token at the present time.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, OpenError};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let token = codec.seal("hello")?;
    /// assert_eq!(codec.open::<String>(&token)?.value, "hello");
    ///
    /// assert_eq!(codec.open::<bool>(&token).unwrap_err(), OpenError::Payload);
    /// assert_eq!(codec.open::<String>("hello").unwrap_err(), OpenError::Invalid);
    /// let other = Key::generate()?;
    /// let stranger = Codec::new(&Keyring::new(other), "greeting/1").seal("hello")?;
    /// assert!(matches!(codec.open::<String>(&stranger), Err(OpenError::UnknownKey(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but [`BufferTooSmall`](OpenError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](OpenError::AssociatedDataTooLong).
    #[doc(alias = "decrypt")]
    #[doc(alias = "verify")]
    #[cfg(feature = "std")]
    pub fn open<T: DeserializeOwned>(&self, token: &str) -> Result<Opened<T>, OpenError> {
        self.open_at(token, Timestamp::now())
    }

    /// Seals a value at a given time, with a given generator.
    ///
    /// The generator must be cryptographically secure and seeded by the operating system, and its state
    /// must never be used twice. Otherwise two tokens may share a nonce, which reveals their plaintexts.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, SealError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.seal_with("hello", noon, &mut getrandom::SysRng)?;
    /// assert_eq!(codec.open_at::<String>(&token, noon)?.issued_at, noon);
    ///
    /// let never = Timestamp::from_unix(u32::MAX);
    /// let error = codec.seal_with("hello", never, &mut getrandom::SysRng).unwrap_err();
    /// assert_eq!(error, SealError::Time);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`] but [`BufferTooSmall`](SealError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](SealError::AssociatedDataTooLong).
    #[doc(alias = "encrypt")]
    #[doc(alias = "sign")]
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
        seal::seal_to_string(&self.settings, None, value, now, rng)
    }

    /// Opens a token at a given time.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let token = codec.seal("hello")?;
    /// let tomorrow = Timestamp::now().saturating_add(Duration::from_secs(23 * 3600));
    /// assert_eq!(codec.open_at::<String>(&token, tomorrow)?.value, "hello");
    /// let after = tomorrow.saturating_add(Duration::from_secs(2 * 3600));
    /// assert_eq!(codec.open_at::<String>(&token, after).unwrap_err(), OpenError::Expired);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but [`BufferTooSmall`](OpenError::BufferTooSmall) and
    /// [`AssociatedDataTooLong`](OpenError::AssociatedDataTooLong).
    #[doc(alias = "decrypt")]
    #[doc(alias = "verify")]
    #[cfg(feature = "alloc")]
    pub fn open_at<T: DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Opened<T>, OpenError> {
        open::open_owned(&self.settings, None, token, now)
    }

    /// Seals a value into `buf` without allocating, and returns the token. It begins where `buf` begins.
    ///
    /// The time and the generator are those of [`seal_with`](Codec::seal_with). A buffer of
    /// [`token_len`](Codec::token_len) bytes is enough.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, SealError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let (noon, mut rng) = (Timestamp::from_unix(1_700_000_000), getrandom::SysRng);
    /// let mut buf = [0; 100];
    /// let token = codec.seal_into("hello", noon, &mut rng, &mut buf)?;
    /// assert_eq!(token.len(), codec.token_len(6));
    ///
    /// let error = codec.seal_into("hello", noon, &mut rng, &mut [0; 40]).unwrap_err();
    /// assert_eq!(error, SealError::BufferTooSmall { needed: 62 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`SealError`]. `buf` is then zeroed.
    #[doc(alias = "encrypt")]
    #[doc(alias = "sign")]
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
        seal::seal_into(&self.settings, None, value, now, rng, buf)
    }

    /// Opens a token in `buf` without allocating. The value may borrow from `buf`.
    ///
    /// A buffer of [`open_len`](Codec::open_len) bytes is enough. After success and after
    /// [`OpenError::Payload`] the plaintext is in `buf`; wipe it if it is secret. After any other error
    /// there is no plaintext in `buf`.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let now = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.seal_with("hello", now, &mut getrandom::SysRng)?;
    ///
    /// let mut buf = [0; 64];
    /// let greeting: &str = codec.open_in(&token, now, &mut buf)?.value;
    /// assert_eq!(greeting, "hello");
    ///
    /// let error = codec.open_in::<&str>(&token, now, &mut [0; 8]).unwrap_err();
    /// assert_eq!(error, OpenError::BufferTooSmall { needed: Codec::open_len(&token) });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any [`OpenError`].
    #[doc(alias = "decrypt")]
    #[doc(alias = "verify")]
    pub fn open_in<'b, T: Deserialize<'b>>(
        &self,
        token: &str,
        now: Timestamp,
        buf: &'b mut [u8],
    ) -> Result<Opened<T>, OpenError> {
        open::open_in(&self.settings, None, token, now, buf)
    }
}

/// What the session needs besides.
#[cfg(feature = "session")]
impl Codec {
    /// Returns the id of the key that seals.
    pub(crate) fn primary(&self) -> KeyId {
        let (id, _) = self.settings.keys.primary();
        id
    }

    /// Seals the payload that `write` puts at the start of the slice it gets, and returns the length of
    /// the token in characters. On error `buf` is zeroed.
    pub(crate) fn seal_payload<R: TryCryptoRng + ?Sized>(
        &self,
        associated_data: Option<&[u8]>,
        now: Timestamp,
        rng: &mut R,
        buf: &mut [u8],
        write: impl FnOnce(&mut [u8]) -> Result<usize, SealError>,
    ) -> Result<usize, SealError> {
        seal::seal_payload(&self.settings, associated_data, now, rng, buf, write)
    }

    /// Opens a token down to its payload, which then stands in `buf`. On every error but
    /// [`OpenError::Payload`] there is no plaintext in `buf`.
    pub(crate) fn open_payload<'b>(
        &self,
        associated_data: Option<&[u8]>,
        token: &[u8],
        now: Timestamp,
        buf: &'b mut [u8],
    ) -> Result<Opened<&'b [u8]>, OpenError> {
        open::open_payload(&self.settings, associated_data, token, Some(now), buf)
    }

    /// Opens a token down to its payload, whatever its time and the state of its key are: for a session that is to end.
    #[cfg(feature = "session")]
    pub(crate) fn open_at_any_time<'b>(
        &self,
        token: &[u8],
        buf: &'b mut [u8],
    ) -> Result<Opened<&'b [u8]>, OpenError> {
        open::open_payload(&self.settings, None, token, None, buf)
    }
}

/// Shows key ids and rules, and never a key.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
