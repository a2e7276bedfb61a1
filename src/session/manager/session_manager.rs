use super::{
    key_use::{KeyCounts, KeyUse},
    settings::{Keys, Settings},
};
use crate::{
    KeyError, Keyring, Timestamp,
    session::{
        data::{SessionData, SessionMap},
        endings::{Denied, DenylistEntry, RecentEnd},
        events::{
            self, Event,
            log::{self, Topic},
        },
        lifecycle::{EndedLogin, Now},
    },
};
use alloc::{sync::Arc, vec::Vec};
use core::{fmt, time::Duration};
use std::{
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Holds the settings and the keys of an application's sessions. Clones are cheap and share both.
///
/// Make one with [`SessionManager::builder`] and pass it to the layer of your framework. Keep a
/// clone if you want to [rotate keys](SessionManager::set_keyring) without a restart.
///
/// ```
/// use hardtack::{Key, Keyring, session::SessionManager};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let for_the_layer = sessions.clone();
/// println!("{sessions:?}"); // key ids and settings
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("Sessions", "store", "config"))]
pub struct SessionManager<T: SessionData = SessionMap> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    settings: Settings<T>,
    keys: RwLock<Keys>,
}

impl<T: SessionData> SessionManager<T> {
    pub(super) fn new(
        settings: Settings<T>,
        keyring: &Keyring,
        floor: Timestamp,
    ) -> SessionManager<T> {
        let keys = RwLock::new(settings.keys(keyring, floor, &KeyCounts::default()));
        SessionManager {
            shared: Arc::new(Shared { settings, keys }),
        }
    }

    /// Replaces the keys while the server runs, for all clones of this manager. A request that is
    /// in progress is saved with the new keys.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::SessionManager};
    ///
    /// let old = Key::generate()?;
    /// let sessions = SessionManager::builder(Keyring::new(old.clone())).build()?;
    /// sessions.set_keyring(Keyring::new(Key::generate()?).accept(old)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("rotate", "secret"))]
    pub fn set_keyring(&self, keyring: Keyring) {
        let mut keys = self.write_keys();
        *keys = self.settings().keys(&keyring, keys.floor, &keys.counts);
    }

