//! Cookie headers and cut tokens on their way into a session, against the reference's reading of them.

use crate::kit::exchange::Request;
use crate::kit::reference::{self, Opener};
use crate::kit::reference_session::{
    Candidate, LOGIN, REMEMBERED, Record, SUBJECT, candidates, cookies, counts, cut, end, prefixed,
    read_dictionary, read_record, write_dictionary, write_record,
};
use crate::{NOW, key, master, read};
use arbitrary::Arbitrary;
use hardtack::session::{Event, Session, SessionManager};
use hardtack::{Keyring, Timestamp};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const COOKIE: &str = "__Host-session";
pub(crate) const SCOPE: (&str, &[u8]) = ("cookie", b"__Host-session\0\0");

/// Keys 0 seals, 1 opens, 2 was retired a minute ago.
fn sessions() -> (SessionManager, Arc<Mutex<Vec<Event>>>) {
    let events = Arc::new(Mutex::new(vec![]));
    let log = events.clone();
    let ring = Keyring::new(key(0)).accept(key(1)).unwrap();
    let ring = ring
        .accept_retired(key(2), Timestamp::from_unix(NOW - 60))
        .unwrap();
    let sessions = SessionManager::builder(ring)
        .max_chunks(9)
        .max_cookie_bytes(9 * 4096)
        .clock(|| Timestamp::from_unix(NOW))
        .on_event(move |event| log.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    (sessions, events)
}

/// A record that is good now.
pub(crate) fn sample() -> Record {
    Record {
        schema: 0,
        id: *b"0123456789abcdef",
        login_id: *b"ghijklmn",
        flags: 0,
        created_at: NOW - 600,
        idle_limit: 1800,
        lifetime: 43_200,
        longest: 7_776_000,
        device_key: None,
        subject: None,
        flashes: vec![],
        data: write_dictionary(&[("user", vec![7])]),
    }
}

pub(crate) fn token(key: u8, at: u32, random: [u8; 16], record: &Record) -> String {
    reference::seal(
        &master(key),
        SCOPE,
        None,
        0,
        (at, random),
        &write_record(record),
    )
    .unwrap()
}

/// Tokens of all kinds: the fuzzer cannot make one, so a header names them by a byte.
fn tokens() -> Vec<String> {
    let good = sample();
    let other = |id: u8| Record {
        id: [id; 16],
        ..good.clone()
    };
    let data = |data: Vec<u8>| Record {
        data,
        ..good.clone()
    };
    vec![
        token(0, NOW - 20, [1; 16], &good),
        token(1, NOW - 10, [2; 16], &other(2)),
        token(2, NOW - 70, [3; 16], &other(3)),
        // Sealed in one second with another: the first received wins.
        token(0, NOW - 20, [4; 16], &other(4)),
        // Those that count for nothing: retired, idle, at the absolute end, of no key of the ring, unreadable.
        token(2, NOW + 30, [5; 16], &other(5)),
        token(0, NOW - 1801, [6; 16], &other(6)),
        token(
            0,
            NOW - 20,
            [7; 16],
            &Record {
                created_at: NOW - 43_201,
                ..other(7)
            },
        ),
        token(3, NOW - 20, [8; 16], &other(8)),
        token(
            0,
            NOW - 5,
            [9; 16],
            &Record {
                flashes: vec![(4, String::new())],
                ..other(9)
            },
        ),
        // Those that hide no other, though they are the newest: of a newer schema, and with keys out of order.
        token(
            0,
            NOW - 1,
            [10; 16],
            &Record {
                schema: 1,
                ..other(10)
            },
        ),
        token(
            0,
            NOW - 1,
            [11; 16],
            &data(write_dictionary(&[("b", vec![1]), ("a", vec![1])])),
        ),
        token(
            0,
            NOW - 400,
            [12; 16],
            &Record {
                flags: REMEMBERED,
                ..other(12)
            },
        ),
        // Two more that count for nothing: past the longest lifetime, and created later than sealed.
        token(
            0,
            NOW - 2,
            [13; 16],
            &Record {
                longest: 599,
                ..other(13)
            },
        ),
        token(
            0,
            NOW - 2,
            [14; 16],
            &Record {
                created_at: NOW + 59,
                ..other(14)
            },
        ),
        // With a login id and a subject of its own: under this name it is nobody's rival.
        token(
            0,
            NOW - 15,
            [15; 16],
            &Record {
                login_id: [15; 8],
                flags: SUBJECT | LOGIN,
                subject: Some("user-7".into()),
                ..other(15)
            },
        ),
    ]
}

/// The header with its references spelled out: a byte below 0x20 names a token, the next one what of it is meant.
fn expand(data: &[u8], tokens: &[String]) -> Vec<Vec<u8>> {
    let mut headers = vec![vec![]];
    let mut bytes = data.iter().copied();
    while let Some(byte) = bytes.next() {
        let Some(header) = headers.last_mut() else {
            return headers;
        };
        match byte {
            b'\n' => headers.push(vec![]),
            b'\t' | 0x20.. => header.push(byte),
            0x1f => header.extend_from_slice(COOKIE.as_bytes()),
            n => {
                let token = &tokens[usize::from(n) % tokens.len()];
                let part = bytes.next().unwrap_or(0);
                let parts = usize::from(part % 10);
                if parts < 2 {
                    header.extend_from_slice(format!("{COOKIE}={token}").as_bytes());
                } else {
                    let at: Vec<usize> = (1..parts)
                        .map(|k| 32 + k * usize::from(part / 10) % 60)
                        .collect();
                    let at = sorted(at, token.len());
                    header.extend_from_slice(cut(token, COOKIE, &at).join(";").as_bytes());
                }
            }
        }
    }
    headers
}

fn sorted(mut places: Vec<usize>, len: usize) -> Vec<usize> {
    for place in &mut places {
        *place = (*place).clamp(32, len);
    }
    places.sort_unstable();
    places
}

/// The session that the headers make, by the format page: its id and its keys.
fn found(headers: &[Vec<u8>]) -> Option<([u8; 16], Vec<String>)> {
    let keys = [(0, None), (1, None), (2, Some(NOW - 60))].map(|(n, retired)| reference::Key {
        master: master(n),
        retired,
    });
    let opener = Opener {
        keys: &keys,
        label: SCOPE.0,
        purpose: SCOPE.1,
        ad: None,
        now: NOW,
        skew: 60,
        max_age: u64::MAX,
        floor: 0,
        limit: 9 * 4096,
    };
    let mut good = vec![];
    for token in candidates(headers, COOKIE).into_iter().flatten() {
        let Ok(opened) = reference::open(&opener, &token) else {
            continue;
        };
        let Ok(record) = read_record(&opened.payload) else {
            continue;
        };
        let day = 24 * 60 * 60;
        let (idle, lifetime) = if record.flags & REMEMBERED != 0 {
            (14 * day, 90 * day)
        } else {
            (1800, 43_200)
        };
        let (idle, lifetime) = (record.idle_limit.min(idle), record.lifetime.min(lifetime));
        let times = [record.created_at, idle, lifetime, record.longest];
        let end = end(times, opened.issued_at, opener.skew);
        let counted = end.is_some_and(|end| u64::from(NOW) <= end)
            && record.schema == 0
            && record.device_key.is_none();
        let dictionary = read_dictionary(&record.data).ok().filter(|_| counted);
        if let Some(entries) = dictionary {
            good.push(Candidate {
                name: COOKIE,
                issued_at: opened.issued_at,
                login_id: record.login_id,
                session: (record.id, entries),
            });
        }
    }
    let (id, entries) = counts(good).ok()??;
    Some((id, entries.into_iter().map(|(key, _)| key).collect()))
}

fn check(session: &Session, headers: &[Vec<u8>]) -> bool {
    let expected = found(headers);
    assert_eq!(session.is_new().unwrap(), expected.is_none());
    if let Some((id, keys)) = &expected {
        assert_eq!(session.id().unwrap().to_bytes(), *id);
        assert_eq!(session.keys().unwrap(), *keys);
    }
    expected.is_some()
}

/// Cookie headers, with tokens of all kinds in them: the session that counts is the one that the format page says, and
/// ending it removes what was received.
pub fn cookie_headers(data: &[u8]) {
    let headers = expand(data, &tokens());
    let (sessions, events) = sessions();
    let session = Request::new(&sessions, headers.iter().map(Vec::as_slice));
    let opened = check(&session, &headers);
    let count = |events: &[Event]| {
        events
            .iter()
            .filter(|event| matches!(event, Event::Opened { .. }))
            .count()
    };
    assert_eq!(count(&events.lock().unwrap()), usize::from(opened));
    assert!(
        events.lock().unwrap().len() <= 10,
        "their number is the sender's choice"
    );

    session.destroy().unwrap();
    let mut removed: Vec<String> = vec![];
    for line in session.finish().set_cookie {
        let (pair, attributes) = line.split_once("; ").unwrap();
        assert!(attributes.contains("Max-Age=0") && attributes.contains("Secure"));
        removed.push(pair.strip_suffix('=').unwrap().into());
    }
    let mut expected: Vec<String> = cookies(&headers)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let part = |name: &str| (1..=9).any(|k| name == format!("{COOKIE}.{k}"));
    expected.retain(|name| name == COOKIE || part(name));
    expected.sort();
    expected.dedup();
    removed.sort();
    assert_eq!(removed, expected);
}

#[derive(Arbitrary, Debug)]
struct Chunks {
    /// Bytes of the value in each of two sessions.
    lens: [u16; 2],
    /// Where the reference cuts, in place of the library.
    places: Option<Vec<u16>>,
    edits: Vec<Change>,
}

/// A change of the list of cookies. Places wrap around.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Change {
    Drop(u8),
    Swap(u8, u8),
    Repeat(u8),
    Rename {
        from: u8,
        to: u8,
    },
    Character {
        cookie: u8,
        place: u16,
        with: u8,
    },
    /// The value of one cookie in another.
    Value {
        from: u8,
        to: u8,
    },
}

