//! Redis Cluster: a script sees the keys of one node only.

use crate::{
    connection::Connections,
    keys::{self, Keys, MAX_OWNED, ms},
    scripts::{self, END, INDEX, PUT, swap, version_and_policy},
};
use hardtack::store::{
    End, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use std::{fmt, time::Duration};

/// Keeps sessions in a Redis Cluster. Clones share their connections.
///
/// Records and the indexes of owners are spread over the nodes. A rename is two steps, and an index entry
/// is written before its record: a failure in between leaves an entry too many, never one too few.
#[derive(Clone)]
pub struct RedisClusterStore {
    connections: Connections<ClusterClient>,
    keys: Keys,
}

impl RedisClusterStore {
    /// Takes the settings of a client. The store turns off the client's own retries: they would repeat a
    /// write whose outcome is unknown.
    ///
    /// # Errors
    ///
    /// The settings are not those of a cluster.
    pub fn new(settings: ClusterClientBuilder) -> Result<Self, StoreError> {
        let deadline = Duration::from_secs(2);
        let client = settings
            .retries(0)
            .connection_timeout(deadline)
            .response_timeout(deadline)
            .build()
            .map_err(|_| {
                StoreError::new(StoreErrorKind::Unsupported, "the settings of the cluster")
            })?;
        Ok(RedisClusterStore {
            connections: Connections::new(client),
            keys: Keys::default(),
        })
    }

    /// Sets what every key begins with. The default is `hardtack:`. A prefix with `{braces}` would put all
    /// sessions on one node.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.keys = Keys(prefix.into());
        self
    }

    /// Sets how long a call may take in all, new connections included, up to the default of 2 seconds.
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
                    let mut lengths = Vec::new();
                    for (field, _) in &all {
                        let mut len = redis::cmd("STRLEN");
                        len.arg(self.keys.of_field(field));
                        lengths.push(len.query_async(&mut connection).await?);
                    }
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
}

impl fmt::Debug for RedisClusterStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisClusterStore(..)")
    }
}

impl Store for RedisClusterStore {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        scripts::load(&self.connections, self.keys.record(key), keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        put.tag()?;
        let mut entries = 0;
        if let Some(owner) = put.owner {
            let mut index = INDEX.key(self.keys.owner(owner.key));
            index
                .arg(put.key.as_bytes())
                .arg(owner.about)
                .arg(ms(owner.keep));
            entries = scripts::count(&scripts::invoke(&self.connections, &index).await?);
        }
        let mut script = PUT.key(self.keys.record(put.key));
        script
            .arg(scripts::expected(&put))
            .arg(put.record)
            .arg(ms(put.keep));
        let answer = swap(scripts::invoke(&self.connections, &script).await?)?;
        if let Some(owner) = put.owner.filter(|_| entries > MAX_OWNED) {
            let live = self.entries(owner.key).await?;
            for end in keys::over_the_limit(&live, put.key, owner.key) {
                self.end(end).await?;
            }
        }
        Ok(answer)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        let mut script = END.key(self.keys.record(end.key));
        script
            .arg(end.expect.map_or(&[][..], |tag| tag.as_bytes()))
            .arg(end.tombstone.encode())
            .arg(ms(end.grace));
        let answer = swap(scripts::invoke(&self.connections, &script).await?)?;
        if let (Some(owner), Swap::Done) = (end.owner, &answer) {
            let index = &self.keys.owner(owner);
            let dropped = self.connections.call(true, |mut connection| async move {
                let mut drop = redis::cmd("HDEL");
                drop.arg(index).arg(end.key.as_bytes());
                drop.query_async::<()>(&mut connection).await
            });
            dropped.await?;
        }
        Ok(answer)
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        let live = self.entries(owner).await?;
        Ok(live.into_iter().map(|(_, owned)| owned).collect())
    }

    async fn check(&self) -> Result<(), StoreError> {
        let info = self.connections.call(true, |mut connection| async move {
            // Of any node: a cluster of several versions or policies is one in transition.
            let route = redis::cluster_routing::RoutingInfo::SingleNode(
                redis::cluster_routing::SingleNodeRoutingInfo::Random,
            );
            let info = connection.route_command(redis::cmd("INFO"), route).await?;
            redis::from_redis_value::<String>(info).map_err(Into::into)
        });
        version_and_policy(&info.await?)?;
        hardtack::store::probe(self).await
    }

    fn max_record_bytes(&self) -> usize {
        16 * 1024 * 1024
    }
}
