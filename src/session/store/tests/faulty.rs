//! Stores with one fault each. Every fault is one that a store in use has had, or one step away from it.

use super::{block_on, yield_now};
use crate::Timestamp;
use crate::session::store::{
    End, Expect, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
    Tag, Tombstone,
    conformance::{self, Fixture},
};
use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};
use core::time::Duration;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The longest record of a site with default settings, sealed: what a store has to take.
const LARGEST: usize = 65_576;

const MIB: usize = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    LastWriterWins,
    ReadThenCreate,
    ReadThenSwap,
    SwapCreates,
    SwapRevives,
    CreateRevives,
    RepeatIsRefused,
    TagsIgnoreCase,
    LosesFf,
    CutsAt64KiB,
    ShortRecords,
    StaleReads,
    EndDeletes,
    EndIgnoresTags,
    EndReplacesReasons,
    EndNeedsARecord,
    EndRepeatedIsRefused,
    EndWithATagOfNothingIsDone,
    KeepCreates,
    KeepDoesNothing,
    KeepShortens,
    KeepProlongsTombstones,
    PutShortens,
    PutProlongsNothing,
    LoadProlongs,
    ThirtyDays,
    NothingExpires,
    TombstonesStay,
    TombstonesStayForAMinute,
    SweepsWhatLives,
    SweepsWithoutLimit,
    RenameKeepsTheOld,
    RenameEndsFirst,
    RenameIgnoresTags,
    RenameRepeatedIsRefused,
    RenameOverwrites,
    RenameHasNoOwner,
    RenameCountsTheOld,
    RenameKeepsTombstonesForADay,
    RenameKeepsTombstonesForAMinute,
    RenameKeepsTheTime,
    RenameKeepsTheOwner,
    NamespacesMeet,
    HalfWrites,
    ListsWhatEnded,
    HidesWhatIsOver,
    ForgetsOwners,
    ListsUntilThePutIsOver,
    OwnersGrow,
    OwnersLoseTheNewest,
    ChecksFail,
    TakesTooLittle,
    CutsTheLargest,
    CutsItsLargest,
    CutsAt4MiB,
    LateInHalves,
    // What no store is refused for.
    TakesNoMore,
    ExpiresBySweeps,
    RoundsUp,
    Unsteady,
    ArrivesLate,
}

#[derive(Clone)]
struct Entry {
    value: Vec<u8>,
    before: Vec<u8>,
    until: Duration,
    owner: Option<(OwnerKey, Vec<u8>)>,
    /// The end that the last put with an owner asked for.
    listed_until: Duration,
}

type Map = HashMap<RecordKey, Entry>;

/// The record of a put that was dropped, the tag that it expects, and its end.
type Late = (RecordKey, Tag, Vec<u8>, Duration);

/// A store as simple as can be. It gives way before each step on its map, so that others come between.
#[derive(Clone)]
struct FaultyStore {
    fault: Fault,
    map: Arc<Mutex<Map>>,
    now: Arc<Mutex<Duration>>,
    late: Arc<Mutex<Vec<Late>>>,
    /// The calls so far.
    calls: Arc<AtomicU32>,
}

