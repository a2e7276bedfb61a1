//! The cases of `tests/frameworks` that are not about cookies, on sessions in real servers: one test for each
//! engine runs them in all three frameworks, and lets a fleet of all three serve the same sessions.

#[path = "../../../../tests/frameworks/app.rs"]
mod app;
#[allow(dead_code, reason = "some cases are about cookies")]
#[path = "../../../../tests/frameworks/cases/mod.rs"]
mod cases;
#[path = "../../../../tests/frameworks/client.rs"]
mod client;
mod fleet;
#[path = "../../../../tests/frameworks/handmade.rs"]
mod handmade;
#[path = "../../../../tests/frameworks/kit.rs"]
mod kit;
#[macro_use]
#[path = "../../../../tests/frameworks/list.rs"]
mod list;
#[allow(dead_code, reason = "for cases about cookies")]
#[path = "../../../../tests/frameworks/log.rs"]
mod log;
#[path = "../../../../tests/frameworks/server/mod.rs"]
mod server;
#[path = "../../../../tests/frameworks/site.rs"]
mod site;

use hardtack::store::{
    End, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, Swap, Tombstone,
};
use hardtack_redis::RedisStore;
use hardtack_sqlx::{PostgresStore, SqliteStore};
use server::{Framework, actix, axum, rocket};
use servers::Server;
use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    env, fs,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};
use tokio::runtime::{Builder, Handle, Runtime};

macro_rules! suite {
    (any_place { $($group:ident { $($case:ident)+ })+ } cookie { $($rest:tt)+ }) => {
        const CASES: &[(&str, fn(&Framework))] =
            &[$($((stringify!($case), cases::$group::$case)),+),+];
    };
}
all_cases!(suite);

/// The deadline of a store where many requests at once are slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many cases run at once. They mostly wait.
const THREADS: usize = 8;

/// Runs every case in every framework, each on a store of its own.
fn run<S: Store + Clone>(runtime: &Runtime, store: impl Fn(usize) -> S + Sync) {
    assert!(CASES.len() >= 100);
    let frameworks = [&axum::FRAMEWORK, &actix::FRAMEWORK, &rocket::FRAMEWORK];
    let all: Vec<_> = frameworks
        .into_iter()
        .flat_map(|framework| CASES.iter().map(move |case| (framework, case)))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let nth = next.fetch_add(1, Ordering::Relaxed)
            && let Some((framework, (name, case))) = all.get(nth)
        {
            let store = OnRuntime {
                store: store(nth),
                runtime: runtime.handle().clone(),
            };
            let case = || site::stored(store, || case(framework));
            if catch_unwind(AssertUnwindSafe(case)).is_err() {
                failed.push(format!("{}::{name}", framework.name));
            }
        }
        failed
    };
    let failed: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let failed = threads.into_iter().map(|thread| thread.join().unwrap());
        failed.flatten().collect()
    });
    assert!(failed.is_empty(), "{failed:?}");
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A store whose connections belong to a runtime of their own. That of a site ends with its case, and what a
/// case does without HTTP has none.
#[derive(Clone)]
struct OnRuntime<S> {
    store: S,
    runtime: Handle,
}

impl<S> OnRuntime<S> {
    async fn run<R>(&self, call: impl Future<Output = R>) -> R {
        let mut call = pin!(call);
        let mut poll = |context: &mut Context<'_>| {
            let _entered = self.runtime.enter();
            call.as_mut().poll(context)
        };
        poll_fn(|context| {
            if !context.waker().will_wake(Waker::noop()) {
                return poll(context);
            }
            // `testing` takes what is ready at once, and nothing else.
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            loop {
                if let Poll::Ready(answer) = poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(answer);
                }
                thread::park();
            }
        })
        .await
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<S: Store> Store for OnRuntime<S> {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.run(self.store.load(key, keep)).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        self.run(self.store.put(put)).await
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.run(self.store.end(end)).await
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        self.run(self.store.rename(from, put, tombstone, grace))
            .await
    }

    fn lists_owners(&self) -> bool {
        self.store.lists_owners()
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        self.run(self.store.owned(owner)).await
    }

    async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        self.run(self.store.sweep(limit)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.run(self.store.check()).await
    }

    fn max_record_bytes(&self) -> usize {
        self.store.max_record_bytes()
    }
}

#[test]
fn on_redis() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let url = format!("redis://127.0.0.1:{}", server.port());
    let client = redis::Client::open(url).unwrap();
    let store = RedisStore::new(client);
    run(&runtime(), |nth| store.clone().prefix(format!("{nth}:")));
}

#[test]
fn fleet_on_redis() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let url = format!("redis://127.0.0.1:{}", server.port());
    let runtime = runtime();
    let store = OnRuntime {
        store: RedisStore::new(redis::Client::open(url).unwrap()).deadline(PATIENCE),
        runtime: runtime.handle().clone(),
    };
    fleet::keeps_what_all_write(&store);
    fleet::moves_there_and_back(&store);
}

#[test]
fn on_sqlite() {
    let directory = env::temp_dir().join(format!("hardtack-acceptance-{}", process::id()));
    fs::create_dir_all(&directory).unwrap();
    let options = SqliteConnectOptions::new()
        .filename(directory.join("sessions.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let runtime = runtime();
    let pool = SqlitePoolOptions::new().max_connections(4);
    let pool = runtime.block_on(pool.connect_with(options)).unwrap();
    let store = SqliteStore::new(pool);
    run(&runtime, |nth| {
        let store = store.clone().table(&format!("case_{nth}")).unwrap();
        runtime.block_on(store.create_table()).unwrap();
        store
    });
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn on_postgres() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let runtime = runtime();
    let store = postgres(&server, &runtime);
    run(&runtime, |nth| {
        let store = store.clone().table(&format!("case_{nth}")).unwrap();
        runtime.block_on(store.create_table()).unwrap();
        store
    });
}

#[test]
fn fleet_on_postgres() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let runtime = runtime();
    let store = postgres(&server, &runtime).deadline(PATIENCE);
    runtime.block_on(store.create_table()).unwrap();
    fleet::keeps_what_all_write(&OnRuntime {
        store,
        runtime: runtime.handle().clone(),
    });
}

fn postgres(server: &Server, runtime: &Runtime) -> PostgresStore {
    let options = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(server.port())
        .username("postgres");
    let pool = PgPoolOptions::new().max_connections(16);
    let pool = runtime.block_on(pool.connect_with(options)).unwrap();
    PostgresStore::new(pool)
}
