//! What a store has to do when the connection breaks: an error, never a missing session, and back to work
//! soon after.

use crate::{Fault, Proxy};
use hardtack::Timestamp;
use hardtack::store::{
    End, Expect, Found, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap, Tag,
    Tombstone,
};
use std::{
    error::Error,
    future::Future,
    hash::{BuildHasher, RandomState},
    time::Duration,
};
use tokio::time::{Instant, pause, resume, timeout};

/// When sessions end: to a store, a time is what it is to keep.
pub const AT: Timestamp = Timestamp::from_unix(1_800_000_000);

const KEEP: Duration = Duration::from_secs(3_600);
/// The deadline of a store whose calls have to be answered, however busy the machine is.
pub const PATIENT: Duration = Duration::from_secs(60);
/// Longer than all calls of a test, so that a test that hangs ends.
const TOO_LONG: Duration = Duration::from_secs(600);
/// How many calls a store needs at most to work again.
const TRIES: usize = 20;

/// Returns a key that no other test uses.
pub fn new_key() -> RecordKey {
    let words = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(0));
    let mut key = [0; 16];
    key.copy_from_slice(words.map(u64::to_le_bytes).as_flattened());
    RecordKey::from_bytes(key)
}

fn failed<T>(what: &str, answer: Result<T, StoreError>) {
    let error = answer.err().unwrap_or_else(|| panic!("{what}: no error"));
    let expected = [StoreErrorKind::Unavailable, StoreErrorKind::Timeout];
    assert!(expected.contains(&error.kind()), "{what}: {error:?}");
}

/// Calls until there is an answer.
pub async fn works_again<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> T {
    let mut told = None;
    for _ in 0..TRIES {
        match timeout(TOO_LONG, call()).await.expect("the store hangs") {
            Ok(answer) => return answer,
            Err(error) => told = Some(error),
        }
    }
    panic!("not back after {TRIES} calls: {told:?}");
}

/// Calls a server that does not answer: the call has to end at its deadline. The time of the runtime goes on only
/// when there is nothing left to do but to wait, so that the speed of the machine does not count.
pub async fn ends_at<T>(deadline: Duration, call: impl Future<Output = Result<T, StoreError>>) {
    pause();
    let start = Instant::now();
    let error = call.await.err().expect("an answer");
    let elapsed = start.elapsed();
    resume();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    // A timer has whole milliseconds.
    let late = elapsed.checked_sub(deadline).expect("ended too early");
    assert!(late < Duration::from_millis(3), "{late:?} late");
}

/// Panics if an error or its sources name one of these, for example a port or a password.
pub fn names_nothing(error: &StoreError, secrets: &[&str]) {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    for secret in secrets {
        assert!(!text.contains(secret), "{text}");
    }
}

/// A record that is kept for an hour.
pub fn create<'a>(key: &'a RecordKey, record: &'a [u8]) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep: KEEP,
        owner: None,
    }
}

/// Leaves a tombstone for an hour.
pub fn end(key: &RecordKey) -> End<'_> {
    End {
        key,
        expect: None,
        tombstone: Tombstone::Destroyed(AT),
        grace: KEEP,
        owner: None,
    }
}

/// Renames a record to the key of another one. The suite cannot ask every store to refuse that.
pub async fn rename_onto_another_record_changes_nothing<S: Store>(store: &S) {
    let keys = [new_key(), new_key()];
    let records = [[1; 40], [2; 40]];
    for (key, record) in keys.iter().zip(&records) {
        store.put(create(key, record)).await.unwrap();
    }
    let tag = Tag::of(&records[0]).unwrap();
    let put = Put {
        expect: Expect::Tag(&tag),
        ..create(&keys[1], &[3; 40])
    };
    let moved = Tombstone::Moved(keys[1], AT);
    let error = store.rename(&keys[0], put, moved, KEEP).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    for (key, record) in keys.iter().zip(&records) {
        let found = store.load(key, None).await.unwrap();
        assert_eq!(found, Found::Record(record.to_vec()));
    }
}

/// Breaks the connection of a store with the deadline [`PATIENT`] in every way that the proxy knows.
pub async fn survives_faults<S: Store>(store: &S, proxy: &Proxy) {
    let (key, owner) = (new_key(), OwnerKey::from_bytes([7; 16]));
    let record = |n: u8| vec![n; 3_000];
    let first = record(0);
    assert_eq!(store.put(create(&key, &first)).await.unwrap(), Swap::Done);
    let mut last = Tag::of(&first).unwrap();
    let faults = [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Hang,
        Fault::HalfAnAnswer,
    ];
    for (n, fault) in (1..).zip(faults) {
        let other = new_key();
        assert_eq!(store.put(create(&other, &first)).await.unwrap(), Swap::Done);
        let next = record(n);
        let swap = Put {
            expect: Expect::Tag(&last),
            ..create(&key, &next)
        };
        let end = End {
            key: &other,
            expect: None,
            tombstone: Tombstone::Destroyed(AT),
            grace: KEEP,
            owner: None,
        };
        let (from, to) = (new_key(), new_key());
        assert_eq!(store.put(create(&from, &first)).await.unwrap(), Swap::Done);
        let first = Tag::of(&first).unwrap();
        let moved = Put {
            key: &to,
            expect: Expect::Tag(&first),
            ..swap
        };
        let rename = || store.rename(&from, moved, Tombstone::Moved(to, AT), KEEP);
        proxy.set(fault);
        let calls = async {
            if fault == Fault::Hang {
                ends_at(PATIENT, store.load(&key, None)).await;
                ends_at(PATIENT, store.load(&key, Some(KEEP))).await;
                ends_at(PATIENT, store.put(swap)).await;
                ends_at(PATIENT, store.end(end)).await;
                ends_at(PATIENT, rename()).await;
                if store.lists_owners() {
                    ends_at(PATIENT, store.owned(&owner)).await;
                }
                return;
            }
            failed("load", store.load(&key, None).await);
            failed("load with keep", store.load(&key, Some(KEEP)).await);
            failed("put", store.put(swap).await);
            failed("end", store.end(end).await);
            failed("rename", rename().await);
            if store.lists_owners() {
                failed("owned", store.owned(&owner).await);
            }
        };
        timeout(TOO_LONG, calls)
            .await
            .unwrap_or_else(|_| panic!("{fault:?}: no end"));
        proxy.set(Fault::None);
        // The same again is done, whatever became of the first.
        assert_eq!(works_again(|| store.put(swap)).await, Swap::Done);
        assert_eq!(works_again(|| store.end(end)).await, Swap::Done);
        assert_eq!(works_again(rename).await, Swap::Done);
        let found = store.load(&key, None).await.unwrap();
        assert_eq!(found, Found::Record(next.clone()), "{fault:?}");
        let found = store.load(&other, None).await.unwrap();
        assert_eq!(found, Found::Ended(Tombstone::Destroyed(AT)), "{fault:?}");
        last = Tag::of(&next).unwrap();
    }
}
