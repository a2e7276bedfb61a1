//! Requests with a session that may be bound to a device: hostile fields and proof cookies, against the tables of the
//! guide and the reference. Nothing is read without a proof, and no key is bound that has not signed.

use crate::act::Act;
use crate::cookies::{COOKIE, SCOPE, sample};
use crate::device::jws::Proof as Jws;
use crate::kit::browser::Jar;
use crate::kit::device::Device;
use crate::kit::exchange::{NO_HEADERS, ready};
use crate::kit::reference::{self, Error, Key};
use crate::kit::reference_device::{
    CHALLENGE, Challenge, PROOF, Proof, Refused, Site, Tried, identifier, proven, write_proof,
};
use crate::kit::reference_session::{DEVICE_KEY, Record, read_record, write_record};
use crate::{NOW, Time, key, master, read};
use arbitrary::Arbitrary;
use hardtack::session::{
    DeviceBound, Event, Exchange, HeaderEdit, HeaderEdits, Refusal, RequestHead, Session,
    SessionError, SessionManager,
};
use hardtack::{Keyring, Timestamp};
use std::sync::{Arc, Mutex};

const BOUND: &str = "__Host-session-bound";
const ENDPOINT: &str = "/.hardtack/device/session";
const PATHS: [&str; 6] = [
    "/",
    "/assets/a",
    "/assets",
    "/assetsx",
    "/device/session",
    ENDPOINT,
];
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

const FIELDS: [&str; 7] = [
    "secure-session-response",
    "sec-secure-session-id",
    "secure-session-skipped",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "sec-purpose",
];

/// What the values of these fields are made of: the fuzzer would not find the words.
const WORDS: [&str; 14] = [
    "none",
    "same-origin",
    "same-site",
    "cross-site",
    "navigate",
    "no-cors",
    "cors",
    "document",
    "empty",
    "prefetch",
    "quota_exceeded",
    "\"",
    " ",
    ".",
];

#[derive(Arbitrary, Debug)]
enum Piece {
    Word(u8),
    Byte(u8),
    /// The name of a device's key.
    Id(u8),
    /// What a device signs.
    Signed {
        device: u8,
        registers: bool,
        for_login: Option<bool>,
        for_device: u8,
        at: Time,
    },
}

/// A proof cookie: authentic, or of another key or layout, or changed in one place.
#[derive(Arbitrary, Debug)]
struct ProofCookie {
    login: bool,
    device: u8,
    master: u8,
    at: Time,
    /// In place of the payload.
    payload: Option<Vec<u8>>,
    edit: Option<(u8, u8)>,
}

#[derive(Arbitrary, Debug)]
struct Brought {
    login: bool,
    device: Option<u8>,
    master: u8,
}

#[derive(Arbitrary, Debug)]
struct Input {
    requires: bool,
    method: u8,
    path: u8,
    session: Option<Brought>,
    proofs: Vec<ProofCookie>,
    fields: Vec<(u8, Vec<Piece>)>,
    act: Act,
}

fn login_id(login: bool) -> [u8; 8] {
    [1 + u8::from(login); 8]
}

fn device(n: u8) -> Device {
    Device::new(1 + n % 3)
}

fn seal(n: u8, label: &str, ad: Option<&[u8]>, at: Time, payload: &[u8]) -> String {
    let (scope, at) = ((label, SCOPE.1), at.unix().min(u32::MAX - 1));
    reference::seal(&master(n % 3), scope, ad, 0, (at, [n; 16]), payload).unwrap()
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Piece::Word(n) => WORDS[usize::from(*n) % WORDS.len()].into(),
            Piece::Byte(byte) => vec![*byte],
            Piece::Id(n) => identifier(&device(*n).key()).into(),
            Piece::Signed {
                device: signs,
                registers,
                for_login,
                for_device,
                at,
            } => {
                let challenge = match for_login {
                    Some(login) => Challenge::Registration(login_id(*login)),
                    None => Challenge::Refresh(device(*for_device).key()),
                };
                let challenge = seal(0, CHALLENGE, Some(&challenge.bound_to()), *at, &[]);
                let jws = match registers {
                    true => device(*signs).register(&challenge),
                    false => device(*signs).prove(&challenge),
                };
                jws.into()
            }
        }
    }
}

impl ProofCookie {
    fn pair(&self) -> Vec<u8> {
        let proof = write_proof(&Proof {
            login_id: login_id(self.login),
            device_key: device(self.device).key(),
        });
        let payload = self.payload.as_ref().unwrap_or(&proof);
        let mut token = seal(self.master, PROOF, None, self.at, payload).into_bytes();
        if let Some((place, byte)) = self.edit {
            let place = usize::from(place) % token.len();
            token[place] = byte;
        }
        [b"__Host-session-bound=", &token[..]].concat()
    }
}

