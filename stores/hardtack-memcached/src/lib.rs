#![doc = include_str!("../README.md")]

mod connection;

use async_memcached::{Error, MetaProtocol, MetaValue, Status};
use connection::{Node, failed, within};
use hardtack::store::{
    End, Expect, Found, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap, Tag,
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::sleep;

/// How long a call waits before it begins anew, because another one wrote between its two steps. Writers
/// that never waited could keep each other out in step, so that one of them loses every time.
const PAUSE: Duration = Duration::from_millis(1);
/// Memcached reads what is longer than this as a date.
const RELATIVE: u64 = 30 * 24 * 60 * 60;

/// Keeps sessions in Memcached. Clones share their connections.
#[derive(Clone)]
pub struct MemcachedStore {
    nodes: Arc<[Node]>,
    prefix: String,
    deadline: Duration,
}

/// What a node holds: the value, its version, and the seconds it has left.
struct Item {
    value: Found,
    version: u64,
    left: u64,
}

impl MemcachedStore {
    /// Takes the addresses of all nodes, such as `127.0.0.1:11211` or `unix:///run/memcached`. The store
    /// connects at its first call.
    ///
    /// A key belongs to one node, by the order of the addresses. While that node is down, its sessions are
    /// unavailable: on another node an ended session could come back. Every instance of the site needs the
    /// same list, and a change of the list logs people out.
    ///
    /// # Errors
    ///
    /// An empty list.
    pub fn new<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Self, StoreError> {
        let addresses = addresses.into_iter();
        let nodes: Arc<[Node]> = addresses
            .map(|address| Node::new(address.as_ref()))
            .collect();
        if nodes.is_empty() {
            let what = "there is no address of a node";
            return Err(StoreError::new(StoreErrorKind::Unsupported, what));
        }
        Ok(MemcachedStore {
            nodes,
            prefix: "hardtack:".into(),
            deadline: Duration::from_secs(2),
        })
    }

    /// Sets what every key begins with: printable ASCII without spaces, at most 200 characters. The
    /// default is `hardtack:`.
    ///
    /// # Errors
    ///
    /// Another prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Result<Self, StoreError> {
        self.prefix = prefix.into();
        if self.prefix.len() > 200 || !self.prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "a prefix has up to 200 printable characters without spaces";
            return Err(StoreError::new(StoreErrorKind::Unsupported, what));
        }
        Ok(self)
    }

    /// Sets how long a call may take in all, the wait for a connection included. The default is 2 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The node of a key. Keys are random, so that their bytes spread them evenly.
    fn node(&self, key: &RecordKey) -> &Node {
        let number = u128::from_le_bytes(*key.as_bytes()) % self.nodes.len() as u128;
        &self.nodes[number as usize]
    }

    /// Gets value, version and time in one round trip.
    async fn get(&self, key: &RecordKey) -> Result<Option<MetaValue>, Error> {
        let name = key.to_text(&self.prefix);
        let get = self.node(key).call(async |client| {
            let flags = Some(&["v", "c", "t"][..]);
            client.meta_get(&name, false, None, flags).await
        });
        get.await
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Item>, StoreError> {
        let read = match self.get(key).await {
            // The server may have closed the connection while it was free. This one is new.
            Err(Error::Io(_)) => self.get(key).await,
            read => read,
        };
        let Some(item) = read.map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        let (Some(version), Some(left)) = (item.cas, item.ttl_remaining) else {
            return Err(StoreErrorKind::Corrupt.into());
        };
        Ok(Some(Item {
            value: Found::decode(Some(item.data.unwrap_or_default()))?,
            version,
            left: u64::try_from(left).unwrap_or(u64::MAX),
        }))
    }

    /// Writes a value if the key still has this version, or still nothing. `false` if another was first.
    async fn write(
        &self,
        key: &RecordKey,
        there: Option<&Item>,
        value: &[u8],
        seconds: u64,
    ) -> Result<bool, StoreError> {
        let name = key.to_text(&self.prefix);
        let time = format!("T{}", expiry(seconds));
        let condition = match there {
            Some(item) => format!("C{}", item.version),
            None => "ME".into(),
        };
        let written = self.node(key).call(async |client| {
            let flags = [&*time, &*condition];
            client
                .meta_set(&name, value, false, None, Some(&flags))
                .await
        });
        is_done(written.await)
    }

    /// Prolongs an item if it still has this version. `false` if another was first.
    ///
    /// Not by a write: a full server would delete the item that it has no room to write anew. Not by a touch: that would
    /// prolong a tombstone that came in between. To mark an item as stale is what takes a time and a version and leaves
    /// the value where it is; the mark means nothing to this store.
    async fn prolong(
        &self,
        key: &RecordKey,
        item: &Item,
        seconds: u64,
    ) -> Result<bool, StoreError> {
        let name = key.to_text(&self.prefix);
        let time = format!("T{}", expiry(seconds));
        let version = format!("C{}", item.version);
        let prolonged = self.node(key).call(async |client| {
            let flags = ["I", &*time, &*version];
            client.meta_delete(&name, false, None, Some(&flags)).await
        });
        is_done(prolonged.await)
    }

    async fn load_at_once(
        &self,
        key: &RecordKey,
        keep: Option<Duration>,
    ) -> Result<Found, StoreError> {
        loop {
            let Some(item) = self.read(key).await? else {
                return Ok(Found::Missing);
            };
            let (Some(keep), Found::Record(_)) = (keep.map(seconds), &item.value) else {
                return Ok(item.value);
            };
            if item.left >= keep || self.prolong(key, &item, keep).await? {
                return Ok(item.value);
            }
            sleep(PAUSE).await;
        }
    }

    async fn put_at_once(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        let tag = put.tag()?;
        let mut first = true;
        loop {
            // To create is one round trip, unless something is there.
            let there = match put.expect {
                Expect::Absent if first => None,
                _ => self.read(put.key).await?,
            };
            let found = there.as_ref().map_or(&Found::Missing, |item| &item.value);
            let left = match (found, put.expect) {
                (Found::Record(record), _) if Tag::of(record) == Some(tag) => {
                    return Ok(Swap::Done);
                }
                (Found::Record(record), Expect::Tag(expected))
                    if Tag::of(record) == Some(*expected) =>
                {
                    there.as_ref().map_or(0, |item| item.left)
                }
                (Found::Missing, Expect::Absent) => 0,
                (found, _) => return Ok(found.clone().into()),
            };
            let keep = seconds(put.keep).max(left);
            if self
                .write(put.key, there.as_ref(), put.record, keep)
                .await?
            {
                return Ok(Swap::Done);
            }
            if !first {
                sleep(PAUSE).await;
            }
            first = false;
        }
    }

    async fn end_at_once(&self, end: End<'_>) -> Result<Swap, StoreError> {
        loop {
            let there = self.read(end.key).await?;
            let found = there.as_ref().map_or(&Found::Missing, |item| &item.value);
            match (found, end.expect) {
                (Found::Ended(there), _) if *there == end.tombstone => return Ok(Swap::Done),
                (Found::Record(record), Some(expected)) if Tag::of(record) == Some(*expected) => {}
                (Found::Record(_) | Found::Missing, None) => {}
                (found, _) => return Ok(found.clone().into()),
            }
            let tombstone = end.tombstone.encode();
            let grace = seconds(end.grace);
            if self
                .write(end.key, there.as_ref(), &tombstone, grace)
                .await?
            {
                return Ok(Swap::Done);
            }
            sleep(PAUSE).await;
        }
    }
}

