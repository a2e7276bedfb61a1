//! Random sessions exchanged between the library, the reference and other implementations: each seals every session, and
//! each opens what each has sealed. `tests/interop/run` installs the peers and calls this:
//!
//!     HARDTACK_SESSIONS=10000 HARDTACK_SEED=7 tests/interop/run sessions
//!
//! A value in a request to a peer is JSON: null, a boolean, a text and a list as they are, `{"map": {..}}`, and so that
//! nothing is lost `{"int": "-5"}`, `{"float": "<its 8 bytes in hex>"}`, `{"bytes": "<hex>"}`.

use std::{collections::BTreeMap, env, fmt, iter::repeat_with};

use crate::{
    interop::{Dice, Peer},
    kit::reference::{self, Opener},
};
use format::Record;
use hardtack::{
    Key, Keyring, Timestamp,
    session::{Flash, FlashLevel, LoginId, SessionCodec, SessionId, SessionMap, SessionRecord},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value as Json, json};

#[path = "../reference/session.rs"]
mod format;

/// What crosses languages.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

type Values = BTreeMap<String, Value>;

/// Whether two values are the same. JavaScript has one kind of number, and so no sign of an integer zero.
fn same(one: &Value, other: &Value, javascript: bool) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => {
            one.to_bits() == other.to_bits()
                || (one.is_nan() && other.is_nan())
                || (javascript && one == other)
        }
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) => {
            javascript && float.fract() == 0.0 && *float as i128 == *int
        }
        (Value::List(one), Value::List(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| same(one, other, javascript))
        }
        (Value::Map(one), Value::Map(other)) => same_values(one, other, javascript),
        _ => one == other,
    }
}

fn same_values(one: &Values, other: &Values, javascript: bool) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len()
        && pairs.all(|((a, one), (b, other))| a == b && same(one, other, javascript))
}

/// Fails with the values that differ.
fn assert_same(values: &Values, expected: &Values, javascript: bool, way: &str) {
    assert!(
        values.keys().eq(expected.keys()),
        "{way}: {:?}, not {:?}",
        values.keys(),
        expected.keys()
    );
    for (key, value) in values {
        assert!(
            same(value, &expected[key], javascript),
            "{way}: {key:?} is {value:?}, not {:?}",
            expected[key]
        );
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => match u64::try_from(*value) {
                Ok(value) => serializer.serialize_u64(value),
                Err(_) => serializer.serialize_i64(i64::try_from(*value).unwrap()),
            },
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::List(value) => value.serialize(serializer),
            Value::Map(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that crosses languages")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.into()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            assert!(map.insert(key, value).is_none(), "a key came twice");
        }
        Ok(Value::Map(map))
    }
}

fn to_wire(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!({ "int": value.to_string() }),
        Value::Float(value) => json!({ "float": format!("{:016x}", value.to_bits()) }),
        Value::Text(value) => json!(value),
        Value::Bytes(value) => json!({ "bytes": hex::encode(value) }),
        Value::List(value) => value.iter().map(to_wire).collect(),
        Value::Map(value) => json!({ "map": values_to_wire(value) }),
    }
}

fn values_to_wire(values: &Values) -> Json {
    let pairs = values
        .iter()
        .map(|(key, value)| (key.clone(), to_wire(value)));
    Json::Object(pairs.collect())
}

fn from_wire(wire: &Json) -> Value {
    match wire {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(value) => Value::Text(value.clone()),
        Json::Array(value) => Value::List(value.iter().map(from_wire).collect()),
        Json::Number(_) => panic!("a number has a kind"),
        Json::Object(object) => {
            let (kind, value) = object.iter().next().unwrap();
            let text = || value.as_str().unwrap();
            match kind.as_str() {
                "map" => Value::Map(values_from_wire(value)),
                "int" => Value::Int(text().parse().unwrap()),
                "float" => Value::Float(f64::from_bits(u64::from_str_radix(text(), 16).unwrap())),
                _ => Value::Bytes(hex::decode(text()).unwrap()),
            }
        }
    }
}

fn values_from_wire(wire: &Json) -> Values {
    let entries = wire.as_object().unwrap().iter();
    entries
        .map(|(key, value)| (key.clone(), from_wire(value)))
        .collect()
}

