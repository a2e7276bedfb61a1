//! Tickets, and what a store holds, by the section "Server-side storage" of the format page: the third part of the oracle.
#![allow(dead_code, reason = "each test uses a part")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orion::hazardous::aead::xchacha20poly1305::{Nonce, SecretKey, XChaCha20Poly1305};
use orion::hazardous::hash::sha2::sha256::Sha256;
use orion::hazardous::kdf::hkdf::{Hkdf, SHA256};
use orion::hazardous::mac::hmac::sha256::{HmacSha256, SecretKey as MacKey};

use crate::reference::{self, Error, PADDED, PLAIN, derive, expand, key_id, prk};
use crate::session::{LOGIN, REMEMBERED, Reader, RecordError, varint};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: [u8; 16],
    pub login_id: [u8; 8],
    pub flags: u8,
    pub secret: [u8; 16],
    /// Created-at, idle limit, lifetime, longest.
    pub times: [u32; 4],
}

pub fn write_ticket(ticket: &Ticket) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend(ticket.id);
    bytes.extend(ticket.login_id);
    bytes.push(ticket.flags);
    bytes.extend(ticket.secret);
    for time in ticket.times {
        bytes.extend(varint(u64::from(time)));
    }
    bytes
}

pub fn read_ticket(payload: &[u8]) -> Result<Ticket, RecordError> {
    let malformed = RecordError::Payload;
    let mut reader = Reader(payload);
    if reader.byte().ok_or(malformed)? != 2 {
        return Err(RecordError::UnknownLayout);
    }
    let id = reader.array().ok_or(malformed)?;
    let login_id = reader.array().ok_or(malformed)?;
    let flags = reader.byte().ok_or(malformed)?;
    if flags & !(REMEMBERED | LOGIN) != 0 {
        return Err(RecordError::UnknownLayout);
    }
    let secret = reader.array().ok_or(malformed)?;
    let mut times = [0; 4];
    for time in &mut times {
        *time = reader.number().ok_or(malformed)?;
    }
    if !reader.0.is_empty() {
        return Err(malformed);
    }
    Ok(Ticket {
        id,
        login_id,
        flags,
        secret,
        times,
    })
}

/// Realm and type of a session: the purpose of `record`, `owner` and `about`.
pub fn place(realm: &str, session: &str) -> Vec<u8> {
    [realm, session].join("\0").into_bytes()
}

pub fn record_key(place: &[u8], id: &[u8; 16]) -> [u8; 16] {
    let digest = Sha256::digest(&[b"hardtack record v1\0", place, &[0], id].concat()).unwrap();
    digest.as_ref()[..16].try_into().unwrap()
}

pub fn owner(master: &[u8; 32], place: &[u8], subject: &str) -> [u8; 16] {
    let key = MacKey::try_from(&derive(master, "owner", place)[..]).unwrap();
    let tag = HmacSha256::hmac(&key, subject.as_bytes()).unwrap();
    tag.unprotected_as_ref()[..16].try_into().unwrap()
}

pub fn rkey(master: &[u8; 32], place: &[u8], secret: &[u8; 16]) -> [u8; 32] {
    let salt = derive(master, "record", place);
    let tag = Hkdf::<SHA256>::extract(&salt, secret).unwrap();
    expand(&tag.unprotected_as_ref().try_into().unwrap(), b"")
}

/// The secret of a session that moves from its cookie into a store.
pub fn moved_secret(master: &[u8; 32], place: &[u8], id: &[u8; 16]) -> [u8; 16] {
    expand(&prk(master), &[b"move\0", place, &[0], id].concat())
}

/// The bytes of a token: any header over any plaintext, bound to a record key, and a description to its owner too.
pub fn encrypt(key: &[u8; 32], header: &[u8; 24], bound: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let token = reference::encrypt(key, header, Some(bound), plaintext);
    URL_SAFE_NO_PAD.decode(token).unwrap()
}

/// What the bytes hold. `key` is what a master key makes of the secret, or of the label `about`. No time is judged.
pub fn open(
    masters: &[[u8; 32]],
    key: impl Fn(&[u8; 32]) -> [u8; 32],
    bound: &[u8],
    bytes: &[u8],
) -> Result<Vec<u8>, Error> {
    let (header, boxed) = bytes.split_first_chunk::<24>().ok_or(Error::Invalid)?;
    let len = boxed.len().checked_sub(16).ok_or(Error::Invalid)?;
    if !matches!(header[0], PLAIN | PADDED) {
        return Err(Error::UnknownVersion);
    }
    let id: [u8; 3] = header[1..4].try_into().unwrap();
    let master = masters.iter().find(|master| key_id(master) == id);
    let key = SecretKey::from(key(master.ok_or(Error::UnknownKey(id))?));
    let (nonce, ad) = (Nonce::from(*header), [&[1], bound].concat());
    let mut plaintext = vec![0; len];
    XChaCha20Poly1305::open(&key, &nonce, boxed, Some(&ad), &mut plaintext)
        .map_err(|_| Error::Invalid)?;
    if header[0] == PADDED {
        let end = plaintext.iter().rposition(|byte| *byte != 0);
        let end = end.filter(|end| plaintext[*end] == 0x80);
        plaintext.truncate(end.ok_or(Error::Payload)?);
    }
    Ok(plaintext)
}

/// Id, created-at and text of a description.
pub fn read_description(plaintext: &[u8]) -> Option<([u8; 16], u32, String)> {
    let mut reader = Reader(plaintext);
    let (id, created_at) = (reader.array()?, reader.number()?);
    let text = String::from_utf8(reader.0.to_vec()).ok()?;
    Some((id, created_at, text))
}

pub fn write_description(id: [u8; 16], created_at: u32, text: &str) -> Vec<u8> {
    [&id[..], &varint(u64::from(created_at)), text.as_bytes()].concat()
}
