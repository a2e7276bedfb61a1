//! Where a request comes from: the decision of the library against the rule in plain strings.

use crate::kit::exchange::{NO_HEADERS, ready};
use crate::{NOW, key, read};
use arbitrary::Arbitrary;
use hardtack::session::{
    CrossOriginReason, Event, Exchange, HeaderEdit, RequestHead, SessionError, SessionManager,
};
use hardtack::{Keyring, Timestamp};
use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex};

const TRUSTED: [&str; 3] = [
    "https://app.example",
    "capacitor://localhost",
    "http://localhost:3000",
];

const METHODS: [&str; 8] = [
    "GET", "HEAD", "OPTIONS", "TRACE", "POST", "DELETE", "CONNECT", "get",
];

const FIELDS: [&str; 5] = [
    "origin",
    "host",
    "sec-fetch-site",
    "x-forwarded-host",
    "upgrade",
];

/// What the values of these fields are made of: the fuzzer would not find the words.
const WORDS: [&str; 32] = [
    "https://",
    "http://",
    "HTTPS://",
    "capacitor://",
    "shop.example",
    "SHOP.example",
    "app.example",
    "localhost",
    "evil.example",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "127.0.0.1",
    ":443",
    ":80",
    ":3000",
    ":0443",
    ":65536",
    ":",
    "@",
    "/",
    ",",
    " ",
    "null",
    "none",
    "same-origin",
    "same-site",
    "cross-site",
    "websocket",
    "WebSocket/13",
    "h2c",
    ".",
    "_",
];

#[derive(Arbitrary, Debug)]
enum Piece {
    Word(u8),
    Byte(u8),
}

type Value = Vec<Piece>;

#[derive(Arbitrary, Debug)]
struct Input {
    method: u8,
    authority: Option<Value>,
    fields: Vec<(u8, Value)>,
    /// Which of the trusted origins are set.
    trusted: u8,
    /// Whether the site allows this path, and whether the request asks for it.
    allows: [bool; 2],
}

fn bytes(value: &[Piece]) -> Vec<u8> {
    let mut bytes = vec![];
    for piece in value {
        match piece {
            Piece::Word(n) => bytes.extend(WORDS[usize::from(*n) % WORDS.len()].bytes()),
            Piece::Byte(byte) => bytes.push(*byte),
        }
    }
    bytes
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Passes,
    /// Only a login may write.
    LoginOnly,
    Refused(CrossOriginReason),
}

/// A request that is read here.
struct Parts<'a> {
    method: &'a str,
    authority: Option<String>,
    fields: Vec<(&'a str, Vec<u8>)>,
    trusted: Vec<&'a str>,
    is_allowed: bool,
}

impl Parts<'_> {
    fn headers(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> + Clone {
        self.fields.iter().map(|(name, value)| (*name, value))
    }

    fn lines(&self, name: &str) -> Vec<&[u8]> {
        let lines = self.fields.iter().filter(|(field, _)| *field == name);
        lines.map(|(_, value)| value.as_slice()).collect()
    }

    fn members(&self, name: &str) -> Vec<Vec<u8>> {
        let joined = self.lines(name).join(&b","[..]);
        let members = joined.split(|byte| *byte == b',');
        members.map(|member| member.trim_ascii().to_vec()).collect()
    }

    /// The steps of the guide, in their order.
    fn verdict(&self) -> Verdict {
        use CrossOriginReason as Reason;
        let is_websocket = self.members("upgrade").iter().any(|member| {
            let name: Vec<u8> = member.iter().copied().take_while(|b| *b != b'/').collect();
            name.trim_ascii().eq_ignore_ascii_case(b"websocket")
        });
        if METHODS[..4].contains(&self.method) && !is_websocket {
            return Verdict::Passes;
        }
        let origins = self.lines("origin");
        let origin = match origins.as_slice() {
            [one] => Some(one.trim_ascii()),
            _ => None,
        };
        if origin.is_some_and(|origin| self.trusted.iter().any(|it| it.as_bytes() == origin)) {
            return Verdict::Passes;
        }
        let refuse = |reason| match self.is_allowed {
            true => Verdict::LoginOnly,
            false => Verdict::Refused(reason),
        };
        match self.lines("sec-fetch-site").as_slice() {
            [] => {}
            [one] if matches!(one.trim_ascii(), b"same-origin" | b"none") => {
                return Verdict::Passes;
            }
            _ => return refuse(Reason::FetchSite),
        }
        let Some(origin) = origin else {
            return match origins.len() {
                0 => Verdict::Passes,
                _ => refuse(Reason::MalformedOrigin),
            };
        };
        if origin == b"null" {
            return refuse(Reason::OpaqueOrigin);
        }
        let Some((own, default)) = str::from_utf8(origin).ok().and_then(web_origin) else {
            return refuse(Reason::MalformedOrigin);
        };
        let host = match (&self.authority, self.lines("host").as_slice()) {
            (Some(authority), _) => server(authority, default),
            (None, [host]) => str::from_utf8(host.trim_ascii())
                .ok()
                .and_then(|host| server(host, default)),
            _ => None,
        };
        let forwarded = self.members("x-forwarded-host");
        let forwarded = forwarded
            .iter()
            .filter_map(|host| server(str::from_utf8(host).ok()?, default));
        if host
            .iter()
            .cloned()
            .chain(forwarded)
            .any(|host| host == own)
        {
            return Verdict::Passes;
        }
        refuse(match host {
            Some(_) => Reason::OtherHost,
            None => Reason::NoHost,
        })
    }
}

