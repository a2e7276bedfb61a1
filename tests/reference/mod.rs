//! The token format of the format page, straight down, on other primitives than the library's: the oracle of the vectors,
//! the property tests and the fuzz targets. Written from the document alone, so nothing here imports hardtack.
//! Time, randomness and every setting are parameters. Panics only on what a test itself got wrong.
#![allow(dead_code, reason = "each test uses a part")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orion::hazardous::aead::xchacha20poly1305::{Nonce, SecretKey, XChaCha20Poly1305};
use orion::hazardous::kdf::hkdf::{Hkdf, SHA256};
use orion::hazardous::mac::hmac::sha256::Tag;

pub const PLAIN: u8 = 0x84;
pub const PADDED: u8 = 0x85;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    TooLong,
    Invalid,
    UnknownVersion,
    UnknownKey([u8; 3]),
    NotYetValid,
    Revoked,
    Expired,
    Payload,
}

/// A key of the opener's ring; `retired` is the Unix second of its retirement.
#[derive(Clone, Copy)]
pub struct Key {
    pub master: [u8; 32],
    pub retired: Option<u32>,
}

/// The opener's settings of today. Durations are seconds, `limit` is bytes of token text.
#[derive(Clone, Copy)]
pub struct Opener<'a> {
    pub keys: &'a [Key],
    pub label: &'a str,
    pub purpose: &'a [u8],
    pub ad: Option<&'a [u8]>,
    pub now: u32,
    pub skew: u64,
    pub max_age: u64,
    pub floor: u32,
    pub limit: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub payload: Vec<u8>,
    pub issued_at: u32,
    pub key: [u8; 3],
}

pub fn prk(master: &[u8; 32]) -> [u8; 32] {
    let tag = Hkdf::<SHA256>::extract(b"hardtack v1", master).unwrap();
    tag.unprotected_as_ref().try_into().unwrap()
}

pub fn expand<const N: usize>(prk: &[u8; 32], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<SHA256>::expand(&Tag::from(*prk), Some(info), &mut out).unwrap();
    out
}

pub fn key_id(master: &[u8; 32]) -> [u8; 3] {
    expand(&prk(master), b"key id")
}

pub fn derive(master: &[u8; 32], label: &str, purpose: &[u8]) -> [u8; 32] {
    expand(&prk(master), &[label.as_bytes(), &[0], purpose].concat())
}

pub fn header(version: u8, key_id: [u8; 3], issued_at: u32, random: [u8; 16]) -> [u8; 24] {
    let header = [&[version][..], &key_id, &issued_at.to_be_bytes(), &random].concat();
    header.try_into().unwrap()
}

fn associated(ad: Option<&[u8]>) -> Vec<u8> {
    ad.map_or(vec![], |bytes| [&[1], bytes].concat())
}

/// Any header over any plaintext: what an honest sealer does not write comes from here too.
pub fn encrypt(key: &[u8; 32], header: &[u8; 24], ad: Option<&[u8]>, plaintext: &[u8]) -> String {
    let mut boxed = vec![0; plaintext.len() + 16];
    let (key, nonce) = (SecretKey::from(*key), Nonce::from(*header));
    XChaCha20Poly1305::seal(&key, &nonce, plaintext, Some(&associated(ad)), &mut boxed).unwrap();
    URL_SAFE_NO_PAD.encode([&header[..], &boxed].concat())
}

/// Block 0 or 1: no padding. None: the time is the last of the u32, which no token may carry.
pub fn seal(
    master: &[u8; 32],
    (label, purpose): (&str, &[u8]),
    ad: Option<&[u8]>,
    block: usize,
    (issued_at, random): (u32, [u8; 16]),
    payload: &[u8],
) -> Option<String> {
    let mut plaintext = payload.to_vec();
    if block > 1 {
        plaintext.push(0x80);
        plaintext.resize(plaintext.len().next_multiple_of(block), 0);
    }
    let version = if block > 1 { PADDED } else { PLAIN };
    let header = header(version, key_id(master), issued_at, random);
    (issued_at != u32::MAX)
        .then(|| encrypt(&derive(master, label, purpose), &header, ad, &plaintext))
}

pub fn open(opener: &Opener, token: &str) -> Result<Opened, Error> {
    let need = |good: bool, error: Error| if good { Ok(()) } else { Err(error) };
    need(token.len() <= opener.limit, Error::TooLong)?;
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::Invalid)?;
    let (header, boxed) = bytes.split_first_chunk::<24>().ok_or(Error::Invalid)?;
    need(boxed.len() >= 16, Error::Invalid)?;
    need(matches!(header[0], PLAIN | PADDED), Error::UnknownVersion)?;
    let id: [u8; 3] = header[1..4].try_into().unwrap();
    let ring_key = opener.keys.iter().find(|key| key_id(&key.master) == id);
    let ring_key = ring_key.ok_or(Error::UnknownKey(id))?;
    let key = SecretKey::from(derive(&ring_key.master, opener.label, opener.purpose));
    let (nonce, ad) = (Nonce::from(*header), associated(opener.ad));
    let mut payload = vec![0; boxed.len() - 16];
    let opened = XChaCha20Poly1305::open(&key, &nonce, boxed, Some(&ad), &mut payload);
    need(opened.is_ok(), Error::Invalid)?;
    let issued_at = u32::from_be_bytes(header[4..8].try_into().unwrap());
    let (now, at) = (u64::from(opener.now), u64::from(issued_at));
    let plus_skew = |time: u64| time.saturating_add(opener.skew);
    need(
        at <= plus_skew(now) && issued_at != u32::MAX,
        Error::NotYetValid,
    )?;
    need(issued_at >= opener.floor, Error::Revoked)?;
    let retired = ring_key.retired.map_or(u64::MAX, u64::from);
    need(at <= plus_skew(retired), Error::Revoked)?;
    need(now.saturating_sub(at) <= opener.max_age, Error::Expired)?;
    if header[0] == PADDED {
        let end = payload.iter().rposition(|byte| *byte != 0);
        let end = end.filter(|end| payload[*end] == 0x80);
        payload.truncate(end.ok_or(Error::Payload)?);
    }
    Ok(Opened {
        payload,
        issued_at,
        key: id,
    })
}
