//! What an engine has to do.

use super::{GRACE, OwnerKey, RecordKey, StoreError, StoreErrorKind, Tag, Tombstone};
use crate::Timestamp;
use alloc::vec::Vec;
use core::{fmt, future::Future, time::Duration};

/// Keeps sealed records under random keys. See [`store`](crate::store) for how to write one.
///
/// Every call has one total deadline that includes the wait for a connection; 2 seconds is the usual
/// default. A call that fails answers an error, never [`Found::Missing`].
///
/// Every call may be repeated with the same arguments after an unknown outcome. For that reason a store
/// does not repeat a write by itself unless it knows that the engine has refused it: after a second try,
/// [`Swap::Differs`] would no longer tell the caller that somebody else wrote in between.
///
/// ```
/// use hardtack::store::{self, MemoryStore, Store};
///
/// # async fn example() -> Result<(), store::StoreError> {
/// let site = MemoryStore::new(1 << 20);
/// let key = store::RecordKey::from_bytes([7; 16]);
/// assert_eq!(site.load(&key, None).await?, store::Found::Missing);
/// # Ok(())
/// # }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Returns the record. With `keep`, it also lets the record live at least that much longer, in the
    /// same round trip if the engine can. It never prolongs a tombstone and never asks a replica.
    fn load(
        &self,
        key: &RecordKey,
        keep: Option<Duration>,
    ) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// Writes the record if what is there is as [expected](Put::expect), and says what is there otherwise.
    /// To repeat a put that was done is [`Done`](Swap::Done) again. It never shortens a record's life.
    fn put(&self, put: Put<'_>) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Ends the record if it is there as [expected](End::expect), and leaves a tombstone. A tombstone
    /// that is there already stays as it is: [`Done`](Swap::Done) if it is the same one,
    /// [`Ended`](Swap::Ended) if it is another. If the engine has no room for a tombstone, it deletes the
    /// record.
    fn end(&self, end: End<'_>) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Puts the record under another key and leaves a tombstone for `grace` under `from`.
    ///
    /// [`Put::expect`] is the tag of the record under `from`. [`Differs`](Swap::Differs) has the record under
    /// `from`: the caller merges and calls again. [`Put::key`] is a fresh random key.
    /// A tombstone under either key is [`Ended`](Swap::Ended), with nothing changed under `from`. Of two
    /// renames from one key one wins.
    ///
    /// The default is for engines without transactions over two keys. It puts the new record first and
    /// ends the old one after that, so that no failure in between loses the session. A store that lists owners needs
    /// more: see [`rename_in_steps`].
    fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send {
        rename_in_steps(self, from, put, tombstone, grace)
    }

    /// Says whether the store can list the records of one owner. The default is `false`.
    fn lists_owners(&self) -> bool {
        false
    }

    /// Returns the live records of one owner: all that [`load`](Store::load) still returns, even past their time. The
    /// default is unsupported.
    ///
    /// A store keeps at most [`MAX_OWNED`] records for one owner: it ends those with the earliest end first, but
    /// never the one that it has just written.
    fn owned(
        &self,
        owner: &OwnerKey,
    ) -> impl Future<Output = Result<Vec<Owned>, StoreError>> + Send {
        let _ = owner;
        async { Err(StoreErrorKind::Unsupported.into()) }
    }

    /// Deletes at most `limit` records and tombstones past their time, and returns their number. The
    /// default deletes nothing: the engine expires them by itself.
    ///
    /// An engine that does not may answer with records and tombstones past their time until then: hardtack checks the
    /// times of a session itself.
    fn sweep(&self, limit: u32) -> impl Future<Output = Result<u32, StoreError>> + Send {
        let _ = limit;
        async { Ok(0) }
    }

    /// Runs each command that the store will need on a key of its own, and returns an error that names
    /// what is missing: a permission, a setting, a version.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the size in bytes of the largest record that the store takes.
    fn max_record_bytes(&self) -> usize;
}

/// Renames a record as [`Store::rename`] does by default: puts the new record first and ends the old one after
/// that. For a store that can do both in one step only on some servers.
///
/// For a moment, the owner of the record has both. If they have [`MAX_OWNED`] records already, a put that keeps to that
/// limit ends one of them for each new id, perhaps the one under `from`. Call this with a store whose
/// [`put`](Store::put) does not keep to it, and end what is too many after it.
///
/// # Errors
///
/// Those of the store; [`StoreErrorKind::Unsupported`] if the put expects no tag.
///
/// ```
/// use hardtack::store::{self, Expect, MemoryStore, Put, RecordKey, Store, Swap, Tag, Tombstone};
/// use hardtack::Timestamp;
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), store::StoreError> {
/// let site = MemoryStore::new(1 << 20);
/// let (from, to) = (RecordKey::from_bytes([1; 16]), RecordKey::from_bytes([2; 16]));
/// let keep = Duration::from_secs(30 * 60);
/// let created = Put { key: &from, expect: Expect::Absent, record: &[7; 40], keep, owner: None };
/// site.put(created).await?;
/// let tag = created.tag()?;
/// let renamed = Put { key: &to, expect: Expect::Tag(&tag), record: &[8; 40], ..created };
/// let moved = Tombstone::Moved(to, Timestamp::now());
/// let done = store::rename_in_steps(&site, &from, renamed, moved, keep).await?;
/// assert_eq!(done, Swap::Done);
/// # Ok(())
/// # }
/// ```
pub async fn rename_in_steps<S: Store + ?Sized>(
    store: &S,
    from: &RecordKey,
    put: Put<'_>,
    tombstone: Tombstone,
    grace: Duration,
) -> Result<Swap, StoreError> {
    let Expect::Tag(expected) = put.expect else {
        return Err(StoreErrorKind::Unsupported.into());
    };
    // With its owner, before the old record ends: an attacker whose request stops in between must be in the list, or
    // would survive an end of all sessions.
    let new = Put {
        expect: Expect::Absent,
        ..put
    };
    let mut created = store.put(new).await?;
    if let Swap::Differs(before) = &created {
        // Nobody else knows this key: it holds the attempt before, which met a rival.
        let before = Tag::of(before).ok_or(StoreErrorKind::Corrupt)?;
        let expect = Expect::Tag(&before);
        created = store.put(Put { expect, ..put }).await?;
    }
    if !matches!(created, Swap::Done) {
        return Ok(created);
    }
    let ended = store
        .end(End {
            key: from,
            expect: Some(expected),
            tombstone,
            grace,
            owner: put.owner.map(|owner| owner.key),
        })
        .await?;
    if matches!(ended, Swap::Ended(_) | Swap::Missing) {
        // Another request ended the session or renamed it first. The new record has no holder.
        // The rename does not fail if this does: what is left expires.
        let _ = store
            .end(End {
                key: put.key,
                expect: Tag::of(put.record).as_ref(),
                tombstone: Tombstone::Ended(Timestamp::MIN),
                grace,
                owner: put.owner.map(|owner| owner.key),
            })
            .await;
    }
    Ok(ended)
}

/// Says what is under a key.
///
/// ```
/// use hardtack::{Timestamp, store::{Found, Tombstone}};
///
/// let ended = Found::decode(Some(b"e\0\0\0\x07".to_vec())).unwrap();
/// assert_eq!(ended, Found::Ended(Tombstone::Ended(Timestamp::from_unix(7))));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    /// A record.
    Record(Vec<u8>),
    /// The record has ended, for this reason.
    Ended(Tombstone),
    /// Nothing.
    Missing,
}

