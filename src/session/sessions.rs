use super::{Event, Map, SessionData, config::Config};
use crate::{Codec, Keyring, Timestamp};
use alloc::sync::Arc;
use core::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// The sessions of a site: settings and keys. A cheap handle; clones share both.
///
/// Made by [`Sessions::builder`], given to a framework's layer, and kept to [rotate
/// keys](Sessions::set_keyring).
///
/// ```
/// use hardtack::{Key, Keyring, session::Sessions};
///
/// let sessions = Sessions::builder(Keyring::new(Key::generate()?)).build()?;
/// let for_the_layer = sessions.clone();
/// println!("{sessions:?}"); // key ids and settings
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sessions<T: SessionData = Map> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    config: Config<T>,
    codec: RwLock<Codec>,
}

impl<T: SessionData> Sessions<T> {
    pub(super) fn new(config: Config<T>, codec: Codec) -> Sessions<T> {
        let codec = RwLock::new(codec);
        Sessions {
            shared: Arc::new(Shared { config, codec }),
        }
    }

    /// Replaces the keys while the server runs, for all clones of this handle. A request under
    /// way is saved with the new ring.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::Sessions};
    ///
    /// let old = Key::generate()?;
    /// let sessions = Sessions::builder(Keyring::new(old.clone())).build()?;
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

impl<T: SessionData> Clone for Sessions<T> {
    fn clone(&self) -> Sessions<T> {
        Sessions {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Key ids and settings, no key.
impl<T: SessionData> fmt::Debug for Sessions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("codec", &*self.codec())
            .finish_non_exhaustive()
    }
}
