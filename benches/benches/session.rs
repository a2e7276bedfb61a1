//! The session without a framework: `cargo bench --bench session --features session`, one group with
//! `-- dictionary`.

use criterion::{Criterion, criterion_group, criterion_main};
use hardtack::{
    Key, Keyring,
    session::{FlashLevel, Session, SessionData, SessionManager},
};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

use benches::exchange::Request;

#[derive(Default, Serialize, Deserialize)]
struct Account {
    user: Option<u64>,
    name: String,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

fn keyring() -> Keyring {
    Keyring::new(Key::generate().expect("randomness"))
}

/// The Cookie header after a first request.
fn first<T: SessionData>(sessions: &SessionManager<T>, write: impl Fn(&Session<T>)) -> String {
    let session = Request::new(sessions, []);
    write(&session);
    let reply = session.finish();
    let pairs = reply
        .set_cookie
        .iter()
        .filter_map(|line| line.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}

/// One request: the number of Set-Cookie lines of its response.
fn exchange<T: SessionData>(
    sessions: &SessionManager<T>,
    cookies: &str,
    handler: impl FnOnce(&Session<T>),
) -> usize {
    let session = Request::new(sessions, [black_box(cookies).as_bytes()]);
    handler(&session);
    black_box(session.finish()).set_cookie.len()
}

fn dictionary(criterion: &mut Criterion) {
    let sessions = SessionManager::builder(keyring())
        .build()
        .expect("good settings");
    let one = first(&sessions, |session| {
        session.insert("user", 1_u64).expect("room")
    });
    let five = first(&sessions, |session| {
        for key in ["user", "theme", "language", "cart", "visits"] {
            session.insert(key, 1_u64).expect("room");
        }
    });
    let foreign = (0..20)
        .map(|n| format!("other{n}=a value of somebody else; "))
        .collect::<String>()
        + &one;
    let forged = one.replace("=h", "=hAAAA");
    let flash = first(&sessions, |session| {
        session.flash(FlashLevel::Success, "Added").expect("room")
    });
    let big = first(&sessions, |session| {
        session.insert("user", 1_u64).expect("room");
        session.insert("text", "x".repeat(4_000)).expect("room");
    });
    let read = |session: &Session| drop(black_box(session.get::<u64>("user")));
    let mut next = 1_u64;

    let mut group = criterion.benchmark_group("dictionary");
    let mut measure =
        |name: &str, cookies: &str, lines: usize, handler: &mut dyn FnMut(&Session)| {
            group.bench_function(name, |bencher| {
                assert_eq!(exchange(&sessions, cookies, &mut *handler), lines, "{name}");
                bencher.iter(|| exchange(&sessions, cookies, &mut *handler));
            });
        };
    measure("untouched", &one, 0, &mut |_| {});
    measure("1 value, read", &one, 0, &mut { read });
    measure("5 values, read one", &five, 0, &mut { read });
    measure("behind 20 foreign cookies, read", &foreign, 0, &mut {
        read
    });
    measure("forged, read", &forged, 0, &mut { read });
    measure("1 value, written", &one, 1, &mut |session| {
        next += 1;
        session.insert("user", next).expect("room");
    });
    measure("1 value, the same written", &one, 0, &mut |session| {
        session.insert("user", 1_u64).expect("room");
    });
    measure("flash left", &one, 1, &mut |session| {
        session.flash(FlashLevel::Success, "Added").expect("room");
    });
    measure("flash taken", &flash, 1, &mut |session| {
        drop(black_box(session.take_flashes().expect("in time")));
    });
    measure("two chunks, read", &big, 0, &mut { read });
    measure("two chunks, written", &big, 2, &mut |session| {
        next += 1;
        session.insert("user", next).expect("room");
    });
}

fn typed(criterion: &mut Criterion) {
    let sessions = SessionManager::builder(keyring())
        .data::<Account>()
        .build()
        .expect("good settings");
    let cookies = first(&sessions, |session| {
        session
            .modify(|account| account.user = Some(1))
            .expect("room");
    });
    let mut next = 1_u64;
    let mut group = criterion.benchmark_group("typed");
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            exchange(&sessions, &cookies, |session| {
                drop(black_box(session.with(|account| account.user)));
            })
        });
    });
    group.bench_function("written", |bencher| {
        bencher.iter(|| {
            exchange(&sessions, &cookies, |session| {
                next += 1;
                session
                    .modify(|account| account.user = Some(next))
                    .expect("room");
            })
        });
    });
}

criterion_group!(benches, dictionary, typed);
criterion_main!(benches);