    /// Replaces the keys by those in a file, as [`set_keyring`](SessionManager::set_keyring) does and as
    /// [`Keyring::from_file`] reads them. If the file is not good, the old keys stay, and the log says why.
    ///
    /// Call it from a timer, or when your process receives SIGHUP. Replace the file
    /// in one step (`mv new keys`), as Kubernetes does: half of a list can be a good list.
    ///
    /// ```no_run
    /// # use hardtack::session::SessionManager;
    /// use hardtack::Keyring;
    /// use std::{thread, time::Duration};
    ///
    /// const KEYS: &str = "/run/secrets/session_keys";
    /// let sessions = SessionManager::builder(Keyring::from_file(KEYS)?).build()?;
    /// let for_the_timer = sessions.clone();
    /// thread::spawn(move || {
    ///     loop {
    ///         thread::sleep(Duration::from_secs(60));
    ///         // An error is in the log already.
    ///         let _ = for_the_timer.reload_keyring(KEYS);
    ///     }
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Keyring::from_file`].
    #[doc(alias("reload", "rotate", "SIGHUP"))]
    pub fn reload_keyring(&self, path: impl AsRef<Path>) -> Result<(), KeyError> {
        let keyring = Keyring::from_file(path).inspect_err(|error| {
            log::error(
                Topic::Keys,
                &format_args!("the keys were not replaced: {error}"),
            );
        })?;
        self.set_keyring(keyring);
        Ok(())
    }

    /// Returns how many cookies each key has opened in this process, and when the last: the primary key
    /// first, and the others in the order of the keyring. A key keeps its count when others come and go.
    /// With a store, a record counts too if another key than that of its ticket opens it.
    ///
    /// Look at all instances before you remove an old key. It may go when no instance seals with it any
    /// more and it has opened nothing for the longest idle timeout (14 days by default), because every
    /// session under it has ended by then. Tokens of a [`Codec`](crate::Codec) are not counted.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    ///
    /// let (new, old) = (Key::generate()?, Key::generate()?);
    /// let sessions = SessionManager::builder(Keyring::new(old.clone())).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// sessions.set_keyring(Keyring::new(new).accept(old.clone())?);
    /// assert!(!testing::session_from_cookie(&sessions, &cookie).is_new()?);
    /// let [primary, accepted] = sessions.key_use()[..] else { unreachable!() };
    /// assert_eq!((primary.opened, primary.last_opened), (0, None));
    /// assert_eq!((accepted.key, accepted.opened), (old.id(), 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("metrics", "rotate", "statistics"))]
    #[must_use]
    pub fn key_use(&self) -> Vec<KeyUse> {
        self.keys().counts.read()
    }

    /// Refuses every session that was created or sealed before this time, from now on and for all clones
    /// of this handle: everybody logs in again. To end one login, or all of a person, use a
    /// [`Denylist`](crate::session::Denylist) or
    /// [`validate`](crate::session::SessionManagerBuilder::validate).
    ///
    /// The time is not kept over a restart: set
    /// [`SessionManagerBuilder::reject_issued_before`](crate::session::SessionManagerBuilder::reject_issued_before) too. Sessions of the present second are refused as
    /// well if you pass [`Timestamp::now`] and one second more.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, Timestamp, session::{SessionManager, testing}};
    ///
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// let next_second = Timestamp::now().saturating_add(std::time::Duration::from_secs(1));
    /// sessions.reject_issued_before(next_second);
    /// assert!(testing::session_from_cookie(&sessions, &cookie).is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reject_issued_before(&self, floor: Timestamp) {
        self.write_keys().set_floor(floor);
    }

    fn write_keys(&self) -> RwLockWriteGuard<'_, Keys> {
        let lock = self.shared.keys.write();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> &Settings<T> {
        &self.shared.settings
    }

    /// Locks the keys of this moment. The lock must not be held while code of the application runs,
    /// which may set other keys.
    pub(crate) fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        let lock = self.shared.keys.read();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `true` for clones of one manager.
    pub(crate) fn is(&self, other: &SessionManager<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.settings().clock.wall()
    }

    pub(crate) fn ticks(&self) -> Duration {
        self.settings().clock.ticks()
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            wall: self.wall(),
            ticks: self.ticks(),
        }
    }

    /// Ends a login for the late answers of this process, and on the denylist for every copy. Returns
    /// the event if the list has no room.
    pub(crate) fn end(&self, login: EndedLogin, end: RecentEnd, now: Now) -> Option<Event> {
        let rules = &self.settings().rules;
        rules.recent.remember(login.login, end, now.ticks);
        let denied = match (end, login.of_person) {
            (RecentEnd::Ended, true) => Denied::Destroyed,
            (RecentEnd::Ended, false) => Denied::Anonymous,
            (RecentEnd::Replaced, true) => Denied::Replaced,
            // Nobody had logged in: what a copy of it opens is worth nothing.
            (RecentEnd::Replaced, false) => return None,
        };
        let entry = DenylistEntry {
            login_id: login.login,
            end: login.absolute_end,
            denied,
        };
        let full = rules.denylist.as_ref()?.deny(entry, now.wall).err()?;
        Some(Event::DenylistFull(full))
    }

    /// Returns `true` if somebody listens to all events.
    pub(crate) fn hears(&self) -> bool {
        self.settings().on_event.is_some() || events::are_traced()
    }

    pub(crate) fn report(&self, event: &Event) {
        events::report(event);
        if let Some(on_event) = &self.settings().on_event {
            on_event(event);
        }
    }
}

impl<T: SessionData> Clone for SessionManager<T> {
    fn clone(&self) -> SessionManager<T> {
        SessionManager {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Prints key ids and settings, and never a key.
impl<T: SessionData> fmt::Debug for SessionManager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("codec", &self.keys().codec)
            .finish_non_exhaustive()
    }
}
