//! Server-side storage: derived keys, tickets, and the bytes that a store holds.

use serde_json::{Value, json};

use crate::keys::master;
use crate::records::{device_key, error_name, record};
use crate::reference::{PADDED, PLAIN, derive, header, key_id, prk};
use crate::session::{
    LOGIN, REMEMBERED, RecordError, read_record, varint, write_dictionary, write_record,
};
use crate::store::{
    self, Ticket, encrypt, moved_secret, owner, place, read_description, read_ticket, record_key,
    rkey, write_description, write_ticket,
};
use crate::tokens::{NOW, random};
use crate::vector::name;

const REALM: &str = "staging";
const SESSION: &str = "account";

/// Vectors of several kinds.
#[derive(Default)]
pub struct List(pub Vec<Value>);

impl List {
    pub fn add(&mut self, kind: &str, vector: Value) {
        let mut line = json!({ "kind": kind });
        let (all, more) = (line.as_object_mut().unwrap(), vector.as_object().unwrap());
        all.extend(more.clone());
        let same = |other: &Value| other["kind"] == line["kind"] && other["name"] == line["name"];
        assert!(!self.0.iter().any(same), "two {}", line["name"]);
        self.0.push(line);
    }
}

pub fn stores() -> Vec<Value> {
    let mut list = List::default();
    keys(&mut list);
    tickets(&mut list);
    bad_tickets(&mut list);
    records(&mut list);
    descriptions(&mut list);
    list.0
}

fn secret() -> [u8; 16] {
    std::array::from_fn(|i| 0xe0 + i as u8)
}

fn keys(list: &mut List) {
    let id = record().id;
    for (name, n, realm, session, id, secret, subject) in [
        ("dictionary", 0, "", "", id, secret(), "user-7"),
        ("another key", 1, "", "", id, secret(), "user-7"),
        ("realm", 0, REALM, "", id, secret(), "user-7"),
        ("typed session", 0, "", SESSION, id, secret(), "user-7"),
        (
            "realm and typed session",
            0,
            REALM,
            SESSION,
            id,
            secret(),
            "user-7",
        ),
        (
            "the same, exchanged",
            0,
            SESSION,
            REALM,
            id,
            secret(),
            "user-7",
        ),
        (
            "outside ASCII",
            2,
            "mandant-ä",
            "会話",
            id,
            secret(),
            "użytkownik 🍪",
        ),
        ("all zeros", 0, "", "", [0; 16], [0; 16], "0"),
        ("all at their ends", 3, "", "", [0xff; 16], [0xff; 16], "z"),
    ] {
        let (master, place) = (master(n), place(realm, session));
        list.add(
            "keys",
            json!({
                "name": name,
                "master": hex::encode(master),
                "prk": hex::encode(prk(&master)),
                "realm": realm,
                "session": session,
                "id": hex::encode(id),
                "secret": hex::encode(secret),
                "subject": subject,
                "record_key": hex::encode(record_key(&place, &id)),
                "owner": hex::encode(owner(&master, &place, subject)),
                "rkey": hex::encode(rkey(&master, &place, &secret)),
                "about": hex::encode(derive(&master, "about", &place)),
                "moved_secret": hex::encode(moved_secret(&master, &place, &id)),
            }),
        );
    }
}

fn ticket() -> Ticket {
    Ticket {
        id: record().id,
        login_id: record().login_id,
        flags: 0,
        secret: secret(),
        times: [1_700_000_000, 1800, 43_200, 7_776_000],
    }
}

fn add_ticket(list: &mut List, name: &str, bytes: &[u8], error: Option<&str>) {
    let read = read_ticket(bytes);
    assert_eq!(
        read.as_ref().err().copied().map(error_name),
        error,
        "{name}"
    );
    let fields = |ticket: Ticket| {
        assert_eq!(write_ticket(&ticket), bytes, "{name}");
        let [created_at, idle_limit, lifetime, longest] = ticket.times;
        json!({
            "id": hex::encode(ticket.id),
            "login_id": hex::encode(ticket.login_id),
            "remembered": ticket.flags & REMEMBERED != 0,
            "login": ticket.flags & LOGIN != 0,
            "secret": hex::encode(ticket.secret),
            "created_at": created_at,
            "idle_limit": idle_limit,
            "lifetime": lifetime,
            "longest": longest,
        })
    };
    list.add(
        "ticket",
        json!({
            "name": name,
            "ticket": hex::encode(bytes),
            "error": error,
            "fields": read.ok().map(fields),
        }),
    );
}