/// The server of an origin that a web page can have, and the default port of its scheme.
fn web_origin(origin: &str) -> Option<((String, u16), u16)> {
    let lower = origin.to_ascii_lowercase();
    let (rest, default) = match (
        lower.strip_prefix("http://"),
        lower.strip_prefix("https://"),
    ) {
        (Some(rest), _) => (rest, 80),
        (_, Some(rest)) => (rest, 443),
        _ => return None,
    };
    Some((server(rest, default)?, default))
}

/// The host in lower case, and the port.
fn server(text: &str, default: u16) -> Option<(String, u16)> {
    let text = text.to_ascii_lowercase();
    let in_brackets = text.starts_with('[');
    let colon = match in_brackets {
        true => text.find(']')? + 1,
        false => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(colon);
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default,
        None => return None,
        Some(digits) => {
            let number: u32 = digits.parse().ok()?;
            // As it is written in one way only.
            u16::try_from(number)
                .ok()
                .filter(|_| number.to_string() == digits)?
        }
    };
    let is_valid = match in_brackets {
        true => host[1..host.len() - 1].parse::<Ipv6Addr>().is_ok(),
        false => {
            let known = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            !host.is_empty() && host.chars().all(known)
        }
    };
    is_valid.then(|| (host.to_owned(), port))
}

/// Which requests have the visitor's session, which may only log in, and which have none, and why.
pub fn origin(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    let trusted = (0..)
        .zip(TRUSTED)
        .filter(|(n, _)| input.trusted >> n & 1 == 1);
    let fields = input.fields.iter().map(|(name, value)| {
        let name = FIELDS[usize::from(*name) % FIELDS.len()];
        (name, bytes(value))
    });
    let parts = Parts {
        method: METHODS[usize::from(input.method) % METHODS.len()],
        authority: (input.authority.as_deref())
            .map(|value| String::from_utf8_lossy(&bytes(value)).into_owned()),
        fields: fields.collect(),
        trusted: trusted.map(|(_, origin)| origin).collect(),
        is_allowed: input.allows == [true; 2],
    };
    let events = Arc::new(Mutex::new(vec![]));
    let log = events.clone();
    let mut builder = SessionManager::builder(Keyring::new(key(0)))
        .clock(|| Timestamp::from_unix(NOW))
        .on_event(move |event| log.lock().unwrap().push(event.clone()));
    for origin in &parts.trusted {
        builder = builder.trust_origin(origin);
    }
    if input.allows[0] {
        builder = builder.allow_cross_origin(|line| line.path() == "/callback");
    }
    let exchange = Exchange::begin(&builder.build().unwrap());
    let session = ready(exchange.session(RequestHead {
        method: parts.method,
        path: if input.allows[1] { "/callback" } else { "/" },
        authority: parts.authority.as_deref(),
        headers: parts.headers(),
    }));
    let expected = parts.verdict();
    let refused = matches!(expected, Verdict::Refused(_));
    assert_eq!(session.check_origin().is_err(), refused, "{expected:?}");
    assert!(session.is_new().unwrap());
    let told = events.lock().unwrap().iter().find_map(|event| match event {
        Event::CrossOrigin(request) => Some((request.reason, request.to_string())),
        _ => None,
    });
    if let Some((_, line)) = &told {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    let reason = told.map(|(reason, _)| reason);
    match expected {
        Verdict::Refused(expected) => assert_eq!(reason, Some(expected)),
        Verdict::Passes | Verdict::LoginOnly => assert_eq!(reason, None),
    }
    let written = session.insert("n", 1);
    let logged_in = session.regenerate_for_login();
    let (write, login) = match expected {
        Verdict::Passes => (Ok(()), Ok(())),
        Verdict::LoginOnly => (Err(SessionError::CrossOrigin), Ok(())),
        Verdict::Refused(_) => (
            Err(SessionError::CrossOrigin),
            Err(SessionError::CrossOrigin),
        ),
    };
    assert_eq!((written, logged_in), (write, login));
    assert_eq!(session.insert("user", 7).is_err(), refused);
    let plan = ready(exchange.commit(exchange.close()));
    let set = |edit: &HeaderEdit| matches!(edit, HeaderEdit::Append("set-cookie", _));
    let edits = exchange.finish(plan, NO_HEADERS);
    assert_eq!(edits.into_iter().any(|edit| set(&edit)), !refused);
}
