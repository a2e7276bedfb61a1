//! Device binding: derived keys, proof cookies, challenges, and requests of sessions that are bound.

use serde_json::{Value, json};

use crate::cookies::{NAME, escape};
use crate::device::{
    CHALLENGE, Challenge, Cookie, PROOF, Proof, Refused, Site, identifier, proven, purpose,
    write_proof,
};
use crate::keys::master;
use crate::records::{device_key, record};
use crate::reference::{Key, PADDED, PLAIN, derive, encrypt, header, key_id};
use crate::session::{
    Record, candidates, end, read_dictionary, read_record, write_dictionary, write_record,
};
use crate::stores::List;
use crate::tokens::{NOW, primary, random};
use crate::vector::{RingKey, name};

pub const LIFETIME: u64 = 600;
pub const SKEW: u64 = 60;
/// The cookies that most vectors are about.
pub const PRESENT: Cookie = [NAME, "", ""];

pub fn vectors() -> Vec<Value> {
    let mut list = List::default();
    keys(&mut list);
    crate::proofs::proofs(&mut list);
    challenges(&mut list);
    sessions(&mut list);
    crate::jws::proofs(&mut list);
    list.0
}

fn keys(list: &mut List) {
    let staging: Cookie = [NAME, "staging", ""];
    let typed: Cookie = [NAME, "", "account"];
    let foreign: Cookie = ["session", "mandant-ä", "会話"];
    for (name, n, cookie, device_key) in [
        ("dictionary", 0, PRESENT, device_key(2)),
        ("another key", 1, PRESENT, device_key(3)),
        ("realm", 0, staging, device_key(2)),
        ("typed session", 0, typed, device_key(2)),
        ("outside ASCII", 2, foreign, device_key(3)),
        ("device key at its start", 3, PRESENT, [2; 33]),
        ("device key at its end", 3, PRESENT, {
            let mut key = [0xff; 33];
            key[0] = 3;
            key
        }),
    ] {
        let (master, purpose) = (master(n), purpose(&cookie));
        let [of_name, realm, session] = cookie;
        list.add(
            "keys",
            json!({
                "name": name,
                "master": hex::encode(master),
                "cookie": of_name,
                "realm": realm,
                "session": session,
                "proof_key": hex::encode(derive(&master, PROOF, &purpose)),
                "challenge_key": hex::encode(derive(&master, CHALLENGE, &purpose)),
                "device_key": hex::encode(device_key),
                "identifier": identifier(&device_key),
            }),
        );
    }
}

/// A reader, and the record that it has.
#[derive(Clone)]
pub struct Reader {
    pub keys: Vec<RingKey>,
    pub cookies: Vec<Cookie>,
    pub now: u32,
    pub floor: u32,
    pub lifetime: u64,
    pub login_id: [u8; 8],
    pub device_key: Option<[u8; 33]>,
}

/// With a record that is bound.
pub fn reader() -> Reader {
    Reader {
        keys: vec![primary(0)],
        cookies: vec![PRESENT],
        now: NOW,
        floor: 0,
        lifetime: LIFETIME,
        login_id: record().login_id,
        device_key: Some(device_key(2)),
    }
}

impl Reader {
    pub fn with(mut self, change: impl FnOnce(&mut Reader)) -> Reader {
        change(&mut self);
        self
    }

    pub fn site(&self) -> Site {
        let key = |key: &RingKey| Key {
            master: key.master,
            retired: key.retired_at,
        };
        Site {
            keys: self.keys.iter().map(key).collect(),
            cookies: self.cookies.clone(),
            now: self.now,
            skew: SKEW,
            floor: self.floor,
            lifetime: self.lifetime,
        }
    }

    pub fn fields(&self, name: &str) -> Value {
        let [cookie, realm, session] = self.cookies[0];
        let former = |[cookie, realm, session]: &Cookie| json!({ "cookie": cookie, "realm": realm, "session": session });
        json!({
            "name": name,
            "keys": self.keys,
            "cookie": cookie,
            "realm": realm,
            "session": session,
            "formers": self.cookies[1..].iter().map(former).collect::<Vec<_>>(),
            "now": self.now,
            "skew": SKEW,
            "floor": self.floor,
        })
    }
}

