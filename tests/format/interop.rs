//! Tokens exchanged with other implementations, in both directions. `tests/interop/run` installs the peers and calls
//! this; a peer is a program that answers one JSON request a line:
//!
//!     HARDTACK_PEERS='node peer.mjs; python libsodium.py' cargo test --test format interop:: -- --ignored

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::kit::{
    library::{codec, name},
    raw::Raw,
    rng::Given,
    vector::{Reads, RingKey, State, Vector},
};
use hardtack::{Codec, Key, Keyring, Timestamp};
use serde_json::{Value, json};

/// Payloads of 0 to 3000 bytes, each length once.
const TOKENS: usize = 3001;
const PURPOSES: [&str; 6] = [
    "",
    "login-link/1",
    "é/1",
    "会話/2",
    "🍪\0/3",
    "\u{10ffff} \u{feff}",
];
const BLOCKS: [usize; 6] = [0, 1, 2, 16, 64, 255];

pub(crate) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(command: &str) -> Peer {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Peer { child, to, from }
    }

    pub(crate) fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.to, "{request}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} to {request}"))
    }

    fn seal(&mut self, vector: &Vector, at: u32, random: Option<[u8; 16]>) -> Value {
        let ask = json!({
            "op": "seal", "master": hex::encode(vector.keys[0].master), "purpose": vector.purpose,
            "ad": vector.ad.as_ref().map(hex::encode), "block": vector.block, "now": at,
            "random": random.map(hex::encode), "payload": vector.payload.as_ref().map(hex::encode),
        });
        self.ask(&ask)["token"].clone()
    }

    fn open(&mut self, vector: &Vector) -> Value {
        let mut ask = serde_json::to_value(vector).unwrap();
        ask["op"] = "open".into();
        self.ask(&ask)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SplitMix64: the same cases in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.roll() as u8).collect()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap()
    }

    pub(crate) fn time(&mut self) -> u32 {
        match self.below(6) {
            0 => 0,
            1 => u32::MAX - 1,
            2 => 1 << 31,
            _ => (self.roll() as u32).min(u32::MAX - 1),
        }
    }

    /// A number of seconds near the difference of two times, or at an end of the range.
    fn near(&mut self, seconds: u32) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            _ => u64::from(seconds)
                .saturating_add(self.below(3))
                .saturating_sub(1),
        }
    }

    fn vector(&mut self, payload: usize) -> Vector {
        let key = |master, state, retired_at| RingKey {
            master,
            state,
            retired_at,
        };
        Vector {
            name: format!("payload of {payload}"),
            keys: vec![
                key(self.array(), State::Primary, None),
                key(self.array(), State::Accepted, None),
            ],
            purpose: PURPOSES[self.below(6) as usize].into(),
            ad: match self.below(4) {
                0 | 1 => None,
                2 => Some(vec![]),
                _ => Some(self.bytes(payload % 200)),
            },
            now: u32::MAX,
            skew: 0,
            max_age: u64::MAX,
            floor: 0,
            limit: 16_384,
            reads: Reads::Bytes,
            token: String::new(),
            payload: Some(self.bytes(payload)),
            block: Some(BLOCKS[self.below(6) as usize]),
            error: None,
            then: vec![],
            key: None,
            comment: String::new(),
        }
    }

    /// Another token: a bit changed, an end cut off, a character replaced or added.
    fn change(&mut self, token: &str) -> String {
        let mut text = token.as_bytes().to_vec();
        let at = self.below(text.len() as u64) as usize;
        match self.below(4) {
            0 => text.truncate(at),
            1 => text.insert(at, b"Aa0-_"[self.below(5) as usize]),
            2 => text[at] = b" =+/.,\n\0*"[self.below(9) as usize],
            _ => {
                let other = loop {
                    let other = b"AQgw_x7-"[self.below(8) as usize];
                    if other != text[at] {
                        break other;
                    }
                };
                text[at] = other;
            }
        }
        String::from_utf8(text).unwrap()
    }
}