impl Brought {
    fn record(&self) -> Record {
        let device_key = self.device.map(|n| device(n).key());
        Record {
            login_id: login_id(self.login),
            flags: if device_key.is_some() { DEVICE_KEY } else { 0 },
            device_key,
            ..sample()
        }
    }

    fn pair(&self) -> Vec<u8> {
        let payload = write_record(&self.record());
        let token = seal(self.master, SCOPE.0, None, Time::Near(-20), &payload);
        format!("{COOKIE}={token}").into()
    }
}

/// A request that is read here.
struct Parts {
    requires: bool,
    method: &'static str,
    path: &'static str,
    cookies: Vec<u8>,
    fields: Vec<(&'static str, Vec<u8>)>,
    /// The record, if its token opens.
    record: Option<Record>,
    /// Whether a session came that does not open here.
    is_foreign: bool,
    tried: Tried,
    site: Site,
}

/// Which session a handler sees.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sees {
    Nothing,
    /// With the key that it has, or takes.
    Session(Option<[u8; 33]>),
    /// A bound session whose proof is missing.
    Reload,
    Prefetch,
    Wait,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    Refuses,
    Binds([u8; 33]),
    Proves([u8; 33]),
    Challenges,
    Ends,
    Fails,
}

impl Parts {
    fn new(input: &Input) -> Parts {
        let master = |n| Key {
            master: master(n),
            retired: None,
        };
        let site = Site {
            keys: vec![master(0), master(1)],
            cookies: vec![[COOKIE, "", ""]],
            now: NOW,
            skew: 60,
            floor: 0,
            lifetime: 600,
        };
        let session = input.session.as_ref();
        let proofs = input.proofs.iter().map(ProofCookie::pair);
        let pairs: Vec<Vec<u8>> = session
            .map(Brought::pair)
            .into_iter()
            .chain(proofs)
            .collect();
        let cookies = pairs.join(&b"; "[..]);
        let record = session.filter(|brought| brought.master % 3 < 2);
        let record = record.map(Brought::record);
        let tried = record.as_ref().map(|record| {
            site.try_proofs(
                std::slice::from_ref(&cookies),
                record.login_id,
                record.device_key,
            )
        });
        let fields = input.fields.iter().map(|(name, pieces)| {
            let bytes: Vec<u8> = pieces.iter().flat_map(Piece::bytes).collect();
            (FIELDS[usize::from(*name) % FIELDS.len()], bytes)
        });
        Parts {
            requires: input.requires,
            method: METHODS[usize::from(input.method) % METHODS.len()],
            path: PATHS[usize::from(input.path) % PATHS.len()],
            cookies,
            fields: fields.collect(),
            is_foreign: session.is_some() && record.is_none(),
            record,
            tried: tried.unwrap_or_default(),
            site,
        }
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> + Clone {
        let fields = self.fields.iter().map(|(name, value)| (*name, value));
        fields.chain([("cookie", &self.cookies)])
    }

    fn lines(&self, name: &str) -> Vec<&[u8]> {
        let cookies = (name == "cookie").then_some(self.cookies.as_slice());
        let fields = self.fields.iter().filter(|(field, _)| *field == name);
        cookies
            .into_iter()
            .chain(fields.map(|(_, value)| value.as_slice()))
            .collect()
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        self.lines(name).first().map(|line| line.trim_ascii())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.first(name) == Some(value.as_bytes())
    }

    /// Rule 13 of the guide, for requests without `Origin`.
    fn is_refused(&self) -> bool {
        let is_own = match self.lines("sec-fetch-site")[..] {
            [] => true,
            [site] => matches!(site.trim_ascii(), b"same-origin" | b"none"),
            _ => false,
        };
        self.method == "POST" && !is_own
    }

    /// Which cookie counts.
    fn sees(&self) -> Sees {
        let Some(record) = &self.record else {
            return Sees::Nothing;
        };
        if record.device_key.is_none() || !self.requires || proven(&self.tried).is_some() {
            return Sees::Session(record.device_key.or(proven(&self.tried)));
        }
        let is_elsewhere = ["same-site", "cross-site"]
            .iter()
            .any(|it| self.is("sec-fetch-site", it));
        let is_page =
            self.is("sec-fetch-mode", "navigate") && self.is("sec-fetch-dest", "document");
        let is_unknown = |tried: &Result<_, Refused>| {
            let unknown = [Error::UnknownVersion, Error::Payload].map(Refused::Token);
            tried.is_err_and(|why| {
                unknown.contains(&why) || matches!(why, Refused::Token(Error::UnknownKey(_)))
            })
        };
        let is_script =
            self.first("sec-fetch-mode").is_some() && !self.is("sec-fetch-mode", "navigate");
        if self.first("secure-session-skipped").is_some() || self.path.starts_with("/assets/") {
            Sees::Wait
        } else if is_elsewhere && is_page && self.method == "GET" {
            match self.first("sec-purpose") {
                Some(_) => Sees::Prefetch,
                None => Sees::Reload,
            }
        } else if is_elsewhere || is_script || self.tried.iter().any(is_unknown) {
            Sees::Wait
        } else {
            Sees::Over
        }
    }

    /// What the endpoint says.
    fn answers(&self) -> Answers {
        let mode = self.lines("sec-fetch-mode");
        if mode.first().is_some_and(|mode| *mode != b"no-cors") {
            return Answers::Refuses;
        }
        let login = self.record.as_ref().map(|record| record.login_id);
        let own = self.record.as_ref().and_then(|record| record.device_key);
        let own = own.or(proven(&self.tried));
        let response = self.lines("secure-session-response");
        let jws = response.first().and_then(|line| Jws::read(line));
        let signs = |challenge: Challenge, key: &[u8; 33]| {
            jws.as_ref().is_some_and(|jws| {
                self.site
                    .open_challenge(&challenge, jws.challenge())
                    .is_ok()
                    && jws.is_signed_by(key)
            })
        };
        let Some(name) = self.first("sec-secure-session-id") else {
            let key = jws.as_ref().and_then(Jws::key);
            return match (login, own, key) {
                (Some(login), None, Some(key)) if signs(Challenge::Registration(login), key) => {
                    Answers::Binds(*key)
                }
                _ => Answers::Refuses,
            };
        };
        let unquoted = name
            .strip_prefix(b"\"")
            .and_then(|name| name.strip_suffix(b"\""));
        match own {
            None if self.is_foreign => Answers::Fails,
            Some(key) if identifier(&key).as_bytes() == unquoted.unwrap_or(name) => {
                match signs(Challenge::Refresh(key), &key) {
                    true => Answers::Proves(key),
                    false => Answers::Challenges,
                }
            }
            _ => Answers::Ends,
        }
    }
}

/// What a response carries.
struct Reply {
    status: Option<u16>,
    body: String,
    headers: Vec<(&'static str, String)>,
    jar: Jar,
}

impl Reply {
    fn of(edits: HeaderEdits) -> Reply {
        let (status, body) = (edits.status(), edits.body());
        let mut jar = Jar::default();
        let headers = edits.into_iter().map(|edit| match edit {
            HeaderEdit::Append(name, value) | HeaderEdit::Set(name, value) => {
                if name == "set-cookie" {
                    jar.store(&value);
                }
                (name, value.into_owned())
            }
        });
        Reply {
            status,
            body,
            headers: headers.collect(),
            jar,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(found, _)| *found == name)
    }