/// A session and the request that brings it.
#[derive(Debug)]
struct Case {
    /// The first one seals.
    keys: Vec<[u8; 32]>,
    /// The same in another order, to open with.
    ring: Vec<[u8; 32]>,
    name: &'static str,
    realm: &'static str,
    issued_at: u32,
    now: u32,
    record: Record,
    values: Values,
    /// Of the same request.
    other_cookies: [String; 2],
}

const KEYS: [&str; 8] = [
    "",
    "user",
    "cart",
    "__proto__",
    "constructor",
    "toString",
    "Zoë",
    "\u{10ffff}",
];

impl Dice {
    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    fn is(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn text(&mut self) -> String {
        let len = self.below(12) as usize;
        let mut letter = || match self.below(4) {
            0 => self.one_of(&[
                '\0',
                '\u{feff}',
                '\u{2028}',
                'é',
                '漢',
                '🍪',
                '\u{10ffff}',
                '"',
                ';',
            ]),
            _ => char::from(b' ' + self.below(95) as u8),
        };
        repeat_with(&mut letter).take(len).collect()
    }

    fn int(&mut self) -> i128 {
        let edge = 1_i128 << self.below(65);
        let near = edge + i128::from(self.below(3)) - 1;
        let int = match self.below(3) {
            0 => i128::from(self.roll()),
            1 => near,
            _ => -near,
        };
        int.clamp(i64::MIN.into(), u64::MAX.into())
    }

    fn float(&mut self) -> f64 {
        match self.below(5) {
            0 => f64::from_bits(self.roll()),
            1 => self.int() as f64,
            2 => f64::from(f32::from_bits(self.roll() as u32)),
            3 => f64::from(self.roll() as i16) / 16.0,
            _ => self.one_of(&[
                0.0,
                -0.0,
                60.0,
                0.1,
                1e300,
                5e-324,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NAN,
            ]),
        }
    }

    fn value(&mut self, levels: u32) -> Value {
        match self.below(if levels == 0 { 6 } else { 9 }) {
            0 => self.one_of(&[Value::Null, Value::Bool(false), Value::Bool(true)]),
            1 | 2 => Value::Int(self.int()),
            3 => Value::Float(self.float()),
            4 => Value::Text(self.text()),
            5 => {
                let len = self.below(40) as usize;
                Value::Bytes(self.bytes(len))
            }
            6 | 7 => {
                let len = self.below(4);
                Value::Map(
                    (0..len)
                        .map(|_| (self.key(), self.value(levels - 1)))
                        .collect(),
                )
            }
            _ => {
                let len = self.below(4);
                Value::List((0..len).map(|_| self.value(levels - 1)).collect())
            }
        }
    }

    fn key(&mut self) -> String {
        if self.is(2) {
            self.text()
        } else {
            self.one_of(&KEYS).into()
        }
    }

    fn values(&mut self) -> Values {
        let len = self.below(6);
        let mut values: Values = (0..len).map(|_| (self.key(), self.value(4))).collect();
        if self.is(8) {
            // Several cookies, up to nine.
            let len = self.below(23_000) as usize;
            values.insert("big".into(), Value::Bytes(self.bytes(len)));
        }
        if self.is(50) {
            let deep = (0..100).fold(self.value(0), |inner, _| Value::List(vec![inner]));
            values.insert("deep".into(), deep);
        }
        values
    }

    fn seconds(&mut self) -> u32 {
        let random = self.roll() as u32;
        match self.below(16) {
            0 => self.one_of(&[0, 1, 127, 128]),
            _ => self.one_of(&[1800, 43_200, 7_776_000, random, u32::MAX]),
        }
    }

    fn session(&mut self) -> Case {
        let keys = vec![self.array(), self.array()];
        let mut ring = keys.clone();
        if self.is(2) {
            ring.reverse();
        }
        let issued_at = self.time();
        let created_at = match self.below(4) {
            0 => issued_at.saturating_add(self.below(61) as u32),
            _ => issued_at.saturating_sub(self.below(20_000) as u32),
        };
        let now = match self.below(4) {
            0 => issued_at.saturating_sub(self.below(61) as u32),
            _ => issued_at.saturating_add(self.below(2_000) as u32),
        };
        let (device_key, subject) = match self.below(16) {
            0 => {
                let mut key: [u8; 33] = self.array();
                key[0] = 2 + (key[0] & 1);
                (Some(key), None)
            }
            1..=8 => (None, Some(format!("{}{}", self.below(10), self.text()))),
            _ => (None, None),
        };
        let flags = self.one_of(&[
            0,
            format::REMEMBERED,
            format::LOGIN,
            format::REMEMBERED | format::LOGIN,
        ]) | device_key.map_or(0, |_| format::DEVICE_KEY)
            | subject.as_ref().map_or(0, |_| format::SUBJECT);
        let flashes = (0..self.below(4))
            .map(|_| (self.below(4) as u8, self.text()))
            .collect();
        let name = self.one_of(&["__Host-session", "sid", "session-2"]);
        let other_cookies = [
            format!(
                "theme=dark; {name}=h{:x}; {name}.1=stale.part; ",
                self.roll()
            ),
            format!("; {name}.2=stale.part; {name}=; lang=de"),
        ];
        Case {
            keys,
            ring,
            name,
            realm: self.one_of(&["", "staging", "é"]),
            issued_at,
            now,
            record: Record {
                schema: 0,
                id: self.array(),
                login_id: self.array(),
                flags,
                created_at,
                idle_limit: self.seconds(),
                lifetime: self.seconds(),
                longest: self.seconds(),
                device_key,
                subject,
                flashes,
                data: vec![],
            },
            values: self.values(),
            other_cookies,
        }
    }
}

impl Case {
    fn purpose(&self) -> String {
        format!("{}\0{}\0", self.name, self.realm)
    }

