//! Asks each engine what its sessions cost.

use crate::{Bytes, visitors::Visitors};
use hardtack_redis::RedisStore;
use hardtack_sqlx::{PostgresStore, SqliteStore};
use redis::aio::MultiplexedConnection;
use servers::Server;
use sqlx::{
    Row,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{error::Error, fs, time::Duration};

/// What one request costs, on average.
pub(crate) struct Cost {
    pub(crate) value: usize,
    pub(crate) request: &'static str,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) microseconds: f64,
}

pub(crate) struct Redis(Server);

impl Redis {
    pub(crate) fn start() -> Option<Redis> {
        servers::redis(&[]).map(Redis)
    }

    pub(crate) async fn measure(
        &self,
        sessions: u32,
        value: usize,
    ) -> Result<(Bytes, [Cost; 3]), Box<dyn Error>> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.0.port()))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let empty = Usage::now(&mut connection).await?;
        let store = RedisStore::new(client).deadline(DEADLINE);
        let visitors = Visitors::log_in(store, sessions, value).await?;
        let created = Usage::now(&mut connection).await?;
        visitors.read().await?;
        let read = Usage::now(&mut connection).await?;
        visitors.write().await?;
        let saved = Usage::now(&mut connection).await?;
        let owner = a_list_of_an_owner(&mut connection).await?;
        let owner: u64 = redis::cmd("MEMORY")
            .arg("USAGE")
            .arg(owner)
            .query_async(&mut connection)
            .await?;
        let bytes = Bytes {
            engine: "Redis".into(),
            value,
            created: created.memory - empty.memory,
            saved: saved.memory - empty.memory,
            indexes: owner * u64::from(sessions),
        };
        let logins = created.since(&empty, "login", sessions, value);
        let reads = read.since(&created, "read", sessions, value);
        let writes = saved.since(&read, "read and write", sessions, value);
        Ok((bytes, [logins, reads, writes]))
    }
}

/// Finds a key with the sessions of one person.
async fn a_list_of_an_owner(
    connection: &mut MultiplexedConnection,
) -> Result<String, Box<dyn Error>> {
    let mut cursor = 0;
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg("hardtack:owner:*")
            .query_async(connection)
            .await?;
        if let Some(key) = keys.into_iter().next() {
            return Ok(key);
        }
        if next == 0 {
            return Err("no owner is listed".into());
        }
        cursor = next;
    }
}

/// A busy machine may be slow: what is measured here are bytes.
const DEADLINE: Duration = Duration::from_secs(60);

/// What Redis has used until now.
struct Usage {
    memory: u64,
    received: u64,
    sent: u64,
    seconds: f64,
}

impl Usage {
    async fn now(connection: &mut MultiplexedConnection) -> Result<Usage, Box<dyn Error>> {
        let info: String = redis::cmd("INFO").query_async(connection).await?;
        let field = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(field, _)| *field == name);
            found
                .map(|(_, value)| value.trim())
                .ok_or_else(|| format!("INFO has no {name}"))
        };
        let user: f64 = field("used_cpu_user")?.parse()?;
        let system: f64 = field("used_cpu_sys")?.parse()?;
        Ok(Usage {
            memory: field("used_memory")?.parse()?,
            received: field("total_net_input_bytes")?.parse()?,
            sent: field("total_net_output_bytes")?.parse()?,
            seconds: user + system,
        })
    }

    fn since(&self, before: &Usage, request: &'static str, requests: u32, value: usize) -> Cost {
        Cost {
            value,
            request,
            received: (self.received - before.received) / u64::from(requests),
            sent: (self.sent - before.sent) / u64::from(requests),
            microseconds: (self.seconds - before.seconds) * 1e6 / f64::from(requests),
        }
    }
}

pub(crate) struct Postgres(Server);

impl Postgres {
    pub(crate) fn start() -> Option<Postgres> {
        servers::postgres().map(Postgres)
    }

    pub(crate) async fn measure(
        &self,
        sessions: u32,
        value: usize,
    ) -> Result<Bytes, Box<dyn Error>> {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.0.port());
        let pool = sqlx::PgPool::connect(&url).await?;
        let store = PostgresStore::new(pool.clone()).deadline(DEADLINE);
        store.create_table().await?;
        // All of the table, that which is too long for a row among it, and the indexes.
        let size = async || -> Result<(u64, u64), Box<dyn Error>> {
            let sizes = "SELECT pg_total_relation_size('hardtack_session'), pg_indexes_size('hardtack_session')";
            let row = sqlx::query(sizes).fetch_one(&pool).await?;
            let (all, indexes): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            Ok((all.try_into()?, indexes.try_into()?))
        };
        let visitors = Visitors::log_in(store, sessions, value).await?;
        let (created, _) = size().await?;
        visitors.write().await?;
        let (saved, indexes) = size().await?;
        Ok(Bytes {
            engine: "PostgreSQL".into(),
            value,
            created,
            saved,
            indexes,
        })
    }
}

pub(crate) struct Sqlite;

impl Sqlite {
    pub(crate) async fn measure(sessions: u32, value: usize) -> Result<Bytes, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("sessions.db");
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().connect_with(options).await?;
        let store = SqliteStore::new(pool.clone()).deadline(DEADLINE);
        store.create_table().await?;
        let size = async || -> Result<u64, Box<dyn Error>> {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(&pool)
                .await?;
            Ok(fs::metadata(&file)?.len())
        };
        let visitors = Visitors::log_in(store, sessions, value).await?;
        let created = size().await?;
        visitors.write().await?;
        let saved = size().await?;
        // SQLite as it is built here does not tell how long an index is: without them it is shorter.
        for index in ["until", "owner"] {
            let drop = format!("DROP INDEX hardtack_session_{index}");
            sqlx::query(sqlx::AssertSqlSafe(drop))
                .execute(&pool)
                .await?;
        }
        sqlx::query("VACUUM").execute(&pool).await?;
        let indexes = saved.saturating_sub(size().await?);
        Ok(Bytes {
            engine: "SQLite".into(),
            value,
            created,
            saved,
            indexes,
        })
    }
}
