//! What is left of the writes of many requests to one session, over HTTP. Each request writes a key of its own.

use crate::http::Connection;
use crate::redis_peers::{sessions, tower_sessions_layer, url};
use crate::table::{header, row};
use hardtack::{Key, Keyring};
use std::net::{SocketAddr, TcpListener};
use std::sync::Barrier;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// How many requests write at once, to how many instances of the site.
const RACES: [(usize, usize); 4] = [(8, 1), (64, 1), (8, 4), (64, 4)];
/// The most keys that are written.
const KEYS: usize = 64;
const RUNS: usize = 10;

/// Serves one instance of a site on the Redis of this port, and tells its address.
pub type Serve = fn(u16, Keyring, Sender<SocketAddr>);

pub const SITES: [(&str, Serve); 5] = [
    ("Axum: **hardtack**", axum_hardtack),
    ("Axum: tower-sessions", axum_tower_sessions),
    ("Axum: axum_session", axum_session),
    ("Actix: **hardtack**", actix_hardtack),
    ("Actix: actix-session", actix_actix_session),
];

/// Prints how many writes each site keeps.
pub fn table() -> String {
    let redis = servers::redis(&[]).expect("redis-server is installed");
    let columns = RACES.map(|(writers, instances)| match instances {
        1 => format!("{writers}, one instance"),
        _ => format!("{writers}, {instances} instances"),
    });
    let mut out = format!(
        "\nOf requests that write to one session at the same time over HTTP, each under a key of its own, this many writes are in Redis \
         afterwards, as another instance finds them: the least and the most of {RUNS} runs. The requests go to one instance of the site, \
         or to several in turn. Every one of them was answered with 200:\n\n"
    );
    header(&mut out, &columns);
    for (name, serve) in SITES {
        let cells = RACES.map(|(writers, instances)| {
            eprintln!("writers, {name}, {writers} to {instances}");
            let key = Key::generate().expect("the system has randomness");
            let ring = Keyring::new(key);
            // The last one has seen none of the requests, and has to look into Redis.
            let sites: Vec<SocketAddr> = (0..=instances)
                .map(|_| start(serve, redis.port(), &ring))
                .collect();
            let run = |_| kept(writers, &sites[..instances], sites[instances]);
            let mut kept: Vec<usize> = (0..RUNS).map(run).collect();
            kept.sort_unstable();
            match (kept[0], kept[RUNS - 1]) {
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            }
        });
        row(&mut out, name, &cells);
    }
    out
}

/// Starts an instance, which ends with this program.
pub fn start(serve: Serve, redis: u16, ring: &Keyring) -> SocketAddr {
    let (tell, told) = channel();
    let ring = ring.clone();
    thread::spawn(move || serve(redis, ring, tell));
    told.recv().expect("an instance starts")
}

/// Lets all write to a new session. Returns how many writes another instance finds.
fn kept(writers: usize, sites: &[SocketAddr], other: SocketAddr) -> usize {
    let (cookie, _) = Connection::open(sites[0]).get("/write/first", "");
    let begin = Barrier::new(writers);
    thread::scope(|scope| {
        for nth in 0..writers {
            let (begin, cookie, site) = (&begin, &cookie, sites[nth % sites.len()]);
            scope.spawn(move || {
                begin.wait();
                Connection::open(site).get(&format!("/write/{nth}"), cookie);
            });
        }
    });
    let (_, kept) = Connection::open(other).get("/count", &cookie);
    kept.parse().expect("a number")
}

/// Counts the keys of writers that are there.
fn count(has: impl Fn(&str) -> bool) -> String {
    let kept = (0..KEYS).filter(|nth| has(&nth.to_string()));
    kept.count().to_string()
}

