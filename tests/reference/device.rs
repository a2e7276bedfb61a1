//! Proof cookies, challenges and identifiers, by the section "Device binding" of the format page: the fourth part of the
//! oracle.
#![allow(dead_code, reason = "each test uses a part")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orion::hazardous::hash::sha2::sha256::Sha256;

use crate::reference::{self, Error, Key, Opened, Opener};
use crate::session::{Reader, cookies};

pub const PROOF: &str = "device-proof";
pub const CHALLENGE: &str = "device-challenge";
const LIMIT: usize = 16_384;

/// Name, realm and type of a session cookie.
pub type Cookie = [&'static str; 3];

pub fn purpose(cookie: &Cookie) -> Vec<u8> {
    cookie.join("\0").into_bytes()
}

pub fn identifier(device_key: &[u8; 33]) -> String {
    let digest = Sha256::digest(device_key).unwrap();
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

/// The payload of a proof cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub login_id: [u8; 8],
    pub device_key: [u8; 33],
}

pub fn write_proof(proof: &Proof) -> Vec<u8> {
    [&proof.login_id[..], &proof.device_key].concat()
}

pub fn read_proof(payload: &[u8]) -> Option<Proof> {
    let mut reader = Reader(payload);
    let proof = Proof {
        login_id: reader.array()?,
        device_key: reader.array().filter(|key| matches!(key[0], 2 | 3))?,
    };
    reader.0.is_empty().then_some(proof)
}

/// The settings of a reader.
#[derive(Clone)]
pub struct Site {
    pub keys: Vec<Key>,
    /// The present cookie and the former ones.
    pub cookies: Vec<Cookie>,
    pub now: u32,
    pub skew: u64,
    pub floor: u32,
    /// Seconds that a proof counts, without the skew.
    pub lifetime: u64,
}

/// Why a proof does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Token(Error),
    OtherLogin,
    OtherKey,
}

/// What is said of each proof, in the order tried: issued-at and device key of one that counts.
pub type Tried = Vec<Result<(u32, [u8; 33]), Refused>>;

impl Site {
    fn opener<'a>(&'a self, label: &'a str, purpose: &'a [u8], max_age: u64) -> Opener<'a> {
        Opener {
            keys: &self.keys,
            label,
            purpose,
            ad: None,
            now: self.now,
            skew: self.skew,
            max_age,
            floor: self.floor,
            limit: LIMIT,
        }
    }

    /// The token by the first of the cookies of this name that it is for.
    pub fn open_for(
        &self,
        label: &str,
        name: &str,
        token: &str,
        max_age: u64,
    ) -> Result<Opened, Error> {
        for cookie in self.cookies.iter().filter(|cookie| cookie[0] == name) {
            let opened = reference::open(&self.opener(label, &purpose(cookie), max_age), token);
            if opened != Err(Error::Invalid) {
                return opened;
            }
        }
        Err(Error::Invalid)
    }

    /// What the proofs of a request say for a record of this login, with this device key.
    pub fn try_proofs(
        &self,
        lines: &[Vec<u8>],
        login_id: [u8; 8],
        device_key: Option<[u8; 33]>,
    ) -> Tried {
        let judge = |(name, token): (&str, String)| {
            let max_age = self.lifetime + self.skew;
            let opened = self.open_for(PROOF, name, &token, max_age);
            let opened = opened.map_err(Refused::Token)?;
            let proof = read_proof(&opened.payload).ok_or(Refused::Token(Error::Payload))?;
            if proof.login_id != login_id {
                return Err(Refused::OtherLogin);
            }
            if device_key.is_some_and(|key| key != proof.device_key) {
                return Err(Refused::OtherKey);
            }
            Ok((opened.issued_at, proof.device_key))
        };
        self.proofs(lines).into_iter().map(judge).collect()
    }

    /// The proof cookies that are tried, each with the name of its session cookie.
    fn proofs(&self, lines: &[Vec<u8>]) -> Vec<(&'static str, String)> {
        let (mut found, mut names, mut sum) = (vec![], vec![], 0);
        for [name, ..] in &self.cookies {
            if names.contains(name) {
                continue;
            }
            names.push(name);
            for (pair, token) in cookies(lines) {
                let one = (*name, token);
                if pair != format!("{name}-bound") || found.contains(&one) {
                    continue;
                }
                sum += one.1.len();
                if found.len() == 16 || sum > 64 * 1024 {
                    return found;
                }
                found.push(one);
            }
        }
        found
    }

    /// Whether the token is a good challenge, by the first of the cookies that it is for.
    pub fn open_challenge(&self, challenge: &Challenge, token: &str) -> Result<(), Error> {
        let ad = challenge.bound_to();
        for cookie in &self.cookies {
            let purpose = purpose(cookie);
            let bound = Opener {
                ad: Some(&ad),
                ..self.opener(CHALLENGE, &purpose, challenge.max_age())
            };
            let opened = reference::open(&bound, token);
            if opened == Err(Error::Invalid) {
                continue;
            }
            let good = opened?.payload.is_empty();
            return good.then_some(()).ok_or(Error::Payload);
        }
        Err(Error::Invalid)
    }
}

/// The key that the record counts with, or takes: the latest, and the first of several of one second.
pub fn proven(tried: &Tried) -> Option<[u8; 33]> {
    let mut best: Option<(u32, [u8; 33])> = None;
    for (issued_at, key) in tried.iter().flatten() {
        if best.is_none_or(|(latest, _)| *issued_at > latest) {
            best = Some((*issued_at, *key));
        }
    }
    best.map(|(_, key)| key)
}

/// What a challenge is for.
#[derive(Clone, Copy)]
pub enum Challenge {
    /// Of this login.
    Registration([u8; 8]),
    /// Of this device key.
    Refresh([u8; 33]),
}

impl Challenge {
    /// What follows the first byte of the associated data.
    pub fn bound_to(&self) -> Vec<u8> {
        match self {
            Challenge::Registration(login_id) => [&[0][..], login_id].concat(),
            Challenge::Refresh(device_key) => [&[1][..], device_key].concat(),
        }
    }

    pub fn max_age(&self) -> u64 {
        match self {
            Challenge::Registration(_) => 300,
            Challenge::Refresh(_) => 60,
        }
    }
}
