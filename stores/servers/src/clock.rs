//! The time of a site.

use hardtack::{
    Key, Keyring, Timestamp,
    session::{SessionManager, SessionManagerBuilder},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// A clock that stands still, and the key of the site. Clones share both.
#[derive(Clone)]
pub(crate) struct Clock {
    now: Arc<AtomicU32>,
    ring: Keyring,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock {
            now: Arc::new(AtomicU32::new(Timestamp::now().to_unix())),
            ring: Keyring::new(Key::generate().unwrap()),
        }
    }

    pub(crate) fn pass(&self, seconds: u32) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Returns the settings of an instance.
    pub(crate) fn builder(&self) -> SessionManagerBuilder {
        let now = self.now.clone();
        SessionManager::builder(self.ring.clone())
            .clock(move || Timestamp::from_unix(now.load(Ordering::Relaxed)))
    }
}
