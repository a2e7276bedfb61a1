//! The tables of `benches/README.md`.

use std::fmt::Write;
use std::process::Command;
use std::{env, fs};

use cargo_metadata::MetadataCommand;
use time::OffsetDateTime;

use crate::codec::{Operation, SEAL, SEAL_WITH, Token};
use crate::harness::Timing;
use crate::payload::{NUMBERS, SIZES};
use crate::request::{Act, Framework};
use crate::run::{Run, named, own};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const BEGIN: &str = "<!-- benches/peers/run writes from here -->\n";
const END: &str = "<!-- to here -->\n";

/// Replaces the tables between the two marks in the README of the benchmarks.
pub fn write(table: &str) {
    let readme = fs::read_to_string(README).expect("the README can be read");
    let readme = replaced(&readme, table)
        .unwrap_or_else(|| panic!("the README has no place for the tables:\n{BEGIN}{END}"));
    fs::write(README, readme).expect("the README can be written");
}

fn replaced(readme: &str, table: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

/// `v3` is hardtack alone, without `ring`, in a build for x86-64-v3.
pub fn table(portable: &Run, ring: &Run, v3: Option<&Run>) -> String {
    let mut out = conditions();
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

/// Tells when, where and with what the run was made. Reads all of it now.
fn conditions() -> String {
    let rustc = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
        .arg("--version")
        .output();
    let rustc = rustc.map_or("an unknown rustc".to_owned(), |out| {
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    });
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!(
        "We measured this ourselves, and we want hardtack to look good: on {}, with {rustc}, stock release profile, on one {} ({}): \
         {}. `benches/peers/run` repeats it.\n",
        OffsetDateTime::now_utc().date(),
        model.map_or("unknown processor", |(_, name)| name),
        env::consts::ARCH,
        versions().join(", "),
    )
}

/// What was measured, and what hardtack rests on, as locked. Of two versions the peers ask for the older one among themselves.
fn versions() -> Vec<String> {
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
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .exec()
        .expect("cargo describes this package");
    let version = |name: &&str| {
        let packages = metadata
            .packages
            .iter()
            .filter(|package| package.name == *name);
        let version = packages
            .map(|package| &package.version)
            .max()
            .expect("it is a dependency");
        format!("{name} {version}")
    };
    MEASURED.iter().map(version).collect()
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

/// The time, and the instructions if they were counted.
fn figures(timing: &Timing) -> String {
    let time = duration(timing.nanoseconds);
    match timing.instructions {
        Some(count) => format!("{time}, {:.1}k", count / 1e3),
        None => time,
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

fn header(out: &mut String, columns: &[String]) {
    writeln!(
        out,
        "| | {} |\n|---|{}",
        columns.join(" | "),
        "---:|".repeat(columns.len())
    )
    .expect("a string takes it");
}

fn row(out: &mut String, label: &str, cells: &[String]) {
    writeln!(out, "| {label} | {} |", cells.join(" | ")).expect("a string takes it");
}

/// Three digits, in the unit that reads well.
pub fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 995.0 => format!("{ns:.0} ns"),
        ns if ns < 9_995.0 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 99_950.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.0} µs", ns / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        assert_eq!(
            [
                -3.0, 412.6, 999.0, 1234.0, 9_999.0, 12_345.0, 99_960.0, 123_456.0
            ]
            .map(duration),
            [
                "-3 ns", "413 ns", "1.00 µs", "1.23 µs", "10.0 µs", "12.3 µs", "100 µs", "123 µs"
            ]
        );
    }

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let readme = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(
            replaced(&readme, "new").unwrap(),
            format!("before\n{BEGIN}\nnew\n{END}after\n")
        );
        assert!(replaced("no marks", "new").is_none());
    }
}
