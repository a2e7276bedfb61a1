//! The site that many clients visit at once, over HTTP. A write adds a key to the session.

use actix_web::{App, HttpServer, rt::System, web};
use axum::{Router, extract::Path, routing::get};
use axum_session::{DatabasePool, SessionConfig, SessionStore};
use hardtack::Keyring;
use hardtack::session::SessionManager;
use std::fmt::Debug;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tower_sessions::SessionManagerLayer;

/// The most keys that are written.
pub const KEYS: usize = 64;

/// Serves one instance of a site on the server of this port, and tells its address.
pub type Serve = fn(u16, Keyring, Sender<SocketAddr>);

/// Starts an instance, which ends with this program.
pub fn start(serve: Serve, server: u16, ring: &Keyring) -> SocketAddr {
    let (tell, told) = channel();
    let ring = ring.clone();
    thread::spawn(move || serve(server, ring, tell));
    told.recv().expect("an instance starts")
}

/// Counts the keys that are there.
fn count(has: impl Fn(&str) -> bool) -> String {
    let kept = (0..KEYS).filter(|nth| has(&nth.to_string()));
    kept.count().to_string()
}

pub fn serve_axum(tell: &Sender<SocketAddr>, router: impl AsyncFnOnce() -> Router) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let router = router().await;
        tell.send(address).expect("somebody waits");
        let _ = axum::serve(listener, router).await;
    });
}

pub fn hardtack(sessions: SessionManager) -> Router {
    use hardtack::session::{Session, SessionError};

    async fn write(Path(key): Path<String>, session: Session) -> Result<(), SessionError> {
        session.insert(&key, true)
    }
    async fn read(session: Session) -> Result<String, SessionError> {
        session.contains_key("first")?;
        Ok(count(|key| session.contains_key(key) == Ok(true)))
    }
    Router::new()
        .route("/write/{key}", get(write))
        .route("/count", get(read))
        .layer(hardtack::axum::SessionLayer::new(sessions))
}

pub fn tower_sessions(
    layer: SessionManagerLayer<impl tower_sessions::SessionStore + Clone>,
) -> Router {
    use tower_sessions::Session;

    async fn write(Path(key): Path<String>, session: Session) {
        let written = session.insert(&key, true).await;
        written.expect("the store answers");
    }
    async fn read(session: Session) -> String {
        session.load().await.expect("the store answers");
        let mut kept = 0;
        for nth in 0..KEYS {
            let value = session.get::<bool>(&nth.to_string()).await;
            kept += usize::from(value.expect("the store answers").is_some());
        }
        kept.to_string()
    }
    Router::new()
        .route("/write/{key}", get(write))
        .route("/count", get(read))
        .layer(layer)
}

pub async fn axum_session<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(
    pool: P,
) -> Router {
    use axum_session::{Session, SessionLayer};

    let write = async |Path(key): Path<String>, session: Session<P>| session.set(&key, true);
    let read = async |session: Session<P>| count(|key| session.get::<bool>(key).is_some());
    let store = SessionStore::new(Some(pool), SessionConfig::default()).await;
    Router::new()
        .route("/write/{key}", get(write))
        .route("/count", get(read))
        .layer(SessionLayer::new(store.expect("the server answers")))
}

pub fn actix_hardtack(sessions: SessionManager, tell: &Sender<SocketAddr>) {
    use hardtack::session::{Session, SessionError};

    async fn write(key: web::Path<String>, session: Session) -> Result<&'static str, SessionError> {
        session.insert(&key, true).map(|()| "")
    }
    async fn read(session: Session) -> Result<String, SessionError> {
        session.contains_key("first")?;
        Ok(count(|key| session.contains_key(key) == Ok(true)))
    }
    System::new().block_on(async {
        let layer = hardtack::actix::SessionMiddleware::new(sessions);
        let site = move || {
            App::new()
                .wrap(layer.clone())
                .route("/write/{key}", web::get().to(write))
                .route("/count", web::get().to(read))
        };
        let listener = announced(tell);
        let server = HttpServer::new(site).workers(2).listen(listener);
        let _ = server.expect("it listens").run().await;
    });
}

pub fn actix_session(redis: &str, tell: &Sender<SocketAddr>) {
    use actix_session::{Session, SessionMiddleware, storage::RedisSessionStore};
    use actix_web::cookie::Key;

    async fn write(key: web::Path<String>, session: Session) -> &'static str {
        session.insert(key.into_inner(), true).expect("it is JSON");
        ""
    }
    async fn read(session: Session) -> String {
        count(|key| session.get::<bool>(key).is_ok_and(|value| value.is_some()))
    }
    System::new().block_on(async {
        let store = RedisSessionStore::new(redis).await;
        let store = store.expect("Redis answers");
        let site = move || {
            // All instances need the same key, which protects nothing here.
            let layer = SessionMiddleware::new(store.clone(), Key::from(&[7; 64]));
            App::new()
                .wrap(layer)
                .route("/write/{key}", web::get().to(write))
                .route("/count", web::get().to(read))
        };
        let listener = announced(tell);
        let server = HttpServer::new(site).workers(2).listen(listener);
        let _ = server.expect("it listens").run().await;
    });
}

/// A listener on a free port, whose address is told: what comes before the server is ready waits.
fn announced(tell: &Sender<SocketAddr>) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tell.send(address).expect("somebody waits");
    listener
}
