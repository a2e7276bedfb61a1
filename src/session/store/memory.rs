//! A store in the memory of the process.

use super::{
    End, Expect, Found, MAX_OWNED, Owned, OwnerKey, Put, RecordKey, Store, StoreError,
    StoreErrorKind, Swap, Tag, Tombstone,
};
use crate::Timestamp;
use alloc::{boxed::Box, collections::BTreeSet, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// About what the maps need for one entry beside its bytes.
const ENTRY_BYTES: usize = 256;
/// How many entries past their time each write removes, so that the store shrinks without sweeps.
const REMOVED_BY_A_WRITE: u32 = 4;

/// Keeps records in the memory of this process: for tests, and for a site of one process that may forget
/// its sessions at a restart.
///
/// It is bounded. A full store refuses what is new with [`StoreErrorKind::Unavailable`]; it never drops a
/// live record to make room. Clones share their records.
///
/// ```
/// use hardtack::store::{MemoryStore, Store};
///
/// let store = MemoryStore::new(64 * 1024 * 1024);
/// assert!(store.lists_owners());
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    max_bytes: usize,
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    state: Mutex<State>,
}

impl MemoryStore {
    /// Makes an empty store that takes about `max_bytes` of memory at most.
    ///
    /// ```
    /// use hardtack::store::MemoryStore;
    ///
    /// let store = MemoryStore::new(64 * 1024 * 1024);
    /// let same = store.clone();
    /// ```
    pub fn new(max_bytes: usize) -> Self {
        let start = Instant::now();
        Self::with_clock(max_bytes, move || start.elapsed())
    }

    /// Makes an empty store whose time is what `now` returns, so that a test need not wait. The time
    /// counts from any moment and must not go back.
    ///
    /// ```
    /// use hardtack::store::MemoryStore;
    /// use std::{sync::{Arc, Mutex}, time::Duration};
    ///
    /// let now = Arc::new(Mutex::new(Duration::ZERO));
    /// let clock = now.clone();
    /// let store = MemoryStore::with_clock(1 << 20, move || *clock.lock().unwrap());
    /// *now.lock().unwrap() += Duration::from_secs(60 * 60); // an hour later
    /// ```
    pub fn with_clock(
        max_bytes: usize,
        now: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            max_bytes,
            now: Box::new(now),
            state: Mutex::default(),
        };
        MemoryStore {
            shared: Arc::new(shared),
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let (_, state) = self.lock();
        let State {
            entries,
            ends,
            owners,
            bytes,
        } = &*state;
        entries.is_empty() && ends.is_empty() && owners.is_empty() && *bytes == 0
    }

    /// Returns the present time and the records. The lock is never held across an await.
    fn lock(&self) -> (Duration, MutexGuard<'_, State>) {
        let state = self.shared.state.lock();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        ((self.shared.now)(), state)
    }

    /// Makes room for an entry in place of what is under the key, if need be by removing what is past its time.
    /// Returns an error if the entry does not fit beside what lives.
    fn room(
        &self,
        state: &mut State,
        now: Duration,
        key: &RecordKey,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        loop {
            let replaced = state.entries.get(key).map_or(0, Entry::bytes);
            let others = state.bytes.saturating_sub(replaced);
            if others.saturating_add(entry.bytes()) <= self.shared.max_bytes {
                return Ok(());
            }
            if state.remove_expired(now, 1) == 0 {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "the memory store is full",
                ));
            }
        }
    }

    /// Writes a record that was found to be as expected.
    fn write(&self, state: &mut State, now: Duration, put: &Put<'_>) -> Result<(), StoreError> {
        state.remove_expired(now, REMOVED_BY_A_WRITE);
        let before = state.live(put.key, now);
        let until = now.saturating_add(put.keep);
        let owner = match (put.owner, before) {
            (Some(owner), _) => Some((*owner.key, owner.about.into())),
            (None, Some(before)) => before.owner.clone(),
            (None, None) => None,
        };
        let entry = Entry {
            value: Found::Record(put.record.into()),
            until: before.map_or(until, |before| before.until.max(until)),
            owner,
        };
        self.room(state, now, put.key, &entry)?;
        state.set(put.key, Some(entry));
        if let Some(owner) = put.owner {
            state.end_the_first_over_the_limit(owner.key, put.key);
        }
        Ok(())
    }

    /// Leaves a tombstone, and returns what it replaces. Where there is a record, there is room for one.
    fn bury(
        &self,
        state: &mut State,
        now: Duration,
        key: &RecordKey,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Option<Entry>, StoreError> {
        let entry = Entry::tombstone(tombstone, now.saturating_add(grace));
        self.room(state, now, key, &entry)?;
        Ok(state.set(key, Some(entry)))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore(..)")
    }
}

