//! How often each key opens a cookie, so that an operator sees when an old key may go.

use crate::{KeyId, KeyState, Keyring, Timestamp};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Says how often a key of the keyring has opened a session. See
/// [`SessionManager::key_use`](crate::session::SessionManager::key_use).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyUse {
    /// The id of the key.
    pub key: KeyId,
    /// What the key is used for.
    pub state: KeyState,
    /// The number of cookies that this key has opened in this process, and of records in a store whose
    /// tickets are under another key.
    pub opened: usize,
    /// When it opened the last one, or `None` if it has opened none.
    pub last_opened: Option<Timestamp>,
}

/// Counts for the keys of a keyring. A count needs no lock but the one that every opening holds.
#[derive(Default)]
pub(super) struct KeyCounts(Vec<KeyCount>);

struct KeyCount {
    key: KeyId,
    state: KeyState,
    opened: AtomicUsize,
    /// In Unix seconds; says nothing before the first cookie.
    last_opened: AtomicU32,
}

impl KeyCounts {
    /// Makes the counts of a new keyring. A key that was in the old one keeps its count.
    pub(super) fn carried_to(&self, keyring: &Keyring) -> KeyCounts {
        let carried = keyring.key_states().map(|(key, state)| {
            let old = self.0.iter().find(|count| count.key == key);
            let opened = old.map_or(0, |count| count.opened.load(Ordering::Relaxed));
            let last_opened = old.map_or(0, |count| count.last_opened.load(Ordering::Relaxed));
            KeyCount {
                key,
                state,
                opened: opened.into(),
                last_opened: last_opened.into(),
            }
        });
        KeyCounts(carried.collect())
    }

    pub(super) fn count(&self, key: KeyId, now: Timestamp) {
        if let Some(count) = self.0.iter().find(|count| count.key == key) {
            count.opened.fetch_add(1, Ordering::Relaxed);
            count.last_opened.store(now.to_unix(), Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self) -> Vec<KeyUse> {
        let read = self.0.iter().map(|count| {
            let opened = count.opened.load(Ordering::Relaxed);
            let last_opened = count.last_opened.load(Ordering::Relaxed);
            KeyUse {
                key: count.key,
                state: count.state,
                opened,
                last_opened: (opened > 0).then(|| Timestamp::from_unix(last_opened)),
            }
        });
        read.collect()
    }
}
