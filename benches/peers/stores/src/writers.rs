//! What is left of the writes of many requests to one session, over HTTP. Each request writes a key of its own.

use crate::http::Connection;
use crate::peers::{Backend, new_ring};
use crate::sites::start;
use crate::table::{header, row};
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

/// How many requests write at once, to how many instances of the site.
const RACES: [(usize, usize); 4] = [(8, 1), (64, 1), (8, 4), (64, 4)];
const RUNS: usize = 10;

/// Prints how many writes each site keeps on this server.
pub fn table(backend: &Backend) -> String {
    let columns = RACES.map(|(writers, instances)| match instances {
        1 => format!("{writers}, one instance"),
        _ => format!("{writers}, {instances} instances"),
    });
    let mut out = format!(
        "\nOf requests that write to one session at the same time over HTTP, each under a key of its own, this many writes are in {} \
         afterwards, as another instance finds them: the least and the most of {RUNS} runs. The requests go to one instance of the site, \
         or to several in turn. Every one of them was answered with 200:\n\n",
        backend.name
    );
    header(&mut out, &columns);
    for (name, serve) in backend.sites {
        // The instances do not end, and keep their connections.
        let server = (backend.start)();
        let cells = RACES.map(|(writers, instances)| {
            eprintln!(
                "writers, {}, {name}, {writers} to {instances}",
                backend.name
            );
            let ring = new_ring();
            // The last one has seen none of the requests, and has to ask the server.
            let sites: Vec<SocketAddr> = (0..=instances)
                .map(|_| start(*serve, server.port(), &ring))
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

/// Lets all write to a new session. Returns how many writes another instance finds.
fn kept(writers: usize, sites: &[SocketAddr], other: SocketAddr) -> usize {
    let ok = "it is answered with 200";
    let (cookie, _) = Connection::open(sites[0])
        .get("/write/first", "")
        .expect(ok);
    let begin = Barrier::new(writers);
    thread::scope(|scope| {
        for nth in 0..writers {
            let (begin, cookie, site) = (&begin, &cookie, sites[nth % sites.len()]);
            scope.spawn(move || {
                begin.wait();
                let answer = Connection::open(site).get(&format!("/write/{nth}"), cookie);
                answer.expect(ok);
            });
        }
    });
    let (_, kept) = Connection::open(other).get("/count", &cookie).expect(ok);
    kept.parse().expect("a number")
}
