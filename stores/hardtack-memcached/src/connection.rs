//! Connections to one node, and one deadline for each call.

use async_memcached::{Client, Error, Status};
use hardtack::store::{StoreError, StoreErrorKind};
use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};

/// How many connections there are at most, and so how many calls at once.
const CONNECTIONS: usize = 32;
/// How long a connection is kept that nobody uses. Less than what firewalls and servers allow.
const IDLE: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(crate) struct Node {
    address: Arc<str>,
    free: Arc<Mutex<Vec<(Client, Instant)>>>,
    permits: Arc<Semaphore>,
}

impl Node {
    pub(crate) fn new(address: &str) -> Self {
        let address = match address.contains("://") {
            true => address.to_owned(),
            // The client takes `127.0.0.1:11211` for a bad URL.
            false => format!("tcp://{address}"),
        };
        Node {
            address: address.into(),
            free: Arc::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<(Client, Instant)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with a connection. One that failed is dropped, and with it all that are free: they broke by
    /// the same restart.
    pub(crate) async fn call<T>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _permit = self.permits.acquire().await;
        let free = self.free().pop();
        // A server, or what is between, closes what is not used, and some say nothing. Nobody could tell what became of a
        // write on such a connection.
        let free = free.filter(|(_, since)| since.elapsed() < IDLE);
        let mut client = match free {
            Some((client, _)) => client,
            None => {
                // The others have been free for longer.
                self.free().clear();
                Client::new(&*self.address).await?
            }
        };
        let answer = work(&mut client).await;
        if client.is_closed() {
            self.free().clear();
        } else {
            self.free().push((client, Instant::now()));
        }
        answer
    }
}

pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(deadline, call).await;
    answer.unwrap_or_else(|_| Err(StoreErrorKind::Timeout.into()))
}

/// Tells what failed and nothing of the server's text.
pub(crate) fn failed(error: &Error) -> StoreError {
    let cause = match error {
        Error::Connect(error) | Error::Io(error) => error.kind().to_string(),
        Error::ConnectionClosed => "the connection is closed".into(),
        Error::Protocol(Status::Error(_)) => "the server refused the command".into(),
        Error::Protocol(_) | Error::ParseError(_) => "an answer of another kind".into(),
    };
    StoreError::new(StoreErrorKind::Unavailable, cause)
}
