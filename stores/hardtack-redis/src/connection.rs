//! One connection for all requests, replaced when it breaks, and one deadline for each call.

use hardtack::store::{StoreError, StoreErrorKind};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, ServerErrorKind,
    aio::{ConnectionLike, MultiplexedConnection},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::OnceCell,
    time::{sleep, timeout},
};

/// How often a call is made that the server refuses without doing anything.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// The client of one node or of a cluster.
pub trait Connect: Clone + Send + Sync + 'static {
    type Connection: ConnectionLike + Clone + Send + Sync + 'static;

    /// Whether a script sees every key. In a cluster it sees those of one node.
    const IS_ONE_NODE: bool;

    fn connect(&self) -> impl Future<Output = RedisResult<Self::Connection>> + Send;
}

impl Connect for Client {
    type Connection = MultiplexedConnection;

    const IS_ONE_NODE: bool = true;

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        // The deadline of the call is the only one.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        self.get_multiplexed_async_connection_with_config(&config)
            .await
    }
}

#[derive(Clone)]
pub(crate) struct Connections<C: Connect> {
    connect: C,
    present: Arc<Mutex<Present<C>>>,
    pub(crate) deadline: Duration,
}

/// The connection that all calls use. The first of them makes it, and the others wait for that.
type Present<C> = Arc<OnceCell<<C as Connect>::Connection>>;

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
        F: Future<Output = RedisResult<T>> + Send,
    {
        let mut used = Arc::default();
        let answer = timeout(self.deadline, async {
            let mut tries = 1;
            loop {
                used = self.present().clone();
                // In a box: few calls connect, and the future of each would have room for it.
                let connect = || Box::pin(self.connect.connect());
                let connection = used.get_or_try_init(connect).await?;
                let answer = call(connection.clone()).await;
                let Err(error) = &answer else {
                    return answer;
                };
                if is_of_the_connection(error) {
                    self.discard(&used);
                }
                let repeated = was_refused(error) || (only_reads && error.is_connection_dropped());
                if !repeated || tries == TRIES {
                    return answer;
                }
                tries += 1;
                sleep(PAUSE).await;
            }
        });
        let Ok(answer) = answer.await else {
            // It may be half open: the next call tries another one.
            self.discard(&used);
            return Err(StoreErrorKind::Timeout.into());
        };
        answer.map_err(|error| failed(&error))
    }

    fn present(&self) -> MutexGuard<'_, Present<C>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a connection, unless another call has replaced it, or is still making it.
    fn discard(&self, used: &Present<C>) {
        let mut present = self.present();
        if used.initialized() && Arc::ptr_eq(&present, used) {
            *present = Arc::default();
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
    was_refused(error) || !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Tells the code of an error, such as `READONLY`, and nothing of its text: that may name keys.
fn failed(error: &RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Io if error.is_timeout() => StoreErrorKind::Timeout,
        _ => StoreErrorKind::Unavailable,
    };
    let cause = match error.code() {
        Some(code) => code.to_owned(),
        None if error.is_connection_refusal() => "the connection was refused".into(),
        None if error.is_connection_dropped() => "the connection broke".into(),
        None => format!("{:?}", error.kind()),
    };
    StoreError::new(kind, cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{error::Error, io};

    #[test]
    fn error_tells_its_code() {
        let of = |kind| RedisError::from(io::Error::from(kind));
        let parse = RedisError::from((ErrorKind::Parse, "hardtack:secret"));
        let table = [
            (of(io::ErrorKind::TimedOut), StoreErrorKind::Timeout, "Io"),
            (
                of(io::ErrorKind::BrokenPipe),
                StoreErrorKind::Unavailable,
                "the connection broke",
            ),
            (
                of(io::ErrorKind::ConnectionRefused),
                StoreErrorKind::Unavailable,
                "the connection was refused",
            ),
            (parse, StoreErrorKind::Unavailable, "Parse"),
        ];
        for (error, kind, cause) in table {
            let told = failed(&error);
            assert_eq!(told.kind(), kind);
            assert_eq!(told.source().unwrap().to_string(), cause);
        }
    }
}
