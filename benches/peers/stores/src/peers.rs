//! What hardtack and its peers have in common on every server: how they are compared, and the applications of those peers that
//! take more than one server.

use crate::app::{
    self, Act, App, HARDTACK, LOGIN, NOTHING, READ, UNTOUCHED, User, WRITE, contenders,
};
use crate::harness::{How, Timing, compare};
use crate::sites::Serve;
use crate::table::{figures, header, row};
use crate::{FAR_ROUNDS, at_most};
use axum::{Router, routing::get};
use axum_session::{DatabasePool, SessionConfig, SessionStore};
use hardtack::session::SessionManager;
use hardtack::store::Store;
use hardtack::{Key, Keyring};
use servers::{Fault, Proxy, Server};
use std::fmt::Debug;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tower_sessions::SessionManagerLayer;

/// A server that keeps sessions, with everybody who uses it.
pub struct Backend {
    pub name: &'static str,
    pub start: fn() -> Server,
    pub frameworks: &'static [(&'static str, Apps)],
    pub count: Count,
    pub sites: &'static [(&'static str, Serve)],
}

/// Starts the applications of one framework on the server of this port.
pub type Apps = fn(u16) -> Vec<App>;

/// Returns how often one request asks the server of this port, and what the server runs for it. Requests go through the proxy.
pub type Count = fn(u16, &Proxy, &mut dyn FnMut(u32)) -> String;

/// What was measured on one server.
#[derive(Default)]
pub struct Measured {
    /// For each framework and act.
    pub near: Vec<Vec<Timing>>,
    /// The same with the server at a distance.
    far: Vec<Vec<Timing>>,
    /// For each application, its label and what was counted for each act.
    counts: Vec<(String, [String; 3])>,
}

pub fn measure(backend: &Backend, how: How) -> Measured {
    let server = (backend.start)();
    let proxy = Proxy::start(server.port());
    let mut measured = Measured::default();
    for (framework, apps_on) in backend.frameworks {
        let apps = apps_on(server.port());
        for act in Act::ALL {
            eprintln!("{}, {framework}, {act:?}", backend.name);
            let near = compare(&mut contenders(&apps, Act::Login, act), how);
            measured.near.push(near);
        }
        let How::Timed(_) = how else { continue };
        let apps = apps_on(proxy.port());
        proxy.set(Fault::Delay(Duration::from_millis(1)));
        for act in Act::ALL {
            let how = at_most(FAR_ROUNDS, how);
            let far = compare(&mut contenders(&apps, Act::Login, act), how);
            measured.far.push(far);
        }
        proxy.set(Fault::None);
        let counts = apps.iter().skip(1).map(|app| {
            let counts = Act::ALL.map(|act| {
                let cookie = (app.send)(Act::Login, "", 1).cookie;
                let mut send = |n| _ = (app.send)(act, &cookie, n);
                (backend.count)(server.port(), &proxy, &mut send)
            });
            (label(framework, app.name), counts)
        });
        measured.counts.extend(counts);
    }
    measured
}

impl Measured {
    pub fn near_table(&self, out: &mut String, backend: &Backend) {
        timings(out, backend, &self.near);
    }

    pub fn far_table(&self, out: &mut String, backend: &Backend) {
        timings(out, backend, &self.far);
    }

    pub fn counts_table(&self, out: &mut String) {
        acts(out);
        for (label, counts) in &self.counts {
            row(out, label, counts);
        }
    }
}

fn timings(out: &mut String, backend: &Backend, groups: &[Vec<Timing>]) {
    acts(out);
    let groups = groups.chunks(Act::ALL.len());
    for ((framework, _), acts) in backend.frameworks.iter().zip(groups) {
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

fn acts(out: &mut String) {
    header(
        out,
        &["untouched", "one value read", "one value written"].map(str::to_owned),
    );
}

fn label(framework: &str, name: &str) -> String {
    match name {
        HARDTACK => format!("{framework}: **{name}**"),
        _ => format!("{framework}: {name}"),
    }
}

pub fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime starts")
}

pub fn new_ring() -> Keyring {
    Keyring::new(Key::generate().expect("the system has randomness"))
}

pub fn sessions(store: impl Store, ring: Keyring) -> SessionManager {
    let builder = SessionManager::builder(ring).store(store);
    builder.build().expect("the defaults are good")
}

pub fn tower_sessions(
    runtime: Runtime,
    layer: SessionManagerLayer<impl tower_sessions::SessionStore + Clone>,
) -> App {
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
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(LOGIN, get(log_in))
        .layer(layer);
    app::axum::app("tower-sessions", false, runtime, router)
}

pub fn axum_session<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(
    name: &'static str,
    runtime: Runtime,
    pool: P,
    config: SessionConfig,
) -> App {
    use axum_session::{Session, SessionLayer};

    let read = async |session: Session<P>| session.get::<User>("user").unwrap_or_default().name;
    let write = async |session: Session<P>| session.set("user", User::next());
    let log_in = async |session: Session<P>| {
        session.renew();
        session.set("user", User::next());
    };
    let store = runtime.block_on(SessionStore::new(Some(pool), config));
    let store = store.expect("the server answers");
    // The layer starts a task.
    let entered = runtime.enter();
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(LOGIN, get(log_in))
        .layer(SessionLayer::new(store));
    drop(entered);
    app::axum::app(name, false, runtime, router)
}