    /// Whether the session counts, by the reference.
    fn is_live(&self) -> bool {
        let record = &self.record;
        let times = [
            record.created_at,
            record.idle_limit,
            record.lifetime,
            record.longest,
        ];
        format::end(times, self.issued_at, 60).is_some_and(|end| u64::from(self.now) <= end)
    }

    fn codec(&self, keys: &[[u8; 32]]) -> SessionCodec {
        let mut keys = keys.iter().map(|key| Key::from_bytes(*key).unwrap());
        let mut ring = Keyring::new(keys.next().unwrap());
        for key in keys {
            ring = ring.accept(key).unwrap();
        }
        SessionCodec::new(&ring, self.name, self.realm, "").unwrap()
    }

    fn library_seals(&self) -> String {
        let record = &self.record;
        let issued_at = Timestamp::from_unix(self.issued_at);
        let mut sealed = SessionRecord::new(issued_at).unwrap();
        let seconds = |seconds: u32| std::time::Duration::from_secs(seconds.into());
        sealed.id = SessionId::from_bytes(record.id);
        sealed.login_id = LoginId::from_bytes(record.login_id);
        sealed.remembered = record.flags & format::REMEMBERED != 0;
        sealed.by_login = record.flags & format::LOGIN != 0;
        sealed.created_at = Timestamp::from_unix(record.created_at);
        sealed.idle_timeout = seconds(record.idle_limit);
        sealed.absolute_timeout = seconds(record.lifetime);
        sealed.longest = seconds(record.longest);
        sealed.device_key = record.device_key;
        sealed.subject = record.subject.clone();
        let levels = [
            FlashLevel::Info,
            FlashLevel::Success,
            FlashLevel::Warning,
            FlashLevel::Error,
        ];
        let flashes = record.flashes.iter();
        sealed.flashes = flashes
            .map(|(level, text)| Flash::new(levels[usize::from(*level)], text))
            .collect();
        let mut values = SessionMap::default();
        for (key, value) in &self.values {
            values.insert(key, value).unwrap();
        }
        sealed.set_values(&values);
        self.codec(&self.keys).seal(&sealed, issued_at).unwrap()
    }

    fn reference_seals(&self, random: [u8; 16]) -> String {
        let item = |value| cbor2::to_canonical_vec(value).unwrap();
        let entries: Vec<_> = self
            .values
            .iter()
            .map(|(key, value)| (key.as_str(), item(value)))
            .collect();
        let data = format::write_dictionary(&entries);
        let payload = format::write_record(&Record {
            data,
            ..self.record.clone()
        });
        let place = ("cookie", self.purpose());
        let (label, purpose) = (place.0, place.1.as_bytes());
        let token = reference::seal(
            &self.keys[0],
            (label, purpose),
            None,
            0,
            (self.issued_at, random),
            &payload,
        )
        .unwrap();
        if token.len() < 3_900 {
            return format!("{}={token}", self.name);
        }
        let cuts: Vec<_> = (1..)
            .map(|part| part * 3_900)
            .take_while(|at| *at < token.len())
            .collect();
        format::cut(&token, self.name, &cuts).join("; ")
    }