    /// The record that was sealed, if one was.
    fn saved(&self) -> Option<Record> {
        let (_, token) = self.jar.0.iter().find(|(name, _)| *name == COOKIE)?;
        let keys = [Key {
            master: master(0),
            retired: None,
        }];
        let opener = reference::Opener {
            keys: &keys,
            label: SCOPE.0,
            purpose: SCOPE.1,
            ad: None,
            now: NOW,
            skew: 0,
            max_age: 0,
            floor: 0,
            limit: 16_384,
        };
        Some(read_record(&reference::open(&opener, token).unwrap().payload).unwrap())
    }
}

/// Which session a handler sees of a request with any fields, and what the endpoint answers, binds and sets.
pub fn device_request(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    let parts = Parts::new(&input);
    let events = Arc::new(Mutex::new(vec![]));
    let log = events.clone();
    let bound = DeviceBound::default()
        .exclude("/assets/")
        .required(input.requires);
    let sessions = SessionManager::builder(Keyring::new(key(0)).accept(key(1)).unwrap())
        .device_bound(bound)
        .clock(|| Timestamp::from_unix(NOW))
        .on_event(move |event| log.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let exchange = Exchange::begin(&sessions);
    let head = RequestHead {
        method: parts.method,
        path: parts.path,
        authority: None,
        headers: parts.headers(),
    };
    let is_endpoint = (parts.method, parts.path) == ("POST", ENDPOINT);
    if let Some(answer) = exchange.endpoint(&head) {
        assert!(is_endpoint);
        check_endpoint(&parts, &Reply::of(ready(answer)), &events.lock().unwrap());
        return;
    }
    assert!(!is_endpoint);
    let session = ready(exchange.session(head));
    if parts.is_refused() {
        assert!(session.check_origin().is_err());
        assert!(session.is_new().unwrap() && session.is_empty().unwrap());
        return;
    }
    let sees = parts.sees();
    check_read(&parts, sees, &session);
    let done = input.act.run(&session, "cart");
    let waits = matches!(sees, Sees::Reload | Sees::Prefetch | Sees::Wait);
    let expected = match input.act {
        Act::Write if waits => Err(SessionError::NoDeviceProof),
        _ => Ok(()),
    };
    assert_eq!(done, expected, "{sees:?}");
    let plan = ready(exchange.commit(exchange.close()));
    let reply = Reply::of(exchange.finish(plan, NO_HEADERS));
    check_written(&parts, sees, input.act, &reply);
}

fn check_read(parts: &Parts, sees: Sees, session: &Session) {
    let record = parts.record.as_ref();
    if let (Sees::Session(key), Some(record)) = (sees, record) {
        assert_eq!(session.get::<u32>("user"), Ok(Some(7)));
        assert_eq!(session.id().unwrap().to_bytes(), record.id);
        assert_eq!(session.is_device_bound(), Ok(key.is_some()));
        return;
    }
    assert!(
        session.is_new().unwrap() && session.is_empty().unwrap(),
        "{sees:?}"
    );
    assert_eq!(session.get::<u32>("user"), Ok(None));
    assert_eq!(session.keys(), Ok(vec![]));
    assert_eq!(session.take_flashes(), Ok(vec![]));
    assert_eq!(session.is_device_bound(), Ok(false));
    let no_proof = sees != Sees::Nothing;
    assert_eq!(
        session.refused() == Ok(Some(Refusal::NoDeviceProof)),
        no_proof
    );
}

fn check_written(parts: &Parts, sees: Sees, act: Act, reply: &Reply) {
    let before = parts.record.as_ref();
    let saved = reply.saved();
    assert!(
        !reply.jar.0.iter().any(|(name, _)| name == BOUND),
        "a proof from no endpoint"
    );
    let replaced = match (sees, act) {
        (Sees::Reload, Act::Read | Act::Write) => Some(200),
        (Sees::Prefetch, Act::Read | Act::Write) => Some(503),
        _ => None,
    };
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (replaced, ""),
        "{sees:?} {act:?}"
    );
    assert_eq!(reply.has("refresh"), replaced == Some(200));
    assert_eq!(reply.has("secure-session-registration"), act == Act::Login);
    match (sees, act) {
        (_, Act::Destroy) => assert_eq!(saved, None),
        (_, Act::Login) => {
            let saved = saved.expect("a login is saved");
            assert_eq!(saved.device_key, None);
            assert!(before.is_none_or(|record| record.login_id != saved.login_id));
        }
        (Sees::Session(key), _) => {
            let before = before.expect("it is seen");
            assert!(saved.is_some() || act == Act::Read);
            if let Some(saved) = saved {
                assert_eq!((saved.login_id, saved.device_key), (before.login_id, key));
            }
        }
        (Sees::Nothing | Sees::Over, Act::Write) => {
            let saved = saved.expect("a session of its own");
            assert_eq!(saved.device_key, None);
            assert!(before.is_none_or(|record| record.login_id != saved.login_id));
        }
        _ => assert!(!reply.has("set-cookie"), "{sees:?}"),
    }
}

fn check_endpoint(parts: &Parts, reply: &Reply, events: &[Event]) {
    let answers = parts.answers();
    let status = match answers {
        Answers::Binds(_) | Answers::Proves(_) | Answers::Ends => 200,
        Answers::Refuses => 400,
        Answers::Challenges => 403,
        Answers::Fails => 503,
    };
    assert_eq!(reply.status, Some(status), "{answers:?}");
    assert_eq!(
        reply.body.contains("\"continue\":false"),
        answers == Answers::Ends
    );
    assert_eq!(
        reply.has("secure-session-challenge"),
        answers == Answers::Challenges
    );
    let told = |is: fn(&Event) -> bool| events.iter().any(is);
    let binds = matches!(answers, Answers::Binds(_));
    assert_eq!(
        told(|event| matches!(event, Event::DeviceBound { .. })),
        binds
    );
    let proves = matches!(answers, Answers::Proves(_));
    assert_eq!(
        told(|event| matches!(event, Event::DeviceProven { .. })),
        proves
    );

    let (Answers::Binds(key) | Answers::Proves(key)) = answers else {
        assert!(!reply.has("set-cookie"), "{answers:?}");
        return;
    };
    assert!(reply.body.contains(&identifier(&key)));
    let record = parts.record.as_ref().expect("it has a key");
    let saved = reply
        .saved()
        .map(|saved| (saved.login_id, saved.device_key));
    assert_eq!(saved, binds.then_some((record.login_id, Some(key))));
    let proof = reply.jar.header().into_bytes();
    let tried = parts.site.try_proofs(&[proof], record.login_id, Some(key));
    assert_eq!(tried, [Ok((NOW, key))]);
}
