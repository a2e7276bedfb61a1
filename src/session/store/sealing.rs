//! What a store holds, sealed: the keys of records, owners and descriptions. The section "Server-side
//! storage" of the format page has the bytes.

use super::{OwnerKey, RecordKey, Tag};
use crate::{
    KeyId, KeyState, Keyring, OpenError, SealError, Timestamp,
    keys::{KeySlots, extract},
    secret::{Scratch, Secret},
    session::record::{SessionId, TicketSecret},
    token::{self, Body, HEADER_LEN, HeaderBytes, OVERHEAD, VERSION_PADDED, VERSION_PLAIN},
};
use alloc::{string::String, sync::Arc, vec::Vec};
use hkdf::Hkdf;
use rand_core::TryCryptoRng;
use sha2::{Digest as _, Sha256};

/// The keys of what a store holds for one realm and one type of sessions, under one keyring.
pub(crate) struct StoreKeys {
    /// For the secrets of sessions that move from their cookies.
    ring: Keyring,
    realm: String,
    type_name: &'static str,
    pad_to: usize,
    salts: KeySlots,
    owners: KeySlots,
    abouts: KeySlots,
}

/// The secret of a ticket, with the key of its record: a request that opens the record and then saves it derives
/// the key once.
#[derive(Clone)]
pub(crate) struct RecordSecret {
    pub(crate) ticket: TicketSecret,
    /// With the key of the ring under which it was derived last. Shared, so that no copy of it moves about.
    derived: Option<Arc<(KeyId, Secret)>>,
}

/// Sealed bytes that opened.
pub(crate) struct Unsealed {
    pub(crate) plaintext: Scratch,
    pub(crate) issued_at: Timestamp,
    pub(crate) key_state: KeyState,
}

impl StoreKeys {
    pub(crate) fn new(
        ring: &Keyring,
        realm: &str,
        type_name: &'static str,
        pad_to: usize,
    ) -> StoreKeys {
        let derive = |label: &[u8]| {
            ring.derive(&[label, &[0], realm.as_bytes(), &[0], type_name.as_bytes()])
        };
        StoreKeys {
            ring: ring.clone(),
            realm: realm.into(),
            type_name,
            pad_to,
            salts: derive(b"record"),
            owners: derive(b"owner"),
            abouts: derive(b"about"),
        }
    }

    /// Returns the name of a session's record. No key is part of it: a rotation renames no record.
    pub(crate) fn record_key(&self, id: SessionId) -> RecordKey {
        let (realm, type_name) = (self.realm.as_bytes(), self.type_name.as_bytes());
        let mut hash = Sha256::new();
        for part in [b"hardtack record v1", realm, type_name] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(id.to_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        RecordKey::from_bytes(half(&digest))
    }

    /// Returns the names of a subject, one for each key of the ring, the primary's first.
    pub(crate) fn owners(&self, subject: &str) -> Vec<OwnerKey> {
        let owner = |secret: &Secret| {
            // The first step of HKDF is HMAC.
            let (mac, _) = Hkdf::<Sha256>::extract(Some(secret.as_bytes()), subject.as_bytes());
            OwnerKey::from_bytes(half(&mac.into()))
        };
        let secrets = self.owners.secrets();
        secrets.map(|(_, secret)| owner(secret)).collect()
    }

    /// Returns the secrets of a session that moves from its cookie, one for each key of the ring, the
    /// primary's first: two requests that move it at once have to meet in one record.
    pub(crate) fn moved_secrets(&self, id: SessionId) -> Vec<(KeyId, TicketSecret)> {
        let (realm, type_name) = (self.realm.as_bytes(), self.type_name.as_bytes());
        let info: [&[u8]; 7] = [b"move", &[0], realm, &[0], type_name, &[0], &id.to_bytes()];
        let secrets = self.ring.derive(&info);
        let secret =
            |(key, secret): (KeyId, &Secret)| (key, TicketSecret::new(half(secret.as_bytes())));
        secrets.secrets().map(secret).collect()
    }

    /// Returns the length of a sealed record of `len` bytes.
    pub(crate) fn sealed_len(len: usize, pad_to: usize) -> usize {
        token::padded_len(len, pad_to).saturating_add(OVERHEAD)
    }

    /// Returns `true` if the ring has this key, and not as a retired one.
    pub(crate) fn is_in_use(&self, key: KeyId) -> bool {
        let state = self.salts.find(key).map(|(state, _)| state);
        state.is_some_and(|state| !matches!(state, KeyState::Retired(_)))
    }

    pub(crate) fn primary(&self) -> KeyId {
        self.salts.primary().0
    }

    pub(crate) fn seal_record<R: TryCryptoRng + ?Sized>(
        &self,
        secret: &mut RecordSecret,
        key: &RecordKey,
        record: &[u8],
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        let rkey = secret.under(self.salts.primary());
        let (id, rkey) = &*rkey;
        let bound = record_data(key);
        seal((*id, rkey), &bound, record, self.pad_to, now, rng)
    }

    pub(crate) fn open_record(
        &self,
        secret: &mut RecordSecret,
        key: &RecordKey,
        bytes: &[u8],
    ) -> Result<Unsealed, OpenError> {
        let sealed = Sealed::read(&self.salts, bytes)?;
        let rkey = secret.under(sealed.key);
        sealed.open(&rkey.1, &record_data(key))
    }

    pub(crate) fn seal_about<R: TryCryptoRng + ?Sized>(
        &self,
        (key, owner): (&RecordKey, &OwnerKey),
        about: &[u8],
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        let bound = about_data(key, owner);
        seal(self.abouts.primary(), &bound, about, self.pad_to, now, rng)
    }

    pub(crate) fn open_about(
        &self,
        (key, owner): (&RecordKey, &OwnerKey),
        bytes: &[u8],
    ) -> Result<Unsealed, OpenError> {
        let sealed = Sealed::read(&self.abouts, bytes)?;
        sealed.open(sealed.key.1, &about_data(key, owner))
    }
}

impl RecordSecret {
    pub(crate) fn new(ticket: TicketSecret) -> RecordSecret {
        RecordSecret {
            ticket,
            derived: None,
        }
    }

