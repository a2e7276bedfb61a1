//! Key derivation: every intermediate value, and two masters whose key ids collide.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::reference::{derive, expand, key_id, prk};

/// The n-th key of the vectors: pseudo-random, and published with them.
pub fn master(n: u32) -> [u8; 32] {
    expand(&prk(&[7; 32]), format!("vector key {n}").as_bytes())
}

fn colliding() -> ([u8; 32], [u8; 32]) {
    let mut seen = HashMap::new();
    let mut n = 0;
    loop {
        if let Some(earlier) = seen.insert(key_id(&master(n)), n) {
            return (master(earlier), master(n));
        }
        n += 1;
    }
}

fn derivation(n: u32, label: &str, purpose: &str) -> Value {
    let master = master(n);
    json!({
        "master": hex::encode(master),
        "prk": hex::encode(prk(&master)),
        "key_id": hex::encode(key_id(&master)),
        "label": label,
        "purpose": purpose,
        "key": hex::encode(derive(&master, label, purpose.as_bytes())),
    })
}

pub fn file() -> String {
    let seal = [
        "",
        "greeting/1",
        "login-link/1",
        "é/1",
        "e\u{301}/1",
        "会話/2",
        "🍪/3",
        "\0",
        " a ",
    ];
    let cookie = [
        "__Host-session\0\0",
        "__Host-session\0\0account",
        "__Host-session\0staging\0",
        "session\0mandant-ä\0konto",
    ];
    let mut derivations: Vec<Value> = (0..4)
        .flat_map(|n| seal.map(|purpose| derivation(n, "seal", purpose)))
        .collect();
    derivations.extend(cookie.map(|purpose| derivation(0, "cookie", purpose)));
    let (one, other) = colliding();
    let derivations = crate::lines(&derivations);
    let colliding = json!([hex::encode(one), hex::encode(other)]);
    format!("{{\n\"colliding\": {colliding},\n\"derivations\": {derivations}}}\n")
}
