//! What the cases share.

use super::{
    super::{End, Expect, Found, OwnerKey, Put, RecordKey, Store, Swap, Tag, Tombstone},
    Bench, Fixture, Stop,
    join::join_all,
};
use crate::Timestamp;
use alloc::{boxed::Box, format, vec, vec::Vec};
use core::{future::Future, pin::Pin, time::Duration};

pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
/// How much longer than asked an engine may keep something: it may round up so that it writes less often.
pub(super) const SLACK: Duration = Duration::from_secs(3 * 60 * 60);
pub(super) const KEEP: Duration = Duration::from_secs(10 * 60 * 60);
/// An hour less than [`KEEP`], together with the [`SLACK`] that is added.
pub(super) const NEARLY: Duration = Duration::from_secs(6 * 60 * 60);
pub(super) const GRACE: Duration = Duration::from_secs(60);
/// When sessions end: to a store, a time is what it is to keep.
pub(super) const AT: Timestamp = Timestamp::from_unix(1_800_000_000);
/// The longest record of a site with default settings, and the header and tag of its token.
pub(super) const LARGEST: usize = 64 * 1024 + 40;
/// How much of what a store says that it takes is tried.
pub(super) const LARGEST_TRIED: usize = 4 * 1024 * 1024;
/// How often a case repeats what ends much earlier with a store that works.
pub(super) const TRIES: u32 = 2_000;
/// The header of the token.
pub(super) const TAG: usize = 24;

/// Ends the case as failed unless the two are equal.
macro_rules! same {
    ($found:expr, $expected:expr, $what:literal) => {{
        let (found, expected) = ($found, $expected);
        if found != expected {
            let why = format!("{}: {found:?}, expected {expected:?}", $what);
            return Err(Stop::Failed(why));
        }
    }};
}
pub(super) use same;

/// The shorthand of the cases.
impl<F: Fixture> Bench<'_, F> {
    pub(super) fn key(&self) -> RecordKey {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        RecordKey::from_bytes(bytes)
    }

    /// Both instances in turn.
    pub(super) fn stores(&self) -> impl Iterator<Item = &F::Store> {
        [&self.store, &self.twin].into_iter().cycle()
    }

    pub(super) fn owner(&self) -> OwnerKey {
        OwnerKey::from_bytes(*self.key().as_bytes())
    }

    /// A record with a tag of its own and this many bytes behind it.
    pub(super) fn record_of(&self, len: usize) -> Vec<u8> {
        let mut record = vec![0; TAG.saturating_add(len)];
        self.random.fill(&mut record);
        record
    }

    pub(super) fn record(&self) -> Vec<u8> {
        self.record_of(100)
    }

    /// A record that holds one number for each writer: how often it wrote.
    pub(super) fn counts(&self, counts: &[u8]) -> Vec<u8> {
        let mut record = self.record_of(0);
        record.extend_from_slice(counts);
        record
    }

    pub(super) async fn found(&self, key: &RecordKey) -> Result<Found, Stop> {
        Ok(self.store.load(key, None).await?)
    }

    pub(super) async fn create(&self, key: &RecordKey, record: &[u8]) -> Result<Swap, Stop> {
        self.create_for(key, record, KEEP).await
    }

    pub(super) async fn create_for(
        &self,
        key: &RecordKey,
        record: &[u8],
        keep: Duration,
    ) -> Result<Swap, Stop> {
        Ok(self.store.put(create(key, record, keep)).await?)
    }

    /// Creates a record under a new key.
    pub(super) async fn created(&self, keep: Duration) -> Result<(RecordKey, Vec<u8>), Stop> {
        let (key, record) = (self.key(), self.record());
        same!(
            self.create_for(&key, &record, keep).await?,
            Swap::Done,
            "create"
        );
        Ok((key, record))
    }

    pub(super) async fn swap(&self, key: &RecordKey, from: &[u8], to: &[u8]) -> Result<Swap, Stop> {
        swap(&self.store, key, from, to, KEEP).await
    }

    pub(super) async fn end(
        &self,
        key: &RecordKey,
        expect: Option<&[u8]>,
        tombstone: Tombstone,
    ) -> Result<Swap, Stop> {
        self.end_for(key, expect, tombstone, GRACE).await
    }

    pub(super) async fn end_for(
        &self,
        key: &RecordKey,
        expect: Option<&[u8]>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, Stop> {
        let expect = expect.map(tag).transpose()?;
        let end = End {
            key,
            expect: expect.as_ref(),
            tombstone,
            grace,
            owner: None,
        };
        Ok(self.store.end(end).await?)
    }

    pub(super) async fn rename(
        &self,
        from: &RecordKey,
        before: &[u8],
        to: &RecordKey,
        record: &[u8],
    ) -> Result<Swap, Stop> {
        self.rename_for(from, before, to, record, GRACE).await
    }

    /// Renames a record to one of the usual time, and leaves a tombstone for this one.
    pub(super) async fn rename_for(
        &self,
        from: &RecordKey,
        before: &[u8],
        to: &RecordKey,
        record: &[u8],
        grace: Duration,
    ) -> Result<Swap, Stop> {
        let expect = tag(before)?;
        let put = Put {
            expect: Expect::Tag(&expect),
            ..create(to, record, KEEP)
        };
        let tombstone = Tombstone::Moved(*to, AT);
        Ok(self.store.rename(from, put, tombstone, grace).await?)
    }
}

