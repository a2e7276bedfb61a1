//! hardtack on each engine, without a framework.

#[path = "../../../../tests/kit/exchange.rs"]
mod exchange;

use crate::commands;
use crate::harness::{Contender, How, Timing, compare};
use crate::peers::new_ring;
use crate::postgres_peers;
use crate::redis_peers::client;
use crate::table::{figures, header, row};
use exchange::{Reply, Request};
use hardtack::Timestamp;
use hardtack::session::{Session, SessionManager};
use hardtack::store::Store;
use hardtack_memcached::MemcachedStore;
use hardtack_redis::RedisStore;
use hardtack_sqlx::{MySqlStore, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tokio::runtime::{Builder, Runtime};

const ENGINES: [&str; 5] = [
    "Redis",
    "Memcached",
    "SQLite, a file",
    "PostgreSQL",
    "MariaDB",
];

/// What a visitor does who is logged in; the last two begin with no session.
#[derive(Clone, Copy, Debug)]
enum Visit {
    Read,
    Renew,
    Write(usize),
    Login,
    LoginAndLogout,
}

const VISITS: [(&str, Visit); 6] = [
    ("read", Visit::Read),
    ("read, renewed", Visit::Renew),
    ("256 bytes written", Visit::Write(256)),
    ("4 KB written", Visit::Write(4096)),
    ("login", Visit::Login),
    ("login and logout", Visit::LoginAndLogout),
];

/// One engine, with a site on it.
struct Engine {
    runtime: Runtime,
    sessions: SessionManager,
    now: Arc<AtomicU32>,
    /// Memcached keeps no lists of owners.
    lists: bool,
}

impl Engine {
    fn new<S: Store>(connect: impl AsyncFnOnce() -> S) -> Engine {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime starts");
        let now = Arc::new(AtomicU32::new(Timestamp::now().to_unix()));
        let clock = now.clone();
        let store = runtime.block_on(connect());
        let lists = store.lists_owners();
        let sessions = SessionManager::builder(new_ring())
            .store(store)
            .clock(move || Timestamp::from_unix(clock.load(Ordering::Relaxed)))
            .build()
            .expect("the defaults are good");
        Engine {
            runtime,
            sessions,
            now,
            lists,
        }
    }

    /// One request, and the cookie that the visitor has after it.
    async fn request(&self, cookie: &str, handler: impl FnOnce(&Session)) -> String {
        let request = Request::load(&self.sessions, cookie).await;
        handler(&request);
        let Reply {
            set_cookie, failed, ..
        } = request.commit().await;
        assert_eq!(failed, None);
        let line = set_cookie.first().map_or(cookie, String::as_str);
        line.split(';').next().unwrap_or_default().to_owned()
    }

    async fn log_in(&self) -> String {
        static PERSON: AtomicU64 = AtomicU64::new(0);
        let person = PERSON.fetch_add(1, Ordering::Relaxed).to_string();
        let log_in = |session: &Session| {
            session.regenerate_for_login().expect("it is loaded");
            if self.lists {
                session.set_subject(Some(&person)).expect("it is loaded");
            }
            session.insert("text", "#".repeat(256)).expect("it fits");
        };
        self.request("", log_in).await
    }

    /// Returns what makes this visit so many times.
    fn visits(&self, visit: Visit) -> impl FnMut(u32) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let cookie = self.runtime.block_on(self.log_in());
        if let Visit::Renew = visit {
            self.now.fetch_add(10 * 60, Ordering::Relaxed);
        }
        let read = |session: &Session| {
            let text: Option<String> = session.get("text").expect("it is loaded");
            assert!(text.is_some());
        };
        move |n| {
            self.runtime.block_on(async {
                for _ in 0..n {
                    match visit {
                        Visit::Read => _ = self.request(&cookie, read).await,
                        Visit::Renew => {
                            let renewed = self.request(&cookie, read).await;
                            assert_ne!(renewed, cookie);
                        }
                        Visit::Write(len) => {
                            let number = NEXT.fetch_add(1, Ordering::Relaxed);
                            let text = format!("{number:0len$}");
                            let write = |session: &Session| {
                                session.insert("text", &text).expect("it fits");
                            };
                            self.request(&cookie, write).await;
                        }
                        Visit::Login => _ = self.log_in().await,
                        Visit::LoginAndLogout => {
                            let cookie = self.log_in().await;
                            let log_out =
                                |session: &Session| session.destroy().expect("it is loaded");
                            self.request(&cookie, log_out).await;
                        }
                    }
                }
            });
        }
    }
}

/// Each visit on each engine, and what Redis does for each.
pub fn measure(how: How) -> (Vec<Vec<Timing>>, Vec<String>) {
    let redis = servers::redis(&[]).expect("redis-server is installed");
    let postgres = servers::postgres().expect("PostgreSQL is installed");
    let mariadb = servers::mariadb().expect("MariaDB is installed");
    let memcached = servers::memcached().expect("Memcached is installed");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let on_redis = Engine::new(async || RedisStore::new(client(redis.port())));
    let on_sqlite = Engine::new(async || {
        let file = SqliteConnectOptions::new()
            .filename(directory.path().join("sessions.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().connect_with(file).await;
        let store = SqliteStore::new(pool.expect("the file can be made"));
        store.create_table().await.expect("it can be made");
        store
    });
    let on_postgres = Engine::new(async || postgres_peers::store(postgres.port()).await);
    let on_mariadb = Engine::new(async || {
        let url = format!("mysql://root@127.0.0.1:{}/mysql", mariadb.port());
        let pool = sqlx::MySqlPool::connect(&url).await;
        let store = MySqlStore::new(pool.expect("MariaDB answers"));
        store.create_table().await.expect("it can be made");
        store
    });
    let on_memcached = Engine::new(async || {
        let address = format!("127.0.0.1:{}", memcached.port());
        MemcachedStore::new([address]).expect("it is an address")
    });
    let (mut timings, mut commands) = (Vec::new(), Vec::new());
    for (name, visit) in VISITS {
        eprintln!("engines, {name}");
        let engines = [
            &on_redis,
            &on_memcached,
            &on_sqlite,
            &on_postgres,
            &on_mariadb,
        ];
        let mut contenders: Vec<_> = ENGINES
            .into_iter()
            .zip(engines)
            .map(|(name, engine)| Contender::batched(name, engine.visits(visit)))
            .collect();
        timings.push(compare(&mut contenders, how));
        if let How::Timed(_) = how {
            let mut visits = on_redis.visits(visit);
            commands.push(commands::of_a_request(redis.port(), &mut visits));
        }
    }
    (timings, commands)
}

pub fn table(out: &mut String, visits: &[Vec<Timing>]) {
    header(out, &ENGINES.map(str::to_owned));
    for ((name, _), timings) in VISITS.iter().zip(visits) {
        let cells: Vec<String> = timings.iter().map(figures).collect();
        row(out, name, &cells);
    }
}

pub fn commands(out: &mut String, commands: &[String]) {
    header(out, &["Redis".to_owned()]);
    for ((name, _), commands) in VISITS.iter().zip(commands) {
        row(out, name, std::slice::from_ref(commands));
    }
}