impl Store for MemoryStore {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        let (now, mut state) = self.lock();
        let Some(entry) = state.live(key, now) else {
            return Ok(Found::Missing);
        };
        let found = entry.value.clone();
        if let (Some(keep), Found::Record(_)) = (keep, &found) {
            state.prolong(key, now.saturating_add(keep));
        }
        Ok(found)
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        let tag = put.tag()?;
        let (now, mut state) = self.lock();
        match (state.found(put.key, now), put.expect) {
            (Found::Record(record), _) if Tag::of(&record) == Some(tag) => return Ok(Swap::Done),
            (Found::Record(record), Expect::Tag(expected))
                if Tag::of(&record) == Some(*expected) => {}
            (Found::Missing, Expect::Absent) => {}
            (found, _) => return Ok(found.into()),
        }
        self.write(&mut state, now, &put)?;
        Ok(Swap::Done)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        let (now, mut state) = self.lock();
        match (state.found(end.key, now), end.expect) {
            (Found::Ended(tombstone), _) if tombstone == end.tombstone => return Ok(Swap::Done),
            (Found::Record(record), Some(expected)) if Tag::of(&record) == Some(*expected) => {}
            (Found::Record(_) | Found::Missing, None) => {}
            (found, _) => return Ok(found.into()),
        }
        self.bury(&mut state, now, end.key, end.tombstone, end.grace)?;
        Ok(Swap::Done)
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        let tag = put.tag()?;
        let Expect::Tag(expected) = put.expect else {
            return Err(StoreErrorKind::Unsupported.into());
        };
        let (now, mut state) = self.lock();
        match state.found(put.key, now) {
            Found::Missing => {}
            Found::Record(record) if Tag::of(&record) == Some(tag) => return Ok(Swap::Done),
            Found::Record(_) => return Err(StoreErrorKind::Corrupt.into()),
            ended => return Ok(ended.into()),
        }
        match state.found(from, now) {
            Found::Record(record) if Tag::of(&record) == Some(*expected) => {}
            found => return Ok(found.into()),
        }
        // Buried first: a full list must not lose a record to one that takes another's place.
        let before = self.bury(&mut state, now, from, tombstone, grace)?;
        if let Err(error) = self.write(&mut state, now, &put) {
            state.set(from, before);
            return Err(error);
        }
        Ok(Swap::Done)
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        let (now, state) = self.lock();
        let keys = state.owners.get(owner).into_iter().flatten();
        let owned = keys.filter_map(|key| {
            let (_, about) = state.live(key, now)?.owner.clone()?;
            Some(Owned { key: *key, about })
        });
        Ok(owned.collect())
    }

    async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        let (now, mut state) = self.lock();
        Ok(state.remove_expired(now, limit))
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn max_record_bytes(&self) -> usize {
        self.shared.max_bytes.saturating_sub(ENTRY_BYTES)
    }
}

#[derive(Clone)]
struct Entry {
    /// Never [`Found::Missing`].
    value: Found,
    until: Duration,
    owner: Option<(OwnerKey, Vec<u8>)>,
}

impl Entry {
    fn tombstone(tombstone: Tombstone, until: Duration) -> Self {
        Entry {
            value: Found::Ended(tombstone),
            until,
            owner: None,
        }
    }

    fn bytes(&self) -> usize {
        let record = match &self.value {
            Found::Record(record) => record.len(),
            _ => 0,
        };
        let about = self.owner.as_ref().map_or(0, |(_, about)| about.len());
        ENTRY_BYTES.saturating_add(record).saturating_add(about)
    }
}

#[derive(Default)]
struct State {
    entries: HashMap<RecordKey, Entry>,
    /// The keys of all entries by their end.
    ends: BTreeSet<(Duration, RecordKey)>,
    owners: HashMap<OwnerKey, BTreeSet<RecordKey>>,
    bytes: usize,
}

impl State {
    /// Returns the entry if its time is not over.
    fn live(&self, key: &RecordKey, now: Duration) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.until > now)
    }

    fn found(&self, key: &RecordKey, now: Duration) -> Found {
        let entry = self.live(key, now);
        entry.map_or(Found::Missing, |entry| entry.value.clone())
    }

    /// Replaces an entry, and returns the one before. Every change goes through here, so that the indexes agree with
    /// the entries.
    fn set(&mut self, key: &RecordKey, entry: Option<Entry>) -> Option<Entry> {
        let before = self.entries.remove(key);
        if let Some(before) = &before {
            self.bytes = self.bytes.saturating_sub(before.bytes());
            self.ends.remove(&(before.until, *key));
            if let Some((owner, _)) = &before.owner
                && let Some(keys) = self.owners.get_mut(owner)
            {
                keys.remove(key);
                if keys.is_empty() {
                    self.owners.remove(owner);
                }
            }
        }
        if let Some(entry) = entry {
            self.bytes = self.bytes.saturating_add(entry.bytes());
            self.ends.insert((entry.until, *key));
            if let Some((owner, _)) = &entry.owner {
                self.owners.entry(*owner).or_default().insert(*key);
            }
            self.entries.insert(*key, entry);
        }
        before
    }

    fn prolong(&mut self, key: &RecordKey, until: Duration) {
        if let Some(entry) = self
            .entries
            .get_mut(key)
            .filter(|entry| entry.until < until)
        {
            self.ends.remove(&(entry.until, *key));
            self.ends.insert((until, *key));
            entry.until = until;
        }
    }

    /// Removes at most `limit` entries past their time.
    fn remove_expired(&mut self, now: Duration, limit: u32) -> u32 {
        let mut removed = 0;
        while removed < limit
            && let Some((until, key)) = self.ends.first().copied()
            && until <= now
        {
            self.set(&key, None);
            removed = removed.saturating_add(1);
        }
        removed
    }

    /// Ends the record of this owner that is over first, if they have too many. Never ends the new one.
    fn end_the_first_over_the_limit(&mut self, owner: &OwnerKey, new: &RecordKey) {
        let Some(keys) = self.owners.get(owner).filter(|keys| keys.len() > MAX_OWNED) else {
            return;
        };
        let ends = keys.iter().filter(|key| *key != new).filter_map(|key| {
            let until = self.entries.get(key)?.until;
            Some((until, *key))
        });
        if let Some((until, key)) = ends.min() {
            let tombstone = Entry::tombstone(Tombstone::Ended(Timestamp::MIN), until);
            self.set(&key, Some(tombstone));
        }
    }
}
