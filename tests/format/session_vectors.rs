//! The vectors of records and of whole requests against the library, none skipped. What a Cookie header holds and how
//! parts are joined is tested where it is done, in `src/session`.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{collections::BTreeMap, fs, path::Path};

use crate::kit::{exchange::Request, library::keyring, raw::Raw, reference, vector::RingKey};
use hardtack::session::{
    Event, FlashLevel, FormerCookie, OldData, Refusal, Session, SessionData, SessionManager,
    SessionManagerBuilder,
};
use hardtack::{Key, Keyring, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

fn read<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A header of the vectors: `\xNN` is a byte.
fn unescape(header: &str) -> Vec<u8> {
    let mut parts = header.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

/// A typed session of any schema and any bytes.
#[derive(Debug, Default, PartialEq)]
struct Typed {
    schema: u8,
    data: Vec<u8>,
}

impl Serialize for Typed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Raw(self.data.clone()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Typed, D::Error> {
        let Raw(data) = Raw::deserialize(from)?;
        Ok(Typed {
            schema: Typed::VERSION,
            data,
        })
    }
}

impl SessionData for Typed {
    const NAME: &'static str = "account";
    const VERSION: u8 = 255;

    fn migrate(old: OldData<'_>) -> Option<Typed> {
        let Raw(data) = old.read()?;
        let schema = old.version();
        Some(Typed { schema, data })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordVector {
    name: String,
    #[serde(with = "hex::serde")]
    record: Vec<u8>,
    dictionary: bool,
    error: Option<String>,
    fields: Option<Fields>,
    values: Option<BTreeMap<String, Value>>,
    #[expect(dead_code, reason = "for the reader")]
    comment: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    schema: u8,
    id: String,
    #[expect(dead_code, reason = "the session does not tell it yet")]
    login_id: String,
    remembered: bool,
    #[expect(dead_code, reason = "the session does not tell it yet")]
    login: bool,
    created_at: u32,
    idle_limit: u32,
    lifetime: u32,
    longest: u32,
    device_key: Option<String>,
    #[expect(dead_code, reason = "the session does not tell it yet")]
    subject: Option<String>,
    flashes: Vec<FlashFields>,
    #[serde(with = "hex::serde")]
    data: Vec<u8>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct FlashFields {
    level: String,
    text: String,
}

const COOKIE: &str = "__Host-session";
const MASTER: [u8; 32] = *b"\xd0waxy jukebox, vector of pigmnts";

/// Makes the sessions typed, or leaves them as they are.
type Typing<T> = fn(SessionManagerBuilder) -> SessionManagerBuilder<T>;

/// The session that this payload makes, sealed by the reference and received in the same second.
fn receive<T: SessionData>(
    typing: Typing<T>,
    payload: &[u8],
    now: u32,
) -> (Request<T>, Arc<Mutex<Vec<Event>>>) {
    let purpose = [COOKIE, "", T::NAME].join("\0");
    let scope = ("cookie", purpose.as_bytes());
    let token = reference::seal(&MASTER, scope, None, 0, (now, [4; 16]), payload).unwrap();
    let events = Arc::new(Mutex::new(vec![]));
    let log = events.clone();
    let long = Duration::from_secs(u64::from(u32::MAX));
    let sessions = SessionManager::builder(Keyring::new(Key::from_bytes(MASTER).unwrap()));
    let sessions = typing(sessions)
        .idle_timeout(long)
        .absolute_timeout(long)
        .remember_idle_timeout(long)
        .remember_absolute_timeout(long)
        .clock(move || Timestamp::from_unix(now))
        .on_event(move |event| log.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let session = Request::new(&sessions, [format!("{COOKIE}={token}").as_bytes()]);
    (session, events)
}

fn check_fields<T: SessionData>(session: &Session<T>, fields: &Fields, now: u32) {
    assert!(!session.is_new().unwrap());
    assert_eq!(session.id().unwrap().to_string(), fields.id);
    assert_eq!(session.created_at().unwrap().to_unix(), fields.created_at);
    assert_eq!(session.is_remembered().unwrap(), fields.remembered);
    let idle_end = now.saturating_add(fields.idle_limit);
    let lifetime = fields.lifetime.min(fields.longest);
    let end = idle_end.min(fields.created_at.saturating_add(lifetime));
    assert_eq!(session.expires_at().unwrap().to_unix(), end);
    let flashes = session.take_flashes().unwrap();
    let shown = |level: FlashLevel| level.to_string();
    let flashes: Vec<FlashFields> = flashes
        .into_iter()
        .map(|flash| FlashFields {
            level: shown(flash.level),
            text: flash.text,
        })
        .collect();
    assert_eq!(flashes, fields.flashes);
}

/// How the only cookie was refused.
fn refusal<T: SessionData>(session: &Session<T>, events: &Mutex<Vec<Event>>) -> Refusal {
    assert!(session.is_new().unwrap());
    match events.lock().unwrap().as_slice() {
        [Event::Refused { reason, .. }] => *reason,
        events => panic!("{events:?}"),
    }
}

#[test]
fn records() {
    let vectors: Vec<RecordVector> = read("records.json");
    for vector in &vectors {
        let at = vector
            .fields
            .as_ref()
            .map_or(1_700_000_000, |fields| fields.created_at);
        let now = at.min(u32::MAX - 1);
        println!("{}", vector.name); // shown if it fails
        let bound = |fields: &Fields| fields.device_key.is_some();
        match (&vector.fields, vector.dictionary) {
            // Without device binding, a device key is like a layout that is not known.
            (Some(fields), true) if bound(fields) => {
                let (session, events) = receive(|builder| builder, &vector.record, now);
                assert_eq!(refusal(&session, &events), Refusal::UnknownLayout);
            }
            (Some(fields), false) if bound(fields) => {
                let (session, events) =
                    receive::<Typed>(|builder| builder.data(), &vector.record, now);
                assert_eq!(refusal(&session, &events), Refusal::UnknownLayout);
            }
            (Some(fields), true) => {
                assert_eq!(fields.schema, 0);
                let (session, _) = receive(|builder| builder, &vector.record, now);
                check_fields(&session, fields, now);
                if let Some(values) = &vector.values {
                    assert_eq!(
                        session.keys().unwrap(),
                        values.keys().cloned().collect::<Vec<_>>()
                    );
                    for (key, value) in values {
                        assert_eq!(
                            session.get::<Value>(key).unwrap().as_ref(),
                            Some(value),
                            "{key}"
                        );
                    }
                }
            }
            (Some(fields), false) => {
                let (session, _) = receive::<Typed>(|builder| builder.data(), &vector.record, now);
                check_fields(&session, fields, now);
                let typed = Typed {
                    schema: fields.schema,
                    data: fields.data.clone(),
                };
                session.with(|data| assert_eq!(*data, typed)).unwrap();
            }
            (None, _) => {
                assert!(vector.dictionary);
                let (session, events) = receive(|builder| builder, &vector.record, now);
                let expected = match vector.error.as_deref() {
                    Some("UnknownLayout") => Refusal::UnknownLayout,
                    Some("Payload") => Refusal::Unreadable,
                    other => panic!("{other:?}"),
                };
                assert_eq!(refusal(&session, &events), expected);
            }
        }
    }
    let refused = vectors
        .iter()
        .filter(|vector| vector.error.is_some())
        .count();
    assert!(
        vectors.len() >= 250 && refused >= 180,
        "{refused} of {}",
        vectors.len()
    );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestVector {
    name: String,
    keys: Vec<RingKey>,
    cookie: String,
    realm: String,
    session: String,
    now: u32,
    skew: u64,
    floor: u32,
    #[serde(default)]
    formers: Vec<FormerVector>,
    headers: Vec<String>,
    found: Option<Found>,
    rivals: bool,
    #[expect(dead_code, reason = "for the reader")]
    comment: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormerVector {
    cookie: String,
    realm: String,
    session: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Found {
    id: String,
    /// CBOR in hexadecimal.
    values: Option<BTreeMap<String, String>>,
    data: Option<String>,
}

impl RequestVector {
    fn session<T: SessionData>(&self, typing: Typing<T>) -> Request<T> {
        let now = Timestamp::from_unix(self.now);
        let former = |former: &FormerVector| {
            FormerCookie::new(&former.cookie)
                .realm(&former.realm)
                .type_name(&former.session)
                .until(now)
        };
        let formers = self.formers.iter().map(former);
        let builder = typing(SessionManager::builder(keyring(&self.keys).unwrap()));
        let sessions = formers
            .fold(builder, SessionManagerBuilder::former_cookie)
            .cookie_name(&self.cookie)
            .realm(&self.realm)
            .reject_issued_before(Timestamp::from_unix(self.floor))
            .clock(move || now)
            .build()
            .unwrap();
        let headers: Vec<Vec<u8>> = self.headers.iter().map(|header| unescape(header)).collect();
        Request::new(&sessions, headers.iter().map(Vec::as_slice))
    }
}

#[test]
fn requests() {
    let vectors: Vec<RequestVector> = read("sessions.json");
    for vector in &vectors {
        println!("{}", vector.name); // shown if it fails
        assert_eq!(vector.skew, 60, "the session's own");
        let found = if vector.session.is_empty() {
            let session = vector.session(|builder| builder);
            let found = !session.is_new().unwrap();
            found.then(|| Found {
                id: session.id().unwrap().to_string(),
                // One value each, an integer below 24: one byte of CBOR.
                values: Some(BTreeMap::from_iter(
                    session.keys().unwrap().into_iter().map(|key| {
                        let value: u8 = session.get(&key).unwrap().unwrap();
                        (key, hex::encode([value]))
                    }),
                )),
                data: None,
            })
        } else {
            assert_eq!(vector.session, Typed::NAME);
            let session = vector.session::<Typed>(|builder| builder.data());
            let found = !session.is_new().unwrap();
            found.then(|| Found {
                id: session.id().unwrap().to_string(),
                values: None,
                data: Some(session.with(|typed| hex::encode(&typed.data)).unwrap()),
            })
        };
        assert!(!vector.rivals || vector.found.is_none(), "{}", vector.name);
        assert_eq!(found, vector.found, "{}", vector.name);
    }
    let found = vectors
        .iter()
        .filter(|vector| vector.found.is_some())
        .count();
    assert!(
        found >= 40 && vectors.len() - found >= 40,
        "{found} of {}",
        vectors.len()
    );
}

/// The requests of `device.json`, for a site without device binding: proof cookies mean nothing to it.
#[test]
fn a_site_without_device_binding_opens_what_is_not_bound() {
    let all: Vec<Value> = read("device.json");
    let sessions = all.into_iter().filter(|vector| vector["kind"] == "session");
    let (mut opened, mut refused) = (0, 0);
    for mut vector in sessions {
        let fields = vector.as_object_mut().unwrap();
        let binding = fields.remove("binding").unwrap();
        for of_binding in ["kind", "lifetime", "found"] {
            fields.remove(of_binding).unwrap();
        }
        fields.extend([
            ("rivals".into(), false.into()),
            ("comment".into(), "".into()),
        ]);
        let vector: RequestVector = serde_json::from_value(vector).unwrap();
        let is_new = match vector.session.as_str() {
            "" => vector.session(|builder| builder).is_new(),
            _ => vector.session::<Typed>(|builder| builder.data()).is_new(),
        };
        let opens = ["unbound", "adopts"].iter().any(|what| binding == *what);
        assert_eq!(is_new.unwrap(), !opens, "{}", vector.name);
        let count = if opens { &mut opened } else { &mut refused };
        *count += 1;
    }
    assert!(opened > 3 && refused > 8, "{opened}, {refused}");
}