    /// Returns the key of the record under this key of the ring.
    fn under(&mut self, (id, salt): (KeyId, &Secret)) -> Arc<(KeyId, Secret)> {
        let derived = self.derived.take().filter(|derived| derived.0 == id);
        let derived = derived.unwrap_or_else(|| Arc::new((id, record_secret(salt, &self.ticket))));
        Arc::clone(self.derived.insert(derived))
    }
}

impl Tag {
    /// Returns the id of the key that sealed this version: a record begins with the header of a token.
    pub(crate) fn key(&self) -> KeyId {
        HeaderBytes::from_bytes(*self.as_bytes()).key_id()
    }
}

/// The key of one record: nobody has it without the secret in the visitor's cookie.
fn record_secret(salt: &Secret, secret: &TicketSecret) -> Secret {
    let (_, hkdf) = extract(salt.as_bytes(), &*secret.0);
    let mut rkey = Secret::ZERO;
    #[expect(clippy::expect_used, reason = "32 bytes are one block")]
    hkdf.expand(&[], rkey.as_mut_bytes()).expect("32 bytes");
    rkey
}

fn half(bytes: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(bytes) {
        *to = *from;
    }
    half
}

/// The record key is in the associated data, so that no record stands in for another.
fn record_data(key: &RecordKey) -> Vec<u8> {
    [&[1], key.as_bytes().as_slice()].concat()
}

/// The owner is too, so that nobody reads the description of another's session in their own list.
fn about_data(key: &RecordKey, owner: &OwnerKey) -> Vec<u8> {
    [&record_data(key), owner.as_bytes().as_slice()].concat()
}

fn seal<R: TryCryptoRng + ?Sized>(
    (id, secret): (KeyId, &Secret),
    bound: &[u8],
    payload: &[u8],
    pad_to: usize,
    now: Timestamp,
    rng: &mut R,
) -> Result<Vec<u8>, SealError> {
    if now == Timestamp::MAX {
        return Err(SealError::Time);
    }
    let mut random = [0; 16];
    rng.try_fill_bytes(&mut random)
        .map_err(|_| SealError::Randomness)?;
    let needed = StoreKeys::sealed_len(payload.len(), pad_to);
    let too_small = SealError::BufferTooSmall { needed };
    let mut buf = Scratch::zeroed(needed);
    let place = buf.0.get_mut(HEADER_LEN..).ok_or(too_small)?;
    place
        .get_mut(..payload.len())
        .ok_or(too_small)?
        .copy_from_slice(payload);
    let len = token::pad(place, payload.len(), pad_to).ok_or(too_small)?;
    let version = if len == payload.len() {
        VERSION_PLAIN
    } else {
        VERSION_PADDED
    };
    let header = HeaderBytes::new(version, id, now, random);
    token::seal_bytes(secret.as_bytes(), &header, bound, len, &mut buf.0).ok_or(too_small)?;
    Ok(core::mem::take(&mut buf.0))
}

/// Sealed bytes whose key is known.
struct Sealed<'s> {
    header: HeaderBytes,
    body: &'s [u8],
    is_padded: bool,
    key: (KeyId, &'s Secret),
    key_state: KeyState,
}

impl<'s> Sealed<'s> {
    fn read(slots: &'s KeySlots, bytes: &'s [u8]) -> Result<Sealed<'s>, OpenError> {
        let split = bytes.split_first_chunk::<HEADER_LEN>();
        let (header, body) = split
            .filter(|_| bytes.len() >= OVERHEAD)
            .ok_or(OpenError::Invalid)?;
        let header = HeaderBytes::from_bytes(*header);
        let is_padded = match header.version() {
            VERSION_PLAIN => false,
            VERSION_PADDED => true,
            _ => return Err(OpenError::UnknownVersion),
        };
        let id = header.key_id();
        let (key_state, secret) = slots.find(id).ok_or(OpenError::UnknownKey(id))?;
        Ok(Sealed {
            header,
            body,
            is_padded,
            key: (id, secret),
            key_state,
        })
    }

    fn open(&self, key: &Secret, bound: &[u8]) -> Result<Unsealed, OpenError> {
        let mut plaintext = Scratch(self.body.to_vec());
        let body = Body::split(&mut plaintext.0).ok_or(OpenError::Invalid)?;
        let opened = body
            .open(key.as_bytes(), &self.header, bound)
            .map_err(|_| OpenError::Invalid)?;
        let len = match self.is_padded {
            true => token::unpad(opened).ok_or(OpenError::Payload)?.len(),
            false => opened.len(),
        };
        plaintext.0.truncate(len);
        Ok(Unsealed {
            plaintext,
            issued_at: self.header.issued_at(),
            key_state: self.key_state,
        })
    }
}

#[cfg(test)]
mod vectors;
