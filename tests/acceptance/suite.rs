//! One suite for the three frameworks: every case is written once, against HTTP over a socket, and
//! runs on each of them under the same name.
//!
//! `cargo test -p acceptance --all-features` runs all of it, `--features axum` one framework, and
//! `cargo test -p acceptance --all-features actix::` too.

#![cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod app;
// A case that is not in the list below is dead.
#[deny(dead_code)]
mod cases;
mod client;
mod log;
mod server;
mod site;

/// Makes a test of every case for every framework.
macro_rules! suite {
    ($($group:ident { $($case:ident)+ })+) => {
        const CASES: &[&str] = &[$($(stringify!($case)),+),+];
        #[cfg(feature = "axum")]
        tests!(axum: $($($group::$case)+)+);
        #[cfg(feature = "actix")]
        tests!(actix: $($($group::$case)+)+);
        #[cfg(feature = "rocket")]
        tests!(rocket: $($($group::$case)+)+);
    };
}

macro_rules! tests {
    ($framework:ident: $($group:ident::$case:ident)+) => {
        mod $framework {
            $(
                #[test]
                fn $case() {
                    crate::cases::$group::$case(&crate::server::$framework::FRAMEWORK);
                }
            )+
        }
    };
}

// The list.
suite! {
    saving { changed }
}

/// What this program runs is what the list says, for every framework: none is left out and none
/// ignored.
#[test]
fn every_framework_runs_every_case() {
    use std::{collections::BTreeSet, env, process::Command};

    let list = |arguments: &[&str]| {
        let output = Command::new(env::current_exe().unwrap())
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let tests = list(&["--list"]);
    let cases: BTreeSet<&str> = CASES.iter().copied().collect();
    assert_eq!(cases.len(), CASES.len(), "a name stands twice");
    for (framework, enabled) in [
        ("axum", cfg!(feature = "axum")),
        ("actix", cfg!(feature = "actix")),
        ("rocket", cfg!(feature = "rocket")),
    ] {
        let runs: BTreeSet<&str> = tests
            .lines()
            .filter_map(|line| {
                line.strip_suffix(": test")?
                    .strip_prefix(framework)?
                    .strip_prefix("::")
            })
            .collect();
        let expected = if enabled { &cases } else { &BTreeSet::new() };
        assert_eq!(&runs, expected, "{framework}");
    }
    let ignored = list(&["--list", "--ignored"]);
    assert!(!ignored.contains(": test"), "{ignored}");
}
