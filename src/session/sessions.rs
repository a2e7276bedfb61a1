use super::{Event, SessionData, SessionMap, config::Config};
use crate::{Codec, Keyring, Timestamp};
use alloc::sync::Arc;
use core::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// The sessions of a site: settings and keys. A cheap handle; clones share both.
///
/// Made by [`SessionManager::builder`], given to a framework's layer, and kept to [rotate
/// keys](SessionManager::set_keyring).
///
/// ```
/// use hardtack::{Key, Keyring, session::SessionManager};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let for_the_layer = sessions.clone();
/// println!("{sessions:?}"); // key ids and settings
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionManager<T: SessionData = SessionMap> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    config: Config<T>,
    codec: RwLock<Codec>,
}

impl<T: SessionData> SessionManager<T> {
    pub(super) fn new(config: Config<T>, codec: Codec) -> SessionManager<T> {
        let codec = RwLock::new(codec);
        SessionManager {
            shared: Arc::new(Shared { config, codec }),
        }
    }

    /// Replaces the keys while the server runs, for all clones of this handle. A request under
    /// way is saved with the new ring.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::SessionManager};
    ///
    /// let old = Key::generate()?;
    /// let sessions = SessionManager::builder(Keyring::new(old.clone())).build()?;
    /// sessions.set_keyring(Keyring::new(Key::generate()?).accept(old)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_keyring(&self, keyring: Keyring) {
        let codec = self.config().codec(&keyring);
        *self
            .shared
            .codec
            .write()
            .unwrap_or_else(PoisonError::into_inner) = codec;
    }

    pub(super) fn config(&self) -> &Config<T> {
        &self.shared.config
    }

    /// The codec with the keys of this moment: a lock, not to be held while the application's code runs,
    /// which may set other keys.
    pub(super) fn codec(&self) -> RwLockReadGuard<'_, Codec> {
        self.shared
            .codec
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.config().clock)()
    }

    pub(super) fn report(&self, event: &Event) {
        #[cfg(feature = "tracing")]
        super::trace::trace(event);
        if let Some(on_event) = &self.config().on_event {
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

/// Key ids and settings, no key.
impl<T: SessionData> fmt::Debug for SessionManager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("codec", &*self.codec())
            .finish_non_exhaustive()
    }
}
