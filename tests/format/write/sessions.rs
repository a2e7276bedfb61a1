//! Requests from end to end: which session the Cookie header carries, if any.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cookies::{NAME, escape};
use crate::keys::master;
use crate::records::{dictionary, record};
use crate::reference::{self, Key, Opener};
use crate::session::{Record, candidates, cut, read_dictionary, read_record, write_record};
use crate::tokens::{NOW, accepted, primary, random, retired};
use crate::vector::RingKey;

#[derive(Clone, Serialize)]
pub struct Vector {
    name: String,
    keys: Vec<RingKey>,
    cookie: &'static str,
    realm: &'static str,
    /// The name of the typed session; empty for the dictionary.
    session: &'static str,
    now: u32,
    skew: u64,
    floor: u32,
    headers: Vec<String>,
    /// The id of the session found, and its values if it is a dictionary, else its data.
    found: Option<Value>,
    comment: &'static str,
}

/// A token in the making.
#[derive(Clone)]
struct Cookie {
    sealer: u32,
    label: &'static str,
    purpose: [&'static str; 3],
    issued_at: u32,
    block: usize,
    payload: Vec<u8>,
}

/// A session that began and was saved so many seconds ago, with an id and a value of its own.
fn cookie(created: u32, issued: u32, n: u8) -> Cookie {
    let record = Record {
        id: [n; 16],
        created_at: NOW - created,
        data: dictionary(&json!({ "n": n })),
        ..record()
    };
    Cookie {
        sealer: 0,
        label: "cookie",
        purpose: [NAME, "", ""],
        issued_at: NOW - issued,
        block: 0,
        payload: write_record(&record),
    }
}

impl Cookie {
    fn with(mut self, change: impl FnOnce(&mut Cookie)) -> Cookie {
        change(&mut self);
        self
    }

    fn record(mut self, change: impl FnOnce(&mut Record)) -> Cookie {
        let mut record = read_record(&self.payload).unwrap();
        change(&mut record);
        self.payload = write_record(&record);
        self
    }

    fn token(&self, seed: &str) -> String {
        let purpose = self.purpose.join("\0");
        let scope = (self.label, purpose.as_bytes());
        let once = (self.issued_at, random(seed));
        reference::seal(
            &master(self.sealer),
            scope,
            None,
            self.block,
            once,
            &self.payload,
        )
        .unwrap()
    }

    fn pair(&self, seed: &str) -> String {
        format!("{NAME}={}", self.token(seed))
    }
}

fn base(name: &str, comment: &'static str) -> Vector {
    Vector {
        name: name.into(),
        keys: vec![primary(0)],
        cookie: NAME,
        realm: "",
        session: "",
        now: NOW,
        skew: 60,
        floor: 0,
        headers: vec![],
        found: None,
        comment,
    }
}

/// The session by the rules of the format page: of the candidates that open the latest, of equals the first.
fn find(vector: &Vector, header: &str) -> Option<Value> {
    let key = |key: &RingKey| Key {
        master: key.master,
        retired: key.retired_at,
    };
    let keys: Vec<Key> = vector.keys.iter().map(key).collect();
    let purpose = [vector.cookie, vector.realm, vector.session].join("\0");
    let opener = Opener {
        keys: &keys,
        label: "cookie",
        purpose: purpose.as_bytes(),
        ad: None,
        now: vector.now,
        skew: vector.skew,
        max_age: u64::MAX,
        floor: vector.floor,
        limit: 16_384,
    };
    let mut best: Option<(u32, Value)> = None;
    for token in candidates(&[header.into()], vector.cookie).iter().flatten() {
        let Ok(opened) = reference::open(&opener, token) else {
            continue;
        };
        let Ok(record) = read_record(&opened.payload) else {
            continue;
        };
        let idle_end = u64::from(opened.issued_at) + u64::from(record.idle_limit);
        let absolute_end = u64::from(record.created_at) + u64::from(record.lifetime);
        if u64::from(vector.now) > idle_end.min(absolute_end) || record.created_at < vector.floor {
            continue;
        }
        let id = hex::encode(record.id);
        let found = match (vector.session, read_dictionary(&record.data)) {
            ("", Err(_)) => continue,
            ("", Ok(values)) => {
                let value = |(key, value): (String, Vec<u8>)| (key, json!(hex::encode(value)));
                json!({ "id": id, "values": values.into_iter().map(value).collect::<serde_json::Map<_, _>>() })
            }
            _ => json!({ "id": id, "data": hex::encode(record.data) }),
        };
        if best.as_ref().is_none_or(|(at, _)| opened.issued_at > *at) {
            best = Some((opened.issued_at, found));
        }
    }
    best.map(|(_, found)| found)
}

struct List(Vec<Vector>);

impl List {
    /// The expected session's id consists of the byte `id`.
    fn add(&mut self, mut vector: Vector, header: &str, id: Option<u8>) {
        vector.found = find(&vector, header);
        let found = vector.found.as_ref().map(|found| found["id"].clone());
        assert_eq!(
            found,
            id.map(|n| json!(hex::encode([n; 16]))),
            "{}",
            vector.name
        );
        assert!(
            self.0.iter().all(|other| other.name != vector.name),
            "two {}",
            vector.name
        );
        vector.headers = vec![escape(header.as_bytes())];
        self.0.push(vector);
    }

