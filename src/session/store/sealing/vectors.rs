//! Checks the test vectors of server-side storage. The reference implementation wrote them.

use super::{RecordSecret, StoreKeys, record_secret};
use crate::{
    Key, Keyring, OpenError, Timestamp,
    session::{
        record::{About, Record, RecordError, SessionId, Ticket, TicketSecret},
        store::{OwnerKey, RecordKey},
    },
    test_vectors::of_kind,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

fn vectors(kind: &str) -> Vec<Value> {
    of_kind("stores.json", kind)
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(vector: &Value, field: &str) -> [u8; N] {
    bytes(vector, field).try_into().unwrap()
}

fn leak(vector: &Value, field: &str) -> &'static str {
    Box::leak(vector[field].as_str().unwrap().into())
}

fn key(hex: &str) -> Key {
    Key::derive_from(&hex::decode(hex).unwrap().try_into().unwrap())
}

fn keys(vector: &Value) -> StoreKeys {
    let masters = vector["masters"].as_array();
    let masters = masters.map_or_else(
        || Vec::from([&vector["master"]]),
        |all| all.iter().collect(),
    );
    let mut masters = masters
        .into_iter()
        .map(|master| key(master.as_str().unwrap()));
    let primary = Keyring::new(masters.next().unwrap());
    let ring = masters.fold(primary, |ring, key| ring.accept(key).unwrap());
    StoreKeys::new(&ring, leak(vector, "realm"), leak(vector, "session"), 1)
}

fn error(error: OpenError) -> &'static str {
    match error {
        OpenError::Invalid => "Invalid",
        OpenError::UnknownKey(_) => "UnknownKey",
        OpenError::UnknownVersion => "UnknownVersion",
        OpenError::Payload => "Payload",
        other => panic!("{other}"),
    }
}

fn record_error(error: RecordError) -> &'static str {
    match error {
        RecordError::UnknownLayout => "UnknownLayout",
        RecordError::Malformed => "Payload",
    }
}

#[test]
fn derived_keys() {
    for vector in vectors("keys") {
        let keys = keys(&vector);
        let (name, id) = (&vector["name"], SessionId::from_bytes(array(&vector, "id")));
        let secret = TicketSecret::new(array(&vector, "secret"));
        let owners = keys.owners(vector["subject"].as_str().unwrap());
        let moved = keys.moved_secrets(id);
        let salt = keys.salts.primary().1;
        let rkey = record_secret(salt, &secret);
        assert_eq!(
            keys.record_key(id).as_bytes()[..],
            bytes(&vector, "record_key"),
            "{name}"
        );
        assert_eq!(owners[0].as_bytes()[..], bytes(&vector, "owner"), "{name}");
        assert_eq!(moved[0].1.0[..], bytes(&vector, "moved_secret"), "{name}");
        assert_eq!(rkey.as_bytes()[..], bytes(&vector, "rkey"), "{name}");
        assert_eq!(
            keys.abouts.primary().1.as_bytes()[..],
            bytes(&vector, "about"),
            "{name}"
        );
    }
}

#[test]
fn tickets() {
    for vector in vectors("ticket") {
        let (name, ticket) = (&vector["name"], bytes(&vector, "ticket"));
        let read = Ticket::decode(&ticket);
        let refused = read.as_ref().err().copied().map(record_error);
        assert_eq!(refused, vector["error"].as_str(), "{name}");
        if let Ok(read) = read {
            assert_eq!(read.encode(), ticket, "{name}");
            let fields = &vector["fields"];
            assert_eq!(
                read.ids.session.to_bytes()[..],
                bytes(fields, "id"),
                "{name}"
            );
            assert_eq!(
                read.ids.login.to_bytes()[..],
                bytes(fields, "login_id"),
                "{name}"
            );
            assert_eq!(read.secret.0[..], bytes(fields, "secret"), "{name}");
            assert_eq!(fields["remembered"], read.remembered, "{name}");
            assert_eq!(fields["login"], read.by_login, "{name}");
            assert_eq!(fields["created_at"], read.created_at.to_unix(), "{name}");
            assert_eq!(fields["idle_limit"], read.idle_limit, "{name}");
            assert_eq!(fields["lifetime"], read.lifetime, "{name}");
            assert_eq!(fields["longest"], read.longest, "{name}");
        }
    }
}

