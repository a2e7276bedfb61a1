//! What a thief can do who has all that is in a store and all keys of the site.

use crate::{
    format,
    keys::{key, master},
    reference,
    visitor::Visitor,
};
use hardtack::{
    Keyring,
    session::{Session, SessionManager},
    store::Store,
};
use std::collections::BTreeSet;

/// All that a server holds: names of 16 bytes with what is under them, records, tombstones and descriptions alike.
pub type Dump = Vec<([u8; 16], Vec<u8>)>;

/// What every secret value of these sessions holds.
const SECRET: &str = "nobody but the visitor reads this";

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Fills a store with sessions of all kinds, and tries every key of the ring on every byte string of the dump.
pub async fn opens_no_record<S: Store>(store: S, dump: impl AsyncFnOnce() -> Dump) {
    let ring = |primary: u8| Keyring::new(key(primary)).accept(key(1 - primary)).unwrap();
    let sessions = SessionManager::builder(ring(0))
        .store(store)
        .build()
        .unwrap();
    let mut visitors = Vec::new();
    // Under either key: a listed one, an anonymous one, and one that has got another id.
    for primary in [0, 1] {
        sessions.set_keyring(ring(primary));
        let mut listed = Visitor::log_in(&sessions, SECRET).await;
        let (_, reply) = listed
            .visit(&sessions, |session| {
                session.set_subject(Some("user-7")).unwrap();
                session.describe("phone").unwrap();
            })
            .await;
        assert_eq!(reply.failed, None);
        let mut anonymous = Visitor::default();
        let write = |session: &Session| session.insert("note", SECRET).unwrap();
        anonymous.visit(&sessions, write).await;
        visitors.extend([listed, anonymous]);
    }
    let gone = Visitor::log_in(&sessions, SECRET).await;
    gone.clone()
        .visit(&sessions, |session| session.destroy().unwrap())
        .await;
    let dump = dump().await;

    let masters = [0, 1].map(master);
    let place = format::place("", "");
    let open = |name: &[u8; 16], bytes: &[u8], key: &dyn Fn(&[u8; 32]) -> [u8; 32]| {
        format::open(&masters, key, name, bytes).ok()
    };
    // The descriptions are the thief's to read, and the ids in them: the key of their owner stands in the store.
    let about = |master: &[u8; 32]| reference::derive(master, "about", &place);
    let owners = masters.map(|master| format::owner(&master, &place, "user-7"));
    let description = |name: &[u8; 16], bytes: &[u8]| {
        let opened = owners.iter().find_map(|owner| {
            let bound = [*name, *owner].concat();
            format::open(&masters, about, &bound, bytes).ok()
        });
        format::read_description(&opened?)
    };
    let described: Vec<_> = dump
        .iter()
        .filter_map(|(name, bytes)| description(name, bytes))
        .collect();
    assert!(described.len() >= 2, "{}", described.len());
    assert!(described.iter().all(|(_, _, text)| text == "phone"));

    // What may be a secret: every 16 bytes that stand in the store, and what moves of sessions make of the keys.
    let mut secrets: BTreeSet<[u8; 16]> = dump.iter().map(|(name, _)| *name).collect();
    for (_, bytes) in &dump {
        let windows = bytes.windows(16);
        secrets.extend(windows.map(|window| <[u8; 16]>::try_from(window).unwrap()));
    }
    for master in &masters {
        let ids = described.iter().map(|(id, ..)| *id);
        secrets.extend(ids.map(|id| format::moved_secret(master, &place, &id)));
    }
    let mut tried = 0;
    for (name, bytes) in &dump {
        assert!(!contains(bytes, SECRET.as_bytes()) && !contains(bytes, b"user-7"));
        if bytes.len() < 40 || description(name, bytes).is_some() {
            continue;
        }
        let labels = [
            "seal",
            "cookie",
            "record",
            "owner",
            "move",
            "device-proof",
            "device-challenge",
        ];
        for label in labels {
            let derived = |master: &[u8; 32]| reference::derive(master, label, &place);
            assert_eq!(open(name, bytes, &derived), None, "{label}");
        }
        assert_eq!(open(name, bytes, &|master| *master), None);
        assert_eq!(open(name, bytes, &reference::prk), None);
        for secret in &secrets {
            let rkey = |master: &[u8; 32]| format::rkey(master, &place, secret);
            assert_eq!(open(name, bytes, &rkey), None);
        }
        tried += 1;
    }
    assert_eq!(tried, visitors.len(), "records");

    // The same attempt opens each record with the secret in its visitor's cookie.
    for visitor in &visitors {
        let request = visitor.request(&sessions).await;
        let id = request.id().unwrap().to_bytes();
        let ticket = ticket(&masters, visitor.0.0.values().next().unwrap());
        assert_eq!(ticket.id, id);
        let key = format::record_key(&place, &id);
        let rkey = |master: &[u8; 32]| format::rkey(master, &place, &ticket.secret);
        let mut own = dump.iter().filter(|(name, _)| *name == key);
        let record = own.find_map(|(name, bytes)| open(name, bytes, &rkey));
        let record = record.expect("its own record");
        assert!(contains(&record, SECRET.as_bytes()));
    }
}

/// Opens the token of a cookie.
fn ticket(masters: &[[u8; 32]], token: &str) -> format::Ticket {
    let keys = masters.iter().map(|master| reference::Key {
        master: *master,
        retired: None,
    });
    let opened = reference::open(
        &reference::Opener {
            keys: &keys.collect::<Vec<_>>(),
            label: "cookie",
            purpose: b"__Host-session\0\0",
            ad: None,
            now: u32::MAX - 1,
            skew: 0,
            max_age: u64::MAX,
            floor: 0,
            limit: 4096,
        },
        token,
    );
    format::read_ticket(&opened.unwrap().payload).unwrap()
}