    fn request(&self) -> Json {
        let keys = |keys: &[[u8; 32]]| -> Vec<String> { keys.iter().map(hex::encode).collect() };
        json!({ "keys": keys(&self.keys), "name": self.name, "realm": self.realm, "now": self.now,
            "issued_at": self.issued_at })
    }

    fn peer_seals(&self, peer: &mut Peer) -> String {
        let mut ask = self.request();
        ask["op"] = "seal".into();
        ask["record"] = record_to_wire(&self.record);
        ask["values"] = values_to_wire(&self.values);
        peer.ask(&ask)["header"].as_str().unwrap().into()
    }

    /// The answer, without the session sealed again, and that one as a Cookie header.
    fn peer_opens(&self, peer: &mut Peer, header: &str) -> Option<(Json, Values, String)> {
        let mut ask = self.request();
        ask["op"] = "open".into();
        ask["header"] = header.into();
        let found = peer.ask(&ask);
        let again = found["again"].as_str()?.into();
        assert_eq!(found["issued_at"], self.issued_at);
        Some((
            found["record"].clone(),
            values_from_wire(&found["values"]),
            again,
        ))
    }

    fn library_opens(&self, header: &str) -> Option<(SessionRecord, Values)> {
        let codec = self.codec(&self.ring);
        let now = Timestamp::from_unix(self.now);
        let tokens = SessionCodec::tokens(header.as_bytes(), self.name);
        let mut opened = tokens
            .iter()
            .flatten()
            .filter_map(|token| codec.open(token, now).ok());
        let found = opened.next()?;
        assert_eq!(found.issued_at.to_unix(), self.issued_at);
        found.value.check(found.issued_at, now).ok()?;
        let values = found.value.values()?.entries().unwrap();
        Some((found.value, values.into_iter().collect()))
    }

