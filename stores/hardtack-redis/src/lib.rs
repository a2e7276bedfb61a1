#![doc = include_str!("../README.md")]

#[cfg(feature = "cluster")]
mod cluster;
mod connection;
mod keys;
mod scripts;

use connection::{Connect, Connections};
use hardtack::store::{
    End, Expect, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
    Tombstone,
};
use keys::{Keys, MAX_OWNED, ms};
use redis::{Client, RedisError};
use scripts::{RENAME, count, swap, version_and_policy};
use std::{fmt, time::Duration};

/// A value of Redis may have 512 MB; a session that large blocks everybody else's.
const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Keeps sessions in Redis or Valkey, or with the feature `cluster` in a Redis Cluster. Clones share their connections.
#[derive(Clone)]
pub struct RedisStore<C: Connect = Client> {
    connections: Connections<C>,
    keys: Keys,
}

impl RedisStore {
    /// Takes a client. The store connects at its first call, and again after a connection broke.
    pub fn new(client: Client) -> Self {
        RedisStore::over(client)
    }
}

impl<C: Connect> RedisStore<C> {
    fn over(connect: C) -> Self {
        RedisStore {
            connections: Connections::new(connect),
            keys: Keys::default(),
        }
    }

    /// Sets what every key begins with. The default is `hardtack:`. In a cluster, a prefix with `{braces}` would put all
    /// sessions on one node.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.keys = Keys(prefix.into());
        self
    }

    /// Sets how long a call may take in all, new connections included. The default is 2 seconds. A cluster takes no longer.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.connections.deadline = deadline;
        self
    }

    /// Lists the records of an owner with their ends, and drops the entries of records that are over.
    async fn entries(&self, owner: &OwnerKey) -> Result<Vec<(u64, Owned)>, StoreError> {
        let index = self.keys.owner(owner);
        self.connections
            .call(true, |mut connection| {
                let index = &index;
                async move {
                    let all: Vec<(Vec<u8>, Vec<u8>)> = redis::cmd("HGETALL")
                        .arg(index)
                        .query_async(&mut connection)
                        .await?;
                    if all.is_empty() {
                        return Ok(Vec::new());
                    }
                    let keys = all.iter().map(|(field, _)| self.keys.of_field(field));
                    let lengths = C::lengths(&mut connection, keys.collect()).await?;
                    let (live, over) = keys::live(all, &lengths);
                    if !over.is_empty() {
                        let mut drop = redis::cmd("HDEL");
                        drop.arg(index).arg(over);
                        () = drop.query_async(&mut connection).await?;
                    }
                    Ok(live)
                }
            })
            .await
    }

    async fn owned_by(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        let live = self.entries(owner).await?;
        Ok(live.into_iter().map(|(_, owned)| owned).collect())
    }

    /// Ends the records of this owner that are over first, if they have too many.
    async fn end_the_first(&self, entries: u64, put: &Put<'_>) -> Result<(), StoreError>
    where
        Self: Store,
    {
        let Some(owner) = put.owner.filter(|_| entries > MAX_OWNED) else {
            return Ok(());
        };
        let live = self.entries(owner.key).await?;
        for end in keys::over_the_limit(&live, put.key, owner.key) {
            self.end(end).await?;
        }
        Ok(())
    }
}

impl<C: Connect> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisStore(..)")
    }
}

impl Store for RedisStore {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        scripts::load(self, key, keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        put.tag()?;
        let answer = scripts::put(self, &put, put.owner).await?;
        self.end_the_first(count(&answer), &put).await?;
        swap(answer)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        scripts::end(self, &end, end.owner).await
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        put.tag()?;
        let Expect::Tag(expected) = put.expect else {
            return Err(StoreErrorKind::Unsupported.into());
        };
        let index = put.owner.map(|owner| owner.key);
        let mut call = self.keys.script(&RENAME, &[from, put.key], index);
        call.arg(expected.as_bytes())
            .arg(put.record)
            .arg(ms(put.keep))
            .arg(tombstone.encode())
            .arg(ms(grace));
        if let Some(owner) = put.owner {
            scripts::entry(&mut call, put.key, owner);
            call.arg(from.as_bytes());
        }
        let answer = scripts::run(&self.connections, &RENAME, &call).await?;
        self.end_the_first(count(&answer), &put).await?;
        swap(answer)
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        self.owned_by(owner).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let info = self.connections.call(true, |mut connection| async move {
            let info: Result<String, RedisError> =
                redis::cmd("INFO").query_async(&mut connection).await;
            info
        });
        version_and_policy(&info.await?)?;
        hardtack::store::probe(self).await
    }

    fn max_record_bytes(&self) -> usize {
        MAX_RECORD_BYTES
    }
}