fn tickets(list: &mut List) {
    let mut good = |name: &str, change: fn(&mut Ticket)| {
        let mut ticket = ticket();
        change(&mut ticket);
        add_ticket(list, name, &write_ticket(&ticket), None);
    };
    good("ticket", |_| {});
    good("remembered", |t| t.flags = REMEMBERED);
    good("made by a login", |t| t.flags = LOGIN);
    good("both flags", |t| t.flags = REMEMBERED | LOGIN);
    good("all zeros", |t| {
        (t.id, t.login_id, t.secret, t.times) = ([0; 16], [0; 8], [0; 16], [0; 4]);
    });
    good("all at their ends", |t| {
        (t.id, t.login_id) = ([0xff; 16], [0xff; 8]);
        (t.secret, t.times) = ([0xff; 16], [u32::MAX; 4]);
    });
    good("numbers of 1, 2, 3 and 4 bytes", |t| {
        t.times = [127, 128, 16_384, 1 << 21];
    });
}

fn bad_tickets(list: &mut List) {
    let whole = write_ticket(&ticket());
    let mut bad = |name: &str, bytes: &[u8], error: &str| {
        add_ticket(list, name, bytes, Some(error));
    };
    for len in 0..whole.len() {
        let name = format!("first {len} bytes of {}", whole.len());
        bad(&name, &whole[..len], "Payload");
    }
    bad("a byte left over", &[&whole[..], &[0]].concat(), "Payload");
    for layout in [0, 1, 3, 0x7f, 0x80, 0xff] {
        let other = [&[layout][..], &whole[1..]].concat();
        bad(&format!("layout {layout}"), &other, "UnknownLayout");
    }
    bad("a record", &write_record(&record()), "UnknownLayout");
    for bit in [1, 2, 4, 5, 6, 7] {
        let mut other = whole.clone();
        other[25] |= 1 << bit;
        bad(&format!("flag bit {bit}"), &other, "UnknownLayout");
    }
    let mut head = whole[..26].to_vec();
    head[25] = 0x10;
    bad("flag bit 4 and nothing else", &head, "UnknownLayout");
    let names = ["created-at", "idle limit", "lifetime", "longest"];
    for (what, number) in [
        ("2^32", &[0x80, 0x80, 0x80, 0x80, 0x10][..]),
        ("0 in two bytes", &[0x80, 0x00]),
        ("1 in five bytes", &[0x81, 0x80, 0x80, 0x80, 0x00]),
    ] {
        for (at, field) in names.into_iter().enumerate() {
            let mut numbers = [&[1][..]; 4];
            numbers[at] = number;
            let bytes = [&whole[..42], &numbers.concat()].concat();
            bad(&format!("{field} of {what}"), &bytes, "Payload");
        }
    }
}

/// Bytes from a store, and what a reader asks for. The keys of the ring are 0 and 1.
#[derive(Clone)]
struct Stored {
    /// The key that seals, by its number.
    sealer: u32,
    label: Option<&'static str>,
    realm: &'static str,
    session: &'static str,
    id: [u8; 16],
    secret: [u8; 16],
    /// Of a description.
    owner: Option<[u8; 16]>,
    version: u8,
    plaintext: Vec<u8>,
    issued_at: u32,
}

impl Stored {
    fn key(&self, master: &[u8; 32]) -> [u8; 32] {
        let place = place(self.realm, self.session);
        match self.label {
            Some(label) => derive(master, label, &place),
            None => rkey(master, &place, &self.secret),
        }
    }

    fn record_key(&self) -> [u8; 16] {
        record_key(&place(self.realm, self.session), &self.id)
    }

