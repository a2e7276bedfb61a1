//! One connection for all requests, replaced when it breaks, and one deadline for each call.

use hardtack::store::{StoreError, StoreErrorKind};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ServerErrorKind,
    aio::{ConnectionLike, MultiplexedConnection},
};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// How often a call is made that the server refuses without doing anything.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// The client of one node or of a cluster.
pub trait Connect: Clone + Send + Sync + 'static {
    type Connection: ConnectionLike + Send + Sync + Clone + 'static;

    /// Whether a script sees every key. In a cluster it sees those of one node.
    const IS_ONE_NODE: bool;

    /// Connects. The caller gives up after the deadline.
    fn connect(
        &self,
        deadline: Duration,
    ) -> impl Future<Output = RedisResult<Self::Connection>> + Send;

    /// Sends a command to the node that has its key.
    fn send<T: FromRedisValue + Send>(
        connection: &mut Self::Connection,
        command: &Cmd,
    ) -> impl Future<Output = RedisResult<T>> + Send {
        command.query_async(connection)
    }
}

impl Connect for Client {
    type Connection = MultiplexedConnection;

    const IS_ONE_NODE: bool = true;

    async fn connect(&self, _deadline: Duration) -> RedisResult<MultiplexedConnection> {
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
    present: Arc<Mutex<Present<C::Connection>>>,
    pub(crate) deadline: Duration,
}

/// The connection that all calls use, and the next one, while a task makes it.
struct Present<T> {
    ready: Option<Arc<T>>,
    making: Option<Making<T>>,
}

/// Tells what became of a connection.
type Making<T> = watch::Receiver<Option<RedisResult<Arc<T>>>>;

impl<C: Connect> Connections<C> {
    pub(crate) fn new(connect: C) -> Self {
        let (ready, making) = (None, None);
        Connections {
            connect,
            present: Arc::new(Mutex::new(Present { ready, making })),
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
        let mut used = None;
        let answer = timeout(self.deadline, async {
            let mut tries = 1;
            loop {
                let connection = used.insert(self.connection().await?);
                let answer = call(C::Connection::clone(connection)).await;
                let Err(error) = &answer else {
                    return answer;
                };
                if is_of_the_connection::<C>(error) {
                    self.replace(connection);
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
            if let Some(used) = used {
                self.replace(&used);
            }
            return Err(StoreErrorKind::Timeout.into());
        };
        answer.map_err(|error| failed(&error))
    }

    fn present(&self) -> MutexGuard<'_, Present<C::Connection>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connection, or waits for it.
    async fn connection(&self) -> RedisResult<Arc<C::Connection>> {
        loop {
            let mut making = {
                let mut present = self.present();
                if let Some(ready) = &present.ready {
                    return Ok(ready.clone());
                }
                self.make(&mut present)
            };
            let made = making.wait_for(Option::is_some).await;
            match made.ok().and_then(|made| made.clone()) {
                // This call has the rest of its deadline for another one.
                Some(Err(error)) if error.is_timeout() => {}
                Some(made) => return made,
                None => return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
            }
        }
    }

    /// Connects in a task, which goes on when a call gives up. Calls that took over from each other would have the rest of
    /// their deadlines, which does not suffice on a site that is in use.
    fn make(&self, present: &mut Present<C::Connection>) -> Making<C::Connection> {
        // The runtime of its task may have ended.
        let making = present.making.take();
        if let Some(making) = making.filter(|making| making.has_changed().is_ok()) {
            return present.making.insert(making).clone();
        }
        let (sender, making) = watch::channel(None);
        let this = self.clone();
        tokio::spawn(async move {
            let made = timeout(this.deadline, this.connect.connect(this.deadline)).await;
            let made =
                made.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
            let made = made.map(Arc::new);
            let mut present = this.present();
            present.making = None;
            if let Ok(made) = &made {
                present.ready = Some(made.clone());
            }
            sender.send_replace(Some(made));
        });
        present.making.insert(making).clone()
    }

    /// Replaces a connection, unless another call has done so. That to one node is not used any more. That to a cluster is,
    /// until the next one is there: what failed may be one of its nodes.
    fn replace(&self, used: &Arc<C::Connection>) {
        let mut present = self.present();
        if !present
            .ready
            .as_ref()
            .is_some_and(|ready| Arc::ptr_eq(ready, used))
        {
            return;
        }
        if C::IS_ONE_NODE {
            present.ready = None;
        } else {
            self.make(&mut present);
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
    ) || code(error) == Some("READONLY")
}

/// Whether another connection may do better: this one is broken, or leads to a node that was demoted.
fn is_of_the_connection<C: Connect>(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, Moved, ReadOnly, TryAgain};
    match error.kind() {
        // The client of a cluster has asked already which node has the key now.
        ErrorKind::Server(Ask | Moved | ReadOnly | TryAgain) => C::IS_ONE_NODE,
        ErrorKind::Server(_) | ErrorKind::Extension => was_refused(error),
        _ => true,
    }
}

/// The code of an error. Redis before 7 wraps what a script meets: `ERR Error running script (…): …: -READONLY …`.
fn code(error: &RedisError) -> Option<&str> {
    let wrapped = error.detail().filter(|_| error.code() == Some("ERR"));
    let wrapped = wrapped.filter(|detail| detail.starts_with("Error running script"));
    let within = wrapped.and_then(|detail| detail.split_once(": -")?.1.split(' ').next());
    within.or(error.code())
}

/// Tells the code of an error, such as `READONLY`, and nothing of its text: that may name keys.
fn failed(error: &RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Io if error.is_timeout() => StoreErrorKind::Timeout,
        _ => StoreErrorKind::Unavailable,
    };
    let cause = match code(error) {
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
    use redis::{Pipeline, RedisFuture, Value};
    use std::{
        error::Error,
        future::pending,
        sync::atomic::{AtomicUsize, Ordering},
    };

    /// Counts its connections. How the first becomes one, the test says; each other takes a second.
    #[derive(Clone)]
    struct Site<const IS_ONE_NODE: bool> {
        count: Arc<AtomicUsize>,
        first: fn() -> RedisFuture<'static, ()>,
    }

    /// The number of a connection.
    #[derive(Clone)]
    struct Number(usize);

    impl ConnectionLike for Number {
        fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
            unimplemented!()
        }

        fn req_packed_commands<'a>(
            &'a mut self,
            _: &'a Pipeline,
            _: usize,
            _: usize,
        ) -> RedisFuture<'a, Vec<Value>> {
            unimplemented!()
        }

        fn get_db(&self) -> i64 {
            0
        }
    }

    impl<const ONE: bool> Connect for Site<ONE> {
        type Connection = Number;

        const IS_ONE_NODE: bool = ONE;

        async fn connect(&self, _deadline: Duration) -> RedisResult<Number> {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            match number {
                0 => (self.first)().await?,
                _ => sleep(SECOND).await,
            }
            Ok(Number(number))
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn site<const ONE: bool>(first: fn() -> RedisFuture<'static, ()>) -> Connections<Site<ONE>> {
        Connections::new(Site {
            count: Arc::default(),
            first,
        })
    }

    impl<const ONE: bool> Connections<Site<ONE>> {
        /// Calls, and returns the number of the connection that answers.
        async fn number(&self) -> Result<usize, StoreError> {
            self.call(false, async |connection| Ok(connection.0)).await
        }

        async fn hang(&self) {
            let hang = self.call(true, async |_| pending::<RedisResult<()>>().await);
            let error = hang.await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Timeout);
        }
    }

    /// Each call would connect anew when the one before gives up, with the little that is left of its own deadline.
    #[tokio::test(start_paused = true)]
    async fn site_that_is_in_use_comes_back_after_an_outage() {
        let site = site::<true>(|| Box::pin(pending()));
        let mut calls = Vec::new();
        for _ in 0..50 {
            let site = site.clone();
            calls.push(tokio::spawn(async move { site.number().await }));
            sleep(SECOND / 10).await;
        }
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap().is_ok());
        }
        // The first hangs for 2 seconds, and the next takes 1.
        let good = answers.iter().filter(|good| **good).count();
        assert!((38..=40).contains(&good), "{good}");
        assert_eq!(site.connect.count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_calls_that_wait_learn_that_the_connection_was_refused() {
        let site = site::<true>(|| {
            Box::pin(async {
                sleep(SECOND).await;
                Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
            })
        });
        let (one, other) = tokio::join!(site.number(), site.number());
        for answer in [one, other] {
            let cause = answer.unwrap_err().source().unwrap().to_string();
            assert_eq!(cause, "the connection was refused");
        }
        assert_eq!(site.number().await.unwrap(), 1);
    }

    #[test]
    fn connection_whose_runtime_has_ended_is_made_again() {
        let runtime = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_time().start_paused(true).build().unwrap()
        };
        let site = site::<true>(|| Box::pin(pending()));
        let soon = async { timeout(SECOND, site.number()).await };
        runtime().block_on(soon).unwrap_err();
        assert_eq!(runtime().block_on(site.number()).unwrap(), 1);
    }

    /// One node of a cluster that hangs says nothing about the others. After a failover, only a new connection finds the
    /// heir of a machine that is gone.
    #[tokio::test(start_paused = true)]
    async fn call_that_hangs_replaces_the_connections_of_a_cluster_without_a_pause() {
        let site = site::<false>(|| Box::pin(async { Ok(()) }));
        assert_eq!(site.number().await.unwrap(), 0);
        tokio::join!(site.hang(), site.hang());
        assert_eq!(site.number().await.unwrap(), 0);
        sleep(SECOND * 2).await;
        assert_eq!(site.number().await.unwrap(), 1);
        assert_eq!(site.connect.count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn connection_to_one_node_is_not_used_after_a_call_that_hangs() {
        let site = site::<true>(|| Box::pin(async { Ok(()) }));
        tokio::join!(site.hang(), site.hang());
        assert_eq!(site.number().await.unwrap(), 1);
    }

    #[test]
    fn error_within_a_script_of_redis_6_tells_its_code() {
        let of = |text: &str| redis::parse_redis_value(text.as_bytes());
        let error = |text| of(text).unwrap().extract_error().unwrap_err();
        for (text, expected, is_refused) in [
            (
                "-ERR Error running script (call to f_8): @user_script:10: @user_script: 10: -READONLY You can't write.\r\n",
                "READONLY",
                true,
            ),
            (
                "-ERR Error running script (call to f_8): @user_script:10: @user_script: 10: -OOM command not allowed.\r\n",
                "OOM",
                false,
            ),
            (
                "-ERR Error running script (call to f_8): @user_script:10: attempt to call nil\r\n",
                "ERR",
                false,
            ),
            // It may name keys.
            ("-ERR unknown command: -READONLY secret\r\n", "ERR", false),
            ("-READONLY You can't write.\r\n", "READONLY", true),
        ] {
            let error = error(text);
            assert_eq!(code(&error), Some(expected));
            assert_eq!(was_refused(&error), is_refused, "{text}");
            assert_eq!(is_of_the_connection::<Client>(&error), is_refused, "{text}");
        }
    }

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