pub(super) fn create<'a>(key: &'a RecordKey, record: &'a [u8], keep: Duration) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep,
        owner: None,
    }
}

pub(super) async fn swap<S: Store>(
    store: &S,
    key: &RecordKey,
    from: &[u8],
    to: &[u8],
    keep: Duration,
) -> Result<Swap, Stop> {
    let expect = tag(from)?;
    let put = Put {
        expect: Expect::Tag(&expect),
        ..create(key, to, keep)
    };
    Ok(store.put(put).await?)
}

pub(super) fn tag(record: &[u8]) -> Result<Tag, Stop> {
    Tag::of(record).ok_or_else(|| Stop::Failed("a record shorter than its tag".into()))
}

pub(super) fn boxed<'a, T>(
    future: impl Future<Output = T> + 'a,
) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(future)
}

/// The outputs, or the first reason to stop.
pub(super) async fn at_once<'a, T: 'a>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, Stop>> + 'a>,
) -> Result<Vec<T>, Stop> {
    let outputs = join_all(futures.into_iter().map(boxed)).await;
    outputs.into_iter().collect()
}

/// Adds `times` to the count of this writer, one by one, as a request does that merges on conflict.
/// Returns how many were acknowledged, and the record under another key if it moved meanwhile.
pub(super) async fn count_up<S: Store, F: Fixture>(
    bench: &Bench<'_, F>,
    store: &S,
    mut key: RecordKey,
    writer: usize,
    times: u8,
) -> Result<u8, Stop> {
    let mut acknowledged = 0;
    let mut base = None;
    for _ in 0..TRIES {
        if acknowledged == times {
            return Ok(acknowledged);
        }
        let found = match base.take() {
            Some(record) => Found::Record(record),
            None => store.load(&key, None).await?,
        };
        let before = match found {
            Found::Record(record) => record,
            Found::Ended(Tombstone::Moved(successor, _)) => {
                key = successor;
                continue;
            }
            Found::Ended(_) => return Ok(acknowledged),
            Found::Missing => return Err(Stop::Failed("a live record is missing".into())),
        };
        let mut counts = before.get(TAG..).unwrap_or_default().to_vec();
        if let Some(count) = counts.get_mut(writer) {
            *count = count.wrapping_add(1);
        }
        let after = bench.counts(&counts);
        match swap(store, &key, &before, &after, KEEP).await? {
            Swap::Done => {
                acknowledged = acknowledged.wrapping_add(1);
                base = Some(after);
            }
            Swap::Differs(theirs) => base = Some(theirs),
            Swap::Ended(Tombstone::Moved(successor, _)) => key = successor,
            Swap::Ended(_) => return Ok(acknowledged),
            Swap::Missing => return Err(Stop::Failed("a live record is missing".into())),
        }
    }
    Err(Stop::Failed(format!("no end after {TRIES} tries")))
}
