//! hardtack, tower-sessions, axum_session and actix-session, each as its documentation sets it up on Redis.

use crate::app::{self, App, LOGIN, READ, UNTOUCHED, User, WRITE};
use crate::peers::{self, Backend, new_ring, runtime};
use crate::{commands, floor, sites};
use axum_session_redispool::SessionRedisPool;
use hardtack::Keyring;
use hardtack::session::SessionManager;
use hardtack_redis::RedisStore;

pub const REDIS: Backend = Backend {
    name: "Redis",
    start: || servers::redis(&[]).expect("redis-server is installed"),
    frameworks: &[("Axum", axum), ("Actix", actix)],
    count: |redis, _, send| commands::of_a_request(redis, send),
    sites: &[
        ("Axum: **hardtack**", |port, ring, tell| {
            sites::serve_axum(&tell, async || sites::hardtack(sessions(port, ring)));
        }),
        ("Axum: tower-sessions", |port, _, tell| {
            sites::serve_axum(&tell, async || {
                sites::tower_sessions(tower_sessions_layer(port).await)
            });
        }),
        ("Axum: axum_session", |port, _, tell| {
            sites::serve_axum(&tell, async || {
                let pool = SessionRedisPool::from(redis_pool::RedisPool::from(client(port)));
                sites::axum_session(pool).await
            });
        }),
        ("Actix: **hardtack**", |port, ring, tell| {
            sites::actix_hardtack(sessions(port, ring), &tell);
        }),
        ("Actix: actix-session", |port, _, tell| {
            sites::actix_session(&url(port), &tell);
        }),
    ],
};

pub fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

pub fn client(port: u16) -> redis::Client {
    redis::Client::open(url(port)).expect("the address is one of Redis")
}

fn sessions(port: u16, ring: Keyring) -> SessionManager {
    peers::sessions(RedisStore::new(client(port)), ring)
}

fn axum(port: u16) -> Vec<App> {
    let of_tower_sessions = runtime();
    let layer = of_tower_sessions.block_on(tower_sessions_layer(port));
    vec![
        app::axum::nothing(runtime()),
        app::axum::hardtack(runtime(), sessions(port, new_ring())),
        peers::tower_sessions(of_tower_sessions, layer),
        floor::axum(runtime(), port),
    ]
}

fn actix(port: u16) -> Vec<App> {
    vec![
        app::actix::nothing(),
        app::actix::hardtack(sessions(port, new_ring())),
        actix_session(port),
        floor::actix(port),
    ]
}

async fn tower_sessions_layer(
    port: u16,
) -> tower_sessions::SessionManagerLayer<
    tower_sessions_redis_store::RedisStore<tower_sessions_redis_store::fred::clients::Pool>,
> {
    use tower_sessions_redis_store::{RedisStore, fred::prelude::*};

    let config = Config::from_url(&url(port)).expect("the address is one of Redis");
    let pool = Pool::new(config, None, None, None, 6).expect("the settings are good");
    pool.connect();
    pool.wait_for_connect().await.expect("Redis answers");
    tower_sessions::SessionManagerLayer::new(RedisStore::new(pool))
}

fn actix_session(port: u16) -> App {
    use actix_session::{Session, SessionMiddleware, storage::RedisSessionStore};
    use actix_web::{App as Application, cookie::Key, web};

    async fn read(session: Session) -> String {
        let user = session.get::<User>("user").expect("the value is a user");
        user.unwrap_or_default().name
    }
    async fn write(session: Session) -> &'static str {
        let written = session.insert("user", User::next());
        written.expect("a user is JSON");
        ""
    }
    async fn log_in(session: Session) -> &'static str {
        session.renew();
        write(session).await
    }
    let runtime = app::actix::runtime();
    let store = runtime.block_on(RedisSessionStore::new(url(port)));
    let (store, key) = (store.expect("Redis answers"), Key::generate());
    let site = move || {
        Application::new()
            .wrap(SessionMiddleware::new(store.clone(), key.clone()))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write))
            .route(LOGIN, web::get().to(log_in))
    };
    app::actix::app("actix-session", false, runtime, site)
}