impl FaultyStore {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Lets others come between. Of two calls the second may be the faster one.
    async fn give_way(&self) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let times = match self.fault {
            Fault::Unsteady => calls.wrapping_mul(0x9e37_79b1) >> 30,
            _ => 1,
        };
        for _ in 0..times {
            yield_now().await;
        }
    }

    /// Does what was dropped on its way, if what it replaces is there still.
    fn arrive(&self) {
        let mut map = self.map.lock().unwrap();
        for (key, tag, mut record, until) in self.late.lock().unwrap().drain(..) {
            let Some(before) = map.get_mut(&key) else {
                continue;
            };
            if Tag::of(&before.value) != Some(tag) {
                continue;
            }
            if self.is(Fault::LateInHalves) {
                let half = record.len() / 2;
                record.truncate(half);
                record.extend(before.value.get(half..).unwrap_or_default());
            }
            before.value = record;
            before.until = before.until.max(until);
        }
    }

    fn found(&self, map: &Map, key: &RecordKey) -> Result<Found, StoreError> {
        let now = *self.now.lock().unwrap();
        let live = |entry: &&Entry| {
            entry.until > now
                || self.is(Fault::NothingExpires)
                || self.is(Fault::ExpiresBySweeps)
                || self.is(Fault::HidesWhatIsOver)
                || (self.is(Fault::TombstonesStay) && entry.value.len() < 24)
        };
        let entry = map.get(key).filter(live);
        Found::decode(entry.map(|entry| entry.value.clone()))
    }

    fn until(&self, keep: Duration) -> Duration {
        let keep = match self.fault {
            Fault::ThirtyDays if keep > DAY * 30 => Duration::ZERO,
            // It writes less often if it keeps most records as they are: the suite allows it three hours.
            Fault::RoundsUp => keep + Duration::from_secs(3 * 3600 - 1),
            _ => keep,
        };
        *self.now.lock().unwrap() + keep
    }

    fn write(&self, map: &mut Map, put: &Put<'_>) {
        let mut record = put.record.to_owned();
        if self.is(Fault::LosesFf) {
            record.iter_mut().for_each(|byte| *byte = (*byte).min(0xfe));
        }
        record.truncate(match self.fault {
            Fault::CutsAt64KiB => 64 * 1024,
            Fault::CutsTheLargest => LARGEST - 1,
            Fault::CutsItsLargest => self.max_record_bytes() - 1,
            Fault::CutsAt4MiB => 4 * MIB - 1,
            _ => usize::MAX,
        });
        let until = self.until(put.keep);
        let before = map.get(put.key);
        let owner = put.owner.map(|owner| (*owner.key, owner.about.to_owned()));
        let entry = Entry {
            value: record,
            before: before.map_or_else(Vec::new, |before| before.value.clone()),
            until: match before {
                Some(before) if self.is(Fault::PutProlongsNothing) => before.until,
                Some(before) if !self.is(Fault::PutShortens) => before.until.max(until),
                _ => until,
            },
            listed_until: match before {
                Some(before) if owner.is_none() => before.listed_until,
                _ => until,
            },
            owner: match before {
                _ if self.is(Fault::ForgetsOwners) => owner,
                Some(before) => owner.or_else(|| before.owner.clone()),
                None => owner,
            },
        };
        map.insert(*put.key, entry);
    }

    /// Ends the record of this owner that is over first, if they have too many.
    fn end_the_first(&self, put: &Put<'_>) {
        let mut map = self.map.lock().unwrap();
        if let Some(owner) = put.owner
            && !self.is(Fault::OwnersGrow)
        {
            let of_owner = |(_, entry): &(&RecordKey, &Entry)| {
                entry.value.len() >= 24 && entry.owner.as_ref().is_some_and(|it| it.0 == *owner.key)
            };
            let owned = map.iter().filter(of_owner);
            let mut owned: Vec<_> = owned.map(|(key, entry)| (entry.until, *key)).collect();
            if owned.len() > 1_000 {
                owned.retain(|(_, key)| key != put.key || self.is(Fault::OwnersLoseTheNewest));
                owned.sort();
                map.get_mut(&owned[0].1).unwrap().value = Tombstone::Ended(Timestamp::MIN).encode();
            }
        }
    }

    fn same(&self, record: &[u8], tag: &Tag) -> bool {
        let found = Tag::of(record).unwrap();
        if self.is(Fault::TagsIgnoreCase) {
            return found.as_bytes().eq_ignore_ascii_case(tag.as_bytes());
        }
        found == *tag
    }

    /// Puts a record, and leaves it to others to end what is too many then.
    async fn put_record(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        self.arrive();
        let dropped = Dropped { store: self, put };
        self.give_way().await;
        core::mem::forget(dropped);
        if put.record.len() > self.max_record_bytes() {
            return Err(StoreErrorKind::Unsupported.into());
        }
        if self.is(Fault::ShortRecords) && put.record.len() < 24 {
            self.write(&mut self.map.lock().unwrap(), &put);
            return Ok(Swap::Done);
        }
        let tag = put.tag()?;
        let found = self.found(&self.map.lock().unwrap(), put.key)?;
        if let Found::Record(record) = &found
            && self.same(record, &tag)
            && !self.is(Fault::RepeatIsRefused)
        {
            return Ok(Swap::Done);
        }
        let swaps = match (&found, put.expect) {
            (Found::Record(record), Expect::Tag(expected)) => self.same(record, expected),
            (Found::Missing, Expect::Absent) => true,
            _ => false,
        };
        let forced = match (&found, put.expect) {
            (Found::Record(_), _) => self.is(Fault::LastWriterWins),
            (Found::Missing, _) => self.is(Fault::SwapCreates),
            (Found::Ended(_), Expect::Tag(_)) => self.is(Fault::SwapRevives),
            (Found::Ended(_), Expect::Absent) => self.is(Fault::CreateRevives),
        };
        if !swaps && !forced {
            return Ok(found.into());
        }
        if self.is(Fault::ReadThenSwap)
            || (self.is(Fault::ReadThenCreate) && found == Found::Missing)
        {
            yield_now().await;
        }
        if self.is(Fault::HalfWrites) {
            let half = put.record.len() / 2;
            let mut record = put.record.to_owned();
            if let Found::Record(before) = &found {
                record = [&record[..half], before.get(half..).unwrap_or_default()].concat();
            }
            let record = &record;
            self.write(&mut self.map.lock().unwrap(), &Put { record, ..put });
            yield_now().await;
        }
        self.write(&mut self.map.lock().unwrap(), &put);
        Ok(Swap::Done)
    }
}

