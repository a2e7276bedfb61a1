//! Writes `tests/vectors/` with the reference implementation, never with the library:
//!
//!     cargo test --test vectors_write -- --ignored
//!
//! Every byte follows from this source, so the other test notices a file edited by hand. Vectors of a released
//! version stay for ever: add to the end, change none.

mod chunks;
mod cookies;
#[path = "../../reference/device.rs"]
mod device;
mod devices;
mod jws;
mod keys;
mod precedence;
mod proofs;
mod records;
#[path = "../../reference/mod.rs"]
mod reference;
#[path = "../../reference/session.rs"]
mod session;
mod sessions;
#[path = "../../reference/store.rs"]
mod store;
mod stores;
mod tokens;
mod unauthentic;
mod unfit;
mod unreadable;
mod valid;
#[path = "../../kit/vector.rs"]
mod vector;

use std::{fs, path::PathBuf};

use serde::Serialize;

/// Name and text of each file; one vector a line.
fn files() -> Vec<(&'static str, String)> {
    vec![
        ("keys.json", keys::file()),
        ("tokens.json", lines(&tokens::tokens())),
        ("precedence.json", lines(&tokens::precedence())),
        ("records.json", lines(&records::records())),
        ("cookies.json", lines(&cookies::headers())),
        ("chunks.json", lines(&chunks::chunks())),
        ("sessions.json", lines(&sessions::sessions())),
        ("stores.json", lines(&stores::stores())),
        ("device.json", lines(&devices::vectors())),
    ]
}

fn lines<T: Serialize>(vectors: &[T]) -> String {
    let line = |vector| serde_json::to_string(vector).unwrap();
    format!(
        "[\n{}\n]\n",
        vectors.iter().map(line).collect::<Vec<_>>().join(",\n")
    )
}

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", name]
        .iter()
        .collect()
}

#[test]
#[ignore = "writes the vectors"]
fn write() {
    for (name, text) in files() {
        fs::write(path(name), text).unwrap();
    }
}

#[test]
fn files_are_what_the_reference_writes() {
    for (name, text) in files() {
        assert!(
            fs::read_to_string(path(name)).unwrap() == text,
            "{name} differs"
        );
    }
}
