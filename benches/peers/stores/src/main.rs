//! Sessions in a store: hardtack and its peers on one Redis in one run, hardtack on each engine, and what is left of the
//! writes of many requests to one session. Run it from anywhere:
//!
//!     cargo run --release --manifest-path benches/peers/stores/Cargo.toml
//!
//! It starts `redis-server`, `memcached`, `postgres` and `mariadbd`, needs valgrind for the instructions, and writes its tables into
//! `benches/README.md`. `-- --quick` takes fewer rounds and writes nothing. `-- writers` prints the last tables alone.

#[allow(dead_code, reason = "the peers of cookies use the rest")]
#[path = "../../src/app/mod.rs"]
mod app;
#[allow(dead_code, reason = "the peers of cookies use the rest")]
#[path = "../../src/harness.rs"]
mod harness;
#[path = "../../src/table.rs"]
mod table;

mod commands;
mod engines;
mod floor;
mod http;
mod load;
mod redis_peers;
mod writers;

use crate::app::{Act, App, contenders};
use crate::harness::{How, Timing, assign, compare, instructions};
use servers::{Fault, Proxy};
use std::env;
use std::time::Duration;

/// What was measured, and what it rests on.
const MEASURED: [&str; 15] = [
    "hardtack",
    "hardtack-memcached",
    "hardtack-redis",
    "hardtack-sqlx",
    "axum",
    "tower-sessions",
    "tower-sessions-redis-store",
    "axum_session",
    "axum_session_redispool",
    "actix-web",
    "actix-session",
    "redis",
    "fred",
    "sqlx",
    "tokio",
];
const COMMAND: &str = "cargo run --release --manifest-path benches/peers/stores/Cargo.toml";
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const BEGIN: &str = "<!-- benches/peers/stores writes from here -->\n";

/// What takes a part of a millisecond needs fewer rounds, and what takes milliseconds fewer still.
const ENGINE_ROUNDS: usize = 5_000;
const FAR_ROUNDS: usize = 500;

/// The same in fewer rounds.
fn at_most(most: usize, how: How) -> How {
    match how {
        How::Timed(rounds) => How::Timed(rounds.min(most)),
        How::Counted => How::Counted,
    }
}

fn main() {
    let argument = env::args().nth(1);
    match argument.as_deref() {
        // Of itself: see `harness::instructions`.
        Some("count") => drop(measure(How::Counted)),
        Some("writers") => println!("{}{}", writers::table(), load::table()),
        Some("--quick") => println!("{}", tables(300)),
        None => {
            let tables = tables(20_000);
            println!("{tables}");
            table::write(README, BEGIN, &tables);
        }
        Some(_) => panic!("usage: stores [--quick | writers]"),
    }
}

fn tables(rounds: usize) -> String {
    let mut measured = measure(How::Timed(rounds));
    eprintln!("the same once more, under valgrind");
    let mut counts = instructions(&["count"]).into_iter();
    for group in measured.peers.iter_mut().chain(&mut measured.engines) {
        assign(group, &mut counts);
    }
    let mut out = table::conditions(&MEASURED, COMMAND);
    out += "\nTime that a session in Redis adds to a request, compared with the same application under a layer that does nothing, and \
            the instructions of the program. A server on the loopback interface answers. The numbers in brackets divide a peer's \
            time by hardtack's time:\n\n";
    redis_peers::table(&mut out, &measured.peers);
    out += "\nHow often such a request waits for Redis, and the commands that the server runs for it, by its own count, each with the \
            microseconds that it takes by the server's own clock. `EVALSHA` runs the commands beside it, all in one wait:\n\n";
    redis_peers::commands(&mut out, &measured.peers_commands);
    out += "\nThe same times through a proxy that adds a millisecond to each wait, as a Redis in another building would:\n\n";
    redis_peers::table(&mut out, &measured.far);
    out += "\nThe same for hardtack on each engine, without a framework, for a session that holds a text of 256 bytes. Here the time \
            is the whole of a request:\n\n";
    engines::table(&mut out, &measured.engines);
    out += "\nThe commands of Redis for these requests:\n\n";
    engines::commands(&mut out, &measured.engines_commands);
    out += &writers::table();
    out += &load::table();
    out
}

/// What was measured: timings for each framework and act, and for each visit without a framework; the commands of Redis for both.
struct Measured {
    peers: Vec<Vec<Timing>>,
    /// The same with Redis at a distance.
    far: Vec<Vec<Timing>>,
    peers_commands: Vec<redis_peers::Commands>,
    engines: Vec<Vec<Timing>>,
    engines_commands: Vec<String>,
}

fn measure(how: How) -> Measured {
    let redis = servers::redis(&[]).expect("redis-server is installed");
    let proxy = Proxy::start(redis.port());
    proxy.set(Fault::Delay(Duration::from_millis(1)));
    let (mut peers, mut far, mut peers_commands) = (Vec::new(), Vec::new(), Vec::new());
    for (framework, apps_of) in redis_peers::FRAMEWORKS {
        let apps = apps_of(redis.port());
        for act in Act::ALL {
            eprintln!("{framework}, {act:?}");
            peers.push(compare(&mut contenders(&apps, Act::Login, act), how));
        }
        if let How::Timed(_) = how {
            let apps_far = apps_of(proxy.port());
            for act in Act::ALL {
                let how = at_most(FAR_ROUNDS, how);
                far.push(compare(&mut contenders(&apps_far, Act::Login, act), how));
            }
            let of = |app: &App| {
                let commands = Act::ALL.map(|act| {
                    let cookie = (app.send)(Act::Login, "", 1).cookie;
                    let send = |n| _ = (app.send)(act, &cookie, n);
                    commands::of_a_request(redis.port(), send)
                });
                (redis_peers::label(framework, app.name), commands)
            };
            peers_commands.extend(apps.iter().skip(1).map(of));
        }
    }
    let (engines, engines_commands) = engines::measure(redis.port(), at_most(ENGINE_ROUNDS, how));
    Measured {
        peers,
        far,
        peers_commands,
        engines,
        engines_commands,
    }
}
