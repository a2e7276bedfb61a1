//! Ending records: what a logout leaves in a store, now or as soon as the store answers again.

use super::{End, ErasedStore, OwnerKey, RecordKey, StoreError, Swap, Tombstone};
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

/// How long a tombstone stays: longer than an ordinary request takes.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// How many new ids of one session an end follows: a browser sends few requests at once.
const MAX_MOVES: u32 = 8;

/// Bounds the memory of ends that the store has not taken yet.
const MAX_PENDING: usize = 65_536;

/// A record that is to end.
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) key: RecordKey,
    pub(crate) tombstone: Tombstone,
    /// Ends the session under its next ids too. Not for a ticket that was dead when it came: an
    /// attacker who planted one must not end the login that came after it.
    pub(crate) follows: bool,
    pub(crate) owner: Option<OwnerKey>,
    pub(crate) grace: Duration,
}

impl Ending {
    /// Ends the record. An end may be repeated: a second try finds the tombstone of the first.
    pub(crate) async fn run(&self, store: &dyn ErasedStore) -> Result<(), StoreError> {
        let mut key = self.key;
        for _ in 0..MAX_MOVES {
            let end = End {
                key: &key,
                expect: None,
                tombstone: self.tombstone,
                grace: self.grace,
                owner: self.owner.as_ref(),
            };
            let ended = match store.end(end).await {
                Err(error) if error.may_have_acted() => store.end(end).await?,
                ended => ended?,
            };
            match ended {
                Swap::Ended(Tombstone::Moved(next)) if self.follows => key = next,
                _ => break,
            }
        }
        Ok(())
    }
}

/// Ends that the store has not taken yet. Nothing runs in the background: each request that the store
/// answers takes one along.
#[derive(Default)]
pub(crate) struct PendingEnds(Mutex<Vec<Ending>>);

impl PendingEnds {
    pub(crate) fn push(&self, ending: Ending) {
        let mut pending = self.lock();
        if pending.len() < MAX_PENDING {
            pending.push(ending);
        }
    }

    /// Tries one of them.
    pub(crate) async fn run_one(&self, store: &dyn ErasedStore) -> Result<bool, StoreError> {
        let Some(ending) = self.lock().pop() else {
            return Ok(false);
        };
        match ending.run(store).await {
            Ok(()) => Ok(true),
            Err(error) => {
                self.push(ending);
                Err(error)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Ending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
