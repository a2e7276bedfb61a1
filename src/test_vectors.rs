//! The test vectors of a file that has several kinds.

use alloc::{format, vec::Vec};
use serde_json::Value;
use std::fs;

/// Returns the vectors of one kind in a file of `tests/vectors/`.
pub(crate) fn of_kind(file: &str, kind: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let all: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let of_kind: Vec<Value> = all
        .into_iter()
        .filter(|line| line["kind"] == kind)
        .collect();
    assert!(of_kind.len() > 5, "{kind}");
    of_kind
}
