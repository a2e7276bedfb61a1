//! The bench on which token vectors are made. Each is judged by the reference as it is added, and a refused one must
//! be refused for one reason only, except in `precedence`, where at least two compete and the earlier step wins.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::master;
use crate::reference::{self, PADDED, PLAIN, derive, encrypt, expand, header, key_id, prk};
use crate::vector::{Reads, RingKey, State, Vector, name};
use crate::{precedence, unauthentic, unfit, unreadable, valid};

pub const NOW: u32 = 1_700_000_000;

/// An opener and an honest token for it; the fields that a vector is about are changed before use.
#[derive(Clone)]
pub struct Case {
    pub keys: Vec<RingKey>,
    pub purpose: String,
    pub ad: Option<Vec<u8>>,
    pub now: u32,
    pub skew: u64,
    pub max_age: u64,
    pub floor: u32,
    pub limit: usize,
    pub reads: Reads,
    /// Which key seals, by its number in `master`.
    pub sealer: u32,
    pub issued_at: u32,
    pub block: usize,
    pub payload: Vec<u8>,
}

pub fn primary(n: u32) -> RingKey {
    RingKey {
        master: master(n),
        state: State::Primary,
        retired_at: None,
    }
}

pub fn accepted(n: u32) -> RingKey {
    RingKey {
        master: master(n),
        state: State::Accepted,
        retired_at: None,
    }
}

pub fn retired(n: u32, at: u32) -> RingKey {
    RingKey {
        master: master(n),
        state: State::Retired,
        retired_at: Some(at),
    }
}

/// Sixteen bytes that differ from vector to vector.
pub fn random(seed: &str) -> [u8; 16] {
    expand(&prk(&[8; 32]), seed.as_bytes())
}

pub fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 256) as u8).collect()
}

pub fn decode(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token).unwrap()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The token with the bits of `mask` changed in the byte at `index`.
pub fn flip(token: &str, index: usize, mask: u8) -> String {
    let mut bytes = decode(token);
    bytes[index] ^= mask;
    encode(bytes)
}

pub fn case() -> Case {
    Case {
        keys: vec![primary(0)],
        purpose: "greeting/1".into(),
        ad: None,
        now: NOW,
        skew: 60,
        max_age: 86_400,
        floor: 0,
        limit: 16_384,
        reads: Reads::Bytes,
        sealer: 0,
        issued_at: NOW,
        block: 0,
        payload: b"\x05hello".to_vec(),
    }
}

impl Case {
    pub fn with(mut self, change: impl FnOnce(&mut Case)) -> Case {
        change(&mut self);
        self
    }

    pub fn version(&self) -> u8 {
        if self.block > 1 { PADDED } else { PLAIN }
    }

    pub fn key(&self) -> [u8; 32] {
        derive(&master(self.sealer), "seal", self.purpose.as_bytes())
    }

    pub fn header(&self, seed: &str) -> [u8; 24] {
        header(
            self.version(),
            key_id(&master(self.sealer)),
            self.issued_at,
            random(seed),
        )
    }

    /// The honest token.
    pub fn token(&self, seed: &str) -> String {
        let scope = ("seal", self.purpose.as_bytes());
        let once = (self.issued_at, random(seed));
        reference::seal(
            &master(self.sealer),
            scope,
            self.ad.as_deref(),
            self.block,
            once,
            &self.payload,
        )
        .unwrap()
    }

    /// Authentic under the sealer's key, whatever the header says and the plaintext is.
    pub fn forged_by_the_sealer(&self, header: [u8; 24], plaintext: &[u8]) -> String {
        encrypt(&self.key(), &header, self.ad.as_deref(), plaintext)
    }

    fn vector(&self, name: &str, token: String) -> Vector {
        Vector {
            name: name.into(),
            keys: self.keys.clone(),
            purpose: self.purpose.clone(),
            ad: self.ad.clone(),
            now: self.now,
            skew: self.skew,
            max_age: self.max_age,
            floor: self.floor,
            limit: self.limit,
            reads: self.reads,
            token,
            payload: None,
            block: None,
            error: None,
            then: vec![],
            key: None,
            comment: String::new(),
        }
    }
}

#[derive(Default)]
pub struct Bench {
    names: HashSet<String>,
    vectors: Vec<Vector>,
}

