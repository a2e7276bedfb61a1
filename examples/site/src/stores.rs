//! Connects the store of `--store`.

use hardtack::{
    session::{SessionManager, SessionManagerBuilder, SessionMap},
    store::MemoryStore,
};
use std::{error::Error, time::Duration};
use tokio::time::interval;

type Builder = SessionManagerBuilder<SessionMap>;

/// Gives the sessions the store with this name or address.
pub(crate) async fn with_store(builder: Builder, store: &str) -> Result<Builder, Box<dyn Error>> {
    if store == "memory" {
        return Ok(builder.store(MemoryStore::new(64 * 1024 * 1024)));
    }
    connect(builder, store).await
}

#[cfg(not(feature = "stores"))]
async fn connect(_: Builder, store: &str) -> Result<Builder, Box<dyn Error>> {
    Err(format!(
        "this build has no store `{store}`: add `stores` to its features, \
         as in `--features axum,stores -- --store sqlite`"
    )
    .into())
}

#[cfg(feature = "stores")]
async fn connect(builder: Builder, store: &str) -> Result<Builder, Box<dyn Error>> {
    use hardtack_redis::RedisStore;
    use hardtack_sqlx::{PostgresStore, SqliteStore};
    use sqlx::{
        PgPool,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    };

    let engine = store.split(':').next().unwrap_or(store);
    match engine {
        "sqlite" => {
            let file = match store {
                "sqlite" => SqliteConnectOptions::new().filename("hardtack-site.db"),
                url => url.parse()?,
            };
            let file = file
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal);
            let store = SqliteStore::new(SqlitePoolOptions::new().connect_with(file).await?);
            store.create_table().await?;
            Ok(builder.store(store))
        }
        "postgres" | "postgresql" => {
            let store = PostgresStore::new(PgPool::connect(store).await?);
            store.create_table().await?;
            Ok(builder.store(store))
        }
        "redis" => Ok(builder.store(RedisStore::new(redis::Client::open(store)?))),
        _ => Err(format!("unknown store `{store}`, see `--help`").into()),
    }
}

/// Sweeps the store every minute. SQL has no expiry of its own, and hardtack starts no task.
pub(crate) fn sweep(sessions: SessionManager) {
    tokio::spawn(async move {
        let mut minute = interval(Duration::from_secs(60));
        loop {
            minute.tick().await;
            // Until nothing is left.
            while let Ok(1_000) = sessions
                .sweep(1_000)
                .await
                .inspect_err(|error| eprintln!("the store was not swept: {error}"))
            {}
        }
    });
}
