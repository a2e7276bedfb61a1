use super::key::{Key, KeyId};
use crate::{codec::error::KeyError, timestamp::Timestamp};
use core::fmt;

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

/// The most keys that a ring holds.
pub(crate) const MAX_KEYS: usize = 8;

/// What a key of a ring is for.
///
/// ```
/// use hardtack::{KeyState, Timestamp};
///
/// assert_eq!(KeyState::Accepted.to_string(), "accepted");
/// let state = KeyState::Retired(Timestamp::from_unix(1_763_600_000));
/// assert_eq!(state.to_string(), "retired at 1763600000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// Seals and opens.
    Primary,
    /// Opens only: the key of tomorrow, or of yesterday.
    Accepted,
    /// Opens only what was sealed until this time.
    Retired(Timestamp),
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyState::Primary => f.write_str("primary"),
            KeyState::Accepted => f.write_str("accepted"),
            KeyState::Retired(at) => write!(f, "retired at {at}"),
        }
    }
}

/// One to eight [keys](Key): the first seals, all of them open. No allocation.
///
/// `Display` and `Debug` show the ids and states for the log, never a key.
///
/// ```
/// use hardtack::{Key, KeyError, Keyring, Timestamp};
///
/// let (today, yesterday) = (Key::generate()?, Key::generate()?);
/// let ids = (today.id(), yesterday.id());
/// let ring = Keyring::new(today).accept_retired(yesterday, Timestamp::from_unix(1_763_600_000))?;
/// assert_eq!(ring.to_string(), format!("{} primary, {} retired at 1763600000", ids.0, ids.1));
///
/// let key = Key::generate()?;
/// let twice = Keyring::new(key.clone()).accept(key.clone());
/// assert_eq!(twice.unwrap_err(), KeyError::DuplicateId(key.id()));
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct Keyring {
    /// The primary first.
    places: [Place; MAX_KEYS],
}

/// A key, or no key if it has no state. A free place is zeros where an `Option` would be `None`:
/// `None` does not set the bytes of the key, and a copy of it carries along what lay there before,
/// which on the stack may be a key.
#[derive(Clone)]
struct Place {
    key: Key,
    state: Option<KeyState>,
}

impl Keyring {
    /// A ring of one key, which seals and opens.
    ///
    /// ```
    /// use hardtack::{Key, Keyring};
    ///
    /// let key = Key::generate()?;
    /// let id = key.id();
    /// assert_eq!(Keyring::new(key).to_string(), format!("{id} primary"));
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    #[must_use]
    pub fn new(primary: Key) -> Keyring {
        let mut places = [const {
            Place {
                key: Key::NONE,
                state: None,
            }
        }; MAX_KEYS];
        let [first, ..] = &mut places;
        *first = Place {
            key: primary,
            state: Some(KeyState::Primary),
        };
        Keyring { places }
    }

    /// Adds a key that opens only: tomorrow's, staged on every instance before one of them seals
    /// with it, or yesterday's.
    ///
    /// ```
    /// use hardtack::{Codec, Key, KeyError, Keyring};
    ///
    /// let (today, tomorrow) = (Key::generate()?, Key::generate()?);
    /// let staged = Keyring::new(today.clone()).accept(tomorrow.clone())?;
    /// let switched = Keyring::new(tomorrow.clone()).accept(today)?;
    /// let token = Codec::new(&switched, "greeting/1").seal("hello")?;
    /// assert_eq!(Codec::new(&staged, "greeting/1").open::<String>(&token)?.value, "hello");
    ///
    /// let error = staged.accept(tomorrow.clone()).unwrap_err();
    /// assert_eq!(error, KeyError::DuplicateId(tomorrow.id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::TooMany`] for the ninth key, [`KeyError::DuplicateId`] if the ring has a key with
    /// this id.
    pub fn accept(self, key: Key) -> Result<Keyring, KeyError> {
        self.add(key, KeyState::Accepted)
    }

    /// Adds a key that opens only what was sealed until `at`, the end of a roll-out.
    ///
    /// For routine rotation. A stolen key is not retired but deleted from every ring: a thief writes
    /// any time he likes into what he seals.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Codec, Key, Keyring, OpenError, Timestamp};
    ///
    /// let (new, old) = (Key::generate()?, Key::generate()?);
    /// let retired_at = Timestamp::from_unix(1_700_000_000);
    /// let sealer = Codec::new(&Keyring::new(old.clone()), "greeting/1");
    /// let before = sealer.seal_with("hello", retired_at, &mut getrandom::SysRng)?;
    /// let now = retired_at.saturating_add(Duration::from_secs(3600));
    /// let after = sealer.seal_with("hello", now, &mut getrandom::SysRng)?;
    ///
    /// let ring = Keyring::new(new).accept_retired(old, retired_at)?;
    /// let codec = Codec::new(&ring, "greeting/1");
    /// assert!(codec.open_at::<String>(&before, now).is_ok());
    /// assert_eq!(codec.open_at::<String>(&after, now).unwrap_err(), OpenError::Revoked);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`accept`](Keyring::accept).
    pub fn accept_retired(self, key: Key, at: Timestamp) -> Result<Keyring, KeyError> {
        self.add(key, KeyState::Retired(at))
    }

