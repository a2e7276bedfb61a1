//! The session of a request that ends the others of its subject.

use super::{ErasedStore, Found, RecordKey, StoreError, StoreErrorKind};
use alloc::vec::Vec;

/// A session that goes on while the others end.
pub(crate) struct OwnSession {
    /// The keys that its record has, and will have.
    keys: Vec<RecordKey>,
    /// Where its record was read. A session that is in its cookie has none.
    read_at: Option<RecordKey>,
}

impl OwnSession {
    pub(crate) fn new(keys: Vec<RecordKey>, read_at: Option<RecordKey>) -> OwnSession {
        OwnSession { keys, read_at }
    }

    pub(crate) fn has(&self, key: RecordKey) -> bool {
        self.keys.contains(&key)
    }

    /// Fails once it has ended: the slow request of a thief would end the sessions of a person who has logged in again.
    /// Fails once it has another id, too: that may be of another tab, or of a thief that was faster.
    pub(crate) async fn goes_on(&self, store: &dyn ErasedStore) -> Result<(), StoreError> {
        let Some(at) = &self.read_at else {
            return Ok(());
        };
        match store.load(at, None).await? {
            Found::Record(_) => Ok(()),
            Found::Ended(_) | Found::Missing => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "the session that is to end the others has ended, or has another id",
            )),
        }
    }
}