fn serve_axum(tell: &Sender<SocketAddr>, router: impl AsyncFnOnce() -> axum::Router) {
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

fn axum_hardtack(redis: u16, ring: Keyring, tell: Sender<SocketAddr>) {
    use axum::{extract::Path, routing::get};
    use hardtack::session::{Session, SessionError};

    async fn write(Path(key): Path<String>, session: Session) -> Result<(), SessionError> {
        session.insert(&key, true)
    }
    async fn read(session: Session) -> String {
        count(|key| session.contains_key(key).expect("it is loaded"))
    }
    serve_axum(&tell, async || {
        axum::Router::new()
            .route("/write/{key}", get(write))
            .route("/count", get(read))
            .layer(hardtack::axum::SessionLayer::new(sessions(redis, ring)))
    });
}

fn axum_tower_sessions(redis: u16, _: Keyring, tell: Sender<SocketAddr>) {
    use axum::{extract::Path, routing::get};
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
    serve_axum(&tell, async || {
        axum::Router::new()
            .route("/write/{key}", get(write))
            .route("/count", get(read))
            .layer(tower_sessions_layer(redis).await)
    });
}

fn axum_session(redis: u16, _: Keyring, tell: Sender<SocketAddr>) {
    use axum::{extract::Path, routing::get};
    use axum_session::{Session, SessionConfig, SessionLayer, SessionStore};
    use axum_session_redispool::SessionRedisPool;

    async fn write(Path(key): Path<String>, session: Session<SessionRedisPool>) {
        session.set(&key, true);
    }
    async fn read(session: Session<SessionRedisPool>) -> String {
        count(|key| session.get::<bool>(key).is_some())
    }
    serve_axum(&tell, async || {
        let client = redis::Client::open(url(redis)).expect("the address is one of Redis");
        let pool = SessionRedisPool::from(redis_pool::RedisPool::from(client));
        let store = SessionStore::new(Some(pool), SessionConfig::default()).await;
        axum::Router::new()
            .route("/write/{key}", get(write))
            .route("/count", get(read))
            .layer(SessionLayer::new(store.expect("Redis answers")))
    });
}

fn actix_hardtack(redis: u16, ring: Keyring, tell: Sender<SocketAddr>) {
    use actix_web::{App, HttpServer, rt::System, web};
    use hardtack::session::{Session, SessionError};

    async fn write(key: web::Path<String>, session: Session) -> Result<&'static str, SessionError> {
        session.insert(&key, true).map(|()| "")
    }
    async fn read(session: Session) -> String {
        count(|key| session.contains_key(key).expect("it is loaded"))
    }
    System::new().block_on(async {
        let layer = hardtack::actix::SessionMiddleware::new(sessions(redis, ring));
        let site = move || {
            App::new()
                .wrap(layer.clone())
                .route("/write/{key}", web::get().to(write))
                .route("/count", web::get().to(read))
        };
        let listener = announced(&tell);
        let server = HttpServer::new(site).workers(2).listen(listener);
        let _ = server.expect("it listens").run().await;
    });
}

fn actix_actix_session(redis: u16, _: Keyring, tell: Sender<SocketAddr>) {
    use actix_session::{Session, SessionMiddleware, storage::RedisSessionStore};
    use actix_web::{App, HttpServer, cookie::Key, rt::System, web};

    async fn write(key: web::Path<String>, session: Session) -> &'static str {
        session.insert(key.into_inner(), true).expect("it is JSON");
        ""
    }
    async fn read(session: Session) -> String {
        count(|key| session.get::<bool>(key).is_ok_and(|value| value.is_some()))
    }
    System::new().block_on(async {
        let store = RedisSessionStore::new(url(redis)).await;
        let store = store.expect("Redis answers");
        let site = move || {
            // All instances need the same key, which protects nothing here.
            let layer = SessionMiddleware::new(store.clone(), Key::from(&[7; 64]));
            App::new()
                .wrap(layer)
                .route("/write/{key}", web::get().to(write))
                .route("/count", web::get().to(read))
        };
        let listener = announced(&tell);
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
