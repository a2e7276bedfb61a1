//! Requests from end to end: which session the Cookie header carries, if any.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cookies::{NAME, escape};
use crate::keys::master;
use crate::records::{device_key, dictionary, record};
use crate::reference::{self, Key, Opener};
use crate::session::{
    Candidate, LOGIN, REMEMBERED, Record, Rivals, candidates_of, counts, cut, end, read_dictionary,
    read_record, write_record,
};
use crate::store::{Ticket, write_ticket};
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
    /// Cookies that the site had before, and reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    formers: Vec<Former>,
    headers: Vec<String>,
    /// The id of the session found, and its values if it is a dictionary, else its data.
    found: Option<Value>,
    /// Whether no session is found because two of different logins open.
    rivals: bool,
    comment: &'static str,
}

#[derive(Clone, Copy, Serialize)]
struct Former {
    cookie: &'static str,
    realm: &'static str,
    session: &'static str,
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
        login_id: [n; 8],
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
        formers: vec![],
        headers: vec![],
        found: None,
        rivals: false,
        comment,
    }
}

/// The session by the rules of the format page, for a reader without a store and without device binding.
fn find(vector: &Vector, lines: &[Vec<u8>]) -> Result<Option<Value>, Rivals> {
    let key = |key: &RingKey| Key {
        master: key.master,
        retired: key.retired_at,
    };
    let keys: Vec<Key> = vector.keys.iter().map(key).collect();
    let present = Former {
        cookie: vector.cookie,
        realm: vector.realm,
        session: vector.session,
    };
    let all: Vec<Former> = [&[present][..], &vector.formers].concat();
    let mut names: Vec<&str> = vec![];
    for cookie in &all {
        if !names.contains(&cookie.cookie) {
            names.push(cookie.cookie);
        }
    }
    let (mut for_present, mut for_formers) = (vec![], vec![]);
    for (name, token) in candidates_of(lines, &names) {
        let Some(token) = token else { continue };
        // The first purpose that the token is for, or that tells another fault.
        let of_name = all
            .iter()
            .enumerate()
            .filter(|(_, cookie)| cookie.cookie == name);
        let tried = of_name.map(|(n, cookie)| {
            let purpose = [cookie.cookie, cookie.realm, cookie.session].join("\0");
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
            (n, reference::open(&opener, &token))
        });
        let decides = |(_, opened): &(usize, Result<_, reference::Error>)| {
            !matches!(opened, Err(reference::Error::Invalid))
        };
        let Some((n, Ok(opened))) = tried.into_iter().find(decides) else {
            continue;
        };
        let Ok(record) = read_record(&opened.payload) else {
            continue;
        };
        let created = record.created_at;
        let times = [created, record.idle_limit, record.lifetime, record.longest];
        let end = end(times, opened.issued_at, vector.skew);
        let over = end.is_none_or(|end| u64::from(vector.now) > end);
        if over || created < vector.floor || record.device_key.is_some() {
            continue;
        }
        let id = hex::encode(record.id);
        let session = match (vector.session, read_dictionary(&record.data)) {
            ("", Err(_)) => continue,
            ("", Ok(values)) => {
                let value = |(key, value): (String, Vec<u8>)| (key, json!(hex::encode(value)));
                json!({ "id": id, "values": values.into_iter().map(value).collect::<serde_json::Map<_, _>>() })
            }
            _ => json!({ "id": id, "data": hex::encode(record.data) }),
        };
        let found = match n {
            0 => &mut for_present,
            _ => &mut for_formers,
        };
        found.push(Candidate {
            name,
            issued_at: opened.issued_at,
            login_id: record.login_id,
            session,
        });
    }
    match counts(for_present)? {
        Some(found) => Ok(Some(found)),
        None => counts(for_formers),
    }
}

struct List(Vec<Vector>);

impl List {
    /// The expected session's id consists of the byte `id`.
    fn add(&mut self, vector: Vector, header: &str, id: Option<u8>) {
        self.lines(vector, &[header], Ok(id));
    }