/// A token in the making.
#[derive(Clone)]
pub struct Sealed {
    pub sealer: u32,
    pub label: &'static str,
    pub cookie: Cookie,
    pub version: u8,
    pub ad: Option<Vec<u8>>,
    pub issued_at: u32,
    pub plaintext: Vec<u8>,
}

impl Sealed {
    pub fn with(mut self, change: impl FnOnce(&mut Sealed)) -> Sealed {
        change(&mut self);
        self
    }

    pub fn token(&self, seed: &str) -> String {
        let master = master(self.sealer);
        let header = header(self.version, key_id(&master), self.issued_at, random(seed));
        let key = derive(&master, self.label, &purpose(&self.cookie));
        encrypt(&key, &header, self.ad.as_deref(), &self.plaintext)
    }

    /// As the cookie that carries it: a proof or else a session.
    pub fn pair(&self, seed: &str) -> String {
        let suffix = if self.label == PROOF { "-bound" } else { "" };
        format!("{}{suffix}={}", self.cookie[0], self.token(seed))
    }
}

fn sealed(label: &'static str, issued_at: u32, plaintext: Vec<u8>) -> Sealed {
    Sealed {
        sealer: 0,
        label,
        cookie: PRESENT,
        version: PLAIN,
        ad: None,
        issued_at,
        plaintext,
    }
}

/// The proof cookie of this login and key, so many seconds old.
pub fn proof_of(login_id: [u8; 8], device_key: [u8; 33], age: u32) -> Sealed {
    let proof = Proof {
        login_id,
        device_key,
    };
    sealed(PROOF, NOW - age, write_proof(&proof))
}

/// That of the record of `reader`.
pub fn proof() -> Sealed {
    proof_of(record().login_id, device_key(2), 10)
}

pub fn refused(refused: Refused) -> &'static str {
    match refused {
        Refused::Token(error) => name(error),
        Refused::OtherLogin => "OtherLogin",
        Refused::OtherKey => "OtherKey",
    }
}