/// Sessions too long for one cookie: what the library cuts the reference joins, and in whatever order, number and
/// mixture parts come back, both see the same session.
pub fn chunks(data: &[u8]) {
    let Some(chunks) = read::<Chunks>(data) else {
        return;
    };
    let mut pairs = vec![];
    for (n, len) in (0..).zip(chunks.lens) {
        let len = usize::from(len) % 28_000;
        pairs.extend(match &chunks.places {
            None => cut_here(len),
            Some(places) => cut_there(n, len, places),
        });
    }
    for change in &chunks.edits {
        apply(*change, &mut pairs);
    }
    let headers = [pairs.join("; ").into_bytes()];
    let session = Request::new(&sessions().0, headers.iter().map(Vec::as_slice));
    check(&session, &headers);
}

fn cut_here(len: usize) -> Vec<String> {
    let session = Request::new(&sessions().0, []);
    let inserted = session.insert("text", "x".repeat(len));
    let reply = session.finish();
    assert_eq!(inserted.is_err(), reply.failed.is_some());
    let pair = |line: &String| {
        assert!(line.len() <= 4096);
        line.split_once("; ").unwrap().0.to_owned()
    };
    let pairs: Vec<String> = reply.set_cookie.iter().map(pair).collect();
    if reply.failed.is_none() {
        let id = session.id().unwrap().to_bytes();
        let header = pairs.join("; ").into_bytes();
        assert_eq!(found(&[header]), Some((id, vec!["text".into()])));
    }
    pairs
}