    /// Record key, and the owner of a description.
    fn bound(&self) -> Vec<u8> {
        [
            &self.record_key()[..],
            self.owner.as_ref().map_or(&[], |owner| &owner[..]),
        ]
        .concat()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let master = master(self.sealer);
        let header = header(self.version, key_id(&master), self.issued_at, random(name));
        encrypt(&self.key(&master), &header, &self.bound(), &self.plaintext)
    }

    /// What a reader of `self` makes of the bytes that another wrote.
    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let masters = [master(0), master(1)];
        let key = |master: &[u8; 32]| self.key(master);
        store::open(&masters, key, &self.bound(), bytes).map_err(name)
    }

    fn fields(&self, name: &str, bytes: &[u8]) -> Value {
        json!({
            "name": name,
            "masters": [hex::encode(master(0)), hex::encode(master(1))],
            "realm": self.realm,
            "session": self.session,
            "record_key": hex::encode(self.record_key()),
            "bytes": hex::encode(bytes),
        })
    }
}

fn stored() -> Stored {
    let record = crate::session::Record {
        data: write_dictionary(&[("n", vec![7])]),
        ..record()
    };
    Stored {
        sealer: 0,
        label: None,
        realm: "",
        session: "",
        id: record.id,
        secret: secret(),
        owner: None,
        version: PLAIN,
        plaintext: write_record(&record),
        issued_at: NOW,
    }
}

type Change = fn(&mut Stored);

fn records(list: &mut List) {
    let mut add = |name: &str, reader: &Stored, bytes: &[u8], error: Option<&str>| {
        let opened = reader.open(bytes);
        let record = opened.and_then(|payload| match read_record(&payload) {
            Ok(_) => Ok(payload),
            Err(error) => Err(error_name(error)),
        });
        assert_eq!(record.as_ref().err().copied(), error, "{name}");
        let mut vector = reader.fields(name, bytes);
        vector["secret"] = json!(hex::encode(reader.secret));
        vector["error"] = json!(error);
        vector["record"] = json!(record.ok().map(hex::encode));
        list.add("record", vector);
    };
    let good: [(&str, Change); 9] = [
        ("dictionary", |_| {}),
        ("by an accepted key", |s| s.sealer = 1),
        ("realm and typed session", |s| {
            (s.realm, s.session) = (REALM, SESSION);
        }),
        ("padded", |s| {
            s.version = PADDED;
            s.plaintext.extend([0x80, 0, 0, 0]);
        }),
        ("with a subject", |s| {
            s.plaintext = write_record(&record().with_subject("user-7"));
        }),
        ("with a device key", |s| {
            s.plaintext = write_record(&record().with_device_key(device_key(3)));
        }),
        ("issued in the last second", |s| s.issued_at = u32::MAX),
        ("issued in the first second", |s| s.issued_at = 0),
        ("secret of a moved session", |s| {
            s.secret = moved_secret(&master(0), &place("", ""), &s.id);
        }),
    ];
    for (name, change) in good {
        let mut one = stored();
        change(&mut one);
        add(name, &one, &one.bytes(name), None);
    }
    let wrong: [(&str, &str, Change); 14] = [
        ("another secret", "Invalid", |s| s.secret[15] ^= 1),
        ("another record's", "Invalid", |s| s.id[0] ^= 1),
        ("another realm's", "Invalid", |s| s.realm = REALM),
        ("another typed session's", "Invalid", |s| {
            s.session = SESSION
        }),
        ("sealed for descriptions", "Invalid", |s| {
            s.label = Some("about")
        }),
        ("sealed as a cookie", "Invalid", |s| {
            s.label = Some("cookie")
        }),
        ("sealed under the salt", "Invalid", |s| {
            s.label = Some("record")
        }),
        ("by a stranger", "UnknownKey", |s| s.sealer = 9),
        ("version 0x86", "UnknownVersion", |s| s.version = 0x86),
        ("padding without its end", "Payload", |s| s.version = PADDED),
        ("a ticket", "UnknownLayout", |s| {
            s.plaintext = write_ticket(&ticket())
        }),
        ("flag bit 4", "UnknownLayout", |s| s.plaintext[26] |= 0x10),
        ("a record cut short", "Payload", |s| {
            s.plaintext.truncate(40)
        }),
        ("nothing in it", "Payload", |s| s.plaintext.clear()),
    ];
    for (name, error, change) in wrong {
        let mut other = stored();
        change(&mut other);
        add(name, &stored(), &other.bytes(name), Some(error));
    }
    let whole = stored().bytes("whole");
    for len in [0, 1, 24, 39] {
        let name = format!("first {len} bytes");
        add(&name, &stored(), &whole[..len], Some("Invalid"));
    }
    for (name, at) in [("time", 7), ("random", 8), ("ciphertext", 24)] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let name = format!("{name} changed by a bit");
        add(&name, &stored(), &bytes, Some("Invalid"));
    }
    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 0x80;
    add("tag changed by a bit", &stored(), &bytes, Some("Invalid"));
    let longer = [&whole[..], &[0]].concat();
    add("a byte left over", &stored(), &longer, Some("Invalid"));
}

