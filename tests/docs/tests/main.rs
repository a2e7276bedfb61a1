//! Documents against the repository: every statement that a program can check.

mod documented;
mod keys;
mod language;
mod layers;
mod links;
mod operations;
mod readme;
mod security;
mod structure;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}
