//! The session of a request that ends the others of its subject.

use super::{ErasedStore, Found, GRACE, RecordKey, StoreError};
use alloc::vec::Vec;

/// A session that goes on while the others end.
pub(crate) struct OwnSession {
    /// The keys that its record has, and will have.
    pub(crate) keys: Vec<RecordKey>,
    /// Where the store was asked for it. `None` for a login: it goes on, whatever became of the session of before.
    pub(crate) asked_at: Option<RecordKey>,
    /// The store had it then. A session that is in its cookie has no record yet.
    pub(crate) was_there: bool,
}

impl OwnSession {
    pub(crate) fn has(&self, key: RecordKey) -> bool {
        self.keys.contains(&key)
    }

    /// Returns `false` once it has ended: the slow request of a thief would end the sessions of a person who has logged
    /// in again. And once it has another id: that may be of another tab, or of a thief that was faster.
    pub(crate) async fn goes_on(&self, store: &dyn ErasedStore) -> Result<bool, StoreError> {
        let Some(at) = &self.asked_at else {
            return Ok(true);
        };
        // To keep it is to write, and no replica is asked.
        Ok(match store.load(at, Some(GRACE)).await? {
            Found::Record(_) => true,
            Found::Ended(_) => false,
            Found::Missing => !self.was_there,
        })
    }
}