    fn one(&mut self, name: &str, comment: &'static str, cookie: Cookie, id: Option<u8>) {
        self.add(base(name, comment), &cookie.pair(name), id);
    }
}

pub fn sessions() -> Vec<Vector> {
    let mut list = List(vec![]);
    single(&mut list);
    scopes(&mut list);
    keys(&mut list);
    several(&mut list);
    list.0
}

fn single(list: &mut List) {
    let fresh = || cookie(100, 10, 1);
    list.add(base("no cookie", ""), "a=1; b=2", None);
    list.one("one cookie", "", fresh(), Some(1));
    list.one("padded", "", fresh().with(|c| c.block = 64), Some(1));
    list.one("remembered", "", fresh().record(|r| r.flags = 1), Some(1));
    list.one(
        "from the future by half a minute",
        "within the skew",
        fresh().with(|c| c.issued_at = NOW + 30),
        Some(1),
    );
    list.one(
        "from the future",
        "beyond the skew",
        fresh().with(|c| c.issued_at = NOW + 1000),
        None,
    );
    list.one("idle for too long", "", cookie(5000, 4000, 1), None);
    list.one("beyond its absolute end", "", cookie(50_000, 10, 1), None);
    list.one(
        "idle limit of the record",
        "",
        fresh().record(|r| r.idle_limit = 5),
        None,
    );
    list.one(
        "lifetime of the record",
        "",
        fresh().record(|r| r.lifetime = 50),
        None,
    );
    list.one(
        "another layout",
        "no session, and the cookie stays",
        fresh().with(|c| c.payload[0] = 2),
        None,
    );
    list.one(
        "a record cut short",
        "",
        fresh().with(|c| c.payload.truncate(30)),
        None,
    );
    list.one(
        "a dictionary with a byte left over",
        "",
        fresh().record(|r| r.data.push(0)),
        None,
    );
    let name = "changed by a character";
    let pair = fresh().pair(name);
    let last = if pair.ends_with('A') { "E" } else { "A" };
    list.add(
        base(name, ""),
        &format!("{}{last}", &pair[..pair.len() - 1]),
        None,
    );
    for (name, floor, id) in [
        ("floor before both times", NOW - 101, Some(1)),
        ("floor at creation", NOW - 100, Some(1)),
        ("floor after creation", NOW - 99, None),
        ("floor after saving", NOW - 9, None),
    ] {
        let vector = Vector {
            floor,
            ..base(name, "tested against both times")
        };
        list.add(vector, &fresh().pair(name), id);
    }
}

fn scopes(list: &mut List) {
    let fresh = || cookie(100, 10, 1);
    let mut refused = |name: &str, change: fn(&mut Cookie)| {
        list.one(name, "sealed for another use", fresh().with(change), None);
    };
    refused("sealed by a codec", |c| c.label = "seal");
    refused("sealed as another cookie", |c| c.purpose[0] = "session");
    refused("sealed as the cookie in lower case", |c| {
        c.purpose[0] = "__host-session"
    });
    refused("sealed for a realm", |c| c.purpose[1] = "staging");
    refused("sealed for a typed session", |c| c.purpose[2] = "account");
    let vector = |name: &str| Vector {
        realm: "staging",
        session: "account",
        ..base(name, "")
    };
    let typed = |realm, session| {
        fresh()
            .with(|c| c.purpose = [NAME, realm, session])
            .record(|r| (r.schema, r.data) = (1, vec![5]))
    };
    for (name, realm, session, id) in [
        ("realm and typed session", "staging", "account", Some(1)),
        ("realm for name", "account", "staging", None),
        ("typed session without the realm", "", "account", None),
        ("realm without the typed session", "staging", "", None),
        ("another typed session", "staging", "accounts", None),
    ] {
        list.add(vector(name), &typed(realm, session).pair(name), id);
    }
}

fn keys(list: &mut List) {
    let ring = |name: &str| Vector {
        keys: vec![primary(0), accepted(1), retired(2, NOW - 500)],
        ..base(name, "")
    };
    for (name, sealer, issued, id) in [
        ("by an accepted key", 1, 10, Some(1)),
        ("by a retired key before its end", 2, 600, Some(1)),
        ("by a retired key after its end", 2, 10, None),
        ("by a stranger", 9, 10, None),
    ] {
        let cookie = cookie(1000, issued, 1).with(|c| c.sealer = sealer);
        list.add(ring(name), &cookie.pair(name), id);
    }
}

fn several(list: &mut List) {
    let mut both = |name: &str, comment: &'static str, first: Cookie, second: Cookie, id: u8| {
        let header = format!(
            "{}; {}",
            first.pair(&format!("{name} 1")),
            second.pair(&format!("{name} 2"))
        );
        list.add(base(name, comment), &header, Some(id));
    };
    let (old, new) = (|| cookie(100, 50, 1), || cookie(100, 10, 2));
    both(
        "the later one first",
        "the latest issued-at wins",
        new(),
        old(),
        2,
    );
    both(
        "the later one second",
        "the latest issued-at wins",
        old(),
        new(),
        2,
    );
    both(
        "issued in one second",
        "the first of equals",
        cookie(100, 10, 3),
        new(),
        3,
    );
    both(
        "the later one began earlier",
        "issued-at counts, not created-at",
        cookie(900, 5, 3),
        new(),
        3,
    );
    both(
        "a stranger's first",
        "it does not open",
        new().with(|c| c.sealer = 9),
        old(),
        1,
    );
    both(
        "another realm's, later",
        "it does not open",
        old(),
        new().with(|c| c.purpose[1] = "staging"),
        1,
    );
    both(
        "one from the future",
        "it does not open",
        old(),
        new().with(|c| c.issued_at = NOW + 1000),
        1,
    );
    let name = "a bogus value first";
    list.add(
        base(name, ""),
        &format!("{NAME}=h; {}", old().pair(name)),
        Some(1),
    );
    let name = "a foreign cookie behind a no-break space";
    let header = format!("\u{a0}{}; {}", new().pair("behind"), old().pair(name));
    list.add(base(name, "skipped by itself"), &header, Some(1));

    let cut = |cookie: &Cookie, seed: &str| {
        let token = cookie.token(seed);
        cut(&token, NAME, &[40, 80])
    };
    let (one, two) = (cut(&old(), "cut 1"), cut(&new(), "cut 2"));
    list.add(base("in three parts", ""), &one.join("; "), Some(1));
    list.add(
        base("in three parts, one missing", ""),
        &one[..2].join("; "),
        None,
    );
    let mixed = [&two[1], &one[2], &one[0], &two[0], &two[2], &one[1]]
        .map(String::as_str)
        .join("; ");
    list.add(
        base("two cut tokens, mixed", "the latest issued-at wins"),
        &mixed,
        Some(2),
    );
    let header = format!("{}; {}; {}", two[0], two[2], old().pair("beside"));
    list.add(
        base("the later one incomplete", "the other counts"),
        &header,
        Some(1),
    );
    let header = [&one[0], &two[1], &one[2]].map(String::as_str).join("; ");
    list.add(base("a part of another token", ""), &header, None);
}
