//! What PostgreSQL does for a request, as it counts it itself.

use crate::commands::{REQUESTS, cell};
use crate::peers::runtime;
use crate::postgres_peers::url;
use servers::Proxy;
use sqlx::{Connection, Executor, PgConnection};

/// Lets PostgreSQL count statements, with the time that it takes to plan them.
pub const COUNTED: [&str; 4] = [
    "-c",
    "shared_preload_libraries=pg_stat_statements",
    "-c",
    "pg_stat_statements.track_planning=on",
];

/// Returns how often something is sent for one request, and all statements that the server runs for it, each with the
/// microseconds that the server takes for it. The server does not count what it is sent besides.
pub fn of_a_request(port: u16, proxy: &Proxy, send: &mut dyn FnMut(u32)) -> String {
    let runtime = runtime();
    let connection = runtime.block_on(PgConnection::connect(&url(port)));
    let mut connection = connection.expect("PostgreSQL answers");
    let mut ask = |statement| {
        let done = runtime.block_on(connection.execute(statement));
        done.expect("the extension is installed");
    };
    ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    // PostgreSQL plans a prepared statement anew for some times.
    send(10);
    ask("SELECT pg_stat_statements_reset()");
    let before = proxy.sent();
    send(REQUESTS);
    let sent = proxy.sent() - before;
    let statements = sqlx::query_as(
        "SELECT upper(substring(query from '\\w+')), calls, round(1000 * (mean_plan_time + mean_exec_time)) \
         FROM pg_stat_statements WHERE calls >= $1 ORDER BY 1",
    );
    let statements = statements
        .bind(i64::from(REQUESTS))
        .fetch_all(&mut connection);
    let statements: Vec<(String, i64, f64)> = runtime.block_on(statements).expect("it counts");
    let statements = statements.into_iter().map(|(name, calls, time)| {
        let calls = u32::try_from(calls).expect("it was reset");
        (name, calls, time)
    });
    // What the pool sends after the last request may not count yet.
    cell((sent + REQUESTS / 2) / REQUESTS, statements)
}
