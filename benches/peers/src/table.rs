//! The tables of `benches/README.md`, and their places there.

use std::fmt::Write;
use std::process::Command;
use std::{env, fs};

use cargo_metadata::MetadataCommand;
use time::OffsetDateTime;

use crate::harness::Timing;

const END: &str = "<!-- to here -->\n";

/// Replaces the tables between two marks in the README of the benchmarks.
pub fn write(readme: &str, begin: &str, table: &str) {
    let text = fs::read_to_string(readme).expect("the README can be read");
    let text = replaced(&text, begin, table)
        .unwrap_or_else(|| panic!("the README has no place for the tables:\n{begin}{END}"));
    fs::write(readme, text).expect("the README can be written");
}

fn replaced(readme: &str, begin: &str, table: &str) -> Option<String> {
    let (before, rest) = readme.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{table}\n{END}{after}"))
}

/// Tells when, where and with what the run was made, and the command that repeats it. Reads all of it now.
pub fn conditions(packages: &[&str], command: &str) -> String {
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
         {}. `{command}` repeats it.\n",
        OffsetDateTime::now_utc().date(),
        model.map_or("unknown processor", |(_, name)| name),
        env::consts::ARCH,
        versions(packages).join(", "),
    )
}

/// These packages as locked. Of two versions the peers ask for the older one among themselves.
fn versions(packages: &[&str]) -> Vec<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .exec()
        .expect("cargo describes this package");
    let version = |name: &&str| {
        let named = metadata
            .packages
            .iter()
            .filter(|package| package.name == *name);
        let version = named
            .map(|package| &package.version)
            .max()
            .expect("it is a dependency");
        format!("{name} {version}")
    };
    packages.iter().map(version).collect()
}

pub fn header(out: &mut String, columns: &[String]) {
    writeln!(
        out,
        "| | {} |\n|---|{}",
        columns.join(" | "),
        "---:|".repeat(columns.len())
    )
    .expect("a string takes it");
}

pub fn row(out: &mut String, label: &str, cells: &[String]) {
    writeln!(out, "| {label} | {} |", cells.join(" | ")).expect("a string takes it");
}

/// The time, and the instructions if they were counted.
pub fn figures(timing: &Timing) -> String {
    let time = duration(timing.nanoseconds);
    match timing.instructions {
        Some(count) => format!("{time}, {:.1}k", count / 1e3),
        None => time,
    }
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
        let readme = format!("before\n<mark>\nold\n{END}after\n");
        assert_eq!(
            replaced(&readme, "<mark>\n", "new").unwrap(),
            format!("before\n<mark>\n\nnew\n{END}after\n")
        );
        assert!(replaced("no marks", "<mark>\n", "new").is_none());
    }
}
