//! The settings of a store.

use crate::session::{
    cookie::TooLarge,
    store::{Conflicts, ErasedStore, PendingEnds, StoreKeys},
};
use alloc::{format, string::String, sync::Arc};

const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Says where sessions are saved.
///
/// ```
/// use hardtack::{Key, Keyring, session::{Place, SessionManager}, store::MemoryStore};
///
/// // The first step of a move: every instance can read what the others will save in the store.
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?))
///     .store(MemoryStore::new(64 * 1024 * 1024))
///     .place(Place::Cookie)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// In the store. A session that came in its cookie moves there at its next save.
    Store,
    /// In the cookie. The store is only read.
    Cookie,
}

/// What the builder was told about a store.
pub(super) struct StoreOptions {
    pub(super) store: Option<Arc<dyn ErasedStore>>,
    pub(super) max_record_bytes: usize,
    /// The default is the store.
    pub(super) place: Option<Place>,
    pub(super) only_tickets: bool,
    pub(super) conflicts: Conflicts,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            store: None,
            max_record_bytes: MAX_RECORD_BYTES,
            place: None,
            only_tickets: false,
            conflicts: Conflicts::default(),
        }
    }
}

/// The store and its checked settings.
pub(crate) struct StoreSettings {
    pub(crate) store: Arc<dyn ErasedStore>,
    pub(crate) place: Place,
    pub(crate) only_tickets: bool,
    pub(crate) conflicts: Conflicts,
    pub(crate) pending: PendingEnds,
    max_record_bytes: usize,
}

impl StoreOptions {
    pub(super) fn check(self) -> Result<Option<StoreSettings>, String> {
        let Some(store) = self.store else {
            return match self.only_tickets || self.place == Some(Place::Store) {
                true => Err("`only_tickets` and `Place::Store` need a `store`: without one, every session is in its cookie".into()),
                false => Ok(None),
            };
        };
        let place = self.place.unwrap_or(Place::Store);
        let (max, stores_max) = (self.max_record_bytes, store.max_record_bytes());
        if max > stores_max {
            return Err(format!(
                "`max_record_bytes` is {max}, and the store takes {stores_max} at most: set a smaller one"
            ));
        }
        if self.only_tickets && place == Place::Cookie {
            return Err(
                "`only_tickets` refuses what `Place::Cookie` saves: take one of them out".into(),
            );
        }
        Ok(Some(StoreSettings {
            store,
            place,
            only_tickets: self.only_tickets,
            conflicts: self.conflicts,
            pending: PendingEnds::default(),
            max_record_bytes: max,
        }))
    }
}

impl StoreSettings {
    /// Fails if a record of `len` bytes is too large for the store once it is sealed.
    pub(super) fn fits(&self, len: usize, pad_to: usize) -> Result<(), TooLarge> {
        let (len, max) = (StoreKeys::sealed_len(len, pad_to), self.max_record_bytes);
        if len > max {
            return Err(TooLarge { len, max });
        }
        Ok(())
    }
}
