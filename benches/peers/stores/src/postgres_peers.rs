//! hardtack, tower-sessions and axum_session, each as its documentation sets it up on PostgreSQL.

use crate::app::{self, App};
use crate::peers::{self, Backend, new_ring, runtime};
use crate::{sites, statements};
use axum_session::SessionConfig;
use axum_session_sqlx::SessionPgPool;
use hardtack::Keyring;
use hardtack::session::SessionManager;
use hardtack_sqlx::PostgresStore;
use sqlx::PgPool;
use time::Duration;
use tower_sessions::SessionManagerLayer;
use tower_sessions_sqlx_store::PostgresStore as TowerSessionsStore;

pub const POSTGRES: Backend = Backend {
    name: "PostgreSQL",
    start: || servers::postgres_with(&statements::COUNTED).expect("PostgreSQL is installed"),
    frameworks: &[("Axum", axum)],
    count: statements::of_a_request,
    sites: &[
        ("Axum: **hardtack**", |port, ring, tell| {
            sites::serve_axum(&tell, async || sites::hardtack(sessions(port, ring).await));
        }),
        ("Axum: tower-sessions", |port, _, tell| {
            sites::serve_axum(&tell, async || {
                sites::tower_sessions(tower_sessions_layer(port).await)
            });
        }),
        ("Axum: axum_session", |port, _, tell| {
            sites::serve_axum(&tell, async || {
                let pool = SessionPgPool::from(pool(port).await);
                sites::axum_session(pool).await
            });
        }),
    ],
};

pub fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

async fn pool(port: u16) -> PgPool {
    let pool = PgPool::connect(&url(port)).await;
    pool.expect("PostgreSQL answers")
}

pub async fn store(port: u16) -> PostgresStore {
    let store = PostgresStore::new(pool(port).await);
    store.create_table().await.expect("it can be made");
    store
}

async fn sessions(port: u16, ring: Keyring) -> SessionManager {
    peers::sessions(store(port).await, ring)
}

async fn tower_sessions_layer(port: u16) -> SessionManagerLayer<TowerSessionsStore> {
    // Its store is built on an older sqlx.
    let pool = tower_sessions_sqlx_store::sqlx::PgPool::connect(&url(port)).await;
    let store = TowerSessionsStore::new(pool.expect("PostgreSQL answers"));
    store.migrate().await.expect("the table can be made");
    SessionManagerLayer::new(store)
}

fn axum(port: u16) -> Vec<App> {
    let of_hardtack = runtime();
    let sessions = of_hardtack.block_on(sessions(port, new_ring()));
    let of_tower_sessions = runtime();
    let layer = of_tower_sessions.block_on(tower_sessions_layer(port));
    let axum_session = |name, config| {
        let runtime = runtime();
        let pool = runtime.block_on(pool(port));
        peers::axum_session(name, runtime, SessionPgPool::from(pool), config)
    };
    let no_memory = SessionConfig::default().with_memory_lifetime(Duration::ZERO);
    vec![
        app::axum::nothing(runtime()),
        app::axum::hardtack(of_hardtack, sessions),
        peers::tower_sessions(of_tower_sessions, layer),
        axum_session("axum_session", SessionConfig::default()),
        axum_session("axum_session, nothing kept in memory", no_memory),
    ]
}