fn challenges(list: &mut List) {
    let login_id = record().login_id;
    let registration = Challenge::Registration(login_id);
    let refresh = Challenge::Refresh(device_key(2));
    let mut add = |name: &str, reader: &Reader, of: Challenge, token: String, error| {
        let found = reader.site().open_challenge(&of, &token);
        assert_eq!(found.err().map(crate::vector::name), error, "{name}");
        let mut vector = reader.fields(name);
        if reader.cookies.len() == 1 {
            vector.as_object_mut().unwrap().remove("formers");
        }
        let (login_id, device_key) = match of {
            Challenge::Registration(login_id) => (Some(login_id), None),
            Challenge::Refresh(device_key) => (None, Some(device_key)),
        };
        vector["login_id"] = json!(login_id.map(hex::encode));
        vector["device_key"] = json!(device_key.map(hex::encode));
        vector["token"] = json!(token);
        vector["error"] = json!(error);
        list.add("challenge", vector);
    };
    let made = |of: Challenge, age: u32| {
        sealed(CHALLENGE, NOW - age, vec![]).with(|c| c.ad = Some(of.bound_to()))
    };
    for (of_name, of, age) in [
        ("registration", registration, 300),
        ("refresh", refresh, 60),
    ] {
        let mut one = |name: &str, change: &dyn Fn(&mut Sealed), error| {
            let name = format!("{of_name}: {name}");
            let token = made(of, 10).with(change).token(&name);
            add(&name, &reader(), of, token, error);
        };
        one("good", &|_| {}, None);
        one("of this second", &|c| c.issued_at = NOW, None);
        one("exactly at its age", &|c| c.issued_at = NOW - age, None);
        let over = Some("Expired");
        one("a second too old", &|c| c.issued_at = NOW - age - 1, over);
        one(
            "from the future by the skew",
            &|c| c.issued_at = NOW + 60,
            None,
        );
        let early = Some("NotYetValid");
        one("from the future", &|c| c.issued_at = NOW + 61, early);
        let padded = |c: &mut Sealed| {
            (c.version, c.plaintext) = (PADDED, vec![0x80, 0, 0, 0]);
        };
        one("padded", &padded, None);
        let payload = Some("Payload");
        one("with a payload", &|c| c.plaintext = vec![0], payload);
        one("padded without its end", &|c| c.version = PADDED, payload);
        let unknown = Some("UnknownVersion");
        one("version 0x86", &|c| c.version = 0x86, unknown);
        one("by a stranger", &|c| c.sealer = 9, Some("UnknownKey"));
        let invalid = Some("Invalid");
        one("bound to nothing", &|c| c.ad = None, invalid);
        one("bound to no bytes", &|c| c.ad = Some(vec![]), invalid);
        one(
            "a bit of the first byte",
            &|c| c.ad.as_mut().unwrap()[0] ^= 2,
            invalid,
        );
        one(
            "a byte left over",
            &|c| c.ad.as_mut().unwrap().push(0),
            invalid,
        );
        one(
            "without its last byte",
            &|c| c.ad = c.ad.as_ref().map(|ad| ad[..ad.len() - 1].into()),
            invalid,
        );
        one("sealed as a proof", &|c| c.label = PROOF, invalid);
        one("sealed as a session", &|c| c.label = "cookie", invalid);
        one("sealed by a codec", &|c| c.label = "seal", invalid);
        one("another cookie's", &|c| c.cookie[0] = "session", invalid);
        one(
            "of the proof's name",
            &|c| c.cookie[0] = "__Host-session-bound",
            invalid,
        );
        one("another realm's", &|c| c.cookie[1] = "staging", invalid);
        one(
            "another typed session's",
            &|c| c.cookie[2] = "account",
            invalid,
        );
        let name = format!("{of_name}: issued before the floor");
        let floor = reader().with(|r| r.floor = NOW - 9);
        add(
            &name,
            &floor,
            of,
            made(of, 10).token(&name),
            Some("Revoked"),
        );
        // Another instance made it, for which that cookie is the present one.
        for (at, former) in [
            ("name", ["session", PRESENT[1], PRESENT[2]]),
            ("realm", [NAME, "staging", PRESENT[2]]),
            ("type", [NAME, PRESENT[1], "account"]),
        ] {
            let both = reader().with(|r| r.cookies.push(former));
            let name = format!("{of_name}: of a former {at}");
            let token = |change: &dyn Fn(&mut Sealed)| {
                let of_former = made(of, 10).with(|c| c.cookie = former);
                of_former.with(change).token(&name)
            };
            add(&name, &both, of, token(&|_| {}), None);
            let name = format!("{of_name}: of a former {at}, and too old");
            let old = token(&|c| c.issued_at = NOW - age - 1);
            add(&name, &both, of, old, Some("Expired"));
        }
        let name = format!("{of_name}: with a realm and a type");
        let place = [NAME, "staging", "account"];
        let token = made(of, 10).with(|c| c.cookie = place).token(&name);
        add(
            &name,
            &reader().with(|r| r.cookies = vec![place]),
            of,
            token,
            None,
        );
    }
    let invalid = Some("Invalid");
    let mut other = login_id;
    other[7] ^= 1;
    let name = "registration: another login's";
    let token = made(Challenge::Registration(other), 10).token(name);
    add(name, &reader(), registration, token, invalid);
    let name = "refresh: another key's";
    let token = made(Challenge::Refresh(device_key(3)), 10).token(name);
    add(name, &reader(), refresh, token, invalid);
    let name = "registration: made for a refresh";
    add(
        name,
        &reader(),
        registration,
        made(refresh, 10).token(name),
        invalid,
    );
    let name = "refresh: made for a registration";
    add(
        name,
        &reader(),
        refresh,
        made(registration, 10).token(name),
        invalid,
    );
    let name = "registration: the login's bytes as a refresh";
    let as_refresh = made(registration, 10).with(|c| c.ad.as_mut().unwrap()[0] = 1);
    add(
        name,
        &reader(),
        registration,
        as_refresh.token(name),
        invalid,
    );
}

