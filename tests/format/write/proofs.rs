//! Proof cookies: whether the one of a request counts for a record, and which.

use serde_json::json;

use crate::cookies::{NAME, escape};
use crate::device::{CHALLENGE, Cookie, proven};
use crate::devices::{Reader, Sealed, proof, proof_of, reader, refused};
use crate::records::{device_key, record};
use crate::reference::PADDED;
use crate::session::cut;
use crate::stores::List;
use crate::tokens::{NOW, accepted, flip, primary, retired};

/// The key that the record counts with, and what is said of each proof: an empty text if it counts.
type Expected<'a> = (Option<u8>, &'a [&'static str]);

impl List {
    fn lines(&mut self, name: &str, reader: &Reader, lines: &[&str], (key, tried): Expected) {
        let bytes: Vec<Vec<u8>> = lines.iter().map(|line| Vec::from(*line)).collect();
        let found = reader
            .site()
            .try_proofs(&bytes, reader.login_id, reader.device_key);
        let errors: Vec<Option<&str>> = found.iter().map(|one| one.err().map(refused)).collect();
        let shown: Vec<&str> = errors.iter().map(|error| error.unwrap_or("")).collect();
        assert_eq!(
            (proven(&found), &shown[..]),
            (key.map(device_key), tried),
            "{name}"
        );
        let mut vector = reader.fields(name);
        vector["lifetime"] = json!(reader.lifetime);
        vector["login_id"] = json!(hex::encode(reader.login_id));
        vector["device_key"] = json!(reader.device_key.map(hex::encode));
        let headers: Vec<String> = bytes.iter().map(|line| escape(line)).collect();
        vector["headers"] = json!(headers);
        vector["errors"] = json!(errors);
        vector["key"] = json!(proven(&found).map(hex::encode));
        self.add("proof", vector);
    }

    fn header(&mut self, name: &str, reader: &Reader, header: &str, expected: Expected) {
        self.lines(name, reader, &[header], expected);
    }

    fn one(&mut self, name: &str, reader: &Reader, proof: Sealed, error: &'static str) {
        let key = reader.device_key.map_or(2, |key| key[0]);
        let key = error.is_empty().then_some(key);
        self.header(name, reader, &proof.pair(name), (key, &[error]));
    }
}

pub fn proofs(list: &mut List) {
    good(list);
    ages(list);
    others(list);
    payloads(list);
    uses(list);
    texts(list);
    several(list);
    planted(list);
    formers(list);
}

fn unbound() -> Reader {
    reader().with(|r| r.device_key = None)
}

fn good(list: &mut List) {
    list.one("of the record's key", &reader(), proof(), "");
    let other = proof_of(record().login_id, device_key(3), 10);
    let odd = reader().with(|r| r.device_key = Some(device_key(3)));
    list.one("of a key with an odd y", &odd, other, "");
    list.one("for a record without a key", &unbound(), proof(), "");
    let ring = reader().with(|r| r.keys = vec![primary(0), accepted(1)]);
    list.one(
        "by an accepted key",
        &ring,
        proof().with(|p| p.sealer = 1),
        "",
    );
    let padded = |p: &mut Sealed| {
        p.version = PADDED;
        p.plaintext.extend([0x80, 0, 0, 0, 0, 0, 0]);
    };
    list.one("padded", &reader(), proof().with(padded), "");
    let place = [NAME, "staging", "account"];
    let typed = reader().with(|r| r.cookies = vec![place]);
    list.one(
        "with a realm and a type",
        &typed,
        proof().with(|p| p.cookie = place),
        "",
    );
}

fn ages(list: &mut List) {
    let aged = |age: u32| proof_of(record().login_id, device_key(2), age);
    for (name, lifetime, age, error) in [
        ("of this second", 600, 0, ""),
        ("at its lifetime", 600, 600, ""),
        ("at its lifetime and the skew", 600, 660, ""),
        ("a second older than lifetime and skew", 600, 661, "Expired"),
        ("at the shortest lifetime and the skew", 300, 360, ""),
        (
            "a second older than the shortest lifetime and the skew",
            300,
            361,
            "Expired",
        ),
        ("at the longest lifetime and the skew", 3600, 3660, ""),
        (
            "a second older than the longest lifetime and the skew",
            3600,
            3661,
            "Expired",
        ),
        ("of last year", 600, 31_536_000, "Expired"),
    ] {
        let site = reader().with(|r| r.lifetime = lifetime);
        list.one(name, &site, aged(age), error);
    }
    list.one(
        "too old for a record without a key",
        &unbound(),
        aged(661),
        "Expired",
    );
    let at = |time: u32| proof().with(|p| p.issued_at = time);
    list.one("from the future by the skew", &reader(), at(NOW + 60), "");
    list.one("from the future", &reader(), at(NOW + 61), "NotYetValid");
    list.one("of the last second", &reader(), at(u32::MAX), "NotYetValid");
    let last = reader().with(|r| r.now = u32::MAX - 1);
    list.one("at the end of the clock", &last, at(u32::MAX - 661), "");
    list.one(
        "of the first second",
        &reader().with(|r| r.now = 0),
        at(0),
        "",
    );
    let floor = |floor: u32| reader().with(|r| r.floor = floor);
    list.one("at the floor", &floor(NOW - 10), proof(), "");
    list.one("before the floor", &floor(NOW - 9), proof(), "Revoked");
    let ring = reader().with(|r| r.keys = vec![primary(0), retired(2, NOW - 100)]);
    let by_retired = |age: u32| aged(age).with(|p| p.sealer = 2);
    list.one(
        "by a retired key before its end",
        &ring,
        by_retired(200),
        "",
    );
    list.one(
        "by a retired key at its end and the skew",
        &ring,
        by_retired(40),
        "",
    );
    list.one(
        "by a retired key after its end",
        &ring,
        by_retired(39),
        "Revoked",
    );
}

fn others(list: &mut List) {
    let login = record().login_id;
    let mut close = login;
    close[7] ^= 1;
    for (name, login_id, key, error) in [
        ("another login's", [1; 8], 2, "OtherLogin"),
        (
            "a login's that differs in the last bit",
            close,
            2,
            "OtherLogin",
        ),
        ("another key's, of the same x", login, 3, "OtherKey"),
        ("another login's and key's", [1; 8], 3, "OtherLogin"),
    ] {
        let one = proof_of(login_id, device_key(key), 10);
        list.one(name, &reader(), one, error);
    }
    let mut close = device_key(2);
    close[32] ^= 1;
    let one = proof_of(login, close, 10);
    list.one(
        "a key's that differs in the last bit",
        &reader(),
        one,
        "OtherKey",
    );
    let one = proof_of([1; 8], device_key(2), 10);
    list.one(
        "another login's, for a record without a key",
        &unbound(),
        one,
        "OtherLogin",
    );
}

fn payloads(list: &mut List) {
    for len in [0, 1, 8, 9, 33, 40] {
        let one = proof().with(|p| p.plaintext.truncate(len));
        list.one(
            &format!("payload of {len} bytes"),
            &reader(),
            one,
            "Payload",
        );
    }
    for len in [42, 74, 82] {
        let one = proof().with(|p| p.plaintext.resize(len, 0));
        list.one(
            &format!("payload of {len} bytes"),
            &reader(),
            one,
            "Payload",
        );
    }
    let open = proof().with(|p| p.version = PADDED);
    list.one("padded without its end", &reader(), open, "Payload");
    let longer = |p: &mut Sealed| {
        p.version = PADDED;
        p.plaintext.extend([0, 0x80]);
    };
    list.one(
        "padded, 42 bytes",
        &reader(),
        proof().with(longer),
        "Payload",
    );
    for first in [0, 1, 4, 5, 0xff] {
        let one = proof_of(record().login_id, device_key(first), 10);
        let name = format!("key with the first byte {first}");
        list.one(&name, &unbound(), one, "Payload");
    }
    let record = |p: &mut Sealed| p.plaintext = crate::session::write_record(&record());
    list.one("a record", &reader(), proof().with(record), "Payload");
}

fn uses(list: &mut List) {
    let mut refused = |name: &str, error, change: fn(&mut Sealed)| {
        let token = proof().with(change).token(name);
        let header = format!("{NAME}-bound={token}");
        list.header(name, &reader(), &header, (None, &[error]));
    };
    refused("by a stranger", "UnknownKey", |p| p.sealer = 9);
    refused("version 0x83", "UnknownVersion", |p| p.version = 0x83);
    refused("version 0x86", "UnknownVersion", |p| p.version = 0x86);
    let mut refused = |name: &str, change| refused(name, "Invalid", change);
    refused("sealed as a session", |p| p.label = "cookie");
    refused("sealed as a challenge", |p| p.label = CHALLENGE);
    refused("sealed by a codec", |p| p.label = "seal");
    refused("sealed as another cookie", |p| p.cookie[0] = "session");
    refused("sealed under its own name", |p| {
        p.cookie[0] = "__Host-session-bound"
    });
    refused("sealed for a realm", |p| p.cookie[1] = "staging");
    refused("sealed for a typed session", |p| p.cookie[2] = "account");
    refused("sealed for the realm as a type", |p| {
        p.cookie = ["", NAME, ""]
    });
    refused("bound to no bytes", |p| p.ad = Some(vec![]));
    refused("bound to the login id", |p| {
        p.ad = Some(record().login_id.into())
    });
    let name = "without the realm and the type";
    let typed = reader().with(|r| r.cookies = vec![[NAME, "staging", "account"]]);
    list.one(name, &typed, proof(), "Invalid");
}

fn texts(list: &mut List) {
    let token = proof().token("texts");
    let under = |name: &str, value: &str| format!("{name}={value}");
    let named = |value: &str| under("__Host-session-bound", value);
    let mut invalid = |name: &str, value: &str| {
        list.header(name, &reader(), &named(value), (None, &["Invalid"]));
    };
    invalid("empty", "");
    invalid("in quotation marks", &format!("\"{token}\""));
    invalid("with padding of base64", &format!("{token}="));
    invalid("cut short", &token[..token.len() - 1]);
    for (name, at) in [("time", 7), ("random", 8), ("ciphertext", 24), ("tag", 80)] {
        let name = format!("{name} changed by a bit");
        invalid(&name, &flip(&token, at, 1));
    }
    invalid("version changed to padded", &flip(&token, 0, 1));
    list.lines("no header", &reader(), &[], (None, &[]));
    list.header("no proof", &reader(), "a=1; __Host-session=h", (None, &[]));
    for other in [
        "__Host-session",
        "session-bound",
        "__host-session-bound",
        "__Host-session-Bound",
        "__Host-session-bound.1",
    ] {
        let name = format!("under the name {other}");
        list.header(&name, &reader(), &under(other, &token), (None, &[]));
    }
    let name = "behind a no-break space";
    list.header(
        name,
        &reader(),
        &format!("\u{a0}{}", named(&token)),
        (None, &[]),
    );
    let name = "in two parts";
    let parts = cut(&token, "__Host-session-bound", &[60]).join("; ");
    list.header(name, &reader(), &parts, (None, &["Invalid"]));
}

fn several(list: &mut List) {
    let login = record().login_id;
    let of = |key: u8, age: u32| proof_of(login, device_key(key), age);
    let join = |proofs: &[Sealed], name: &str| {
        let pair = |(n, proof): (usize, &Sealed)| proof.pair(&format!("{name} {n}"));
        proofs
            .iter()
            .enumerate()
            .map(pair)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let mut behind = |name: &str, first: Sealed, error: &'static str| {
        let header = join(&[first, proof()], name);
        list.header(name, &reader(), &header, (Some(2), &[error, ""]));
    };
    behind(
        "behind a stranger's",
        proof().with(|p| p.sealer = 9),
        "UnknownKey",
    );
    behind(
        "behind another login's",
        proof_of([1; 8], device_key(2), 5),
        "OtherLogin",
    );
    behind("behind another key's, later", of(3, 5), "OtherKey");
    behind("behind one that is too old", of(2, 661), "Expired");
    behind(
        "behind another realm's",
        proof().with(|p| p.cookie[1] = "staging"),
        "Invalid",
    );
    behind(
        "behind an unreadable one",
        proof().with(|p| p.plaintext.push(0)),
        "Payload",
    );
    behind("behind another that counts", of(2, 300), "");
    let name = "before another key's";
    let header = join(&[proof(), of(3, 5)], name);
    list.header(name, &reader(), &header, (Some(2), &["", "OtherKey"]));
    for (name, first, second, key) in [
        ("two keys, the later one first", of(3, 5), of(2, 10), 3),
        ("two keys, the later one second", of(2, 10), of(3, 5), 3),
        ("two keys of one second", of(2, 10), of(3, 10), 2),
        ("two keys of one second, exchanged", of(3, 10), of(2, 10), 3),
    ] {
        let header = join(&[first, second], name);
        list.header(name, &unbound(), &header, (Some(key), &["", ""]));
    }
    let name = "two keys, the later one too old by a retirement";
    let ring = unbound().with(|r| r.keys = vec![primary(0), retired(2, NOW - 100)]);
    let header = join(&[of(2, 50), of(3, 5).with(|p| p.sealer = 2)], name);
    list.header(name, &ring, &header, (Some(2), &["", "Revoked"]));
    let pair = proof().pair("twice");
    let header = format!("{pair}; {pair}");
    list.header("one proof twice", &reader(), &header, (Some(2), &[""]));
    let lines = ["a=1", &pair, "b=2"];
    list.lines("in a line of its own", &reader(), &lines, (Some(2), &[""]));
    let (name, value) = pair.split_at(pair.find('=').unwrap());
    list.lines(
        "name and value in two lines",
        &reader(),
        &[name, value],
        (None, &[]),
    );
}

/// What a sibling domain sets under a name without the prefix.
fn planted(list: &mut List) {
    let plain: Cookie = ["session", "", ""];
    let site = |bound: Reader| bound.with(|r| r.cookies = vec![plain]);
    let mine = || proof().with(|p| p.cookie = plain);
    let theirs = || proof_of([1; 8], device_key(3), 5).with(|p| p.cookie = plain);
    for (name, reader) in [
        ("planted", reader()),
        ("planted, for a record without a key", unbound()),
    ] {
        let header = [theirs().pair(name), mine().pair("mine")].join("; ");
        list.header(
            name,
            &site(reader.clone()),
            &header,
            (Some(2), &["OtherLogin", ""]),
        );
        let name = format!("{name}, and none of its own");
        list.one(&name, &site(reader), theirs(), "OtherLogin");
    }
    let pair = mine().pair("behind");
    let bogus = |count: usize| {
        let pairs = (0..count).map(|n| format!("session-bound=h{n}; "));
        pairs.collect::<String>() + &pair
    };
    let all = [&["Invalid"; 15][..], &[""]].concat();
    list.header(
        "behind 15 others",
        &site(reader()),
        &bogus(15),
        (Some(2), &all),
    );
    let none = ["Invalid"; 16];
    list.header(
        "behind 16 others",
        &site(reader()),
        &bogus(16),
        (None, &none),
    );
    let name = "behind 40 equal ones";
    let header = "session-bound=h; ".repeat(40) + &pair;
    list.header(name, &site(reader()), &header, (Some(2), &["Invalid", ""]));
}

fn formers(list: &mut List) {
    let sid: Cookie = ["sid", "", ""];
    let realm: Cookie = [NAME, "staging", ""];
    let of = |cookie: Cookie, key: u8, age: u32| {
        proof_of(record().login_id, device_key(key), age).with(|p| p.cookie = cookie)
    };
    let site = |reader: Reader, formers: &[Cookie]| reader.with(|r| r.cookies.extend(formers));
    list.one("a former name", &site(reader(), &[sid]), of(sid, 2, 10), "");
    list.one(
        "a former realm",
        &site(reader(), &[realm]),
        of(realm, 2, 10),
        "",
    );
    let second = site(reader(), &[sid, realm]);
    list.one("the second former cookie", &second, of(realm, 2, 10), "");
    let name = "a former realm that is too old";
    list.one(
        name,
        &site(reader(), &[realm]),
        of(realm, 2, 661),
        "Expired",
    );
    let name = "a name that is not a former one";
    list.header(name, &reader(), &of(sid, 2, 10).pair(name), (None, &[]));
    let name = "a realm that is not a former one";
    list.one(name, &site(reader(), &[sid]), of(realm, 2, 10), "Invalid");
    let name = "a former name's proof under the present name";
    let header = format!("{NAME}-bound={}", of(sid, 2, 10).token(name));
    list.header(name, &site(reader(), &[sid]), &header, (None, &["Invalid"]));
    let name = "the present proof under a former name";
    let header = format!("sid-bound={}", proof().token(name));
    list.header(name, &site(reader(), &[sid]), &header, (None, &["Invalid"]));
    let name = "a former proof beside the present one of another login";
    let header = [
        of(sid, 2, 10).pair(name),
        proof_of([1; 8], device_key(2), 5).pair(name),
    ]
    .join("; ");
    list.header(
        name,
        &site(reader(), &[sid]),
        &header,
        (Some(2), &["OtherLogin", ""]),
    );
    for (name, former, present, key) in [
        ("a later former proof for a record without a key", 5, 10, 3),
        (
            "an earlier former proof for a record without a key",
            10,
            5,
            2,
        ),
        (
            "a former proof of the same second, for a record without a key",
            10,
            10,
            2,
        ),
    ] {
        let header = [
            of(sid, 3, former).pair(name),
            of([NAME, "", ""], 2, present).pair(name),
        ];
        let all = site(unbound(), &[sid]);
        list.header(name, &all, &header.join("; "), (Some(key), &["", ""]));
    }
    let pair = of(sid, 2, 10).pair("a former proof behind others");
    for (count, expected) in [(15, Some(2)), (16, None)] {
        let others = (0..count).map(|n| format!("; {NAME}-bound=h{n}"));
        let header = pair.clone() + &others.collect::<String>();
        let mut tried = vec!["Invalid"; count];
        tried.extend(expected.map(|_| ""));
        let name = format!("a former proof behind {count} others");
        list.header(&name, &site(reader(), &[sid]), &header, (expected, &tried));
    }
}