impl Found {
    /// Reads the value of an engine that keeps one value under each key: a record, or the bytes of a
    /// [`Tombstone`].
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if the value is neither.
    ///
    /// ```
    /// use hardtack::{Timestamp, store::{Found, Tombstone}};
    ///
    /// let ended = Found::decode(Some(b"e\0\0\0\x07".to_vec())).unwrap();
    /// assert_eq!(ended, Found::Ended(Tombstone::Ended(Timestamp::from_unix(7))));
    /// assert_eq!(Found::decode(None).unwrap(), Found::Missing);
    /// assert!(Found::decode(Some(b"?".to_vec())).is_err());
    /// ```
    pub fn decode(value: Option<Vec<u8>>) -> Result<Found, StoreError> {
        let Some(value) = value else {
            return Ok(Found::Missing);
        };
        if Tag::of(&value).is_some() {
            return Ok(Found::Record(value));
        }
        let tombstone = Tombstone::decode(&value).ok_or(StoreErrorKind::Corrupt)?;
        Ok(Found::Ended(tombstone))
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Record(record) => write!(f, "Record({} bytes)", record.len()),
            Found::Ended(tombstone) => write!(f, "Ended({tombstone:?})"),
            Found::Missing => f.write_str("Missing"),
        }
    }
}

/// Says what became of a write.
///
/// ```
/// use hardtack::store::{Found, Swap};
///
/// assert_eq!(Swap::from(Found::Missing), Swap::Missing);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Swap {
    /// It is done, now or by an earlier call with the same arguments.
    Done,
    /// It is not done: this other record is there.
    Differs(Vec<u8>),
    /// It is not done: the record has ended, for this reason.
    Ended(Tombstone),
    /// It is not done: nothing is there.
    Missing,
}

