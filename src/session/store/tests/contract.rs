//! What store packages build on.

use super::block_on;
use crate::session::store::{
    End, Expect, Found, MemoryStore, Owned, OwnerKey, Put, RecordKey, Store, StoreError,
    StoreErrorKind, Swap, Tag, Tombstone,
    conformance::{CaseResult, Outcome, Report},
    probe,
};
use alloc::{string::ToString, vec, vec::Vec};
use core::time::Duration;

/// Two keys of one text would be one record, and a visitor would get the session of another.
#[test]
fn a_key_as_text_has_two_digits_for_each_byte() {
    let bytes = *b"\x00\x01\x0f\x10\x7f\x80\x9a\xab\xbc\xcd\xde\xef\xf0\xfe\xff\x23";
    let digits = "00010f107f809aabbccddeeff0feff23";
    let key = RecordKey::from_bytes(bytes).to_text("shop:");
    assert_eq!(key, ["shop:", digits].concat());
    let owner = OwnerKey::from_bytes(bytes).to_text("owner:");
    assert_eq!(owner, ["owner:", digits].concat());
}

#[test]
fn a_put_that_replaces_names_what() {
    let tag = Tag::from_bytes([7; 24]);
    assert_eq!(Expect::Tag(&tag).tag(), Some(&tag));
    assert_eq!(Expect::Absent.tag(), None);
}

/// What a store of somebody else says of itself if it says nothing, and one answer that is not as it should be.
struct Odd {
    memory: MemoryStore,
    wrong: &'static str,
}

impl Odd {
    fn new(wrong: &'static str) -> Odd {
        let memory = MemoryStore::new(1 << 20);
        Odd { memory, wrong }
    }

    fn swap(&self, call: &str, swap: Swap) -> Swap {
        if self.wrong == call {
            Swap::Missing
        } else {
            swap
        }
    }
}

impl Store for Odd {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        match self.wrong {
            "load" => Ok(Found::Record(vec![1; 39])),
            _ => Store::load(&self.memory, key, keep).await,
        }
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        let swap = Store::put(&self.memory, put).await?;
        Ok(self.swap("put", swap))
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        let swap = Store::end(&self.memory, end).await?;
        Ok(self.swap("end", swap))
    }

    async fn check(&self) -> Result<(), StoreError> {
        probe(self).await
    }

    fn max_record_bytes(&self) -> usize {
        1 << 16
    }
}

/// Else nobody would be told that "log out everywhere" finds nobody.
#[test]
fn a_store_that_says_nothing_of_owners_lists_nobody() {
    let store = Odd::new("");
    assert!(!store.lists_owners());
    let owned = block_on(store.owned(&OwnerKey::from_bytes([7; 16])));
    let unsupported = StoreErrorKind::Unsupported;
    assert!(owned.is_err_and(|error| error.kind() == unsupported));
    assert_eq!(block_on(Store::sweep(&store, 9)).unwrap(), 0);
    block_on(store.check()).unwrap();
}

/// The same, with an index of owners that is wrong.
struct Listing(Odd);

impl Store for Listing {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.0.load(key, keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        self.0.put(put).await
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.0.end(end).await
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        let swap = Store::rename(&self.0.memory, from, put, tombstone, grace).await?;
        Ok(self.0.swap("rename", swap))
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        match self.0.wrong {
            "owned" => Ok(vec![]),
            _ => Store::owned(&self.0.memory, owner).await,
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        probe(self).await
    }

    fn max_record_bytes(&self) -> usize {
        self.0.max_record_bytes()
    }
}

/// A server with the wrong permissions or settings must fail when the site starts, and not at its first login.
#[test]
fn each_answer_that_is_wrong_fails_the_check() {
    block_on(Listing(Odd::new("")).check()).unwrap();
    for wrong in ["put", "load", "rename", "owned", "end"] {
        let error = block_on(Listing(Odd::new(wrong)).check()).expect_err(wrong);
        assert_eq!(error.kind(), StoreErrorKind::Unsupported, "{wrong}");
    }
}

/// The author of a store reads nothing else of a run.
#[test]
fn a_report_names_what_failed_and_what_was_skipped() {
    let case = |name, outcome| CaseResult { name, outcome };
    let mut report = Report {
        cases: vec![
            case("good", Outcome::Passed),
            case("bad", Outcome::Failed("two are done".into())),
            case("left", Outcome::Skipped("no clock")),
        ],
    };
    assert!(!report.passed());
    assert!(report.failed().eq(["bad"]));
    assert!(report.skipped().eq(["left"]));
    let text = "passed   good\nFAILED   bad: two are done\nskipped  left: no clock\n";
    assert_eq!(report.to_string(), text);
    report.cases.remove(1);
    assert!(report.passed());
}
