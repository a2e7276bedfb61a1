//! Prints the tables under "Sizing" on the operations page, measured on servers that it starts:
//!
//! ```sh
//! cargo run --release --manifest-path stores/Cargo.toml --package sizing 20000
//! ```
//!
//! Each session is a login of its own person, with a description and a value of so many bytes. The
//! argument is the number of sessions, by default 100,000, which take 5 GB of disk.

mod engines;
mod visitors;

use engines::{Postgres, Redis, Sqlite};
use std::{env, error::Error};

/// The lengths of the value in each session.
const VALUES: [usize; 2] = [256, 4096];
/// So many sessions the page calculates for, in millions.
const MILLIONS: [f64; 2] = [1.0, 100.0];

/// Of the sessions, one in ten is in use and sends a request every ten seconds. One request in ten writes.
const SESSIONS_A_REQUEST: f64 = 100.0;
const READS: f64 = 0.9;
const WRITES: f64 = 0.1;

/// The bytes of all sessions.
struct Bytes {
    engine: String,
    value: usize,
    /// After the logins.
    created: u64,
    /// After each session was saved once more.
    saved: u64,
    /// Of these, outside the records: keys, indexes, lists of owners.
    indexes: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sessions: u32 = env::args()
        .nth(1)
        .map_or(Ok(100_000), |argument| argument.parse())?;
    let mut measured = Vec::new();
    let mut costs = Vec::new();
    for value in VALUES {
        let redis = Redis::start().ok_or("no redis-server")?;
        let (bytes, cost) = redis.measure(sessions, value).await?;
        measured.push(bytes);
        costs.push(cost);
        let postgres = Postgres::start().ok_or("no postgres")?;
        measured.push(postgres.measure(sessions, value).await?);
        measured.push(Sqlite::measure(sessions, value).await?);
    }

    let each = |bytes: u64| bytes / u64::from(sessions);
    println!("Bytes for each of {sessions} sessions:\n");
    println!("| engine | value | after the login | saved once more | of these in indexes |");
    println!("|---|---|---|---|---|");
    for row in &measured {
        println!(
            "| {} | {} | {} | {} | {} |",
            row.engine,
            row.value,
            each(row.created),
            each(row.saved),
            each(row.indexes)
        );
    }

    println!("\nWhat a request costs {}:\n", measured[0].engine);
    println!("| value | request | received, bytes | sent, bytes | processor time, µs |");
    println!("|---|---|---|---|---|");
    for cost in costs.iter().flatten() {
        println!(
            "| {} | {} | {} | {} | {:.0} |",
            cost.value, cost.request, cost.received, cost.sent, cost.microseconds
        );
    }

    println!(
        "\nThe load of {} if one session in ten is in use, sends a request every ten seconds,",
        measured[0].engine
    );
    println!("and one request in ten writes:\n");
    println!(
        "| value | million sessions | requests a second | received, MB/s | sent, MB/s | processor cores |"
    );
    println!("|---|---|---|---|---|---|");
    for cost in &costs {
        let [_, read, write] = cost;
        for millions in MILLIONS {
            let requests = millions * 1e6 / SESSIONS_A_REQUEST;
            let each = |read: f64, write: f64| requests * (READS * read + WRITES * write) / 1e6;
            println!(
                "| {} | {millions} | {requests} | {:.1} | {:.1} | {:.2} |",
                read.value,
                each(read.received as f64, write.received as f64),
                each(read.sent as f64, write.sent as f64),
                each(read.microseconds, write.microseconds),
            );
        }
    }

    println!("\nGigabytes of so many sessions, each saved more than once:\n");
    println!(
        "| engine | value | {} million | {} million |",
        MILLIONS[0], MILLIONS[1]
    );
    println!("|---|---|---|---|");
    for row in &measured {
        let [small, large] = MILLIONS.map(|millions| each(row.saved) as f64 * millions / 1000.0);
        println!(
            "| {} | {} | {small:.1} | {large:.0} |",
            row.engine, row.value
        );
    }
    Ok(())
}