/// What becomes of the only session of a request: the record has the key that it is bound to, or takes.
fn judge(reader: &Reader, lines: &[Vec<u8>]) -> Option<(&'static str, Option<Record>)> {
    let site = reader.site();
    let mut found = vec![];
    for [name, ..] in &reader.cookies {
        let tokens = candidates(lines, name).into_iter().flatten();
        found.extend(tokens.map(|token| (*name, token)));
    }
    assert!(found.len() < 2, "which session counts is for sessions.json");
    let (name, token) = found.pop()?;
    let opened = site.open_for("cookie", name, &token, u64::MAX).ok()?;
    let record = read_record(&opened.payload).ok()?;
    let times = [
        record.created_at,
        record.idle_limit,
        record.lifetime,
        record.longest,
    ];
    let end = end(times, opened.issued_at, SKEW);
    if end.is_none_or(|end| u64::from(reader.now) > end) {
        return None;
    }
    let key = proven(&site.try_proofs(lines, record.login_id, record.device_key));
    let binding = match (record.device_key, key) {
        (Some(_), None) => return Some(("unproven", None)),
        (Some(_), Some(_)) => "proven",
        (None, Some(_)) => "adopts",
        (None, None) => "unbound",
    };
    let device_key = key;
    Some((
        binding,
        Some(Record {
            device_key,
            ..record
        }),
    ))
}