impl Store for FaultyStore {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.give_way().await;
        let mut map = self.map.lock().unwrap();
        let found = self.found(&map, key)?;
        if self.is(Fault::StaleReads)
            && let Found::Record(_) = found
            && Tag::of(&map[key].before).is_some()
        {
            return Ok(Found::Record(map[key].before.clone()));
        }
        let keep = match keep {
            None if self.is(Fault::LoadProlongs) => Some(DAY),
            Some(_) if self.is(Fault::KeepDoesNothing) => None,
            keep => keep,
        };
        let prolonged = match found {
            Found::Record(_) => true,
            Found::Ended(_) => self.is(Fault::KeepProlongsTombstones),
            Found::Missing => false,
        };
        if let Some(keep) = keep.map(|keep| self.until(keep)) {
            if prolonged {
                let entry = map.get_mut(key).unwrap();
                entry.until = match self.fault {
                    Fault::KeepShortens => keep,
                    _ => keep.max(entry.until),
                };
            } else if self.is(Fault::KeepCreates) && found == Found::Missing {
                let entry = Entry {
                    value: Vec::from([0; 24]),
                    before: Vec::new(),
                    until: keep,
                    owner: None,
                    listed_until: keep,
                };
                map.insert(*key, entry);
            }
        }
        Ok(found)
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        let swap = self.put_record(put).await?;
        if swap == Swap::Done {
            self.end_the_first(&put);
        }
        Ok(swap)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.give_way().await;
        let mut map = self.map.lock().unwrap();
        let found = self.found(&map, end.key)?;
        let ends = match (&found, end.expect) {
            (Found::Record(record), Some(expected)) => {
                self.same(record, expected) || self.is(Fault::EndIgnoresTags)
            }
            (Found::Record(_), None) => true,
            (Found::Missing, expected) => match self.fault {
                Fault::EndNeedsARecord => false,
                Fault::EndWithATagOfNothingIsDone => true,
                _ => expected.is_none(),
            },
            (Found::Ended(tombstone), _) if *tombstone == end.tombstone => {
                if !self.is(Fault::EndRepeatedIsRefused) {
                    return Ok(Swap::Done);
                }
                false
            }
            (Found::Ended(_), _) => self.is(Fault::EndReplacesReasons),
        };
        if !ends {
            return Ok(found.into());
        }
        let grace = match self.fault {
            Fault::TombstonesStayForAMinute => end.grace.min(MINUTE),
            _ => end.grace,
        };
        let entry = Entry {
            value: end.tombstone.encode(),
            before: Vec::new(),
            until: self.until(grace),
            listed_until: Duration::ZERO,
            owner: map.remove(end.key).and_then(|entry| entry.owner),
        };
        if !self.is(Fault::EndDeletes) {
            map.insert(*end.key, entry);
        }
        Ok(Swap::Done)
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        let Expect::Tag(expected) = put.expect else {
            return Err(StoreErrorKind::Unsupported.into());
        };
        let end = End {
            key: from,
            expect: (!self.is(Fault::RenameIgnoresTags)).then_some(expected),
            tombstone,
            grace,
            owner: None,
        };
        let new = Put {
            expect: Expect::Absent,
            ..put
        };
        match self.fault {
            Fault::RenameKeepsTheOld => self.put(new).await,
            Fault::RenameEndsFirst => match self.end(end).await? {
                Swap::Done => {
                    yield_now().await;
                    self.put(new).await
                }
                other => Ok(other),
            },
            Fault::RenameIgnoresTags => match self.put(new).await? {
                Swap::Done => self.end(end).await,
                other => Ok(other),
            },
            Fault::RenameRepeatedIsRefused => {
                match self.found(&self.map.lock().unwrap(), put.key)? {
                    Found::Missing => {}
                    found => return Ok(found.into()),
                }
                Plain(self).rename(from, put, tombstone, grace).await
            }
            Fault::RenameOverwrites => {
                self.map.lock().unwrap().remove(put.key);
                Plain(self).rename(from, put, tombstone, grace).await
            }
            Fault::RenameKeepsTombstonesForADay => {
                Plain(self).rename(from, put, tombstone, DAY).await
            }
            Fault::RenameKeepsTombstonesForAMinute => {
                let grace = grace.min(MINUTE);
                Plain(self).rename(from, put, tombstone, grace).await
            }
            Fault::RenameKeepsTheTime => {
                let until = self.map.lock().unwrap().get(from).map(|entry| entry.until);
                let left = until.map(|until| until.saturating_sub(*self.now.lock().unwrap()));
                let keep = left.unwrap_or(put.keep);
                let put = Put { keep, ..put };
                Plain(self).rename(from, put, tombstone, grace).await
            }
            Fault::RenameKeepsTheOwner => {
                let before = self.map.lock().unwrap().get(from).cloned();
                let swap = Plain(self).rename(from, put, tombstone, grace).await?;
                if let (Swap::Done, Some(before)) = (&swap, before) {
                    let mut map = self.map.lock().unwrap();
                    let entry = map.get_mut(put.key).unwrap();
                    entry.owner = entry.owner.take().or(before.owner);
                }
                Ok(swap)
            }
            Fault::RenameHasNoOwner => {
                let put = Put { owner: None, ..put };
                Plain(self).rename(from, put, tombstone, grace).await
            }
            _ => Plain(self).rename(from, put, tombstone, grace).await,
        }
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        self.give_way().await;
        let map = self.map.lock().unwrap();
        let now = *self.now.lock().unwrap();
        let owned = map.iter().filter_map(|(key, entry)| {
            let (found, about) = entry.owner.clone()?;
            let record = matches!(self.found(&map, key), Ok(Found::Record(_)));
            let is_over = match self.fault {
                Fault::ListsUntilThePutIsOver => entry.listed_until <= now,
                Fault::HidesWhatIsOver => entry.until <= now,
                _ => false,
            };
            let listed = found == *owner && (record || self.is(Fault::ListsWhatEnded)) && !is_over;
            listed.then_some(Owned { key: *key, about })
        });
        Ok(owned.collect())
    }

    async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        self.give_way().await;
        let mut map = self.map.lock().unwrap();
        let now = match self.fault {
            Fault::SweepsWhatLives => DAY * 3650,
            Fault::NothingExpires => Duration::ZERO,
            _ => *self.now.lock().unwrap(),
        };
        let stays = |entry: &Entry| self.is(Fault::TombstonesStay) && entry.value.len() < 24;
        let over = map
            .iter()
            .filter(|(_, entry)| entry.until <= now && !stays(entry));
        let mut over: Vec<_> = over.map(|(key, _)| *key).collect();
        if !self.is(Fault::SweepsWithoutLimit) {
            over.truncate(limit as usize);
        }
        over.iter().for_each(|key| drop(map.remove(key)));
        Ok(over.len() as u32)
    }

    async fn check(&self) -> Result<(), StoreError> {
        if self.is(Fault::ChecksFail) {
            return Err(StoreErrorKind::Unsupported.into());
        }
        Ok(())
    }

    fn max_record_bytes(&self) -> usize {
        match self.fault {
            Fault::TakesTooLittle => LARGEST - 1,
            Fault::TakesNoMore => LARGEST,
            Fault::CutsAt4MiB => 16 * MIB,
            _ => 1 << 17,
        }
    }
}

