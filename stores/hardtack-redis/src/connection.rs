//! One connection for all requests, replaced when it breaks, and one deadline for each call.

use hardtack::store::{StoreError, StoreErrorKind};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind,
    aio::{ConnectionLike, MultiplexedConnection},
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

/// How often a call is made that the server refuses without doing anything.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// The client of one node or of a cluster.
pub trait Connect: Clone + Send + Sync + 'static {
    #[doc(hidden)]
    type Connection: ConnectionLike + Clone + Send + Sync + 'static;

    #[doc(hidden)]
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, RedisError>> + Send;

    /// Returns how long the values under these keys are.
    #[doc(hidden)]
    fn lengths(
        connection: &mut Self::Connection,
        keys: Vec<String>,
    ) -> impl Future<Output = Result<Vec<u64>, RedisError>> + Send;
}

impl Connect for Client {
    type Connection = MultiplexedConnection;

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        // The deadline of the call is the only one.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        self.get_multiplexed_async_connection_with_config(&config)
            .await
    }

    async fn lengths(
        connection: &mut MultiplexedConnection,
        keys: Vec<String>,
    ) -> Result<Vec<u64>, RedisError> {
        let mut lengths = redis::pipe();
        for key in keys {
            lengths.cmd("STRLEN").arg(key);
        }
        lengths.query_async(connection).await
    }
}

#[cfg(feature = "cluster")]
impl Connect for redis::cluster::ClusterClient {
    type Connection = redis::cluster_async::ClusterConnection;

    async fn connect(&self) -> Result<Self::Connection, RedisError> {
        self.get_async_connection().await
    }

    /// One after the other: a pipeline goes to one node.
    async fn lengths(
        connection: &mut Self::Connection,
        keys: Vec<String>,
    ) -> Result<Vec<u64>, RedisError> {
        let mut lengths = Vec::new();
        for key in keys {
            let len = redis::cmd("STRLEN")
                .arg(key)
                .query_async(connection)
                .await?;
            lengths.push(len);
        }
        Ok(lengths)
    }
}

#[derive(Clone)]
pub(crate) struct Connections<C: Connect> {
    connect: C,
    /// The connection, and how many were made before it.
    present: Arc<Mutex<(u64, Option<C::Connection>)>>,
    pub(crate) deadline: Duration,
}

impl<C: Connect> Connections<C> {
    pub(crate) fn new(connect: C) -> Self {
        Connections {
            connect,
            present: Arc::default(),
            deadline: Duration::from_secs(2),
        }
    }

    /// Calls the server, within the deadline. `only_reads` says that a second call does no harm; any other
    /// is repeated only if the server has refused the first without doing anything.
    pub(crate) async fn call<T, F>(
        &self,
        only_reads: bool,
        call: impl Fn(C::Connection) -> F + Send + Sync,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, RedisError>> + Send,
    {
        let mut used = None;
        let answer = timeout(self.deadline, async {
            let mut tries = 1;
            loop {
                let (number, connection) = self.connection().await?;
                used = Some(number);
                let error = match call(connection).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                if is_of_the_connection(&error) {
                    self.discard(number).await;
                }
                let repeated = was_refused(&error) || (only_reads && error.is_connection_dropped());
                if !repeated || tries == TRIES {
                    return Err(error);
                }
                tries += 1;
                sleep(PAUSE).await;
            }
        });
        match answer.await {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(_) => {
                // It may be half open: the next call tries another one.
                if let Some(number) = used {
                    self.discard(number).await;
                }
                Err(StoreErrorKind::Timeout.into())
            }
        }
    }

    /// The present connection, or a new one. Only one call connects at a time.
    async fn connection(&self) -> Result<(u64, C::Connection), RedisError> {
        let mut present = self.present.lock().await;
        let (number, connection) = &mut *present;
        if let Some(connection) = connection {
            return Ok((*number, connection.clone()));
        }
        let new = self.connect.connect().await?;
        *number += 1;
        *connection = Some(new.clone());
        Ok((*number, new))
    }

    /// Forgets a connection, unless another call has replaced it. Never waits: whoever holds the lock is
    /// about to replace it.
    async fn discard(&self, number: u64) {
        if let Ok(mut present) = self.present.try_lock()
            && present.0 == number
        {
            present.1 = None;
        }
    }
}

/// Whether the server has certainly done nothing, and another node or a moment may help.
fn was_refused(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    matches!(
        error.kind(),
        ErrorKind::Server(
            Ask | BusyLoading | ClusterDown | MasterDown | Moved | ReadOnly | TryAgain
        )
    )
}

/// Whether another connection may do better: this one is broken, or leads to a node that was demoted.
fn is_of_the_connection(error: &RedisError) -> bool {
    was_refused(error)
        || !matches!(
            error.kind(),
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType
        )
}

/// Tells the code of an error, such as `READONLY`, and nothing of its text: that may name keys.
fn failed(error: &RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Io if error.is_timeout() => StoreErrorKind::Timeout,
        ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    };
    let cause = match error.code() {
        Some(code) => code.to_owned(),
        None => format!("{:?}", error.kind()),
    };
    StoreError::new(kind, cause)
}
