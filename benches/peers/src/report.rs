//! The tables of `benches/README.md`.

use crate::app::Act;
use crate::codec::{Operation, SEAL, SEAL_WITH, Token};
use crate::harness::Timing;
use crate::payload::{NUMBERS, SIZES};
use crate::request::Framework;
use crate::run::{Run, named, own};
use crate::table::{conditions, figures, header, row};

/// What was measured, and what hardtack rests on.
const MEASURED: [&str; 17] = [
    "hardtack",
    "chacha20poly1305",
    "ring",
    "cookie",
    "biscotti",
    "seshcookie",
    "branca",
    "pasetors",
    "fernet",
    "josekit",
    "orion",
    "axum",
    "tower-sessions",
    "axum-extra",
    "actix-web",
    "actix-session",
    "rocket",
];

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// Writes the tables into the README of the benchmarks.
pub fn write(tables: &str) {
    let begin = "<!-- benches/peers/run writes from here -->\n";
    crate::table::write(README, begin, tables);
}

/// Writes the tables of whole servers.
pub fn write_servers(tables: &str) {
    let begin = "<!-- benches/peers servers writes from here -->\n";
    crate::table::write(README, begin, tables);
}

/// `v3` is hardtack alone, without `ring`, in a build for x86-64-v3.
pub fn table(portable: &Run, ring: &Run, v3: Option<&Run>) -> String {
    let mut out = conditions(&MEASURED, "benches/peers/run");
    out += "\nEach cell has the time, and the instructions of the program without those of the system, as valgrind counts them. Its \
            processor has AES and AVX2, and neither VAES nor AVX-512.\n";
    out += "\nTime to open a session of each size, which is mostly text. The numbers in brackets divide a peer's time by hardtack's time \
            in the same run, first with `ring`, then without:\n\n";
    timings(&mut out, portable, ring, v3, Operation::Open);
    out += "\nTime to seal it. The numbers in brackets compare with hardtack on the same source of randomness:\n\n";
    timings(&mut out, portable, ring, v3, Operation::Seal);
    out += "\nTime to open a session of 103 bytes that is mostly numbers, and to seal it:\n\n";
    numbers(&mut out, portable, ring);
    out += "\nLength of the token, in characters:\n\n";
    characters(&mut out, &ring.tokens);
    out += "\nTime that a session with one value adds to a request, compared with the same application under a layer that does \
            nothing. It can be negative for a peer that has no layer:\n\n";
    requests(&mut out, portable, ring);
    out += "\n<details><summary>The same text for every library, without the cost of JSON</summary>\n\nOpen:\n\n";
    timings(&mut out, portable, ring, None, Operation::OpenText);
    out += "\nSeal:\n\n";
    timings(&mut out, portable, ring, None, Operation::SealText);
    out += "\n</details>\n";
    out
}

fn timings(out: &mut String, portable: &Run, ring: &Run, v3: Option<&Run>, operation: Operation) {
    let sealing = matches!(operation, Operation::Seal | Operation::SealText);
    header(out, SIZES.map(|size| format!("{size} bytes")).as_slice());
    let names: &[&str] = if sealing { &[SEAL, SEAL_WITH] } else { &[SEAL] };
    for name in names {
        let v3 = v3.map(|run| (run, WITHOUT_FOR_V3));
        for (run, backend) in BACKENDS
            .map(|(run, backend)| ([ring, portable][run], backend))
            .into_iter()
            .chain(v3)
        {
            let cells = SIZES.map(|size| {
                figures(named(run.codec(operation, size), name).expect("hardtack is measured"))
            });
            row(out, &own_label(name, backend), &cells);
        }
    }
    for name in peers(ring.codec(operation, SIZES[1])) {
        let cells = SIZES.map(|size| compared(portable, ring, operation, size, name));
        let process = ring
            .tokens
            .iter()
            .any(|token| token.name == name && !token.system_randomness);
        let label = if sealing && process {
            format!("{name}, generator in the process")
        } else {
            name.to_owned()
        };
        row(out, &label, &cells);
    }
}

