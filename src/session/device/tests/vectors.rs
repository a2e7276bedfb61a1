//! Checks the test vectors of device binding. The reference implementation wrote them.

use crate::session::device::{jws::Proof, verify::KEY_LEN};
use alloc::{format, vec::Vec};
use serde_json::Value;
use std::fs;

fn vectors(kind: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/device.json", env!("CARGO_MANIFEST_DIR"));
    let all: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let of_kind: Vec<Value> = all
        .into_iter()
        .filter(|line| line["kind"] == kind)
        .collect();
    assert!(of_kind.len() > 5, "{kind}");
    of_kind
}

/// Returns `None` for null.
fn device_key(vector: &Value, field: &str) -> Option<[u8; KEY_LEN]> {
    let key = hex::decode(vector[field].as_str()?).unwrap();
    Some(key.try_into().unwrap())
}

#[test]
fn signatures() {
    for vector in vectors("jws") {
        let value = vector["value"].as_str().unwrap().as_bytes();
        let asked = device_key(&vector, "device_key");
        let judge = |proof: &Proof| {
            let key = asked.or(proof.key().copied()).ok_or("NoKey")?;
            let is_signed = proof.is_signed_by(&key);
            is_signed.then_some(key).ok_or("Unsigned")
        };
        let proof = Proof::read(value);
        let found = proof.as_ref().ok_or("Unreadable").and_then(judge);
        let name = &vector["name"];
        assert_eq!(found.err(), vector["error"].as_str(), "{name}");
        assert_eq!(found.ok(), device_key(&vector, "key"), "{name}");
        if let Some(challenge) = vector["challenge"].as_str() {
            assert_eq!(proof.unwrap().challenge(), challenge, "{name}");
        }
    }
}
