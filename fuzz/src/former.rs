//! Former cookies beside the present one: which session counts, and what its save and its end remove.

use crate::act::Act;
use crate::cookies::{COOKIE, sample};
use crate::kit::exchange::Request;
use crate::kit::reference::{self, Opener};
use crate::kit::reference_session::Record;
use crate::kit::reference_session::{
    Candidate, Rivals, candidates_of, counts, end, read_record, write_record,
};
use crate::{NOW, master, read};
use arbitrary::Arbitrary;
use hardtack::session::{Event, FormerCookie, SessionError, SessionManager};
use hardtack::{Key, Keyring, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// The names that count, the present one first, each with the realm of its sessions.
const COOKIES: [(&str, &str); 3] = [(COOKIE, ""), ("sid", ""), ("__Host-old", "before")];
/// One whose time is over.
const LATE: &str = "late";

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Received {
    /// The name that it came under, and the one that it was sealed for.
    under: u8,
    sealed_for: u8,
    kind: u8,
}

#[derive(Arbitrary, Debug)]
struct Input {
    cookies: Vec<Received>,
    act: Act,
}

fn purpose((name, realm): (&str, &str)) -> Vec<u8> {
    [name, realm, ""].join("\0").into_bytes()
}

/// Sessions of two logins, and one of them that was idle for too long.
fn token(cookie: (&str, &str), kind: u8) -> String {
    let (id, login, at) = match kind % 6 {
        0 => (1, 1, NOW - 20),
        1 => (2, 1, NOW - 10),
        2 => (3, 2, NOW - 15),
        3 => (4, 2, NOW - 1_801),
        4 => (5, 3, NOW - 20),
        _ => return "h".repeat(80),
    };
    let record = Record {
        id: [id; 16],
        login_id: [login; 8],
        created_at: NOW - 2_000,
        ..sample()
    };
    let (payload, random) = (write_record(&record), [id; 16]);
    reference::seal(
        &master(0),
        ("cookie", &purpose(cookie)),
        None,
        0,
        (at, random),
        &payload,
    )
    .unwrap()
}

/// The name of the cookie that counts, and the id of its session.
type Counts = (&'static str, [u8; 16]);

/// What the candidates of some names come to, and whether one of them is authentic.
fn judge(
    headers: &[Vec<u8>],
    cookies: &[(&'static str, &str)],
) -> (Result<Option<Counts>, Rivals>, bool) {
    let keys = [reference::Key {
        master: master(0),
        retired: None,
    }];
    let names: Vec<&str> = COOKIES.map(|(name, _)| name).to_vec();
    let (mut good, mut authentic) = (vec![], false);
    for (name, token) in candidates_of(headers, &names) {
        let Some(cookie) = cookies.iter().find(|(of, _)| *of == name) else {
            continue;
        };
        let opener = Opener {
            keys: &keys,
            label: "cookie",
            purpose: &purpose(*cookie),
            ad: None,
            now: NOW,
            skew: 60,
            max_age: u64::MAX,
            floor: 0,
            limit: 9 * 4096,
        };
        let Some(opened) = token.and_then(|token| reference::open(&opener, &token).ok()) else {
            continue;
        };
        authentic = true;
        let record = read_record(&opened.payload).unwrap();
        let times = [
            record.created_at,
            record.idle_limit.min(1_800),
            record.lifetime,
            record.longest,
        ];
        if end(times, opened.issued_at, 60).is_some_and(|end| u64::from(NOW) <= end) {
            good.push(Candidate {
                name,
                issued_at: opened.issued_at,
                login_id: record.login_id,
                session: (cookie.0, record.id),
            });
        }
    }
    (counts(good), authentic)
}

/// Sessions under present and former names: the present one counts before the former ones, a former one moves at its
/// next save, and nothing of it is left.
pub fn former_cookies(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    let names = [COOKIES[0].0, COOKIES[1].0, COOKIES[2].0, LATE];
    let pair = |cookie: &Received| {
        let under = names[usize::from(cookie.under) % names.len()];
        let sealed_for = match usize::from(cookie.sealed_for) % names.len() {
            3 => (LATE, ""),
            n => COOKIES[n],
        };
        format!("{under}={}", token(sealed_for, cookie.kind))
    };
    let pairs: Vec<String> = input.cookies.iter().take(24).map(pair).collect();
    let headers = [pairs.join("; ").into_bytes()];
    let until = |seconds| Timestamp::from_unix(NOW.saturating_add_signed(seconds));
    let events = Arc::new(Mutex::new(vec![]));
    let log = events.clone();
    let sessions = SessionManager::builder(Keyring::new(Key::from_bytes(master(0)).unwrap()))
        .former_cookie(FormerCookie::new("sid").until(until(1)))
        .former_cookie(
            FormerCookie::new("__Host-old")
                .realm("before")
                .until(until(1)),
        )
        .former_cookie(FormerCookie::new(LATE).until(until(-1)))
        .clock(|| Timestamp::from_unix(NOW))
        .on_event(move |event| log.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let session = Request::new(&sessions, headers.iter().map(Vec::as_slice));

    let (present, present_is_authentic) = judge(&headers, &COOKIES[..1]);
    let (former, former_is_authentic) = judge(&headers, &COOKIES[1..]);
    let found = match present {
        Ok(None) => former,
        present => present,
    };
    let counts = found.unwrap_or(None);
    assert_eq!(session.is_new().unwrap(), counts.is_none());
    if let Some((_, id)) = counts {
        assert_eq!(session.id().unwrap().to_bytes(), id);
    }
    let done = input.act.run(&session, "n");
    if found.is_err() {
        let expected = match input.act {
            Act::Write => Err(SessionError::Rivals),
            _ => Ok(()),
        };
        // The answer heals the names, which another target looks at.
        return assert_eq!(done, expected);
    }
    assert_eq!(done, Ok(()));
    let reply = session.finish();
    let from_former = counts.map(|(name, _)| name).filter(|name| *name != COOKIE);
    let writes = matches!(input.act, Act::Write | Act::Login);
    let moved = events.lock().unwrap().iter().find_map(|event| match event {
        Event::Moved { from, .. } => Some(from.clone()),
        _ => None,
    });
    assert_eq!(moved.as_deref(), from_former.filter(|_| writes));
    let of_line = |line: &String| {
        line.split_once('=')
            .map(|(name, rest)| (name.to_owned(), rest.starts_with(';')))
    };
    let lines: BTreeSet<(String, bool)> = reply.set_cookie.iter().filter_map(of_line).collect();
    let removes = |name: &str| lines.contains(&(name.to_owned(), true));
    assert_eq!(
        lines.contains(&(COOKIE.to_owned(), false)),
        writes,
        "{lines:?}"
    );
    let ends = moved.is_some() || matches!(input.act, Act::Login | Act::Destroy);
    let expected = ends && (present_is_authentic || former_is_authentic);
    assert_eq!(
        (removes("sid"), removes("__Host-old")),
        (expected, expected),
        "{lines:?}"
    );
    assert!(!removes(LATE));
}
