//! A ticket in a cookie and a record in a store, authentic and hostile: judged as the format page says.

use crate::cookies::{COOKIE, LONG, SCOPE, sample};
use crate::kit::exchange::{Request, ready};
use crate::kit::reference::{self, key_id};
use crate::kit::reference_session::{read_dictionary, read_record, write_record};
use crate::kit::reference_store::{
    Ticket, encrypt, open, place, read_ticket, record_key, rkey, write_ticket,
};
use crate::{NOW, key, master, read};
use arbitrary::Arbitrary;
use hardtack::session::{SaveError, SessionError, SessionManager};
use hardtack::store::{End, Expect, MemoryStore, Put, RecordKey, Store, Tag, Tombstone};
use hardtack::{Keyring, Timestamp};
use std::time::Duration;

/// Bytes that were good once, or never.
#[derive(Arbitrary, Debug)]
enum Bytes {
    Edited(Vec<(u16, u8)>, Option<u16>),
    Raw(Vec<u8>),
}

impl Bytes {
    fn of(&self, good: Vec<u8>) -> Vec<u8> {
        let (edits, len) = match self {
            Bytes::Raw(bytes) => return bytes.clone(),
            Bytes::Edited(edits, len) => (edits, len),
        };
        let mut bytes = good;
        for (at, byte) in edits {
            let at = usize::from(*at) % bytes.len().max(1);
            if let Some(place) = bytes.get_mut(at) {
                *place = *byte;
            }
        }
        bytes.truncate(len.map_or(usize::MAX, usize::from));
        bytes
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    ticket: Bytes,
    record: Bytes,
    /// What somebody who can write to the store makes of the sealed record.
    sealed: Bytes,
    /// The key that sealed the record: the ring has 0 and 1.
    key: u8,
    /// The id under which the record lies: its own, or another's.
    other_place: bool,
    ended: Option<u8>,
    padding: u8,
}

/// The session that the ticket makes, by the format page: its id, and its keys.
fn expected(
    payload: &[u8],
    at: [u8; 16],
    stored: Option<&[u8]>,
) -> Option<([u8; 16], Vec<String>)> {
    let ticket = read_ticket(payload).ok()?;
    let is_over = |[created, _, lifetime, longest]: [u32; 4]| {
        created > NOW + 60 || NOW.saturating_sub(created) > lifetime.min(longest)
    };
    let place = place("", "");
    let own = record_key(&place, &ticket.id);
    if is_over(ticket.times) || own != at {
        return None;
    }
    let secret = |master: &[u8; 32]| rkey(master, &place, &ticket.secret);
    let plaintext = open(&[master(0), master(1)], secret, &own, stored?).ok()?;
    let record = read_record(&plaintext).ok()?;
    let times = [
        record.created_at,
        record.idle_limit,
        record.lifetime,
        record.longest,
    ];
    let is_its = (record.id, record.login_id) == (ticket.id, ticket.login_id);
    if is_over(times) || !is_its || record.schema > 0 || record.device_key.is_some() {
        return None;
    }
    let entries = read_dictionary(&record.data).ok()?;
    Some((record.id, entries.into_iter().map(|(key, _)| key).collect()))
}

/// A record in a store opens only for its own ticket, and whatever the store says, nothing panics.
pub fn stored(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    let good = Ticket {
        id: sample().id,
        login_id: sample().login_id,
        flags: 0,
        secret: [9; 16],
        times: [NOW - 600, 1_800, 43_200, 7_776_000],
    };
    let payload = input.ticket.of(write_ticket(&good));
    // A whole session in the cookie is another target's.
    if payload.first() == Some(&1) {
        return;
    }
    let ticket = read_ticket(&payload).unwrap_or(good);
    let scope = place("", "");
    let id = match input.other_place {
        true => [7; 16],
        false => ticket.id,
    };
    let at = record_key(&scope, &id);
    let sealer = master(input.key % 3);
    let header = reference::header(reference::PLAIN, key_id(&sealer), NOW - 30, [5; 16]);
    let plaintext = input.record.of(write_record(&sample()));
    let secret = rkey(&sealer, &scope, &ticket.secret);
    let record = input.sealed.of(encrypt(&secret, &header, &at, &plaintext));

    let store = MemoryStore::with_clock(1 << 20, || Duration::ZERO);
    let has_tag = Tag::of(&record).is_some();
    let record_place = RecordKey::from_bytes(at);
    if has_tag {
        let put = Put {
            key: &record_place,
            expect: Expect::Absent,
            record: &record,
            keep: Duration::from_secs(1_000),
            owner: None,
        };
        ready(store.put(put)).unwrap();
    }
    if let Some(reason) = input.ended {
        let ended_at = Timestamp::from_unix(NOW - u32::from(reason));
        let end = End {
            key: &record_place,
            expect: None,
            tombstone: match reason % 4 {
                0 => Tombstone::Destroyed(ended_at),
                1 => Tombstone::Ended(ended_at),
                2 => Tombstone::Replaced(RecordKey::from_bytes([reason; 16]), ended_at),
                _ => Tombstone::Moved(RecordKey::from_bytes([reason; 16]), ended_at),
            },
            grace: Duration::from_secs(1_000),
            owner: None,
        };
        ready(store.end(end)).unwrap();
    }
    let sessions = SessionManager::builder(Keyring::new(key(0)).accept(key(1)).unwrap())
        .idle_timeout(LONG)
        .absolute_timeout(LONG)
        .remember_idle_timeout(LONG)
        .remember_absolute_timeout(LONG)
        .store(store.clone())
        .clock(|| Timestamp::from_unix(NOW))
        .build()
        .unwrap();
    let block = usize::from(input.padding);
    let token = reference::seal(&master(0), SCOPE, None, block, (NOW, [4; 16]), &payload).unwrap();
    let request = ready(Request::load(&sessions, &format!("{COOKIE}={token}")));

    let alive = has_tag && input.ended.is_none();
    let expected = expected(&payload, at, alive.then_some(record.as_slice()));
    assert_eq!(request.is_new().unwrap(), expected.is_none());
    if let Some((id, keys)) = &expected {
        assert_eq!(request.id().unwrap().to_bytes(), *id);
        assert_eq!(request.keys().unwrap(), *keys);
    }
    assert_eq!(request.refused().unwrap().is_some(), expected.is_none());
    match request.insert("n", 1) {
        Ok(()) => {}
        // There may be a session, which a write must not replace.
        Err(error) => assert_eq!(
            (error, expected.is_none(), alive),
            (SessionError::Store, true, true)
        ),
    }
    let reply = ready(request.commit());
    assert!(
        matches!(reply.failed, None | Some(SaveError::TooBig { .. })),
        "{reply:?}"
    );
    // Nothing but the session itself was written over its record.
    if expected.is_none() && alive {
        let found = ready(store.load(&record_place, None)).unwrap();
        assert_eq!(found, hardtack::store::Found::Record(record));
    }
}