impl fmt::Debug for Swap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Swap::Done => f.write_str("Done"),
            Swap::Differs(record) => write!(f, "Differs({} bytes)", record.len()),
            Swap::Ended(tombstone) => write!(f, "Ended({tombstone:?})"),
            Swap::Missing => f.write_str("Missing"),
        }
    }
}

impl From<Found> for Swap {
    /// Says what is there in place of what was expected.
    fn from(found: Found) -> Self {
        match found {
            Found::Record(record) => Swap::Differs(record),
            Found::Ended(tombstone) => Swap::Ended(tombstone),
            Found::Missing => Swap::Missing,
        }
    }
}

/// Says what has to be under the key for a put.
///
/// ```
/// use hardtack::store::{Expect, Tag};
///
/// let tag = Tag::from_bytes([7; 24]);
/// let replaces = Expect::Tag(&tag);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// Nothing, not even a tombstone: the put creates.
    Absent,
    /// The record with this tag: the put replaces it.
    Tag(&'a Tag),
}

impl<'a> Expect<'a> {
    /// Returns the tag of the record that is to be replaced, or `None` if the put creates.
    ///
    /// ```
    /// use hardtack::store::{Expect, Tag};
    ///
    /// let tag = Tag::from_bytes([7; 24]);
    /// assert_eq!(Expect::Tag(&tag).tag(), Some(&tag));
    /// assert_eq!(Expect::Absent.tag(), None);
    /// ```
    pub fn tag(self) -> Option<&'a Tag> {
        match self {
            Expect::Absent => None,
            Expect::Tag(tag) => Some(tag),
        }
    }
}

/// Describes one write of [`Store::put`] and [`Store::rename`].
///
/// ```
/// use hardtack::store::{Expect, Put, RecordKey, Tag};
/// use std::time::Duration;
///
/// let record = [7; 40];
/// let create = Put {
///     key: &RecordKey::from_bytes([1; 16]),
///     expect: Expect::Absent,
///     record: &record,
///     keep: Duration::from_secs(30 * 60),
///     owner: None,
/// };
/// assert_eq!(create.tag().unwrap(), Tag::from_bytes([7; 24]));
/// ```
#[derive(Clone, Copy)]
pub struct Put<'a> {
    /// Where the record goes.
    pub key: &'a RecordKey,
    /// What has to be there.
    pub expect: Expect<'a>,
    /// The sealed record. It is longer than its [`Tag`]; a store refuses a shorter one as
    /// [`Corrupt`](StoreErrorKind::Corrupt).
    pub record: &'a [u8],
    /// How long the record lives at least, from now on.
    pub keep: Duration,
    /// The owner of the record. `None` leaves the owner of the record that is replaced. A rename replaces none: with
    /// `None`, the record under the new key has no owner, even if the one under the old key had one.
    pub owner: Option<Owner<'a>>,
}