/// What hardtack is built with, and which of the runs with `ring` and without has it.
const BACKENDS: [(usize, &str); 2] = [(0, ""), (1, ", without `ring`")];
const WITHOUT_FOR_V3: &str = ", without `ring`, x86-64-v3";

fn own_label(name: &str, backend: &str) -> String {
    match name {
        SEAL_WITH => format!("**hardtack**{backend}, `seal_with` and a generator in the process"),
        _ => format!("**hardtack**{backend}"),
    }
}

/// The figures of a peer, and its ratios to hardtack.
fn compared(portable: &Run, ring: &Run, operation: Operation, size: usize, name: &str) -> String {
    let [ring, portable] =
        [ring, portable].map(|run| named(run.codec(operation, size), name).expect("it is in both"));
    let ratio = |timing: &Timing| timing.ratio.expect("peers have a ratio");
    format!(
        "{} ({:.1}, {:.1})",
        figures(ring),
        ratio(ring),
        ratio(portable)
    )
}

/// One payload, opened and sealed.
fn numbers(out: &mut String, portable: &Run, ring: &Run) {
    let operations = [Operation::OpenNumbers, Operation::SealNumbers];
    header(out, &["open", "seal"].map(str::to_owned));
    for (run, backend) in BACKENDS {
        let run = [ring, portable][run];
        for name in [SEAL, SEAL_WITH] {
            let cells = operations.map(|operation| {
                named(run.codec(operation, NUMBERS), name).map_or(String::new(), figures)
            });
            row(out, &own_label(name, backend), &cells);
        }
    }
    for name in peers(ring.codec(Operation::OpenNumbers, NUMBERS)) {
        let cells = operations.map(|operation| compared(portable, ring, operation, NUMBERS, name));
        row(out, name, &cells);
    }
}

/// Names of the peers, the fastest first.
fn peers(timings: &[Timing]) -> Vec<&str> {
    let mut peers: Vec<&Timing> = timings
        .iter()
        .filter(|timing| !timing.frame && !own(&timing.name))
        .collect();
    peers.sort_by(|a, b| a.nanoseconds.total_cmp(&b.nanoseconds));
    peers
        .into_iter()
        .map(|timing| timing.name.as_str())
        .collect()
}

fn characters(out: &mut String, tokens: &[Token]) {
    let mut columns = vec![
        "names its key".to_owned(),
        "carries its time".to_owned(),
        "100 characters of text".to_owned(),
    ];
    columns.extend(SIZES.map(|size| format!("session, {size}")));
    header(out, &columns);
    let mut tokens: Vec<&Token> = tokens.iter().collect();
    tokens.sort_by_key(|token| (token.name != SEAL, token.text_100));
    let yes = |yes| if yes { "yes" } else { "" }.to_owned();
    for token in tokens {
        let mut cells = vec![
            yes(token.key_id),
            yes(token.time),
            token.text_100.to_string(),
        ];
        cells.extend(token.account.iter().map(usize::to_string));
        let label = if token.name == SEAL {
            "**hardtack**"
        } else {
            &token.name
        };
        row(out, label, &cells);
    }
}

fn requests(out: &mut String, portable: &Run, ring: &Run) {
    header(
        out,
        &["untouched", "one value read", "one value written"].map(str::to_owned),
    );
    for framework in Framework::ALL {
        let cells = |run: &Run, name: &str| {
            Act::ALL.map(|act| {
                named(&run.request(framework, act).timings, name).map_or(String::new(), figures)
            })
        };
        let timings = &ring.request(framework, Act::Read).timings;
        for timing in timings.iter().filter(|timing| !timing.frame) {
            if own(&timing.name) {
                for (run, backend) in BACKENDS {
                    let label = format!("{framework:?}: **{}**{backend}", timing.name);
                    row(out, &label, &cells([ring, portable][run], &timing.name));
                }
            } else {
                let cells = cells(ring, &timing.name);
                row(out, &format!("{framework:?}: {}", timing.name), &cells);
            }
        }
    }
}