    /// A request with several Cookie lines, or with rivals.
    fn lines(&mut self, mut vector: Vector, lines: &[&str], id: Result<Option<u8>, Rivals>) {
        let bytes: Vec<Vec<u8>> = lines.iter().map(|line| Vec::from(*line)).collect();
        let found = find(&vector, &bytes);
        let found_id = |found: &Value| found["id"].clone();
        assert_eq!(
            found.as_ref().map(|found| found.as_ref().map(found_id)),
            id.as_ref()
                .map(|id| id.map(|n| json!(hex::encode([n; 16])))),
            "{}",
            vector.name
        );
        assert!(
            self.0.iter().all(|other| other.name != vector.name),
            "two {}",
            vector.name
        );
        vector.rivals = found.is_err();
        vector.found = found.unwrap_or_default();
        vector.headers = bytes.iter().map(|line| escape(line)).collect();
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
    times(&mut list);
    other_layouts(&mut list);
    several_lines(&mut list);
    many(&mut list);
    rivals(&mut list);
    formers(&mut list);
    list.0
}

fn single(list: &mut List) {
    let fresh = || cookie(100, 10, 1);
    list.add(base("no cookie", ""), "a=1; b=2", None);
    list.one("one cookie", "", fresh(), Some(1));
    list.one("padded", "", fresh().with(|c| c.block = 64), Some(1));
    let remembered = fresh().record(|r| r.flags = REMEMBERED);
    list.one("remembered", "", remembered, Some(1));
    let login = fresh().record(|r| r.flags = LOGIN);
    list.one("made by a login", "", login, Some(1));
    let subject = fresh().record(|r| *r = r.clone().with_subject("user-7"));
    list.one("with a subject", "every reader reads it", subject, Some(1));
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
        fresh().with(|c| c.payload[0] = 3),
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

/// The times of the record against each other.
fn times(list: &mut List) {
    let fresh = || cookie(100, 10, 1);
    for (name, longest, id) in [
        ("longest reached in this second", 100, Some(1)),
        ("longest passed", 99, None),
        ("longest of zero", 0, None),
        ("longest beyond the lifetime", u32::MAX, Some(1)),
    ] {
        let comment = "the lifetime counts as at most longest";
        list.one(name, comment, fresh().record(|r| r.longest = longest), id);
    }
    let name = "lifetime of the last u32, longest passed";
    let comment = "no lifetime exceeds longest";
    let raised = fresh().record(|r| (r.lifetime, r.longest) = (u32::MAX, 99));
    list.one(name, comment, raised, None);
    for (name, after, id) in [
        ("created a minute after it was issued", 60, Some(1)),
        ("created 61 seconds after it was issued", 61, None),
        ("created a year after it was issued", 31_536_000, None),
    ] {
        let comment = "created-at is at most issued-at + skew";
        let late = fresh().record(|r| r.created_at = NOW - 10 + after);
        list.one(name, comment, late, id);
    }
    let name = "created in the last second there is";
    let last = fresh().record(|r| r.created_at = u32::MAX);
    list.one(name, "", last, None);
    let name = "created later than issued, beside a good one";
    let late = cookie(100, 5, 2).record(|r| r.created_at = NOW + 56);
    let header = format!("{}; {}", late.pair("late"), fresh().pair(name));
    list.add(base(name, "the other counts"), &header, Some(1));
}

/// What a reader without a store and without device binding leaves to others: no session, and the cookie stays.
fn other_layouts(list: &mut List) {
    let fresh = || cookie(100, 10, 1);
    let comment = "refused like an unknown layout, and the cookie stays";
    for bit in 4..8 {
        let flagged = fresh().with(|c| c.payload[26] |= 1 << bit);
        list.one(&format!("flag bit {bit}"), comment, flagged, None);
    }
    let bound = || fresh().record(|r| *r = r.clone().with_device_key(device_key(2)));
    let name = "a device key";
    list.one(name, "for a reader without device binding", bound(), None);
    let newer = bound().with(|c| c.issued_at = NOW - 5);
    let header = format!(
        "{}; {}",
        newer.pair("bound"),
        cookie(100, 50, 3).pair("free")
    );
    let vector = base(
        "a device key beside a session without one",
        "the other counts",
    );
    list.add(vector, &header, Some(3));
    let ticket = || {
        fresh().with(|c| {
            c.payload = write_ticket(&Ticket {
                id: [1; 16],
                login_id: [1; 8],
                flags: 0,
                secret: [9; 16],
                times: [NOW - 100, 1800, 43_200, 43_200],
            });
        })
    };
    list.one("a ticket", "for a reader without a store", ticket(), None);
    let header = format!(
        "{}; {}",
        ticket().pair("ticket"),
        cookie(100, 50, 3).pair("rest")
    );
    let vector = base("a ticket beside a record", "the other counts");
    list.add(vector, &header, Some(3));
}

/// HTTP/2 and HTTP/3 may send one line for each cookie.
fn several_lines(list: &mut List) {
    let (old, new) = (cookie(100, 50, 1), cookie(100, 10, 2));
    let (one, two) = (old.pair("line 1"), new.pair("line 2"));
    let comment = "all lines are joined first";
    let mut lines = |name: &str, lines: &[&str], id: Option<u8>| {
        list.lines(base(name, comment), lines, Ok(id));
    };
    lines("a line for each cookie", &["a=1", &one, "b=2"], Some(1));
    lines("the later one in the first line", &[&two, &one], Some(2));
    lines("the later one in the second line", &[&one, &two], Some(2));
    lines("empty lines between", &["", &one, "", ""], Some(1));
    let parts = cut(&old.token("lines"), NAME, &[40, 80]);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    lines("parts in lines of their own", &parts, Some(1));
    let backwards: Vec<&str> = parts.iter().rev().copied().collect();
    lines("parts in lines, last first", &backwards, Some(1));
    let (name, value) = one.split_at(NAME.len());
    lines("name and value in two lines", &[name, value], None);
    let (half, rest) = one.split_at(60);
    lines("a value across two lines", &[half, rest], None);
}

/// More cookies of the name than a reader tries.
fn many(list: &mut List) {
    let good = cookie(100, 10, 1).pair("many");
    let bogus = |n: usize| format!("{NAME}=h{n}");
    let behind = |count: usize| {
        let pairs = (0..count).map(bogus).chain([good.clone()]);
        pairs.collect::<Vec<_>>().join("; ")
    };
    let comment = "at most 16 candidates";
    list.add(base("behind 15 others", comment), &behind(15), Some(1));
    list.add(base("behind 16 others", comment), &behind(16), None);
    let repeated = vec![bogus(0); 40].join("; ");
    let vector = base("behind 40 equal ones", "a repeated token counts once");
    list.add(vector, &format!("{repeated}; {good}"), Some(1));
    let incomplete: Vec<String> = (2..=9).map(|n| format!("{NAME}={n}.")).collect();
    let header = [&incomplete[..], &incomplete[..], &[good]].concat();
    let vector = base("behind 16 incomplete ones", "each is a candidate");
    list.add(vector, &header.join("; "), None);
}

/// The cookies in one line, each under the name that it was sealed for.
fn join(cookies: &[Cookie], name: &str) -> String {
    let pairs = cookies.iter().enumerate().map(|(n, cookie)| {
        let token = cookie.token(&format!("{name} {n}"));
        format!("{}={token}", cookie.purpose[0])
    });
    pairs.collect::<Vec<_>>().join("; ")
}

/// Two sessions of different logins, under names that a sibling domain can set and under one that it cannot.
fn rivals(list: &mut List) {
    const COMMENT: &str = "two that open, of different logins: none counts";
    let of = |cookie: &'static str, n: u8, issued: u32, login: u8| {
        self::cookie(100, issued, n)
            .with(|c| c.purpose[0] = cookie)
            .record(|r| r.login_id = [login; 8])
    };
    let vector = |name: &str, cookie: &'static str, comment: &'static str| Vector {
        cookie,
        ..base(name, comment)
    };
    for (cookie, rival) in [
        ("session", true),
        ("__Secure-session", true),
        ("__host-session", true),
        ("__Host", true),
        (NAME, false),
    ] {
        let name = format!("two logins as {cookie}");
        let both = join(&[of(cookie, 1, 50, 1), of(cookie, 2, 10, 2)], &name);
        let comment = if rival {
            COMMENT
        } else {
            "no sibling domain can set this name"
        };
        let id = if rival { Err(Rivals) } else { Ok(Some(2)) };
        list.lines(vector(&name, cookie, comment), &[&both], id);
    }
    let mut several = |name: &str, comment: &'static str, cookies: &[Cookie], id| {
        let header = join(cookies, name);
        list.lines(vector(name, "session", comment), &[&header], id);
    };
    let one = |n: u8, issued: u32, login: u8| of("session", n, issued, login);
    let (mine, theirs) = (|| one(1, 50, 1), || one(2, 10, 2));
    let rivals = Err(Rivals);
    several(
        "rivals, the later one first",
        COMMENT,
        &[theirs(), mine()],
        rivals,
    );
    let equal = [one(1, 10, 1), one(2, 10, 2)];
    several("rivals issued in one second", COMMENT, &equal, rivals);
    let name = "rivals and a third of one of the logins";
    several(name, COMMENT, &[mine(), one(3, 5, 1), theirs()], rivals);
    let name = "rivals with one id";
    let same_id = theirs().record(|r| r.id = [1; 16]);
    several(name, "the login id decides", &[mine(), same_id], rivals);
    let name = "one login, two ids";
    let comment = "as after a regenerate";
    several(name, comment, &[mine(), one(2, 10, 1)], Ok(Some(2)));
    let name = "login ids that differ in the last bit";
    let close = theirs().record(|r| r.login_id = [1, 1, 1, 1, 1, 1, 1, 0]);
    several(name, COMMENT, &[mine(), close], rivals);
    let same = mine().token("twice");
    let header = format!("session={same}; session={same}");
    let comment = "a repeated token counts once";
    let twice = vector("one token twice", "session", comment);
    list.add(twice, &header, Some(1));
    let mut beside = |name: &str, comment: &'static str, other: Cookie| {
        let header = join(&[mine(), other], name);
        list.add(vector(name, "session", comment), &header, Some(1));
    };
    let comment = "it does not open, so there are no rivals";
    beside(
        "beside a stranger's",
        comment,
        theirs().with(|c| c.sealer = 9),
    );
    beside(
        "beside an idle one",
        comment,
        theirs().record(|r| r.idle_limit = 5),
    );
    let ended = theirs().record(|r| r.lifetime = 50);
    beside("beside one at its absolute end", comment, ended);
    let bounded = theirs().record(|r| r.longest = 50);
    beside("beside one past its longest", comment, bounded);
    let late = theirs().record(|r| r.created_at = NOW + 51);
    beside("beside one created after it was issued", comment, late);
    let realm = theirs().with(|c| c.purpose[1] = "staging");
    beside("beside another realm's", comment, realm);
    let unreadable = theirs().record(|r| r.data.push(0));
    beside("beside an unreadable one", comment, unreadable);
    let flagged = theirs().with(|c| c.payload[26] |= 0x10);
    beside("beside one of an unknown layout", comment, flagged);
    let bound = theirs().record(|r| *r = r.clone().with_device_key(device_key(2)));
    beside("beside one with a device key", comment, bound);
    let name = "beside a floor's";
    let header = join(
        &[mine(), one(2, 200, 2).record(|r| r.created_at -= 200)],
        name,
    );
    let floor = Vector {
        floor: NOW - 150,
        ..vector(name, "session", comment)
    };
    list.add(floor, &header, Some(1));
    let name = "rivals in two lines";
    let (first, second) = (join(&[mine()], name), join(&[theirs()], "rivals in line 2"));
    let two = vector(name, "session", COMMENT);
    list.lines(two, &[&first, &second], Err(Rivals));
    let name = "a rival in parts";
    let parts = cut(&theirs().token(name), "session", &[40, 80]).join("; ");
    let header = format!("{}; {parts}", join(&[mine()], "beside parts"));
    list.lines(vector(name, "session", COMMENT), &[&header], Err(Rivals));
}

