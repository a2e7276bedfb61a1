//! Many visitors at once over HTTP: how many requests a second, and what those who write to one session do to the others.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::peers::{Backend, new_ring};
use crate::sites::start;
use crate::table::{duration, header, row};

/// How many visitors come at once, each with a connection of its own.
const CONNECTIONS: usize = 64;
/// How many of them are the others, and how many requests write to the one session.
const OTHERS: usize = 8;
const WRITERS: [usize; 3] = [0, 8, 64];
const TIME: Duration = Duration::from_secs(3);

/// What a request is for.
#[derive(Clone, Copy)]
enum Path {
    Read,
    Write,
}

pub fn table(backend: &Backend) -> String {
    let mut out = format!(
        "\nWith {CONNECTIONS} connections over HTTP, each of a visitor of its own, this many requests a second, for as long as {} seconds. \
         Clients, site and {} share the machine. Then the 99th percentile of the time of a read, while {OTHERS} visitors read and \
         nobody, {} or {} others write to one session all the time. \
         Requests of anybody that are not answered with 200 are counted as failed:\n\n",
        TIME.as_secs(),
        backend.name,
        WRITERS[1],
        WRITERS[2],
    );
    let others = WRITERS.map(|writers| format!("{writers} writers"));
    let columns = ["read", "written"].map(str::to_owned);
    header(&mut out, &[&columns[..], &others].concat());
    for (name, serve) in backend.sites {
        eprintln!("load, {}, {name}", backend.name);
        let server = (backend.start)();
        let site = start(*serve, server.port(), &new_ring());
        let rate = |path| {
            let visitors: Vec<_> = (0..CONNECTIONS).map(|_| visitor(site)).collect();
            let (times, failed) = drive(site, &visitors, path, &[]);
            let rate = (times.len() - failed) as f64 / TIME.as_secs_f64();
            cell(format!("{:.1}k", rate / 1e3), failed)
        };
        let slowest = |writers| {
            let visitors: Vec<_> = (0..OTHERS).map(|_| visitor(site)).collect();
            let writers = vec![visitor(site); writers];
            let (mut times, failed) = drive(site, &visitors, Path::Read, &writers);
            times.sort_unstable();
            let slowest = times[times.len() * 99 / 100].as_nanos() as f64;
            cell(duration(slowest), failed)
        };
        let cells = [rate(Path::Read), rate(Path::Write)];
        row(
            &mut out,
            name,
            &[&cells[..], &WRITERS.map(slowest)].concat(),
        );
    }
    out
}

fn cell(figure: String, failed: usize) -> String {
    match failed {
        0 => figure,
        _ => format!("{figure}, {failed} failed"),
    }
}

/// Returns the cookie of somebody who has a session.
fn visitor(site: SocketAddr) -> String {
    let answer = Connection::open(site).get("/write/first", "");
    answer.expect("it is answered with 200").0
}

/// Lets visitors send requests until the time is up, and these writers with them. Returns how long each request of the visitors
/// took, and how many of all requests failed.
fn drive(
    site: SocketAddr,
    visitors: &[String],
    path: Path,
    writers: &[String],
) -> (Vec<Duration>, usize) {
    let (ended, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let send = |cookie: &str, nth: usize, path| {
        let mut connection = Connection::open(site);
        let path = match path {
            Path::Read => "/count".to_owned(),
            Path::Write => format!("/write/{nth}"),
        };
        let mut times = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            let start = Instant::now();
            let answer = connection.get(&path, cookie);
            times.push(start.elapsed());
            failed.fetch_add(usize::from(answer.is_none()), Ordering::Relaxed);
        }
        times
    };
    let send = &send;
    let times = thread::scope(|scope| {
        for (nth, cookie) in writers.iter().enumerate() {
            scope.spawn(move || send(cookie, nth, Path::Write));
        }
        let visitors = visitors.iter().enumerate();
        let visitors: Vec<_> = visitors
            .map(|(nth, cookie)| scope.spawn(move || send(cookie, nth, path)))
            .collect();
        thread::sleep(TIME);
        ended.store(true, Ordering::Relaxed);
        let times = visitors.into_iter().map(|visitor| visitor.join());
        times
            .flat_map(|times| times.expect("every request is answered"))
            .collect()
    });
    (times, failed.into_inner())
}