#[test]
fn records() {
    for vector in vectors("record") {
        let (name, keys) = (&vector["name"], keys(&vector));
        let mut secret = RecordSecret::new(TicketSecret::new(array(&vector, "secret")));
        let key = RecordKey::from_bytes(array(&vector, "record_key"));
        let opened = keys.open_record(&mut secret, &key, &bytes(&vector, "bytes"));
        let record = opened.map_err(error).and_then(|opened| {
            Record::decode(&opened.plaintext.0).map_err(record_error)?;
            Ok(opened.plaintext.0.clone())
        });
        assert_eq!(
            record.as_ref().err().copied(),
            vector["error"].as_str(),
            "{name}"
        );
        if let Ok(record) = record {
            assert_eq!(record, bytes(&vector, "record"), "{name}");
        }
    }
}

#[test]
fn descriptions() {
    for vector in vectors("description") {
        let (name, keys) = (&vector["name"], keys(&vector));
        let key = RecordKey::from_bytes(array(&vector, "record_key"));
        let owner = OwnerKey::from_bytes(array(&vector, "owner"));
        let opened = keys.open_about((&key, &owner), &bytes(&vector, "bytes"));
        let about = opened
            .map_err(error)
            .and_then(|opened| About::decode(&opened.plaintext.0).map_err(record_error));
        assert_eq!(
            about.as_ref().err().copied(),
            vector["error"].as_str(),
            "{name}"
        );
        if let Ok(about) = about {
            let fields = &vector["fields"];
            assert_eq!(about.id.to_bytes()[..], bytes(fields, "id"), "{name}");
            assert_eq!(fields["created_at"], about.created_at.to_unix(), "{name}");
            assert_eq!(fields["text"], about.text, "{name}");
        }
    }
}

/// Gives the random field of a header.
struct Given([u8; 16]);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unimplemented!()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unimplemented!()
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

#[test]
fn what_is_sealed_is_what_the_vectors_have() {
    let mut sealed: Vec<String> = Vec::new();
    for (kind, field) in [("record", "record"), ("description", "fields")] {
        for vector in vectors(kind) {
            let bytes = bytes(&vector, "bytes");
            if vector["error"].is_string() || bytes[0] != 0x84 {
                continue;
            }
            let keys = keys(&vector);
            let key = RecordKey::from_bytes(array(&vector, "record_key"));
            let now = Timestamp::from_unix(u32::from_be_bytes(bytes[4..8].try_into().unwrap()));
            let mut rng = Given(bytes[8..24].try_into().unwrap());
            // Only the primary seals, and never in the last second.
            if bytes[1..4] != keys.primary().to_bytes() || now == Timestamp::MAX {
                continue;
            }
            let again = if kind == "record" {
                let mut secret = RecordSecret::new(TicketSecret::new(array(&vector, "secret")));
                let record = hex::decode(vector[field].as_str().unwrap()).unwrap();
                keys.seal_record(&mut secret, &key, &record, now, &mut rng)
            } else {
                let owner = OwnerKey::from_bytes(array(&vector, "owner"));
                let opened = keys.open_about((&key, &owner), &bytes);
                let opened = opened.ok().unwrap().plaintext;
                let about = About::decode(&opened.0).ok().unwrap().encode();
                keys.seal_about((&key, &owner), &about, now, &mut rng)
            };
            assert_eq!(again.unwrap(), bytes, "{}", vector["name"]);
            sealed.push(vector["name"].as_str().unwrap().into());
        }
    }
    assert!(sealed.len() > 5, "{sealed:?}");
}
