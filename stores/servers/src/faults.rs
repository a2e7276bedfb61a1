//! What a store has to do when the connection breaks: an error, never a missing session, and back to work
//! soon after.

use crate::{Fault, Proxy};
use hardtack::store::{
    End, Expect, Found, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap, Tag, Tombstone,
};
use std::{
    error::Error,
    future::Future,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

const KEEP: Duration = Duration::from_secs(3_600);
/// Longer than any deadline in these tests, so that a test that hangs ends.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Calls until there is an answer, for at most 5 seconds.
pub async fn works_again<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> T {
    let start = Instant::now();
    loop {
        match timeout(PATIENCE, call()).await.expect("the store hangs") {
            Ok(answer) => return answer,
            Err(error) => assert!(
                start.elapsed() < Duration::from_secs(5),
                "not back after 5 seconds: {error:?}"
            ),
        }
        sleep(Duration::from_millis(20)).await;
    }
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

fn create<'a>(key: &'a RecordKey, record: &'a [u8]) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep: KEEP,
        owner: None,
    }
}

/// Breaks the connection of a store in every way that the proxy knows.
pub async fn survives_faults<S: Store>(store: &S, proxy: &Proxy) {
    let key = new_key();
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
            tombstone: Tombstone::Destroyed,
            grace: KEEP,
            owner: None,
        };
        proxy.set(fault);
        let calls = async {
            failed("load", store.load(&key, None).await);
            failed("load with keep", store.load(&key, Some(KEEP)).await);
            failed("put", store.put(swap).await);
            failed("end", store.end(end).await);
        };
        timeout(PATIENCE, calls)
            .await
            .unwrap_or_else(|_| panic!("{fault:?}: no deadline"));
        proxy.set(Fault::None);
        // The same again is done, whatever became of the first.
        assert_eq!(works_again(|| store.put(swap)).await, Swap::Done);
        assert_eq!(works_again(|| store.end(end)).await, Swap::Done);
        let found = store.load(&key, None).await.unwrap();
        assert_eq!(found, Found::Record(next.clone()), "{fault:?}");
        let found = store.load(&other, None).await.unwrap();
        assert_eq!(found, Found::Ended(Tombstone::Destroyed), "{fault:?}");
        last = Tag::of(&next).unwrap();
    }
}
