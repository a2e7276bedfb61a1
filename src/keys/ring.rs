use super::{
    error::KeyError,
    id::KeyId,
    key::{Key, derive},
    slots::KeySlots,
    state::KeyState,
};
use crate::timestamp::Timestamp;
use core::fmt;

#[cfg(feature = "alloc")]
use super::list;
#[cfg(feature = "std")]
use std::path::Path;

/// Holds one to eight [keys](Key), without allocating. The first key, the primary, seals; all of them
/// open.
///
/// `Display` and `Debug` show the key ids and their states for your log, and never a key.
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
    keys: KeySlots,
}

impl Keyring {
    /// Makes a keyring with one key, which seals and opens.
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
        let (id, secret) = primary.into_parts();
        Keyring {
            keys: KeySlots::new(id, secret),
        }
    }

    /// Adds a key that only opens.
    ///
    /// To rotate keys, first roll out the next key as an accepted key to every instance. Then make it
    /// the primary key and accept the old one.
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
    /// [`KeyError::TooMany`] for the ninth key; [`KeyError::DuplicateId`] if the keyring has a key
    /// with this id.
    #[doc(alias = "rotate")]
    pub fn accept(self, key: Key) -> Result<Keyring, KeyError> {
        self.add(key, KeyState::Accepted)
    }

    /// Adds a key that only opens tokens that were sealed until `at`, the end of a roll-out.
    ///
    /// This is for routine rotation. Do not retire a stolen key, but remove it from every keyring:
    /// anyone who has it can put any timestamp into a token.
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
    /// [`KeyError::TooMany`] for the ninth key; [`KeyError::DuplicateId`] if the keyring has a key
    /// with this id.
    #[doc(alias = "rotate")]
    pub fn accept_retired(self, key: Key, at: Timestamp) -> Result<Keyring, KeyError> {
        self.add(key, KeyState::Retired(at))
    }

    fn add(mut self, key: Key, state: KeyState) -> Result<Keyring, KeyError> {
        // An id must name one key, or else the order of the keys would decide which one opens.
        if self.keys.find(key.id()).is_some() {
            return Err(KeyError::DuplicateId(key.id()));
        }
        let (id, secret) = key.into_parts();
        self.keys.add(id, state, secret).ok_or(KeyError::TooMany)?;
        Ok(self)
    }

    /// Reads a keyring from an environment variable: `KEY`, `KEY,KEY` or `KEY,KEY,KEY@1763600000`.
    ///
    /// The first key seals, the others only open. A key that is followed by `@` and a time in Unix
    /// seconds is [retired](Keyring::accept_retired) at that time. Each key is base64 or hex, as
    /// [`Key`] reads it. White space around an entry is ignored.
    ///
    /// Child processes inherit the variable, and every process of the same user can read it in
    /// `/proc/PID/environ`. [`from_file`](Keyring::from_file) avoids both.
    ///
    /// ```no_run
    /// let ring = hardtack::Keyring::from_env("SESSION_KEYS")?;
    /// println!("session keys: {ring}");
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::Variable`], with the name of the variable and the reason. The reason is
    /// [`KeyError::Unset`], or [`KeyError::Entry`] with the number of the entry. One bad entry refuses
    /// the whole list, because a keyring that silently lacks a key would log people out.
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
        list::from_env(name, str::parse).map_err(|error| KeyError::Variable {
            name: name.into(),
            error: error.into(),
        })
    }

    /// Reads a keyring from a file, with the same list as [`from_env`](Keyring::from_env). A line break
    /// at the end is ignored.
    ///
    /// This is for systemd credentials, and for the secrets of Docker and Kubernetes. A file is safer
    /// than an environment variable: child processes inherit the variable, every process of the same
    /// user can read it in `/proc/PID/environ`, and crash reports often contain it.
    ///
    /// The text of the file is overwritten in memory after it was read.
    ///
    /// ```no_run
    /// use hardtack::Keyring;
    /// use std::{env, path::Path};
    ///
    /// // Docker and Kubernetes, as you have mounted the secret:
    /// let ring = Keyring::from_file("/run/secrets/session_keys")?;
    ///
    /// // systemd, with `LoadCredentialEncrypted=session_keys` in the unit:
    /// let directory = env::var_os("CREDENTIALS_DIRECTORY").ok_or("not started by systemd")?;
    /// let ring = Keyring::from_file(Path::new(&directory).join("session_keys"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::File`], with the path and the reason. The reason is [`KeyError::Unreadable`], or
    /// [`KeyError::Entry`] as in [`from_env`](Keyring::from_env).
    ///
    /// ```
    /// let error = hardtack::Keyring::from_file("no/such/file").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "file no/such/file: cannot be read (entity not found): check the path and the permissions",
    /// );
    /// ```
    #[cfg(feature = "std")]
    #[doc(alias("secret", "credential", "docker", "kubernetes", "systemd"))]
    pub fn from_file(path: impl AsRef<Path>) -> Result<Keyring, KeyError> {
        let path = path.as_ref();
        list::from_file(path, str::parse).map_err(|error| KeyError::File {
            path: path.into(),
            error: error.into(),
        })
    }

    /// Returns the id and the state of each key: the primary first, then the others in the order they
    /// were added.
    ///
    /// ```
    /// use hardtack::{Key, KeyState, Keyring};
    ///
    /// let (new, old) = (Key::generate()?, Key::generate()?);
    /// let expected = [(new.id(), KeyState::Primary), (old.id(), KeyState::Accepted)];
    /// let ring = Keyring::new(new).accept(old)?;
    /// assert!(ring.key_states().eq(expected));
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    pub fn key_states(&self) -> impl Iterator<Item = (KeyId, KeyState)> + '_ {
        self.keys.states()
    }

    /// Derives the key for one use from each key of the keyring.
    pub(crate) fn derive(&self, info: &[&[u8]]) -> KeySlots {
        self.keys.map(|prk| derive(prk, info))
    }
}

/// Reads the list of [`Keyring::from_env`] from text, for keys in a secret store.
///
/// # Errors
///
/// [`KeyError::Entry`], with the number of the entry and the reason.
#[cfg(feature = "alloc")]
impl core::str::FromStr for Keyring {
    type Err = KeyError;

    fn from_str(list: &str) -> Result<Keyring, KeyError> {
        let mut ring: Option<Keyring> = None;
        for (number, entry) in (1..).zip(list.split(',')) {
            let added = match ring {
                None => list::first(entry).map(Keyring::new),
                Some(ring) => list::other(entry).and_then(|(key, state)| ring.add(key, state)),
            };
            ring = Some(added.map_err(|error| KeyError::Entry {
                entry: number,
                error: error.into(),
            })?);
        }
        ring.ok_or(KeyError::Empty)
    }
}

impl fmt::Display for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (id, state)) in self.key_states().enumerate() {
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