    fn add(mut self, key: Key, state: KeyState) -> Result<Keyring, KeyError> {
        // One id must name one key, or which key opens would depend on their order.
        if self.ids().any(|(present, _)| present == key.id()) {
            return Err(KeyError::DuplicateId(key.id()));
        }
        let mut places = self.places.iter_mut();
        let free = places.find(|place| place.state.is_none());
        let free = free.ok_or(KeyError::TooMany)?;
        *free = Place {
            key,
            state: Some(state),
        };
        Ok(self)
    }

    /// The ring in an environment variable: `KEY`, `KEY,KEY` or `KEY,KEY,KEY@1763600000`. The first
    /// key seals, the others open; `@` and Unix seconds make a key retired at that time. Each key is
    /// text as [`Key`] reads it; white space around an entry is ignored.
    ///
    /// ```no_run
    /// let ring = hardtack::Keyring::from_env("SESSION_KEYS")?;
    /// println!("session keys: {ring}");
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::Variable`] names the variable; within it, [`KeyError::Entry`] names the entry. One
    /// bad entry refuses the whole list: a ring that silently lacks a key logs people out.
    ///
    /// ```
    /// let error = hardtack::Keyring::from_env("NO_SUCH_VARIABLE").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "environment variable NO_SUCH_VARIABLE: not set: make a key with `openssl rand -base64 32`",
    /// );
    /// ```
    #[cfg(feature = "std")]
    pub fn from_env(name: &str) -> Result<Keyring, KeyError> {
        let variable = |error| KeyError::Variable {
            name: name.into(),
            error: Box::new(error),
        };
        let Some(list) = std::env::var_os(name) else {
            return Err(variable(KeyError::Unset));
        };
        let list = zeroize::Zeroizing::new(list.into_encoded_bytes());
        match core::str::from_utf8(&list) {
            Ok(list) => list.parse().map_err(variable),
            Err(error) => {
                let commas = list.iter().take(error.valid_up_to());
                let commas = commas.filter(|byte| **byte == b',').count();
                Err(variable(KeyError::Entry {
                    entry: commas.saturating_add(1),
                    error: Box::new(KeyError::NotUnicode),
                }))
            }
        }
    }

    /// The primary key first, then the others in the order they were added.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&Key, KeyState)> {
        let places = self.places.iter();
        places.filter_map(|place| Some((&place.key, place.state?)))
    }

    /// The id and state of each key, the primary first.
    ///
    /// ```
    /// use hardtack::{Key, KeyState, Keyring};
    ///
    /// let (new, old) = (Key::generate()?, Key::generate()?);
    /// let ids = [(new.id(), KeyState::Primary), (old.id(), KeyState::Accepted)];
    /// let ring = Keyring::new(new).accept(old)?;
    /// assert!(ring.ids().eq(ids));
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    pub fn ids(&self) -> impl Iterator<Item = (KeyId, KeyState)> + '_ {
        self.keys().map(|(key, state)| (key.id(), state))
    }
}

/// A list as [`Keyring::from_env`] reads it: for keys that come from a file or a secret store.
#[cfg(feature = "alloc")]
impl core::str::FromStr for Keyring {
    type Err = KeyError;

    fn from_str(list: &str) -> Result<Keyring, KeyError> {
        let mut ring: Option<Keyring> = None;
        for (number, entry) in (1..).zip(list.split(',')) {
            let added = match ring {
                None => parse_primary(entry.trim()),
                Some(ring) => parse_other(ring, entry.trim()),
            };
            ring = Some(added.map_err(|error| KeyError::Entry {
                entry: number,
                error: Box::new(error),
            })?);
        }
        ring.ok_or(KeyError::Empty)
    }
}

#[cfg(feature = "alloc")]
fn parse_primary(entry: &str) -> Result<Keyring, KeyError> {
    match entry {
        "" => Err(KeyError::Empty),
        _ if entry.contains('@') => Err(KeyError::RetiredPrimary),
        key => Ok(Keyring::new(key.parse()?)),
    }
}

#[cfg(feature = "alloc")]
fn parse_other(ring: Keyring, entry: &str) -> Result<Keyring, KeyError> {
    match entry.split_once('@') {
        _ if entry.is_empty() => Err(KeyError::Empty),
        None => ring.accept(entry.parse()?),
        Some((key, at)) => {
            let key = key.trim_end().parse()?;
            ring.accept_retired(key, parse_time(at.trim_start())?)
        }
    }
}

/// Digits only: `u32::from_str` would take a sign.
#[cfg(feature = "alloc")]
fn parse_time(text: &str) -> Result<Timestamp, KeyError> {
    match text.parse() {
        Ok(seconds) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Timestamp::from_unix(seconds))
        }
        _ => Err(KeyError::RetirementTime),
    }
}

impl fmt::Display for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (id, state)) in self.ids().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{id} {state}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({self})")
    }
}