/// Whether a write is done; `false` if another was first.
fn is_done<T>(written: Result<T, Error>) -> Result<bool, StoreError> {
    match written {
        Ok(_) => Ok(true),
        Err(Error::Protocol(Status::Exists | Status::NotFound | Status::NotStored)) => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

/// Whole seconds, rounded up: Memcached knows no shorter time, and 0 would be for ever.
fn seconds(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60;
    let seconds = duration.as_secs().min(CENTURY);
    seconds + 1
}

/// A lifetime as Memcached takes it: seconds up to 30 days, else a date. It reads what does not fit into 31 bits as a date
/// that has passed.
fn expiry(seconds: u64) -> u64 {
    if seconds <= RELATIVE {
        return seconds;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let date = now.unwrap_or_default().as_secs().saturating_add(seconds);
    date.min(i32::MAX as u64)
}

impl fmt::Debug for MemcachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemcachedStore(..)")
    }
}

impl Store for MemcachedStore {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        within(self.deadline, self.load_at_once(key, keep)).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        within(self.deadline, self.put_at_once(put)).await
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        within(self.deadline, self.end_at_once(end)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Each node, not only those that two random keys lead to.
        for node in &*self.nodes {
            let one = MemcachedStore {
                nodes: [node.clone()].into(),
                ..self.clone()
            };
            hardtack::store::probe(&one).await?;
        }
        Ok(())
    }

    fn max_record_bytes(&self) -> usize {
        // An item is 1 MiB at most by default, its name and header included.
        1_000 * 1_000
    }
}
