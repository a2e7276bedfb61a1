//! Checks the test vectors of Cookie headers and of split tokens. The reference implementation
//! wrote them.

use super::session_cookie::{CandidateBudget, candidates};
use alloc::{format, string::String, vec::Vec};
use memchr::memmem::Finder;
use std::fs;

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    cookie: String,
    headers: Vec<String>,
    tokens: Vec<Option<String>>,
}

/// Decodes each `\xNN` to a byte.
fn unescape(header: &str) -> Vec<u8> {
    let mut parts = header.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

/// Checks every vector of a file and returns their number.
fn judge(file: &str) -> usize {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let vectors: Vec<Vector> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for vector in &vectors {
        let headers: Vec<Vec<u8>> = vector.headers.iter().map(|text| unescape(text)).collect();
        let header = headers.join(&b"; "[..]);
        let budget = &mut CandidateBudget::default();
        let found: Vec<Option<String>> = candidates(&header, &Finder::new(&vector.cookie), budget)
            .map(|candidate| String::from_utf8(candidate.ok()?.into_owned()).ok())
            .collect();
        assert!(found == vector.tokens, "{}", vector.name);
    }
    vectors.len()
}

#[test]
fn cookie_headers() {
    assert!(judge("cookies.json") >= 70);
}

#[test]
fn cut_tokens() {
    assert!(judge("chunks.json") >= 60);
}