/// A put whose future may be dropped before its time.
struct Dropped<'a> {
    store: &'a FaultyStore,
    put: Put<'a>,
}

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        let Dropped { store, put } = self;
        if let (Fault::ArrivesLate | Fault::LateInHalves, Expect::Tag(tag)) =
            (store.fault, put.expect)
        {
            let until = store.until(put.keep);
            let late = (*put.key, *tag, put.record.to_owned(), until);
            store.late.lock().unwrap().push(late);
        }
    }
}

/// The same store with the rename that the trait provides.
struct Plain<'a>(&'a FaultyStore);

impl Plain<'_> {
    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        let store = Provided(self.0.clone());
        let swap = store.rename(from, put, tombstone, grace).await?;
        if swap == Swap::Done {
            self.0.end_the_first(&put);
        }
        Ok(swap)
    }
}

struct Provided(FaultyStore);

impl Store for Provided {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.0.load(key, keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        match self.0.fault {
            Fault::RenameCountsTheOld => self.0.put(put).await,
            _ => self.0.put_record(put).await,
        }
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.0.end(end).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    fn max_record_bytes(&self) -> usize {
        self.0.max_record_bytes()
    }
}

struct Faulty {
    fault: Fault,
    maps: Mutex<HashMap<String, Arc<Mutex<Map>>>>,
    now: Arc<Mutex<Duration>>,
}

impl Fixture for Faulty {
    type Store = FaultyStore;

