use super::block_on;
use crate::Timestamp;
use crate::session::store::{
    End, Expect, Found, MemoryStore, Owner, OwnerKey, Put, RecordKey, Store, StoreError,
    StoreErrorKind, Swap, Tag, Tombstone,
    conformance::{self, Fixture},
    erased::ErasedStore,
    probe,
};
use alloc::{string::String, sync::Arc, vec};
use core::time::Duration;
use std::{collections::HashMap, sync::Mutex, thread};

const HOUR: Duration = Duration::from_secs(3600);
const AT: Timestamp = Timestamp::from_unix(1_800_000_000);

#[derive(Default)]
struct Memory {
    stores: Mutex<HashMap<String, MemoryStore>>,
    now: Arc<Mutex<Duration>>,
}

impl Fixture for Memory {
    type Store = MemoryStore;

    async fn connect(&self, namespace: &str) -> MemoryStore {
        let now = self.now.clone();
        let mut stores = self.stores.lock().unwrap();
        let store = stores
            .entry(namespace.into())
            .or_insert_with(|| MemoryStore::with_clock(1 << 26, move || *now.lock().unwrap()));
        store.clone()
    }

    async fn advance(&self, by: Duration) -> bool {
        *self.now.lock().unwrap() += by;
        true
    }
}

#[test]
fn passes_the_whole_suite() {
    let report = block_on(conformance::run(&Memory::default()));
    assert!(report.passed(), "{report}");
    assert_eq!(report.skipped().count(), 0, "{report}");
}

fn key(n: u8) -> RecordKey {
    RecordKey::from_bytes([n; 16])
}

fn create<'a>(key: &'a RecordKey, record: &'a [u8]) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep: HOUR,
        owner: None,
    }
}

fn put(store: &MemoryStore, put: Put<'_>) -> Result<Swap, StoreErrorKind> {
    block_on(Store::put(store, put)).map_err(|error| error.kind())
}

fn end(store: &MemoryStore, key: &RecordKey) -> Swap {
    try_end(store, key).unwrap()
}

fn try_end(store: &MemoryStore, key: &RecordKey) -> Result<Swap, StoreError> {
    block_on(Store::end(
        store,
        End {
            key,
            expect: None,
            tombstone: Tombstone::Destroyed(AT),
            grace: HOUR,
            owner: None,
        },
    ))
}

/// A store with a clock that the test moves.
fn clocked(max_bytes: usize) -> (MemoryStore, Arc<Mutex<Duration>>) {
    let now = Arc::new(Mutex::new(Duration::ZERO));
    let clock = now.clone();
    let store = MemoryStore::with_clock(max_bytes, move || *clock.lock().unwrap());
    (store, now)
}

#[test]
fn full_store_refuses_what_is_new_and_keeps_what_lives() {
    let (store, now) = clocked(10_000);
    let record = vec![7; 1_000];
    let fit = (0..)
        .take_while(|n| put(&store, create(&key(*n), &record)).is_ok())
        .count();
    assert_eq!(fit, 7);
    let new = key(100);
    let refused = put(&store, create(&new, &record));
    assert_eq!(refused, Err(StoreErrorKind::Unavailable));
    let first = key(0);
    for n in 0..7 {
        let found = block_on(Store::load(&store, &key(n), None)).unwrap();
        assert_eq!(found, Found::Record(record.clone()));
    }
    // A swap needs no more room than the record has, and an end makes some.
    let next = vec![8; 1_000];
    let tag = Tag::of(&record).unwrap();
    let swap = Put {
        expect: Expect::Tag(&tag),
        ..create(&first, &next)
    };
    assert_eq!(put(&store, swap), Ok(Swap::Done));
    for n in 0..2 {
        assert_eq!(end(&store, &key(n)), Swap::Done);
    }
    assert_eq!(put(&store, create(&new, &record)), Ok(Swap::Done));
    // What is over makes room without a sweep.
    *now.lock().unwrap() += HOUR;
    for n in 101..104 {
        assert_eq!(put(&store, create(&key(n), &record)), Ok(Swap::Done));
    }
}

/// Robots have come and gone. Else the site would be down until enough small records are written, and no logout would be
/// remembered.
#[test]
fn store_that_is_full_of_what_is_over_takes_the_largest_record_and_every_end() {
    for is_end in [false, true] {
        let (store, now) = clocked(10_000);
        let fit = (0..)
            .take_while(|n| put(&store, create(&key(*n), &[*n; 24])).is_ok())
            .count();
        assert_eq!(fit, 35);
        *now.lock().unwrap() += HOUR;
        let new = key(100);
        if is_end {
            assert_eq!(end(&store, &new), Swap::Done);
            // No more than what was in the way.
            assert_eq!(block_on(Store::sweep(&store, 99)).unwrap(), 34);
        } else {
            let largest = vec![7; Store::max_record_bytes(&store)];
            assert_eq!(put(&store, create(&new, &largest)), Ok(Swap::Done));
            assert_eq!(block_on(Store::sweep(&store, 99)).unwrap(), 0);
        }
    }
}