fn cut_there(n: u8, len: usize, places: &[u16]) -> Vec<String> {
    let text = [
        vec![0x7a, 0, 0],
        (len as u16).to_be_bytes().to_vec(),
        vec![b'x'; len],
    ]
    .concat();
    let mut data = vec![1];
    data.extend(prefixed(b"text"));
    data.extend(prefixed(&text));
    let record = Record {
        id: [n; 16],
        data,
        ..sample()
    };
    let token = token(0, NOW - u32::from(n), [n; 16], &record);
    let places = places
        .iter()
        .take(8)
        .map(|place| usize::from(*place))
        .collect();
    match sorted(places, token.len()).as_slice() {
        [] => vec![format!("{COOKIE}={token}")],
        places => cut(&token, COOKIE, places),
    }
}

fn apply(change: Change, pairs: &mut Vec<String>) {
    let Some(last) = pairs.len().checked_sub(1) else {
        return;
    };
    let at = |place: u8| usize::from(place) % (last + 1);
    let split = |pair: &str| {
        pair.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    match change {
        Change::Drop(place) => drop(pairs.remove(at(place))),
        Change::Swap(one, other) => pairs.swap(at(one), at(other)),
        Change::Repeat(place) => pairs.push(pairs[at(place)].clone()),
        Change::Rename { from, to } => {
            if let Some((_, value)) = split(&pairs[at(from)]) {
                pairs[at(from)] = format!("{COOKIE}.{}={value}", to % 12);
            }
        }
        Change::Value { from, to } => {
            if let (Some((_, value)), Some((name, _))) =
                (split(&pairs[at(from)]), split(&pairs[at(to)]))
            {
                pairs[at(to)] = format!("{name}={value}");
            }
        }
        Change::Character {
            cookie,
            place,
            with,
        } => {
            let mut bytes = pairs[at(cookie)].clone().into_bytes();
            let place = usize::from(place) % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(place) {
                *byte = with % 0x80;
            }
            pairs[at(cookie)] = String::from_utf8(bytes).unwrap_or_default();
        }
    }
}

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(u32::MAX as u64);