fn description() -> Stored {
    Stored {
        label: Some("about"),
        owner: Some(owner(&master(0), &place("", ""), "user-7")),
        ..stored()
    }
}

fn descriptions(list: &mut List) {
    let sealed = |name: &str, change: &dyn Fn(&mut Stored)| {
        let mut one = description();
        change(&mut one);
        one.bytes(name)
    };
    let mut add = |name: &str, bytes: &[u8], error: Option<&str>| {
        let reader = description();
        let opened = reader.open(bytes).and_then(|plaintext| {
            read_description(&plaintext).ok_or(error_name(RecordError::Payload))
        });
        assert_eq!(opened.as_ref().err().copied(), error, "{name}");
        let fields = opened.ok().map(|(id, created_at, text)| {
            json!({ "id": hex::encode(id), "created_at": created_at, "text": text })
        });
        let mut vector = reader.fields(name, bytes);
        vector["owner"] = json!(reader.owner.map(hex::encode));
        vector["error"] = json!(error);
        vector["fields"] = json!(fields);
        list.add("description", vector);
    };
    let id = stored().id;
    for (name, created_at, text) in [
        ("text", NOW, "Firefox on Linux"),
        ("no text", NOW, ""),
        ("text outside ASCII", NOW, "użytkownik 🍪"),
        ("created in the first second", 0, "x"),
        ("created in the last second", u32::MAX, "x"),
    ] {
        let plaintext = write_description(id, created_at, text);
        add(
            name,
            &sealed(name, &|s| s.plaintext = plaintext.clone()),
            None,
        );
    }
    let text = write_description(id, NOW, "Firefox");
    let plaintexts = [
        ("id cut short", id[..15].to_vec()),
        ("no created-at", id.to_vec()),
        ("created-at cut short", text[..18].to_vec()),
        (
            "created-at of 0 in two bytes",
            [&id[..], &[0x80, 0]].concat(),
        ),
        ("created-at of 2^32", [&id[..], &varint(1 << 32)].concat()),
        ("not UTF-8", [&text[..], &[0xff]].concat()),
    ];
    for (name, plaintext) in plaintexts {
        let bytes = sealed(name, &|s| s.plaintext = plaintext.clone());
        add(name, &bytes, Some("Payload"));
    }
    let wrong: [(&str, &str, Change); 7] = [
        ("another record's", "Invalid", |s| s.id[0] ^= 1),
        ("another owner's", "Invalid", |s| s.owner = Some([7; 16])),
        ("without an owner", "Invalid", |s| s.owner = None),
        ("another realm's", "Invalid", |s| s.realm = REALM),
        ("another typed session's", "Invalid", |s| {
            s.session = SESSION
        }),
        ("sealed as a record", "Invalid", |s| s.label = None),
        ("by a stranger", "UnknownKey", |s| s.sealer = 9),
    ];
    for (name, error, change) in wrong {
        let bytes = sealed(name, &|s| {
            s.plaintext = text.clone();
            change(s);
        });
        add(name, &bytes, Some(error));
    }
}
