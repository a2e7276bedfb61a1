//! Redis Cluster: a script sees the keys of one node only.

use crate::{RedisStore, connection::Connect};
use hardtack::store::{StoreError, StoreErrorKind};
use redis::{
    Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, Value,
    cluster::{ClusterClient, ClusterClientBuilder, ClusterConfig},
    cluster_async::ClusterConnection,
    cluster_routing::SingleNodeRoutingInfo,
};
use std::time::Duration;

impl Connect for ClusterClient {
    type Connection = ClusterConnection;

    const IS_ONE_NODE: bool = false;

    async fn connect(&self, deadline: Duration) -> RedisResult<ClusterConnection> {
        // The client waits for every address, and then for every node that the cluster names. A machine that is gone must
        // not use up the deadline with that.
        let config = ClusterConfig::new()
            .set_connection_timeout(deadline / 4)
            .set_response_timeout(deadline);
        self.get_async_connection_with_config(config).await
    }

    /// Follows a slot that is being moved: the node that had it does not know whether the next one has this key.
    async fn send<T: FromRedisValue + Send>(
        connection: &mut ClusterConnection,
        command: &Cmd,
    ) -> RedisResult<T> {
        let answer = command.query_async(connection).await;
        let Err(error) = &answer else { return answer };
        if error.kind() != ErrorKind::Server(ServerErrorKind::Ask) {
            return answer;
        }
        let address = error.redirect_node().and_then(|(address, _)| {
            let (host, port) = address.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        });
        let Some((host, port)) = address else {
            return answer;
        };
        // In one piece: the permission is for the next command of the connection, whoever sends it.
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone());
        let next = SingleNodeRoutingInfo::ByAddress { host, port };
        match connection.route_pipeline(both, 1, 1, next).await {
            // A node without slots is none that the client is connected to.
            Err(error) if error.kind() == ErrorKind::ClusterConnectionNotFound => answer,
            Err(error) => Err(error),
            Ok(values) => {
                let value = values.into_iter().next().unwrap_or(Value::Nil);
                Ok(T::from_redis_value(value.extract_error()?)?)
            }
        }
    }
}

impl RedisStore<ClusterClient> {
    /// Takes the settings of a client of a Redis Cluster. The store turns off the client's own retries: they would repeat a
    /// write whose outcome is unknown. It sets the client's timeouts by its [`deadline`](RedisStore::deadline).
    ///
    /// Records and the indexes of owners are spread over the nodes. A rename is two steps, and an index entry
    /// is written before its record: a failure in between leaves an entry too many, never one too few.
    ///
    /// # Errors
    ///
    /// The settings are not those of a cluster.
    pub fn cluster(settings: ClusterClientBuilder) -> Result<Self, StoreError> {
        let what = "the settings of the cluster";
        let client = settings
            .retries(0)
            .overall_response_timeout(None)
            .build()
            .map_err(|_| StoreError::new(StoreErrorKind::Unsupported, what))?;
        Ok(RedisStore::over(client))
    }
}