    fn reference_opens(&self, header: &str) -> Option<(Record, Values)> {
        let keys: Vec<_> = self
            .ring
            .iter()
            .map(|key| reference::Key {
                master: *key,
                retired: None,
            })
            .collect();
        let purpose = self.purpose();
        let opener = Opener {
            keys: &keys,
            label: "cookie",
            purpose: purpose.as_bytes(),
            ad: None,
            now: self.now,
            skew: 60,
            max_age: u64::MAX,
            floor: 0,
            limit: 9 * 4096,
        };
        let tokens = format::candidates(&[header.as_bytes().to_vec()], self.name);
        let mut opened = tokens
            .iter()
            .flatten()
            .filter_map(|token| reference::open(&opener, token).ok());
        let opened = opened.next()?;
        assert_eq!(opened.issued_at, self.issued_at);
        let record = format::read_record(&opened.payload).unwrap();
        let entries = format::read_dictionary(&record.data).unwrap().into_iter();
        let values = entries
            .map(|(key, item)| (key, cbor2::from_slice(&item).unwrap()))
            .collect();
        Some((record, values)).filter(|_| self.is_live())
    }
}

/// A record without its data, under the names of JavaScript.
fn record_to_wire(record: &Record) -> Json {
    let levels = ["info", "success", "warning", "error"];
    let flashes = record.flashes.iter();
    let flashes: Json = flashes
        .map(|(level, text)| json!({ "level": levels[usize::from(*level)], "text": text }))
        .collect();
    json!({
        "schema": record.schema, "id": hex::encode(record.id), "loginId": hex::encode(record.login_id),
        "remembered": record.flags & format::REMEMBERED != 0, "login": record.flags & format::LOGIN != 0,
        "createdAt": record.created_at, "idleLimit": record.idle_limit, "lifetime": record.lifetime,
        "longest": record.longest, "deviceKey": record.device_key.map(hex::encode), "subject": record.subject,
        "flashes": flashes,
    })
}

/// The fields of a record of the library, to compare them.
fn library_to_wire(record: &SessionRecord) -> Json {
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    let seconds = |duration: std::time::Duration| u32::try_from(duration.as_secs()).unwrap();
    record_to_wire(&Record {
        schema: record.version,
        id: record.id.to_bytes(),
        login_id: record.login_id.to_bytes(),
        flags: bit(record.remembered, format::REMEMBERED) | bit(record.by_login, format::LOGIN),
        created_at: record.created_at.to_unix(),
        idle_limit: seconds(record.idle_timeout),
        lifetime: seconds(record.absolute_timeout),
        longest: seconds(record.longest),
        device_key: record.device_key,
        subject: record.subject.clone(),
        flashes: record
            .flashes
            .iter()
            .map(|flash| (flash.level as u8, flash.text.clone()))
            .collect(),
        data: vec![],
    })
}

struct Exchange {
    /// Each with its name.
    peers: Vec<(String, Peer)>,
    live: usize,
    cut: usize,
}

impl Exchange {
    /// Seals the session with each implementation, and opens it with each.
    fn exchange(&mut self, case: &Case, dice: &mut Dice) {
        let mut sealed = vec![
            ("library".to_owned(), case.library_seals()),
            ("reference".to_owned(), case.reference_seals(dice.array())),
        ];
        for (name, peer) in &mut self.peers {
            sealed.push((name.clone(), case.peer_seals(peer)));
        }
        let wire = record_to_wire(&case.record);
        for (sealer, own) in &sealed {
            let [before, after] = &case.other_cookies;
            let header = format!("{before}{own}{after}");
            let javascript = sealer.starts_with("node");
            let is_live = case.is_live();
            let library = case.library_opens(&header);
            let way = format!("{sealer} to the library");
            assert_eq!(library.is_some(), is_live, "{way}");
            let reference = case.reference_opens(&header);
            if let Some((record, values)) = &library {
                assert_eq!(library_to_wire(record), wire, "{way}");
                assert_same(values, &case.values, javascript, &way);
                let way = format!("{sealer} to the reference");
                let (record, values) = reference.expect(&way);
                assert_eq!(record_to_wire(&record), wire, "{way}");
                assert_same(&values, &case.values, javascript, &way);
            }
            // They refuse sessions that are bound to a device.
            let is_live = is_live && case.record.device_key.is_none();
            for (opener, peer) in &mut self.peers {
                let way = format!("{sealer} to {opener}");
                let found = case.peer_opens(peer, &header);
                assert_eq!(found.is_some(), is_live, "{way}");
                let Some((record, values, again)) = found else {
                    continue;
                };
                assert_eq!(record, wire, "{way}");
                let javascript = javascript || opener.starts_with("node");
                assert_same(&values, &case.values, javascript, &way);
                // What it did not touch has kept its bytes.
                let (again, _) = case.library_opens(&again).expect(&way);
                assert!(again == library.as_ref().unwrap().0, "{way} and back");
            }
            self.live += usize::from(is_live);
            self.cut += usize::from(own.contains("; "));
        }
    }
}

#[test]
#[ignore = "needs the peers that `tests/interop/run` installs"]
fn sessions_are_exchanged_with_every_peer() {
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().expect(name));
    let (sessions, seed) = (number("HARDTACK_SESSIONS", 300), number("HARDTACK_SEED", 1));
    let commands =
        env::var("HARDTACK_SESSION_PEERS").expect("HARDTACK_SESSION_PEERS lists commands");
    let peers = commands.split(';').map(str::trim);
    let peers: Vec<_> = peers
        .map(|command| (command.to_owned(), Peer::start(command)))
        .collect();
    let implementations = 2 + peers.len();
    let mut exchange = Exchange {
        peers,
        live: 0,
        cut: 0,
    };
    for nth in 0..sessions {
        // Each has a seed of its own: `HARDTACK_SEED=<seed + nth> HARDTACK_SESSIONS=1` repeats it alone.
        let mut dice = Dice(seed + nth);
        let case = dice.session();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            exchange.exchange(&case, &mut dice)
        }));
        if let Err(error) = run {
            eprintln!(
                "repeat it alone: HARDTACK_SEED={} HARDTACK_SESSIONS=1",
                seed + nth
            );
            std::panic::resume_unwind(error);
        }
    }
    let Exchange { live, cut, .. } = exchange;
    eprintln!(
        "{sessions} sessions from seed {seed}, sealed by each of {implementations}: {live} live, {cut} cut"
    );
    let sealed = usize::try_from(sessions).unwrap() * implementations;
    assert!(sessions < 100 || (live > sealed / 4 && live < sealed && cut > sealed / 20));
}
