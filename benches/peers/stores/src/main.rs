//! Sessions in a store: hardtack and its peers on one Redis and on one PostgreSQL in one run, hardtack on each engine, and what is
//! left of the writes of many requests to one session. Run it from anywhere:
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
#[path = "../../src/processors.rs"]
mod processors;
#[path = "../../src/table.rs"]
mod table;

mod commands;
mod engines;
mod floor;
mod http;
mod load;
mod peers;
mod postgres_peers;
mod redis_peers;
mod sites;
mod statements;
mod writers;

use crate::harness::{How, Timing, assign, instructions};
use crate::postgres_peers::POSTGRES;
use crate::processors::{keep_to, processors};
use crate::redis_peers::REDIS;
use std::env;

/// What was measured, and what it rests on.
const MEASURED: [&str; 17] = [
    "hardtack",
    "hardtack-memcached",
    "hardtack-redis",
    "hardtack-sqlx",
    "axum",
    "tower-sessions",
    "tower-sessions-redis-store",
    "tower-sessions-sqlx-store",
    "axum_session",
    "axum_session_redispool",
    "axum_session_sqlx",
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
        Some("writers") => println!("{}", crowds()),
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
    // This program and its servers take turns on one processor. On several it would be luck who wakes whom where, and
    // that is half of the time of a request.
    let all = processors();
    keep_to(&all[..1]);
    let mut measured = measure(How::Timed(rounds));
    keep_to(&all);
    eprintln!("the same once more, under valgrind");
    let mut counts = instructions(&["count"]).into_iter();
    let Measured {
        redis,
        postgres,
        engines,
        engines_commands,
    } = &mut measured;
    for group in redis
        .near
        .iter_mut()
        .chain(&mut postgres.near)
        .chain(engines.iter_mut())
    {
        assign(group, &mut counts);
    }
    let mut out = table::conditions(&MEASURED, COMMAND);
    out += "\nTime that a session in Redis adds to a request, compared with the same application under a layer that does nothing, and \
            the instructions of the program. A server on the loopback interface answers. The numbers in brackets divide a peer's \
            time by hardtack's time:\n\n";
    redis.near_table(&mut out, &REDIS);
    out += "\nHow often such a request waits for Redis, and the commands that the server runs for it, by its own count, each with the \
            microseconds that it takes by the server's own clock. `EVALSHA` runs the commands beside it, all in one wait:\n\n";
    redis.counts_table(&mut out);
    out += "\nThe same times through a proxy that adds a millisecond to each wait, as a Redis in another building would:\n\n";
    redis.far_table(&mut out, &REDIS);
    out += "\nTime that a session in PostgreSQL adds to a request. The server counts statements meanwhile:\n\n";
    postgres.near_table(&mut out, &POSTGRES);
    out += "\nHow often the pool sends something to PostgreSQL for such a request, as a proxy counts it, and the statements that the server \
            runs for it, by its own count, each with the microseconds that it takes to plan and to execute by the server's own clock. It \
            does not count the time to parse:\n\n";
    postgres.counts_table(&mut out);
    out += "\nThe same times through a proxy that adds a millisecond to each wait:\n\n";
    postgres.far_table(&mut out, &POSTGRES);
    out += "\nThe same for hardtack on each engine, without a framework, for a session that holds a text of 256 bytes. Here the time \
            is the whole of a request:\n\n";
    engines::table(&mut out, engines);
    out += "\nThe commands of Redis for these requests:\n\n";
    engines::commands(&mut out, engines_commands);
    out + &crowds()
}

/// What many requests at once do, on each server.
fn crowds() -> String {
    [REDIS, POSTGRES]
        .iter()
        .map(|backend| writers::table(backend) + &load::table(backend))
        .collect()
}

/// What was measured: peers on each server, and each visit without a framework with the commands of Redis for it.
struct Measured {
    redis: peers::Measured,
    postgres: peers::Measured,
    engines: Vec<Vec<Timing>>,
    engines_commands: Vec<String>,
}

fn measure(how: How) -> Measured {
    let redis = peers::measure(&REDIS, how);
    let how = at_most(ENGINE_ROUNDS, how);
    let postgres = peers::measure(&POSTGRES, how);
    let (engines, engines_commands) = engines::measure(how);
    Measured {
        redis,
        postgres,
        engines,
        engines_commands,
    }
}
