//! Redis Cluster: a script sees the keys of one node only.

use crate::{
    MAX_RECORD_BYTES, RedisStore,
    scripts::{self, INDEX, count, swap, version_and_policy},
};
use hardtack::store::{
    End, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use std::time::Duration;

impl RedisStore<ClusterClient> {
    /// Takes the settings of a client of a Redis Cluster. The store turns off the client's own retries: they would repeat a
    /// write whose outcome is unknown.
    ///
    /// Records and the indexes of owners are spread over the nodes. A rename is two steps, and an index entry
    /// is written before its record: a failure in between leaves an entry too many, never one too few.
    ///
    /// # Errors
    ///
    /// The settings are not those of a cluster.
    pub fn cluster(settings: ClusterClientBuilder) -> Result<Self, StoreError> {
        let deadline = Duration::from_secs(2);
        let client = settings
            .retries(0)
            .connection_timeout(deadline)
            .response_timeout(deadline)
            .build()
            .map_err(|_| {
                StoreError::new(StoreErrorKind::Unsupported, "the settings of the cluster")
            })?;
        Ok(RedisStore::over(client))
    }
}

impl Store for RedisStore<ClusterClient> {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        scripts::load(self, key, keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        put.tag()?;
        let mut entries = 0;
        if let Some(owner) = put.owner {
            let mut call = self.keys.script(&INDEX, &[], Some(owner.key));
            scripts::entry(&mut call, put.key, owner);
            entries = count(&scripts::run(&self.connections, &INDEX, &call).await?);
        }
        let answer = swap(scripts::put(self, &put, None).await?)?;
        self.end_the_first(entries, &put).await?;
        Ok(answer)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        let answer = scripts::end(self, &end, None).await?;
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
        self.owned_by(owner).await
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
        MAX_RECORD_BYTES
    }
}
