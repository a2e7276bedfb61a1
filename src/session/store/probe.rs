//! Whether a store can do what it will have to.

use super::{
    End, Expect, Found, Owner, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
    Tag, Tombstone, random::Source,
};
use crate::Timestamp;
use core::time::Duration;

const KEEP: Duration = Duration::from_secs(1);

/// Runs each command of a store once, on new keys that last about a second. For
/// [`Store::check`].
///
/// # Errors
///
/// Those of the store; [`StoreErrorKind::Unsupported`] if it does not return what was written.
///
/// ```
/// use hardtack::store::{self, MemoryStore, Store};
///
/// # async fn example() -> Result<(), store::StoreError> {
/// let site = MemoryStore::new(1 << 20);
/// store::probe(&site).await?;
/// # Ok(())
/// # }
/// ```
pub async fn probe<S: Store>(store: &S) -> Result<(), StoreError> {
    let random = Source::default();
    let key = || {
        let mut key = [0; 16];
        random.fill(&mut key);
        key
    };
    let (from, to) = (RecordKey::from_bytes(key()), RecordKey::from_bytes(key()));
    let owner_key = OwnerKey::from_bytes(key());
    let record = [1; 40];
    let put = Put {
        key: &from,
        expect: Expect::Absent,
        record: &record,
        keep: KEEP,
        owner: store.lists_owners().then_some(Owner {
            key: &owner_key,
            about: b"probe",
            keep: KEEP,
        }),
    };
    let created = store.put(put).await?;
    let found = store.load(&from, Some(KEEP)).await?;
    let before = Tag::from_bytes([1; 24]);
    let put = Put {
        key: &to,
        expect: Expect::Tag(&before),
        ..put
    };
    let renamed = store
        .rename(&from, put, Tombstone::Moved(to, Timestamp::MIN), KEEP)
        .await?;
    let listed = match put.owner {
        Some(owner) => {
            let owned = store.owned(owner.key).await?;
            owned.iter().map(|owned| owned.key).eq([to])
        }
        None => true,
    };
    let end = End {
        key: &to,
        expect: None,
        tombstone: Tombstone::Ended(Timestamp::MIN),
        grace: KEEP,
        owner: put.owner.map(|owner| owner.key),
    };
    let ended = store.end(end).await?;
    store.sweep(1).await?;
    let done = [created, renamed, ended] == [Swap::Done, Swap::Done, Swap::Done];
    if done && listed && found == Found::Record(record.into()) {
        return Ok(());
    }
    Err(StoreError::new(
        StoreErrorKind::Unsupported,
        "what was written did not come back",
    ))
}