    async fn connect(&self, namespace: &str) -> FaultyStore {
        let namespace = match self.fault {
            Fault::NamespacesMeet => "one",
            _ => namespace,
        };
        let mut maps = self.maps.lock().unwrap();
        FaultyStore {
            fault: self.fault,
            map: maps.entry(namespace.into()).or_default().clone(),
            now: self.now.clone(),
            late: Arc::default(),
            calls: Arc::default(),
        }
    }

    async fn advance(&self, by: Duration) -> bool {
        *self.now.lock().unwrap() += by;
        true
    }
}

fn run(fault: Fault) -> conformance::Report {
    block_on(conformance::run(&Faulty {
        fault,
        maps: Mutex::default(),
        now: Arc::default(),
    }))
}

/// One with the provided rename, one that takes what a site needs and no more, one whose records stay until they are
/// swept, one that keeps them longer, one that answers in any order, and one that does later what a request asked for
/// that is gone.
#[test]
fn no_store_without_a_fault_is_refused() {
    for right in [
        Fault::None,
        Fault::TakesNoMore,
        Fault::ExpiresBySweeps,
        Fault::RoundsUp,
        Fault::Unsteady,
        Fault::ArrivesLate,
    ] {
        let report = run(right);
        assert!(report.passed(), "{right:?}: {report}");
        assert_eq!(report.skipped().count(), 0, "{report}");
    }
}

/// Each fault, and a case that has to find it.
#[rustfmt::skip]
const FOUND: &[(Fault, &str)] = &[
    (Fault::ChecksFail, "check_passes"),
    (Fault::CutsAt64KiB, "records_of_every_size_come_back"),
    (Fault::CutsTheLargest, "records_of_every_size_come_back"),
    (Fault::CutsItsLargest, "records_of_every_size_come_back"),
    (Fault::CutsAt4MiB, "records_of_every_size_come_back"),
    (Fault::TakesTooLittle, "records_of_every_size_come_back"),
    (Fault::LosesFf, "every_byte_comes_back"),
    (Fault::TagsIgnoreCase, "every_byte_comes_back"),
    (Fault::KeepCreates, "nothing_is_missing"),
    (Fault::LastWriterWins, "record_is_created_once"),
    (Fault::LastWriterWins, "swap_from_a_wrong_tag_is_refused"),
    (Fault::LastWriterWins, "swap_after_a_rivals_is_told_theirs"),
    (Fault::RepeatIsRefused, "repeated_create_is_done"),
    (Fault::RepeatIsRefused, "repeated_swap_is_done"),
    (Fault::ReadThenCreate, "one_of_64_creators_wins"),
    (Fault::ShortRecords, "short_record_is_refused"),
    (Fault::StaleReads, "swap_from_the_right_tag"),
    (Fault::StaleReads, "reads_are_never_older_than_writes"),
    (Fault::SwapRevives, "swap_after_an_end_is_refused"),
    (Fault::SwapRevives, "end_holds_against_swappers"),
    (Fault::SwapCreates, "swap_of_nothing_creates_nothing"),
    (Fault::ReadThenSwap, "one_of_64_swappers_wins"),
    (Fault::ReadThenSwap, "swappers_lose_nothing"),
    (Fault::EndDeletes, "end_leaves_its_reason"),
    (Fault::EndDeletes, "end_without_a_tag"),
    (Fault::EndIgnoresTags, "end_with_a_wrong_tag_is_refused"),
    (Fault::EndRepeatedIsRefused, "repeated_end_is_done"),
    (Fault::EndReplacesReasons, "first_reason_stays"),
    (Fault::EndNeedsARecord, "end_of_nothing_leaves_a_tombstone"),
    (Fault::EndWithATagOfNothingIsDone, "end_with_a_tag_of_nothing_is_missing"),
    (Fault::CreateRevives, "create_over_a_tombstone_is_refused"),
    (Fault::TombstonesStay, "create_after_the_grace"),
    (Fault::KeepDoesNothing, "keep_prolongs"),
    (Fault::KeepShortens, "keep_never_shortens"),
    (Fault::PutShortens, "put_never_shortens"),
    (Fault::PutProlongsNothing, "put_prolongs"),
    (Fault::LoadProlongs, "load_without_keep_prolongs_nothing"),
    (Fault::ThirtyDays, "record_is_kept_for_60_days"),
    (Fault::NothingExpires, "record_is_gone_after_its_time"),
    (Fault::KeepProlongsTombstones, "tombstone_is_never_prolonged"),
    (Fault::TombstonesStayForAMinute, "tombstone_stays_for_its_grace"),
    (Fault::SweepsWhatLives, "sweep_takes_only_what_is_over"),
    (Fault::SweepsWhatLives, "two_sweepers"),
    (Fault::SweepsWithoutLimit, "sweep_keeps_to_its_limit"),
    (Fault::RenameKeepsTheOld, "rename_moves_the_record"),
    (Fault::RenameKeepsTombstonesForADay, "renamed_record_has_its_time"),
    (Fault::RenameKeepsTheTime, "renamed_record_has_its_time"),
    (Fault::RenameKeepsTombstonesForAMinute, "renamed_record_leaves_its_tombstone_for_the_grace"),
    (Fault::RenameKeepsTheOld, "rename_of_what_ended_is_refused"),
    (Fault::RenameKeepsTheOld, "rename_of_nothing_is_missing"),
    (Fault::RenameKeepsTheOld, "one_of_two_renames_wins"),
    (Fault::RenameRepeatedIsRefused, "repeated_rename_is_done"),
    (Fault::RenameIgnoresTags, "rename_from_a_wrong_tag_is_refused"),
    (Fault::RenameIgnoresTags, "rename_after_a_lost_race_goes_on"),
    (Fault::RenameIgnoresTags, "rename_against_swappers_loses_nothing"),
    (Fault::RenameOverwrites, "rename_onto_a_tombstone_is_refused"),
    (Fault::ListsWhatEnded, "owner_lists_what_is_live"),
    (Fault::HidesWhatIsOver, "owner_lists_what_is_live"),
    (Fault::ListsUntilThePutIsOver, "owner_lists_what_is_kept_for_longer"),
    (Fault::RenameHasNoOwner, "owner_lists_what_was_renamed"),
    (Fault::RenameKeepsTheOwner, "owner_does_not_list_what_was_renamed_without_one"),
    (Fault::ForgetsOwners, "owner_stays_at_a_put_without_one"),
    (Fault::OwnersGrow, "owner_has_at_most_1000_records"),
    (Fault::OwnersLoseTheNewest, "owner_has_at_most_1000_records"),
    (Fault::RenameCountsTheOld, "owner_has_at_most_1000_records"),
    (Fault::NamespacesMeet, "namespaces_do_not_meet"),
    (Fault::HalfWrites, "dropped_futures_leave_whole_records"),
    (Fault::LateInHalves, "dropped_futures_leave_whole_records"),
    (Fault::RenameEndsFirst, "dropped_futures_leave_whole_records"),
];

#[test]
fn each_fault_fails_its_case() {
    let mut ran: Option<(Fault, Vec<&str>)> = None;
    for (fault, case) in FOUND {
        let failed = match ran.take() {
            Some((before, failed)) if before == *fault => failed,
            _ => run(*fault).failed().collect(),
        };
        assert!(failed.contains(case), "{fault:?}: {case} not in {failed:?}");
        ran = Some((*fault, failed));
    }
}

#[test]
fn a_store_that_takes_too_little_is_told_what_a_site_needs() {
    let why = "takes 65575 bytes, a site with default settings needs 65576";
    let failed = conformance::CaseResult {
        name: "records_of_every_size_come_back",
        outcome: conformance::Outcome::Failed(why.into()),
    };
    let report = run(Fault::TakesTooLittle);
    assert!(report.cases.contains(&failed), "{report}");
}

#[test]
fn every_case_can_fail() {
    let cases = run(Fault::None).cases;
    for case in &cases {
        let found = FOUND.iter().any(|(_, found)| *found == case.name);
        assert!(found, "no fault for {}", case.name);
    }
    for (_, case) in FOUND {
        assert!(cases.iter().any(|found| found.name == *case), "{case}");
    }
}
