//! What Redis does for a request, as it counts it itself.

use std::fmt::{Display, Write};

pub const REQUESTS: u32 = 200;

/// Returns the round trips of one request, and all commands that the server runs for it, those of scripts among them, each with
/// the time that the server takes for it.
pub fn of_a_request(port: u16, send: &mut dyn FnMut(u32)) -> String {
    let client = crate::redis_peers::client(port);
    let mut connection = client.get_connection().expect("Redis answers");
    let mut ask = |command: &str, argument: &str| -> redis::Value {
        let mut ask = redis::cmd(command);
        let answer = ask.arg(argument).query(&mut connection);
        answer.expect("Redis answers")
    };
    // The first may have to connect, or to send a script.
    send(1);
    ask("CONFIG", "RESETSTAT");
    send(REQUESTS);
    let [stats, commands] = ["stats", "commandstats"]
        .map(|section| redis::from_redis_value::<String>(ask("INFO", section)).expect("a text"));
    let reads = stats
        .lines()
        .find_map(|line| line.strip_prefix("total_reads_processed:"));
    let reads: u32 = reads.expect("Redis counts").parse().expect("a number");
    cell(reads / REQUESTS, commands.lines().filter_map(read))
}

/// Writes how often the server is asked for one request, and the name, the calls for all requests and the time of each command.
pub fn cell<T: Display>(asked: u32, commands: impl Iterator<Item = (String, u32, T)>) -> String {
    let mut out = asked.to_string();
    let mut separator = ": ";
    for (name, calls, time) in commands {
        let times = match calls / REQUESTS {
            1 => String::new(),
            times => format!("{times} × "),
        };
        let _ = write!(out, "{separator}{times}{name} {time}");
        separator = ", ";
    }
    out
}

/// Reads `cmdstat_get:calls=200,usec=..,usec_per_call=0.92,..`. Commands of this program come less than once for each request.
fn read(line: &str) -> Option<(String, u32, &str)> {
    let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
    let calls = figures.split(',').next()?.parse().ok()?;
    let time = figures.split_once("usec_per_call=")?.1.split(',').next()?;
    (calls >= REQUESTS).then(|| (name.to_uppercase(), calls, time))
}