impl Bench {
    fn add(&mut self, vector: Vector) {
        assert!(
            self.names.insert(vector.name.clone()),
            "two vectors {}",
            vector.name
        );
        self.vectors.push(vector);
    }

    /// An honest token that opens, and that sealing with the same inputs makes again.
    pub fn good(&mut self, name: &str, comment: &str, case: Case) {
        let token = case.token(name);
        self.good_token(name, comment, case.clone(), token);
        self.vectors.last_mut().unwrap().block = Some(case.block);
    }

    /// A token that opens although no sealer of ours writes it so.
    pub fn good_token(&mut self, name: &str, comment: &str, case: Case, token: String) {
        let mut vector = case.vector(name, token);
        let opened = vector
            .open_with_reference()
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(
            (&opened.payload, opened.issued_at),
            (&case.payload, case.issued_at),
            "{name}"
        );
        vector.payload = Some(opened.payload);
        vector.key = Some(hex::encode(opened.key));
        vector.comment = comment.into();
        self.add(vector);
    }

    /// The honest token of the case is refused.
    pub fn bad(&mut self, name: &str, comment: &str, case: Case, error: &str) {
        let token = case.token(name);
        self.bad_token(name, comment, case, token, error);
    }

    pub fn bad_token(&mut self, name: &str, comment: &str, case: Case, token: String, error: &str) {
        let vector = self.refused(name, comment, case, token);
        assert_eq!(failures(&vector), [error], "{name}");
        assert_eq!(vector.error.as_deref(), Some(error), "{name}");
        self.add(vector);
    }

    /// Refused for `first`, though `then` would be found as well.
    pub fn both(&mut self, name: &str, case: Case, token: String, first: &str, then: &str) {
        let comment = format!("{first} is tested before {then}");
        let mut vector = self.refused(name, &comment, case, token);
        assert_eq!(vector.error.as_deref(), Some(first), "{name}");
        vector.then.push(then.into());
        self.add(vector);
    }

    fn refused(&self, label: &str, comment: &str, case: Case, token: String) -> Vector {
        let mut vector = case.vector(label, token);
        let error = vector.open_with_reference().expect_err(label);
        if let reference::Error::UnknownKey(id) = error {
            vector.key = Some(hex::encode(id));
        }
        vector.error = Some(name(error).into());
        vector.comment = comment.into();
        vector
    }
}

/// Every reason to refuse the vector: each judgement of time by itself, and what remains when none is made.
fn failures(vector: &Vector) -> Vec<&'static str> {
    let mut found = vec![];
    if vector.token.len() > vector.limit {
        found.push("TooLong");
    }
    let mut lenient = vector.clone();
    (lenient.limit, lenient.skew, lenient.max_age, lenient.floor) =
        (usize::MAX, u64::MAX, u64::MAX, 0);
    lenient
        .keys
        .iter_mut()
        .for_each(|key| key.retired_at = None);
    let header = URL_SAFE_NO_PAD.decode(&vector.token).unwrap_or_default();
    let at = header
        .get(4..8)
        .map_or(0, |at| u32::from_be_bytes(at.try_into().unwrap()));
    match lenient.open_with_reference() {
        Err(reference::Error::NotYetValid) => assert_eq!(at, u32::MAX),
        Err(error) => found.push(name(error)),
        Ok(_) => {}
    }
    if header.len() < 40 {
        return found;
    }
    let (now, at) = (u64::from(vector.now), u64::from(at));
    let retired = vector
        .keys
        .iter()
        .find(|key| key_id(&key.master) == header[1..4]);
    let retired = retired
        .and_then(|key| key.retired_at)
        .map_or(u64::MAX, u64::from);
    let late = at > retired.saturating_add(vector.skew);
    for (fails, error) in [
        (
            at > now.saturating_add(vector.skew) || at == u64::from(u32::MAX),
            "NotYetValid",
        ),
        (at < u64::from(vector.floor) || late, "Revoked"),
        (now.saturating_sub(at) > vector.max_age, "Expired"),
    ] {
        if fails {
            found.push(error);
        }
    }
    found
}

pub fn tokens() -> Vec<Vector> {
    let mut bench = Bench::default();
    valid::add(&mut bench);
    unreadable::add(&mut bench);
    unauthentic::add(&mut bench);
    unfit::add(&mut bench);
    bench.vectors
}

pub fn precedence() -> Vec<Vector> {
    let mut bench = Bench::default();
    precedence::add(&mut bench);
    bench.vectors
}
