//! The seed corpus of every fuzz target, replayed on stable.
//!
//!     cargo test --no-default-features

use hardtack_fuzz::TARGETS;
use std::{fs, path::PathBuf};

/// The entries of a directory of this package, in order.
fn entries(directory: &str) -> Vec<PathBuf> {
    let path = [env!("CARGO_MANIFEST_DIR"), directory].join("/");
    let mut entries: Vec<PathBuf> = fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

#[test]
fn every_target_holds_on_its_corpus() {
    let mut bytes = 0;
    for (name, target) in TARGETS {
        let seeds = entries(&format!("corpus/{name}"));
        assert!(seeds.len() >= 5, "{name}: {} seeds", seeds.len());
        for seed in seeds {
            println!("{}", seed.display()); // shown if it fails
            let data = fs::read(seed).unwrap();
            bytes += data.len();
            target(&data);
        }
    }
    assert!(bytes < 100_000, "{bytes} bytes: minimise the corpus");
}

#[test]
fn every_target_has_its_program_and_corpus() {
    let mut names: Vec<String> = TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    names.sort();
    let stems = |directory| -> Vec<String> {
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries(directory).into_iter().map(stem).collect()
    };
    assert_eq!(stems("fuzz_targets"), names);
    assert_eq!(stems("corpus"), names);
    for (name, program) in names.iter().zip(entries("fuzz_targets")) {
        let program = fs::read_to_string(program).unwrap();
        assert!(
            program.contains(&format!("hardtack_fuzz::{name}(data)")),
            "{name}"
        );
    }
}