#[test]
fn full_store_ends_a_record_and_says_what_end_it_cannot_remember() {
    let (store, _) = clocked(300);
    let record = vec![7; 24];
    assert_eq!(put(&store, create(&key(1), &record)), Ok(Swap::Done));
    // The session may be in its cookie, and copies of that would open again.
    let error = try_end(&store, &key(2)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let found = block_on(Store::load(&store, &key(2), None)).unwrap();
    assert_eq!(found, Found::Missing);
    // In place of a record there is always room.
    assert_eq!(end(&store, &key(1)), Swap::Done);
    let found = block_on(Store::load(&store, &key(1), None)).unwrap();
    assert_eq!(found, Found::Ended(Tombstone::Destroyed(AT)));
}

#[test]
fn largest_record_fits() {
    let (store, _) = clocked(10_000);
    let max = Store::max_record_bytes(&store);
    assert_eq!(put(&store, create(&key(1), &vec![7; max])), Ok(Swap::Done));
    end(&store, &key(1));
    let refused = put(&store, create(&key(2), &vec![7; max + 1]));
    assert_eq!(refused, Err(StoreErrorKind::Unavailable));
}

#[test]
fn a_record_is_over_at_the_end_of_its_time() {
    let (store, now) = clocked(10_000);
    let load = || block_on(Store::load(&store, &key(1), None)).unwrap();
    assert_eq!(put(&store, create(&key(1), &[7; 100])), Ok(Swap::Done));
    *now.lock().unwrap() = HOUR - Duration::from_nanos(1);
    assert_eq!(load(), Found::Record(vec![7; 100]));
    *now.lock().unwrap() = HOUR;
    assert_eq!(load(), Found::Missing);
}

/// Two sessions of one id would be one of the other's.
#[test]
fn a_rename_puts_no_record_over_another() {
    let (store, _) = clocked(10_000);
    let (from, to) = ([7; 100], [8; 100]);
    assert_eq!(put(&store, create(&key(1), &from)), Ok(Swap::Done));
    assert_eq!(put(&store, create(&key(2), &to)), Ok(Swap::Done));
    let (tag, next) = (Tag::of(&from).unwrap(), key(2));
    let moved = Put {
        expect: Expect::Tag(&tag),
        ..create(&next, &[9; 100])
    };
    let tombstone = Tombstone::Moved(next, AT);
    let renamed = block_on(Store::rename(&store, &key(1), moved, tombstone, HOUR));
    assert_eq!(renamed.unwrap_err().kind(), StoreErrorKind::Corrupt);
    for (key, record) in [(key(1), from), (key(2), to)] {
        let found = block_on(Store::load(&store, &key, None)).unwrap();
        assert_eq!(found, Found::Record(record.into()));
    }
}

/// A new id must not log anybody out because the site has grown.
#[test]
fn rename_that_does_not_fit_leaves_the_record_and_its_owner() {
    let (store, now) = clocked(1_000);
    let (owner, record) = (OwnerKey::from_bytes([9; 16]), [7; 100]);
    let owned = Owner {
        key: &owner,
        about: b"phone",
        keep: HOUR,
    };
    let from = key(1);
    let created = Put {
        owner: Some(owned),
        ..create(&from, &record)
    };
    assert_eq!(put(&store, created), Ok(Swap::Done));
    let (tag, to) = (Tag::of(&record).unwrap(), key(2));
    let rename = |len| {
        let renamed = Put {
            key: &to,
            expect: Expect::Tag(&tag),
            record: &vec![8; len],
            ..created
        };
        let tombstone = Tombstone::Moved(to, AT);
        let renamed = Store::rename(&store, &from, renamed, tombstone, HOUR);
        block_on(renamed).map_err(|error| error.kind())
    };
    // Beside the tombstone and the description.
    assert_eq!(rename(484), Err(StoreErrorKind::Unavailable));
    let load = |key| block_on(Store::load(&store, &key, None)).unwrap();
    assert_eq!(load(from), Found::Record(record.into()));
    assert_eq!(load(to), Found::Missing);
    let listed = block_on(Store::owned(&store, &owner)).unwrap();
    assert!(listed.len() == 1 && listed[0].key == from && listed[0].about == b"phone");
    *now.lock().unwrap() = HOUR - Duration::from_nanos(1);
    assert_eq!(load(from), Found::Record(record.into()));
    assert_eq!(rename(483), Ok(Swap::Done));
}

#[test]
fn nothing_is_left_of_what_is_over() {
    let (store, now) = clocked(1 << 20);
    let owner = OwnerKey::from_bytes([9; 16]);
    for n in 0..100 {
        let (key, record, about) = (key(n), [n; 100], [n; 50]);
        let owned = Put {
            owner: Some(Owner {
                key: &owner,
                about: &about,
                keep: HOUR,
            }),
            ..create(&key, &record)
        };
        assert_eq!(put(&store, owned), Ok(Swap::Done));
    }
    *now.lock().unwrap() += HOUR;
    assert_eq!(block_on(Store::sweep(&store, 1_000)).unwrap(), 100);
    assert!(store.is_empty());
}

/// A site that never sweeps keeps what it needs, and no save waits for the rest.
#[test]
fn a_write_removes_four_that_are_over() {
    let (store, now) = clocked(1 << 20);
    for n in 0..10 {
        assert_eq!(put(&store, create(&key(n), &[n; 100])), Ok(Swap::Done));
    }
    *now.lock().unwrap() += HOUR;
    assert_eq!(put(&store, create(&key(10), &[10; 100])), Ok(Swap::Done));
    assert_eq!(block_on(Store::sweep(&store, 1_000)).unwrap(), 6);
}

/// A check at each start must leave nothing in the site's store.
#[test]
fn what_a_probe_writes_is_over_after_a_second() {
    let (store, now) = clocked(1 << 20);
    block_on(probe(&store)).unwrap();
    *now.lock().unwrap() = Duration::from_millis(999);
    assert_eq!(block_on(Store::sweep(&store, 9)).unwrap(), 0);
    *now.lock().unwrap() = Duration::from_secs(1);
    assert_eq!(block_on(Store::sweep(&store, 9)).unwrap(), 2);
    assert!(store.is_empty());
}

#[test]
fn threads_lose_nothing() {
    let store = MemoryStore::new(1 << 20);
    let start = [&[1; 24][..], &[0; 8]].concat();
    assert_eq!(put(&store, create(&key(1), &start)), Ok(Swap::Done));
    thread::scope(|scope| {
        for writer in 0..8_u8 {
            let store = &store;
            scope.spawn(move || {
                for time in 1..=50 {
                    count(store, writer, time);
                }
            });
        }
    });
    let Found::Record(record) = block_on(Store::load(&store, &key(1), None)).unwrap() else {
        panic!("the record is gone");
    };
    assert_eq!(record[24..], [50; 8]);
}

/// Writes `time` as the count of this writer, whatever the others write meanwhile.
fn count(store: &MemoryStore, writer: u8, time: u8) {
    let key = key(1);
    loop {
        let Found::Record(record) = block_on(Store::load(store, &key, None)).unwrap() else {
            panic!("the record is gone");
        };
        let tag = Tag::of(&record).unwrap();
        let mut next = record;
        next[24 + usize::from(writer)] = time;
        next[0] = writer;
        next[1] = time;
        let swap = Put {
            expect: Expect::Tag(&tag),
            ..create(&key, &next)
        };
        if put(store, swap) == Ok(Swap::Done) {
            return;
        }
    }
}

#[test]
fn erased_store_answers_as_the_store() {
    let store: Arc<dyn ErasedStore> = Arc::new(MemoryStore::new(1 << 20));
    let (from, to) = (key(1), key(2));
    let (before, after) = ([1; 40], [2; 40]);
    block_on(async {
        assert_eq!(store.put(create(&from, &before)).await.unwrap(), Swap::Done);
        let found = store.load(&from, Some(HOUR)).await.unwrap();
        assert_eq!(found, Found::Record(before.to_vec()));
        let tag = Tag::of(&before).unwrap();
        let owner = OwnerKey::from_bytes([9; 16]);
        let put = Put {
            expect: Expect::Tag(&tag),
            owner: Some(Owner {
                key: &owner,
                about: b"about",
                keep: HOUR,
            }),
            ..create(&to, &after)
        };
        let renamed = store
            .rename(&from, put, Tombstone::Moved(to, AT), HOUR)
            .await;
        assert_eq!(renamed.unwrap(), Swap::Done);
        assert!(store.lists_owners());
        let owned = store.owned(&owner).await.unwrap();
        assert!(owned.len() == 1 && owned[0].key == to && owned[0].about == b"about");
        let end = End {
            key: &to,
            expect: None,
            tombstone: Tombstone::Ended(AT),
            grace: HOUR,
            owner: Some(&owner),
        };
        assert_eq!(store.end(end).await.unwrap(), Swap::Done);
        assert_eq!(store.sweep(10).await.unwrap(), 0);
        store.check().await.unwrap();
    });
    assert_eq!(store.max_record_bytes(), (1 << 20) - 256);
}
