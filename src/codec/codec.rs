//! The codec: a keyring's keys for one purpose, and rules.

use super::{
    BoundCodec,
    error::{OpenError, SealError},
    validity::Policy,
};
use crate::{
    keys::{KeyId, KeyState, Keyring, MAX_KEYS},
    secret::Secret,
    timestamp::Timestamp,
    token::{self, Header as RawHeader, padding},
};
use core::{fmt, time::Duration};
use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use serde::de::DeserializeOwned;

/// Separates the uses of a master key: the first part of HKDF's info.
const LABEL: &[u8] = b"seal";

/// Seals values into tokens and opens them again: one keyring, one purpose, one set of rules.
///
/// The purpose is part of the key, so that what was sealed for one never opens for another. Let it
/// name one type and its version, and give another shape of the type another purpose:
/// `login-link/1`, `login-link/2`.
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
/// types. It cannot carry what depends on them: `#[serde(skip_serializing_if)]`, `#[serde(flatten)]`,
/// `#[serde(untagged)]`, `#[serde(tag = "…")]`, and whatever calls `deserialize_any`, such as
/// `serde_json::Value`. A type whose fields change needs another purpose: the old tokens would
/// decode to something else, or not at all.
///
/// # Which calls need what
///
/// | calls | feature | time and randomness | memory |
/// |---|---|---|---|
/// | [`seal`](Codec::seal), [`open`](Codec::open) | `std` | the system's | one allocation |
/// | [`seal_with`](Codec::seal_with), [`open_at`](Codec::open_at) | `alloc` | passed in | one allocation |
/// | [`seal_into`](Codec::seal_into), [`open_in`](Codec::open_in) | none | passed in | the caller's buffer |
#[derive(Clone)]
pub struct Codec {
    /// The primary first.
    pub(super) places: [PurposeKey; MAX_KEYS],
    pub(super) policy: Policy,
    pub(super) pad_to: usize,
    pub(super) max_token_len: usize,
}

/// A key, or no key if it has no state: as in the ring, free places are zeros.
#[derive(Clone)]
pub(super) struct PurposeKey {
    pub(super) id: KeyId,
    state: Option<KeyState>,
    pub(super) secret: Secret,
}

impl PurposeKey {
    const NONE: PurposeKey = PurposeKey {
        id: KeyId::from_bytes([0; 3]),
        state: None,
        secret: Secret([0; 32]),
    };
}

/// What [`Codec::open`] found: the value and what the token says about itself, all authenticated.
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
    /// When it was sealed.
    pub issued_at: Timestamp,
    /// The key that sealed it.
    pub key: KeyId,
    /// What that key is for now: if it is not the primary, the value may be sealed anew.
    pub key_state: KeyState,
}

/// What a token says about itself without having been opened: whoever sent it can write anything
/// there. For logs only.
///
/// ```
/// use hardtack::{Codec, Key, Keyring};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
/// let token = codec.seal("hello")?;
/// let header = Codec::inspect(&token).unwrap();
/// assert_eq!(header.version, 0x84);
/// println!("key {}, sealed at {}", header.key, header.issued_at);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The version of the format: `0x84` plain, `0x85` padded.
    pub version: u8,
    /// The key that is said to have sealed it.
    pub key: KeyId,
    /// When it is said to have been sealed.
    pub issued_at: Timestamp,
}

