//! Axum: hardtack, tower-sessions with its memory store, axum-extra's `PrivateCookieJar`, seshcookie.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::FromRef;
use axum::http::{HeaderValue, Request, Uri, header};
use axum::routing::get;
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key, SameSite};
use hardtack::session::{Session, SessionError};
use seshcookie::{SessionConfig, SessionKeys, SessionLayer};
use tower::Service;
use tower::layer::util::Identity;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use super::{
    Act, Answer, App, HARDTACK, HARDTACK_TYPED, NAME, NOTHING, READ, UNTOUCHED, User, WRITE,
    sessions, typed_sessions,
};

pub fn apps() -> Vec<App> {
    vec![
        nothing(),
        hardtack(),
        hardtack_typed(),
        tower_sessions(),
        private_cookie_jar(),
        seshcookie(),
    ]
}

/// Turns a router with the three routes into something to send to.
pub(super) fn app(name: &'static str, encrypts: bool, router: Router) -> App {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    let send = move |act: Act, cookie: &str, n: u32| {
        let mut service = router.clone();
        let uri = Uri::from_static(act.path());
        let cookie = HeaderValue::from_str(cookie).expect("a cookie fits a header");
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..n {
                let mut request = Request::new(Body::empty());
                *request.uri_mut() = uri.clone();
                request.headers_mut().insert(header::COOKIE, cookie.clone());
                answer = Some(service.call(request).await.expect("a router does not fail"));
            }
            let (parts, body) = answer.expect("at least one request").into_parts();
            assert!(parts.status.is_success(), "{name}: {}", parts.status);
            let set_cookie = parts
                .headers
                .get(header::SET_COOKIE)
                .map(|value| value.to_str().expect("a cookie is ASCII"));
            let body = to_bytes(body, usize::MAX).await.expect("the body is there");
            Answer {
                cookie: set_cookie
                    .unwrap_or_default()
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                body: String::from_utf8(body.into()).expect("the body is text"),
            }
        })
    };
    App {
        name,
        encrypts,
        send: Box::new(send),
    }
}

fn nothing() -> App {
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(|| async { NAME.to_owned() }))
        .route(WRITE, get(|| async {}))
        .layer(Identity::new());
    app(NOTHING, false, router)
}

/// Values are CBOR in an encrypted cookie.
fn hardtack() -> App {
    async fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    async fn write(session: Session) -> Result<(), SessionError> {
        session.insert("user", &User::next())
    }
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .layer(hardtack::axum::SessionLayer::new(sessions()));
    app(HARDTACK, true, router)
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
    app(HARDTACK_TYPED, true, router)
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
    app("tower-sessions, memory store", false, router)
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
    app("axum-extra PrivateCookieJar", true, router)
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
    app("seshcookie", true, router)
}