impl Put<'_> {
    /// Returns the tag of the record.
    ///
    /// ```
    /// use hardtack::store::{Expect, Put, RecordKey, Tag};
    /// use std::time::Duration;
    ///
    /// let record = [7; 40];
    /// let create = Put {
    ///     key: &RecordKey::from_bytes([1; 16]),
    ///     expect: Expect::Absent,
    ///     record: &record,
    ///     keep: Duration::from_secs(30 * 60),
    ///     owner: None,
    /// };
    /// assert_eq!(create.tag().unwrap(), Tag::from_bytes([7; 24]));
    /// assert!(Put { record: b"d", ..create }.tag().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if it is too short for a record.
    pub fn tag(&self) -> Result<Tag, StoreError> {
        Tag::of(self.record).ok_or_else(|| StoreErrorKind::Corrupt.into())
    }
}

/// Names the owner of a record.
///
/// ```
/// use hardtack::store::{Owner, OwnerKey};
/// use std::time::Duration;
///
/// let owner = Owner {
///     key: &OwnerKey::from_bytes([7; 16]),
///     about: b"sealed",
///     keep: Duration::from_secs(12 * 60 * 60),
/// };
/// ```
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// The owner.
    pub key: &'a OwnerKey,
    /// The sealed description that [`Store::owned`] returns.
    pub about: &'a [u8],
    /// How long the record can live at most, from now on, however often it is kept. An engine that has an
    /// index apart from the records keeps the entry that long.
    pub keep: Duration,
}

/// Describes one end of [`Store::end`].
///
/// ```
/// use hardtack::{Timestamp, store::{End, RecordKey, Tombstone}};
/// use std::time::Duration;
///
/// let logout = End {
///     key: &RecordKey::from_bytes([7; 16]),
///     expect: None,
///     tombstone: Tombstone::Destroyed(Timestamp::now()),
///     grace: Duration::from_secs(60),
///     owner: None,
/// };
/// ```
#[derive(Clone, Copy)]
pub struct End<'a> {
    /// The record to end.
    pub key: &'a RecordKey,
    /// The tag that the record has to have. `None` ends whatever is there, and leaves a tombstone also if
    /// nothing is.
    pub expect: Option<&'a Tag>,
    /// What stays.
    pub tombstone: Tombstone,
    /// How long the tombstone stays, from now on.
    pub grace: Duration,
    /// The owner, if the caller knows it. An engine that has an index apart from the records drops the
    /// entry.
    pub owner: Option<&'a OwnerKey>,
}

impl<'a> End<'a> {
    /// Ends one of an owner's records because they have more than [`MAX_OWNED`].
    ///
    /// ```
    /// use hardtack::store::{End, OwnerKey, RecordKey, Tombstone};
    ///
    /// let (first, owner) = (RecordKey::from_bytes([1; 16]), OwnerKey::from_bytes([2; 16]));
    /// let ended = End::one_too_many(&first, &owner).tombstone;
    /// assert!(matches!(ended, Tombstone::Ended(_)));
    /// ```
    pub fn one_too_many(key: &'a RecordKey, owner: &'a OwnerKey) -> Self {
        End {
            key,
            expect: None,
            tombstone: Tombstone::Ended(Timestamp::MIN),
            grace: GRACE,
            owner: Some(owner),
        }
    }
}

/// How many records a store keeps for one owner.
pub const MAX_OWNED: usize = 1_000;

/// A record of an owner, as [`Store::owned`] lists it.
///
/// ```
/// use hardtack::store::{Owned, RecordKey};
///
/// let owned = Owned { key: RecordKey::from_bytes([7; 16]), about: b"sealed".to_vec() };
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its key.
    pub key: RecordKey,
    /// Its sealed description.
    pub about: Vec<u8>,
}
