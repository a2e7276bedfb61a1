//! The session in each framework, per request, in process:
//! `cargo bench --bench adapters --features axum,actix,rocket`, or one of them. What a session adds is
//! the difference to the same application without the layer.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "rocket")]
mod rocket;

use benches::session::{User, builder};
use core::time::Duration;
use criterion::{BenchmarkId, Criterion};
use hardtack::session::SessionManager;
use std::{
    hint::black_box,
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

/// The handler asks for no session.
const UNTOUCHED: &str = "/untouched";
/// It reads one [`User`] and answers with the name.
const READ: &str = "/read";
/// It writes one [`User`], different every time.
const WRITE: &str = "/write";

const NAME: &str = "Ada Lovelace";

/// Sends the same request, a path with a Cookie header, so many times.
type App = Box<dyn Fn(&'static str, &str, u64) -> Answer>;

/// The last answer.
struct Answer {
    /// `name=value` of the cookie set, or nothing.
    cookie: String,
    body: String,
}

fn sessions() -> SessionManager {
    builder().build().expect("the defaults are good")
}

fn user() -> User {
    static NEXT: AtomicU32 = AtomicU32::new(3_000_000_000);
    User {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        admin: false,
        name: NAME.to_owned(),
    }
}

/// `name=value` of a Set-Cookie field.
fn pair(set_cookie: Option<&str>) -> String {
    let line = set_cookie.unwrap_or_default();
    line.split(';').next().unwrap_or_default().to_owned()
}

fn compare(criterion: &mut Criterion, framework: &str, without: &App, with: &App) {
    let mut group = criterion.benchmark_group(framework);
    for path in [UNTOUCHED, READ, WRITE] {
        for (name, app) in [("without", without), ("with", with)] {
            let cookie = with(WRITE, "", 1).cookie;
            // What is timed is what is claimed.
            let answer = app(path, &cookie, 1);
            assert_eq!(answer.body, if path == READ { NAME } else { "" });
            assert_eq!(!answer.cookie.is_empty(), path == WRITE && name == "with");
            group.bench_function(BenchmarkId::new(name, &path[1..]), |bencher| {
                bencher.iter_custom(|requests| {
                    let start = Instant::now();
                    black_box(app(path, &cookie, requests));
                    start.elapsed()
                });
            });
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    #[cfg(feature = "axum")]
    compare(&mut criterion, "axum", &axum::without(), &axum::with());
    #[cfg(feature = "actix")]
    compare(&mut criterion, "actix", &actix::without(), &actix::with());
    #[cfg(feature = "rocket")]
    compare(
        &mut criterion,
        "rocket",
        &rocket::without(),
        &rocket::with(),
    );
    criterion.final_summary();
}
