//! Axum: hardtack, tower-sessions with its memory store, axum-extra's `PrivateCookieJar`, seshcookie.

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key, SameSite};
use hardtack::session::{Session, SessionError};
use seshcookie::{SessionConfig, SessionKeys, SessionLayer};
use tokio::runtime::{Builder, Runtime};
use tower_sessions::{MemoryStore, SessionManagerLayer};

use super::{HARDTACK_TYPED, sessions, typed_sessions};
use crate::app::axum::{app, hardtack, nothing};
use crate::app::{App, READ, UNTOUCHED, User, WRITE};

pub fn apps() -> Vec<App> {
    vec![
        nothing(runtime()),
        hardtack(runtime(), sessions()),
        hardtack_typed(),
        tower_sessions(),
        private_cookie_jar(),
        seshcookie(),
    ]
}

fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.build().expect("a runtime starts")
}

/// One typed value, postcard in an encrypted cookie.
fn hardtack_typed() -> App {
    async fn read(session: Session<User>) -> Result<String, SessionError> {
        session.with(|user| user.name.clone())
    }
    async fn write(session: Session<User>) -> Result<(), SessionError> {
        session.replace(User::next()).map(drop)
    }
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .layer(hardtack::axum::SessionLayer::new(typed_sessions()));
    app(HARDTACK_TYPED, true, runtime(), router)
}

/// The session's id in the cookie, JSON values in a map in memory.
fn tower_sessions() -> App {
    use tower_sessions::Session;

    async fn read(session: Session) -> String {
        session
            .get::<User>("user")
            .await
            .expect("the store answers")
            .unwrap_or_default()
            .name
    }
    async fn write(session: Session) {
        session
            .insert("user", User::next())
            .await
            .expect("the store answers");
    }
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .layer(SessionManagerLayer::new(MemoryStore::default()));
    app("tower-sessions, memory store", false, runtime(), router)
}

/// An extractor without a layer; the value is JSON in an encrypted cookie.
fn private_cookie_jar() -> App {
    #[derive(Clone)]
    struct State(Key);

    impl FromRef<State> for Key {
        fn from_ref(state: &State) -> Key {
            state.0.clone()
        }
    }

    async fn read(jar: PrivateCookieJar) -> String {
        let user: Option<User> = jar
            .get("session")
            .and_then(|cookie| serde_json::from_str(cookie.value()).ok());
        user.unwrap_or_default().name
    }
    async fn write(jar: PrivateCookieJar) -> PrivateCookieJar {
        let value = serde_json::to_string(&User::next()).expect("a user is JSON");
        let cookie = Cookie::build(("session", value))
            .path("/")
            .secure(true)
            .http_only(true)
            .same_site(SameSite::Lax);
        jar.add(cookie)
    }
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .with_state(State(Key::generate()));
    app("axum-extra PrivateCookieJar", true, runtime(), router)
}

/// One typed value, JSON in an encrypted cookie.
fn seshcookie() -> App {
    use seshcookie::Session;

    async fn read(session: Session<User>) -> String {
        session.get().await.unwrap_or_default().name
    }
    async fn write(session: Session<User>) {
        session.insert(User::next()).await;
    }
    let keys = SessionKeys::new(&rand::random::<[u8; 32]>()).expect("32 bytes are a key");
    let layer = SessionLayer::<User>::new(keys, SessionConfig::default())
        .expect("the default configuration is good");
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .layer(layer);
    app("seshcookie", true, runtime(), router)
}