fn sessions(list: &mut List) {
    let mut add = |name: &str, reader: &Reader, pairs: &[String], binding: Option<&str>| {
        let line = pairs.join("; ").into_bytes();
        let judged = judge(reader, std::slice::from_ref(&line));
        let is_typed = !reader.cookies[0][2].is_empty();
        let found = |record: &Record| {
            let value = |(key, value): (String, Vec<u8>)| (key, json!(hex::encode(value)));
            let values = || {
                read_dictionary(&record.data)
                    .unwrap()
                    .into_iter()
                    .map(value)
            };
            let contents = match is_typed {
                true => json!(hex::encode(&record.data)),
                false => Value::Object(values().collect()),
            };
            json!({
                "id": hex::encode(record.id),
                "device_key": record.device_key.map(hex::encode),
                if is_typed { "data" } else { "values" }: contents,
            })
        };
        assert_eq!(
            judged.as_ref().map(|(binding, _)| *binding),
            binding,
            "{name}"
        );
        let found = judged.and_then(|(_, record)| record.as_ref().map(found));
        let mut vector = reader.fields(name);
        vector["lifetime"] = json!(reader.lifetime);
        vector["headers"] = json!([escape(&line)]);
        vector["binding"] = json!(binding);
        vector["found"] = json!(found);
        list.add("session", vector);
    };
    let dictionary = || Record {
        created_at: NOW - 100,
        data: write_dictionary(&[("n", vec![7])]),
        ..record()
    };
    let session = |record: Record| sealed("cookie", NOW - 10, write_record(&record));
    let unbound = || session(dictionary());
    let bound = || session(dictionary().with_device_key(device_key(2)));
    let other_login = proof_of([1; 8], device_key(2), 10);
    let other_key = proof_of(record().login_id, device_key(3), 10);
    let old = proof_of(record().login_id, device_key(2), 661);
    for (name, session, proof, binding) in [
        ("unbound, no proof", unbound(), None, "unbound"),
        (
            "unbound, its login's proof",
            unbound(),
            Some(proof()),
            "adopts",
        ),
        (
            "unbound, another login's proof",
            unbound(),
            Some(other_login.clone()),
            "unbound",
        ),
        (
            "unbound, a proof that is too old",
            unbound(),
            Some(old.clone()),
            "unbound",
        ),
        ("bound, its proof", bound(), Some(proof()), "proven"),
        ("bound, no proof", bound(), None, "unproven"),
        (
            "bound, another login's proof",
            bound(),
            Some(other_login),
            "unproven",
        ),
        (
            "bound, another key's proof",
            bound(),
            Some(other_key),
            "unproven",
        ),
        (
            "bound, a proof that is too old",
            bound(),
            Some(old),
            "unproven",
        ),
        (
            "bound, a stranger's proof",
            bound(),
            Some(proof().with(|p| p.sealer = 9)),
            "unproven",
        ),
    ] {
        let mut pairs = vec![session.pair(&format!("{name}: session"))];
        pairs.extend(proof.map(|proof| proof.pair(name)));
        add(name, &reader(), &pairs, Some(binding));
    }
    let both = |name: &str, session: Sealed, proof: Sealed| {
        let pair = session.pair(&format!("{name}: session"));
        [proof.pair(name), pair]
    };
    let mut bound_with = |name: &str, change: &dyn Fn(Record) -> Record, binding| {
        let record = change(dictionary().with_device_key(device_key(2)));
        add(
            name,
            &reader(),
            &both(name, session(record), proof()),
            binding,
        );
    };
    let proven = Some("proven");
    bound_with("bound, the proof first", &|r| r, proven);
    bound_with(
        "bound, with a subject",
        &|r| r.with_subject("user-7"),
        proven,
    );
    let flashes = vec![(1, "saved".to_owned())];
    bound_with(
        "bound, with a flash",
        &|r| Record {
            flashes: flashes.clone(),
            ..r
        },
        proven,
    );
    let flagged = |bits: u8| {
        move |r: Record| Record {
            flags: r.flags | bits,
            ..r
        }
    };
    bound_with(
        "bound, remembered and made by a login",
        &flagged(1 | 8),
        proven,
    );
    bound_with("bound, of an unknown layout", &flagged(0x10), None);
    bound_with("bound, idle", &|r| Record { idle_limit: 9, ..r }, None);
    bound_with(
        "bound, beyond its absolute end",
        &|r| Record { lifetime: 99, ..r },
        None,
    );
    let misfit = |r: Record| Record {
        device_key: Some(device_key(4)),
        ..r
    };
    bound_with("bound, its key not a compressed point", &misfit, None);
    let name = "bound, in a cookie of its own realm and type";
    let place = [NAME, "staging", "account"];
    let typed = Record {
        schema: 1,
        data: vec![5],
        ..dictionary()
    };
    let pairs = both(
        name,
        session(typed.with_device_key(device_key(2))).with(|s| s.cookie = place),
        proof().with(|p| p.cookie = place),
    );
    add(
        name,
        &reader().with(|r| r.cookies = vec![place]),
        &pairs,
        proven,
    );
    let former = ["sid", "", ""];
    let moved = reader().with(|r| r.cookies = vec![PRESENT, former]);
    let old = || bound().with(|s| s.cookie = former);
    let name = "bound, in a former cookie with its proof";
    let pairs = both(name, old(), proof().with(|p| p.cookie = former));
    add(name, &moved, &pairs, proven);
    let name = "bound, in a former cookie with a proof under the present name";
    add(name, &moved, &both(name, old(), proof()), proven);
    let name = "bound, in the present cookie with a proof under a former name";
    let pairs = both(name, bound(), proof().with(|p| p.cookie = former));
    add(name, &moved, &pairs, proven);
    let name = "bound, with a proof under a name that is not a former one";
    let pairs = both(name, bound(), proof().with(|p| p.cookie = former));
    add(name, &reader(), &pairs, Some("unproven"));
    let name = "unbound, in a former cookie with its login's proof";
    let pairs = both(name, unbound().with(|s| s.cookie = former), proof());
    add(name, &moved, &pairs, Some("adopts"));
    let name = "only a proof";
    add(name, &reader(), &[proof().pair(name)], None);
}
