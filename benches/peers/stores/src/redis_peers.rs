//! hardtack, tower-sessions and actix-session, each as its documentation sets it up on Redis.

use crate::app::{self, Act, App, HARDTACK, LOGIN, NOTHING, READ, UNTOUCHED, User, WRITE};
use crate::floor;
use crate::harness::Timing;
use crate::table::{figures, header, row};
use hardtack::session::SessionManager;
use hardtack::{Key, Keyring};
use hardtack_redis::RedisStore;
use tokio::runtime::{Builder, Runtime};

/// Starts the applications of one framework on the Redis of this port.
type Apps = fn(u16) -> Vec<App>;

pub const FRAMEWORKS: [(&str, Apps); 2] = [("Axum", axum), ("Actix", actix)];

pub fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

pub fn sessions(port: u16, ring: Keyring) -> SessionManager {
    let client = redis::Client::open(url(port)).expect("the address is one of Redis");
    SessionManager::builder(ring)
        .store(RedisStore::new(client))
        .build()
        .expect("the defaults are good")
}

fn own_sessions(port: u16) -> SessionManager {
    let key = Key::generate().expect("the system has randomness");
    sessions(port, Keyring::new(key))
}

fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime starts")
}

fn axum(port: u16) -> Vec<App> {
    vec![
        app::axum::nothing(runtime()),
        app::axum::hardtack(runtime(), own_sessions(port)),
        tower_sessions(port),
        floor::axum(runtime(), port),
    ]
}

fn actix(port: u16) -> Vec<App> {
    vec![
        app::actix::nothing(),
        app::actix::hardtack(own_sessions(port)),
        actix_session(port),
        floor::actix(port),
    ]
}

pub async fn tower_sessions_layer(
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

fn tower_sessions(port: u16) -> App {
    use axum::{Router, routing::get};
    use tower_sessions::Session;

    async fn read(session: Session) -> String {
        let user = session.get::<User>("user").await;
        user.expect("the store answers").unwrap_or_default().name
    }
    async fn write(session: Session) {
        let written = session.insert("user", User::next()).await;
        written.expect("the store answers");
    }
    async fn log_in(session: Session) {
        let renewed = session.cycle_id().await;
        renewed.expect("the store answers");
        write(session).await;
    }
    let runtime = runtime();
    let layer = runtime.block_on(tower_sessions_layer(port));
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(LOGIN, get(log_in))
        .layer(layer);
    app::axum::app("tower-sessions", false, runtime, router)
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

/// The groups are those of [`FRAMEWORKS`], each with three acts.
pub fn table(out: &mut String, groups: &[Vec<Timing>]) {
    acts(out);
    for ((framework, _), acts) in FRAMEWORKS.iter().zip(groups.chunks(Act::ALL.len())) {
        for (nth, timing) in acts[0].iter().enumerate() {
            let cell = |act: &Vec<Timing>| {
                let Timing { ratio, .. } = act[nth];
                match ratio.filter(|_| timing.name != HARDTACK && act[nth].nanoseconds > 1_000.0) {
                    Some(ratio) if ratio < 10.0 => format!("{} ({ratio:.2})", figures(&act[nth])),
                    _ => figures(&act[nth]),
                }
            };
            let cells: Vec<String> = acts.iter().map(cell).collect();
            if timing.name != NOTHING {
                row(out, &label(framework, &timing.name), &cells);
            }
        }
    }
}

/// What Redis does for one application: its label, and the commands for each act.
pub type Commands = (String, [String; 3]);

pub fn commands(out: &mut String, commands: &[Commands]) {
    acts(out);
    for (label, commands) in commands {
        row(out, label, commands);
    }
}

fn acts(out: &mut String) {
    header(
        out,
        &["untouched", "one value read", "one value written"].map(str::to_owned),
    );
}

pub fn label(framework: &str, name: &str) -> String {
    match name {
        HARDTACK => format!("{framework}: **{name}**"),
        _ => format!("{framework}: {name}"),
    }
}
