//! What a response tells caches, read by caches that read it in different ways.

use crate::kit::exchange::{NO_HEADERS, ready};
use crate::{NOW, key, read};
use arbitrary::Arbitrary;
use hardtack::session::{Exchange, HeaderEdit, RequestHead, SessionManager};
use hardtack::{Keyring, Timestamp};
use std::collections::BTreeMap;

/// `Cache-Control`, and the fields that a class of shared caches obeys in its place.
const CACHE_FIELDS: [&str; 10] = [
    "cache-control",
    "cdn-cache-control",
    "akamai-cache-control",
    "cloudflare-cdn-cache-control",
    "deno-cdn-cache-control",
    "netlify-cdn-cache-control",
    "vercel-cdn-cache-control",
    "x-litespeed-cache-control",
    "surrogate-control",
    "edge-control",
];

/// Those in which `private` means nothing to a shared cache, or something else.
const NO_PRIVATE: [&str; 3] = [
    "x-litespeed-cache-control",
    "surrogate-control",
    "edge-control",
];

const WORDS: [&str; 24] = [
    "private",
    "no-store",
    "PRIVATE",
    "No-Store",
    "public",
    "max-age=60",
    "s-maxage=60",
    "no-cache",
    "must-understand",
    "=",
    "\"",
    "\\",
    ",",
    " ",
    "\t",
    "set-cookie",
    "=?0",
    "=?1",
    "content",
    "dca",
    "cookie",
    "Cookie",
    "accept",
    "*",
];

#[derive(Arbitrary, Debug)]
enum Piece {
    Word(u8),
    Byte(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    /// What the handler does: nothing, reads, writes, or writes too much.
    act: u8,
    /// The field, 0 for `Vary`, and its value.
    lines: Vec<(u8, Vec<Piece>)>,
}

/// Bytes that a server lets into a header.
fn value(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = vec![];
    for piece in pieces {
        match piece {
            Piece::Word(n) => bytes.extend(WORDS[usize::from(*n) % WORDS.len()].bytes()),
            Piece::Byte(byte) => bytes.push(*byte),
        }
    }
    bytes.retain(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f));
    bytes
}

type Headers = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// The response after the edits, and the fields that were replaced.
fn edited(act: u8, own: &Headers) -> (Headers, Vec<&'static str>, bool) {
    let sessions = SessionManager::builder(Keyring::new(key(0)));
    let sessions = sessions
        .clock(|| Timestamp::from_unix(NOW))
        .build()
        .unwrap();
    let exchange = Exchange::begin(&sessions);
    let head = RequestHead {
        method: "GET",
        path: "/",
        authority: None,
        headers: NO_HEADERS,
    };
    let session = ready(exchange.session(head));
    match act % 4 {
        0 => {}
        1 => drop(session.is_new().unwrap()),
        2 => session.insert("user", 7).unwrap(),
        _ => assert!(session.insert("text", "x".repeat(9_000)).is_err()),
    }
    let plan = ready(exchange.commit(exchange.close()));
    let lines = own
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (*name, value)));
    let edits = exchange.finish(plan, lines);
    // A response that failed is a new one.
    let failed = edits.status().is_some();
    let mut headers = if failed { Headers::new() } else { own.clone() };
    let mut replaced = vec![];
    for edit in edits {
        match edit {
            HeaderEdit::Append(name, value) => {
                assert!(!value.bytes().any(|byte| byte < 0x20 || byte == 0x7f));
                headers
                    .entry(name)
                    .or_default()
                    .push(value.into_owned().into_bytes());
            }
            HeaderEdit::Set(name, value) => {
                assert!(
                    !value
                        .bytes()
                        .any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f)
                );
                headers.insert(name, vec![value.into_owned().into_bytes()]);
                replaced.push(name);
            }
        }
    }
    (headers, replaced, failed)
}

/// The members of a list, by a cache that knows quoted strings and by one that does not.
fn members(line: &[u8], knows_quotes: bool) -> Vec<Vec<u8>> {
    let (mut members, mut quoted, mut escaped) = (vec![vec![]], false, false);
    for byte in line {
        if *byte == b',' && !(quoted && knows_quotes) {
            members.push(vec![]);
            continue;
        }
        if *byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && *byte == b'\\' && !escaped;
        members.last_mut().unwrap().push(*byte);
    }
    let trimmed = members
        .iter()
        .map(|member| member.trim_ascii().to_ascii_lowercase());
    trimmed.filter(|member| !member.is_empty()).collect()
}

/// Whether a shared cache keeps what has these lines under this field.
fn keeps(name: &str, lines: &[Vec<u8>], knows_quotes: bool) -> bool {
    let all: Vec<Vec<u8>> = lines
        .iter()
        .flat_map(|line| members(line, knows_quotes))
        .collect();
    let has = |wanted: &[u8]| all.iter().any(|member| member == wanted);
    // By itself nothing in such a field says that the response may be kept.
    let says_nothing = all.iter().all(|member| {
        let name: Vec<u8> = member
            .iter()
            .copied()
            .take_while(|byte| *byte != b'=')
            .collect();
        matches!(name.trim_ascii(), b"content" | b"dca")
    });
    let is_private = !NO_PRIVATE.contains(&name) && has(b"private");
    !(has(b"no-store") || is_private || (NO_PRIVATE.contains(&name) && says_nothing))
}

/// After a response that sets the session's cookie no shared cache keeps it, and every response that depends on the
/// session says so.
pub fn header_edits(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    let mut own = Headers::new();
    for (field, pieces) in &input.lines {
        let field = usize::from(*field) % (1 + CACHE_FIELDS.len());
        let name = field.checked_sub(1).map_or("vary", |n| CACHE_FIELDS[n]);
        own.entry(name).or_default().push(value(pieces));
    }
    let (headers, replaced, failed) = edited(input.act, &own);
    let uses = input.act % 4 != 0;
    let sets = headers.contains_key("set-cookie");
    assert_eq!((sets, failed), (input.act % 4 == 2, input.act % 4 == 3));
    if !uses {
        return assert_eq!(headers, own);
    }
    let vary = &headers["vary"];
    let varies = vary.iter().flat_map(|line| members(line, false));
    assert!(
        varies
            .into_iter()
            .any(|name| name == b"cookie" || name == b"*")
    );
    for name in CACHE_FIELDS {
        let Some(lines) = headers.get(name) else {
            assert_ne!(name, "cache-control");
            continue;
        };
        if sets || failed {
            for knows_quotes in [true, false] {
                assert!(!keeps(name, lines, knows_quotes), "{name}: {lines:?}");
            }
        }
        if !replaced.contains(&name) {
            assert_eq!(own.get(name), Some(lines));
        }
        // Nothing is replaced that every reader takes for closed.
        let plain = [b"no-store".to_vec()];
        if own.get(name).is_some_and(|lines| *lines == plain) {
            assert_eq!(lines, &plain);
        }
    }
    // What was right is right the second time.
    let mut again = headers.clone();
    again.remove("set-cookie");
    let (twice, changed, _) = edited(input.act, &again);
    if !failed {
        assert_eq!(changed, [""; 0], "{again:?}");
        assert_eq!(twice["vary"], headers["vary"]);
    }
}