impl Codec {
    /// A codec for one purpose, with the keys that the ring has now. All that depends on key and
    /// purpose alone is computed here, once.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, OpenError};
    ///
    /// let ring = Keyring::new(Key::generate()?);
    /// let token = Codec::new(&ring, "invitation/1").seal(&7_u32)?;
    /// assert_eq!(Codec::new(&ring, "invitation/1").open::<u32>(&token)?.value, 7);
    ///
    /// // The next shape of the type has another purpose: what the last one sealed does not open.
    /// let next = Codec::new(&ring, "invitation/2").open::<(u32, String)>(&token);
    /// assert_eq!(next.unwrap_err(), OpenError::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(keyring: &Keyring, purpose: &str) -> Codec {
        Codec::with_label(keyring, &[LABEL, &[0], purpose.as_bytes()])
    }

    pub(crate) fn with_label(keyring: &Keyring, info: &[&[u8]]) -> Codec {
        let mut places = [const { PurposeKey::NONE }; MAX_KEYS];
        for (place, (key, state)) in places.iter_mut().zip(keyring.keys()) {
            *place = PurposeKey {
                id: key.id(),
                state: Some(state),
                secret: key.derive(info),
            };
        }
        Codec {
            places,
            policy: Policy::default(),
            pad_to: 1,
            max_token_len: 16 * 1024,
        }
    }

    /// How old a token may be, in whole seconds (a fraction is dropped): exactly that age is still
    /// good. Default 24 hours. The age is the opener's to judge; nothing of it is in the token.
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
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Codec {
        self.policy.max_age = max_age.as_secs();
        self
    }

    /// How far the clocks of two servers may differ, in whole seconds: a token from the future by
    /// that much opens. Default 60 seconds.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1").skew(Duration::from_secs(5));
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let token = codec.seal_with("hello", noon, &mut getrandom::SysRng)?;
    ///
    /// // On a server whose clock is behind that of the sealer:
    /// let behind = |seconds| noon.saturating_sub(Duration::from_secs(seconds));
    /// assert!(codec.open_at::<String>(&token, behind(5)).is_ok());
    /// assert_eq!(codec.open_at::<String>(&token, behind(6)).unwrap_err(), OpenError::NotYetValid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Codec {
        self.policy.skew = skew;
        self
    }

    /// Refuses every token issued earlier, whatever its age: the answer to a leak that is over.
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
    #[must_use]
    pub fn reject_issued_before(mut self, floor: Timestamp) -> Codec {
        self.policy.floor = floor;
        self
    }

    /// Pads the payload to a multiple of `block` bytes, so that the length of a token tells less
    /// about what is in it. 0 and 1: no padding, the default. Padded and plain tokens open alike,
    /// whatever this is set to.
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
        self.pad_to = block;
        self
    }

    /// The most characters that a token may have. Default 16,384. A longer one is neither opened (nor
    /// even decoded) nor sealed.
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
    pub fn max_token_len(mut self, characters: usize) -> Codec {
        self.max_token_len = characters;
        self
    }

    /// The number of characters of a token whose payload, encoded by postcard, has this many bytes;
    /// [`seal_into`](Codec::seal_into) needs a buffer of that length. Saturates.
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
    pub fn token_len(&self, payload: usize) -> usize {
        token_len(payload, self.pad_to)
    }

    /// The number of bytes of buffer that [`open_in`](Codec::open_in) needs for this token.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring, Timestamp};
    ///
    /// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
    /// let token = codec.seal("hello")?;
    /// // Six bytes of payload, a length and the text, and a tag of 16.
    /// assert_eq!(Codec::open_len(&token), 22);
    /// let mut buf = vec![0; Codec::open_len(&token)];
    /// assert_eq!(codec.open_in::<&str>(&token, Timestamp::now(), &mut buf)?.value, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn open_len(token: &str) -> usize {
        token::body_len(token.len())
    }

    /// Reads version, key id and time of a token without opening it, hence without authentication:
    /// for logs. `None` if it does not begin with 32 characters of base64url. Of a version other than
    /// `0x84` and `0x85` only the key id is sure to be one.
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
    pub fn inspect(token: &str) -> Option<Header> {
        let header = RawHeader::decode(token.as_bytes())?;
        Some(Header {
            version: header.version(),
            key: header.key_id(),
            issued_at: header.issued_at(),
        })
    }

    /// The same codec for tokens that are bound to these bytes: they open only together with the
    /// same bytes, which are not in the token. A tenant's name, a form's id, a request's path.
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
    pub fn bound_to<'a>(&'a self, associated_data: &'a [u8]) -> BoundCodec<'a> {
        BoundCodec {
            codec: self,
            associated_data: Some(associated_data),
        }
    }

    /// The key that seals.
    #[cfg(feature = "session")]
    pub(crate) fn primary(&self) -> KeyId {
        let [key, ..] = &self.places;
        key.id
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&PurposeKey, KeyState)> {
        let places = self.places.iter();
        places.filter_map(|place| Some((place, place.state?)))
    }

    fn unbound(&self) -> BoundCodec<'_> {
        BoundCodec {
            codec: self,
            associated_data: None,
        }
    }

    /// Seals a value now, with randomness from the operating system.
    ///
    /// Every token costs a system call for 16 random bytes. That is on purpose: a generator in the
    /// process is copied by `fork` and by a snapshot of the machine, and two copies would seal under
    /// one nonce. Who knows better passes a generator to [`seal_with`](Codec::seal_with).
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
    /// Any [`SealError`] but `BufferTooSmall`.
    #[cfg(feature = "std")]
    pub fn seal<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, SealError> {
        self.unbound().seal(value)
    }

    /// Opens a token now.
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
    /// Any [`OpenError`] but `BufferTooSmall`.
    #[cfg(feature = "std")]
    pub fn open<T: DeserializeOwned>(&self, token: &str) -> Result<Opened<T>, OpenError> {
        self.unbound().open(token)
    }

    /// Seals a value at a given time, with a given generator: one that is cryptographically secure
    /// and seeded by the operating system, and whose state is never used twice.
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
        self.unbound().seal_with(value, now, rng)
    }

    /// Opens a token as of a given time.
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
    /// Any [`OpenError`] but `BufferTooSmall`.
    #[cfg(feature = "alloc")]
    pub fn open_at<T: DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Opened<T>, OpenError> {
        self.unbound().open_at(token, now)
    }

    /// Seals a value into `buf` without allocating, and returns the token, which stands at its start.
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
    /// Any [`SealError`]; `buf` is zeroed then. A buffer of [`token_len`](Codec::token_len) bytes is
    /// enough.
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
        self.unbound().seal_into(value, now, rng, buf)
    }

    /// Opens a token in `buf` without allocating; the value may borrow from it.
    ///
    /// After success and after [`OpenError::Payload`] the plaintext stands in `buf`, and is the
    /// caller's to wipe. After any other error there is none in it.
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
    /// Any [`OpenError`]. A buffer of [`open_len`](Codec::open_len) bytes is enough.
    pub fn open_in<'b, T: Deserialize<'b>>(
        &self,
        token: &str,
        now: Timestamp,
        buf: &'b mut [u8],
    ) -> Result<Opened<T>, OpenError> {
        self.unbound().open_in(token, now, buf)
    }
}

/// The number of characters of a token, which depends on no key.
pub(crate) const fn token_len(payload: usize, pad_to: usize) -> usize {
    token::text_len(padding::padded_len(payload, pad_to))
}

/// Shows ids and rules, never a key.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("keys", &Keys(self))
            .field("policy", &self.policy)
            .field("pad_to", &self.pad_to)
            .field("max_token_len", &self.max_token_len)
            .finish()
    }
}

struct Keys<'a>(&'a Codec);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.keys().map(|(key, state)| (key.id, state));
        f.debug_map().entries(ids).finish()
    }
}