fn library_seals(vector: &Vector, at: u32, random: [u8; 16]) -> String {
    let ring = Keyring::new(Key::from_bytes(vector.keys[0].master).unwrap());
    let codec = Codec::new(&ring, &vector.purpose).pad_to(vector.block.unwrap());
    let value = Raw(vector.payload.clone().unwrap());
    let (at, mut random) = (Timestamp::from_unix(at), Given(random));
    match &vector.ad {
        None => codec.seal_with(&value, at, &mut random),
        Some(ad) => codec.bound_to(ad).seal_with(&value, at, &mut random),
    }
    .unwrap()
}

fn library_opens(vector: &Vector) -> Value {
    let (codec, now) = (codec(vector), Timestamp::from_unix(vector.now));
    let opened = match &vector.ad {
        None => codec.open_at::<Raw>(&vector.token, now),
        Some(ad) => codec.bound_to(ad).open_at::<Raw>(&vector.token, now),
    };
    match opened {
        Ok(opened) => json!({
            "error": null, "key": opened.key.to_string(), "payload": hex::encode(opened.value.0),
        }),
        Err(error) => {
            let (name, key) = name(error);
            json!({ "error": name, "key": key, "payload": null })
        }
    }
}

fn exchange(command: &str) {
    let mut peer = Peer::start(command);
    let mut dice = Dice(1);
    let mut refused = 0;
    for len in 0..TOKENS {
        let mut vector = dice.vector(len);
        let (at, random) = (dice.time(), dice.array());
        let payload = hex::encode(vector.payload.as_ref().unwrap());

        vector.token = library_seals(&vector, at, random);
        let token = vector.token.clone();
        assert_eq!(
            peer.seal(&vector, at, Some(random)),
            token,
            "{command}: {vector:?}"
        );
        assert_eq!(
            peer.open(&vector)["payload"],
            payload,
            "{command}: {vector:?}"
        );

        // With the peer's own randomness.
        vector.token = peer.seal(&vector, at, None).as_str().unwrap().into();
        assert_ne!(vector.token, token);
        assert_eq!(
            library_opens(&vector)["payload"],
            payload,
            "{command}: {vector:?}"
        );

        let good = std::mem::take(&mut vector.token);
        vector.token = dice.change(&good);
        let found = library_opens(&vector);
        assert_ne!(found["error"], Value::Null, "{vector:?}");
        assert_eq!(peer.open(&vector), found, "{command}: {vector:?}");

        // An opener with other settings and perhaps without the key.
        vector.token = good;
        vector.now = if dice.below(2) == 0 { dice.time() } else { at };
        (vector.skew, vector.max_age) = (
            dice.near(at.saturating_sub(vector.now)),
            dice.near(vector.now.saturating_sub(at)),
        );
        match dice.below(4) {
            0 => vector.floor = dice.near(at) as u32,
            1 => {
                vector.keys.swap(0, 1);
                (vector.keys[0].state, vector.keys[1].state) = (State::Primary, State::Retired);
                vector.keys[1].retired_at = Some(dice.near(at) as u32);
            }
            2 if dice.below(4) == 0 => drop(vector.keys.remove(0)),
            _ => vector.limit -= dice.below(2) as usize * (vector.limit + 1 - vector.token.len()),
        }
        vector.keys[0].state = State::Primary;
        let found = library_opens(&vector);
        assert_eq!(peer.open(&vector), found, "{command}: {vector:?}");
        refused += usize::from(found["error"] != Value::Null);
    }
    let last_second = peer.seal(&dice.vector(1), u32::MAX, None);
    assert_eq!(
        last_second,
        Value::Null,
        "{command} seals in the last second"
    );
    assert!(
        (TOKENS / 4..TOKENS * 3 / 4).contains(&refused),
        "{refused} refused by settings"
    );
}

#[test]
#[ignore = "needs the peers that `tests/interop/run` installs"]
fn tokens_are_exchanged_with_every_peer() {
    let peers =
        std::env::var("HARDTACK_PEERS").expect("HARDTACK_PEERS lists commands, separated by `;`");
    for command in peers.split(';') {
        exchange(command.trim());
    }
}