/// A site that changed its cookie.
fn formers(list: &mut List) {
    let sid = Former {
        cookie: "sid",
        realm: "",
        session: "",
    };
    let realm = Former {
        cookie: NAME,
        realm: "staging",
        session: "",
    };
    let of = |former: Former, n: u8, issued: u32, login: u8| {
        self::cookie(100, issued, n)
            .with(|c| c.purpose = [former.cookie, former.realm, former.session])
            .record(|r| r.login_id = [login; 8])
    };
    let present = |n: u8, issued: u32| self::cookie(100, issued, n);
    let mut case = |name: &str, comment, formers: &[Former], cookies: &[Cookie], id| {
        let vector = Vector {
            formers: formers.to_vec(),
            ..base(name, comment)
        };
        list.lines(vector, &[&join(cookies, name)], id);
    };
    let comment = "opens with the purpose of its own name";
    case(
        "a former name",
        comment,
        &[sid],
        &[of(sid, 1, 10, 1)],
        Ok(Some(1)),
    );
    let comment = "each purpose of the name is tried";
    case(
        "a former realm",
        comment,
        &[realm],
        &[of(realm, 1, 10, 1)],
        Ok(Some(1)),
    );
    let second = [sid, realm];
    case(
        "the second former cookie",
        comment,
        &second,
        &[of(realm, 1, 10, 1)],
        Ok(Some(1)),
    );
    let other = Former {
        realm: "test",
        ..realm
    };
    case(
        "a realm that is not a former one",
        "",
        &[other],
        &[of(realm, 1, 10, 1)],
        Ok(None),
    );
    case(
        "a former name's token under the present name",
        "",
        &[sid],
        &[present(1, 10).with(|c| c.purpose[1] = "sid")],
        Ok(None),
    );
    let comment = "a present one that opens counts";
    let both = [of(sid, 2, 5, 2), present(1, 50)];
    case(
        "a later former one beside a present one",
        comment,
        &[sid],
        &both,
        Ok(Some(1)),
    );
    let both = [of(realm, 2, 5, 2), present(1, 50)];
    case(
        "a former realm beside a present one",
        comment,
        &[realm],
        &both,
        Ok(Some(1)),
    );
    let comment = "it does not open, so the former one counts";
    let idle = || present(1, 4000).record(|r| r.created_at = NOW - 4000);
    let both = [idle(), of(sid, 2, 50, 2)];
    case(
        "a former one beside a present one that is idle",
        comment,
        &[sid],
        &both,
        Ok(Some(2)),
    );
    let strangers = [present(1, 10).with(|c| c.sealer = 9), of(sid, 2, 50, 2)];
    case(
        "a former one beside a stranger's",
        comment,
        &[sid],
        &strangers,
        Ok(Some(2)),
    );
    let comment = "two that open, of different logins: none counts";
    let two = [of(sid, 1, 50, 1), of(sid, 2, 10, 2)];
    case(
        "rivals under a former name",
        comment,
        &[sid],
        &two,
        Err(Rivals),
    );
    let staged = Former {
        realm: "staging",
        ..sid
    };
    let two = [of(sid, 1, 50, 1), of(staged, 2, 10, 2)];
    case(
        "rivals of two realms under a former name",
        comment,
        &[sid, staged],
        &two,
        Err(Rivals),
    );
    let host = Former {
        cookie: "__Host-old",
        ..sid
    };
    let two = [of(host, 1, 50, 1), of(host, 2, 10, 2)];
    let comment = "no sibling domain can set this name";
    case(
        "two logins under a former name with the prefix",
        comment,
        &[host],
        &two,
        Ok(Some(2)),
    );
    let comment = "rivals have one name";
    let two = [of(sid, 1, 50, 1), of(host, 2, 10, 2)];
    case(
        "two logins under two former names",
        comment,
        &[sid, host],
        &two,
        Ok(Some(2)),
    );
    let same = [of(sid, 1, 10, 1), of(host, 2, 10, 2)];
    let comment = "of one second: the first that was tried";
    case(
        "two former names of one second",
        comment,
        &[host, sid],
        &same,
        Ok(Some(2)),
    );
    let three = [of(sid, 1, 50, 1), of(sid, 2, 10, 2), present(3, 50)];
    let comment = "a present one that opens counts";
    case(
        "former rivals beside a present one",
        comment,
        &[sid],
        &three,
        Ok(Some(3)),
    );
    let comment = "present rivals: no former one counts";
    let session = |n: u8, issued: u32| {
        let plain = Former {
            cookie: "session",
            ..sid
        };
        of(plain, n, issued, n)
    };
    let name = "present rivals beside a former one";
    let vector = Vector {
        cookie: "session",
        formers: vec![sid],
        ..base(name, comment)
    };
    let three = [session(1, 50), session(2, 10), of(sid, 3, 5, 3)];
    list.lines(vector, &[&join(&three, name)], Err(Rivals));

    let typed = Former {
        session: "",
        ..realm
    };
    let name = "a typed session that was a dictionary";
    let vector = Vector {
        session: "account",
        formers: vec![Former { realm: "", ..typed }],
        ..base(name, "the dictionary is the data of schema 0")
    };
    list.lines(vector, &[&join(&[present(1, 10)], name)], Ok(Some(1)));
    let name = "a typed session of a former type";
    let member = Former {
        cookie: NAME,
        realm: "",
        session: "member",
    };
    let vector = Vector {
        session: "account",
        formers: vec![member],
        ..base(name, "")
    };
    let cookie = of(member, 1, 10, 1).record(|r| (r.schema, r.data) = (3, vec![7, 7]));
    list.lines(vector, &[&join(&[cookie], name)], Ok(Some(1)));

    let former = of(sid, 1, 10, 1).token("behind others");
    let behind = |count: usize| {
        let pairs = (0..count).map(|n| format!("{NAME}=h{n}"));
        // The former cookie stands first, and is tried last.
        let pairs = [format!("sid={former}")].into_iter().chain(pairs);
        pairs.collect::<Vec<_>>().join("; ")
    };
    for (count, id) in [(15, Some(1)), (16, None)] {
        let vector = Vector {
            formers: vec![sid],
            ..base(
                &format!("a former cookie behind {count} others"),
                "at most 16 candidates of all names",
            )
        };
        list.add(vector, &behind(count), id);
    }
}
