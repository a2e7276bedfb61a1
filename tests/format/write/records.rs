//! Session records: the payload behind the AEAD, valid and malformed.

use serde::Serialize;
use serde_json::{Value, json};

use crate::session::{
    DEVICE_KEY, LOGIN, REMEMBERED, Record, RecordError, SUBJECT, prefixed, read_dictionary,
    read_record, varint, write_dictionary, write_record,
};

#[derive(Serialize)]
pub struct Vector {
    name: String,
    record: String,
    /// Whether the data is a dictionary, or whatever a typed session is.
    dictionary: bool,
    error: Option<&'static str>,
    fields: Option<Value>,
    values: Option<Value>,
    comment: String,
}

const LEVELS: [&str; 4] = ["info", "success", "warning", "error"];

/// One CBOR item, as RFC 8949 section 4.2.1 wants it.
fn cbor(value: &Value) -> Vec<u8> {
    let head = |major: u8, n: u64| match n {
        0..24 => vec![major << 5 | n as u8],
        24..0x100 => vec![major << 5 | 24, n as u8],
        0x100..0x1_0000 => [&[major << 5 | 25][..], &(n as u16).to_be_bytes()].concat(),
        0x1_0000..0x1_0000_0000 => [&[major << 5 | 26][..], &(n as u32).to_be_bytes()].concat(),
        _ => [&[major << 5 | 27][..], &n.to_be_bytes()].concat(),
    };
    match value {
        Value::Null => vec![0xf6],
        Value::Bool(value) => vec![0xf4 + u8::from(*value)],
        Value::Number(n) => match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => head(0, n),
            (None, Some(n)) => head(1, n.unsigned_abs() - 1),
            _ => unimplemented!("no floats"),
        },
        Value::String(text) => [head(3, text.len() as u64), text.as_bytes().to_vec()].concat(),
        Value::Array(items) => {
            let items: Vec<u8> = items.iter().flat_map(cbor).collect();
            [head(4, value.as_array().unwrap().len() as u64), items].concat()
        }
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| [cbor(&json!(key)), cbor(value)].concat();
            [
                head(5, map.len() as u64),
                map.iter().flat_map(entry).collect(),
            ]
            .concat()
        }
    }
}

pub fn dictionary(values: &Value) -> Vec<u8> {
    let mut entries: Vec<(&str, Vec<u8>)> = values
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.as_str(), cbor(value)))
        .collect();
    entries.sort();
    write_dictionary(&entries)
}

pub fn record() -> Record {
    Record {
        schema: 0,
        id: std::array::from_fn(|i| 0xb0 + i as u8),
        login_id: std::array::from_fn(|i| 0xc0 + i as u8),
        flags: 0,
        created_at: 1_700_000_000,
        idle_limit: 1800,
        lifetime: 43_200,
        longest: 7_776_000,
        device_key: None,
        subject: None,
        flashes: vec![],
        data: vec![0],
    }
}

/// A compressed point with this first byte; that it lies on the curve is not to be checked here.
pub fn device_key(first: u8) -> [u8; 33] {
    std::array::from_fn(|i| if i == 0 { first } else { 0xd0 ^ i as u8 })
}

impl Record {
    pub fn with_device_key(mut self, key: [u8; 33]) -> Record {
        self.flags |= DEVICE_KEY;
        self.device_key = Some(key);
        self
    }

    pub fn with_subject(mut self, subject: &str) -> Record {
        self.flags |= SUBJECT;
        self.subject = Some(subject.into());
        self
    }
}

pub fn error_name(error: RecordError) -> &'static str {
    match error {
        RecordError::UnknownLayout => "UnknownLayout",
        RecordError::Payload => "Payload",
    }
}

fn vector(name: &str, comment: &str, bytes: &[u8], dictionary: bool) -> Vector {
    let read = read_record(bytes);
    let entries = match (&read, dictionary) {
        (Ok(record), true) => Some(read_dictionary(&record.data)),
        _ => None,
    };
    let error = match (&read, &entries) {
        (Err(error), _) | (_, Some(Err(error))) => Some(*error),
        _ => None,
    };
    let fields = |record: Record| {
        let flash = |(level, text): &(u8, String)| json!({"level": LEVELS[usize::from(*level)], "text": text});
        json!({
            "schema": record.schema,
            "id": hex::encode(record.id),
            "login_id": hex::encode(record.login_id),
            "remembered": record.flags & REMEMBERED != 0,
            "login": record.flags & LOGIN != 0,
            "created_at": record.created_at,
            "idle_limit": record.idle_limit,
            "lifetime": record.lifetime,
            "longest": record.longest,
            "device_key": record.device_key.map(hex::encode),
            "subject": record.subject,
            "flashes": record.flashes.iter().map(flash).collect::<Vec<_>>(),
            "data": hex::encode(record.data),
        })
    };
    Vector {
        name: name.into(),
        record: hex::encode(bytes),
        dictionary,
        error: error.map(error_name),
        fields: read.ok().filter(|_| error.is_none()).map(fields),
        values: None,
        comment: comment.into(),
    }
}

struct List(Vec<Vector>);

impl List {
    fn add(&mut self, error: Option<&str>, vector: Vector) {
        assert_eq!(vector.error, error, "{}", vector.name);
        assert!(
            self.0.iter().all(|other| other.name != vector.name),
            "two records {}",
            vector.name
        );
        self.0.push(vector);
    }

    fn good(&mut self, name: &str, change: impl FnOnce(&mut Record)) {
        let mut record = record();
        change(&mut record);
        let dictionary = record.schema == 0;
        let bytes = write_record(&record);
        assert_eq!(read_record(&bytes), Ok(record), "{name}");
        self.add(None, vector(name, "", &bytes, dictionary));
    }

    fn values(&mut self, name: &str, values: Value) {
        let record = Record {
            data: dictionary(&values),
            ..record()
        };
        let mut vector = vector(name, "", &write_record(&record), true);
        vector.values = Some(values);
        self.add(None, vector);
    }

    fn bad(&mut self, name: &str, bytes: &[u8], error: &str) {
        self.add(Some(error), vector(name, "", bytes, true));
    }
}

pub fn records() -> Vec<Vector> {
    let mut list = List(vec![]);
    fields(&mut list);
    optional_fields(&mut list);
    values(&mut list);
    layouts(&mut list);
    malformed(&mut list);
    malformed_optional_fields(&mut list);
    malformed_dictionaries(&mut list);
    list.0
}

fn fields(list: &mut List) {
    list.good("empty dictionary", |_| {});
    list.good("all zeros", |r| {
        (r.id, r.login_id, r.created_at) = ([0; 16], [0; 8], 0);
        (r.idle_limit, r.lifetime, r.longest) = (0, 0, 0);
    });
    list.good("all at their ends", |r| {
        (r.id, r.login_id, r.created_at) = ([0xff; 16], [0xff; 8], u32::MAX);
        (r.idle_limit, r.lifetime, r.longest) = (u32::MAX, u32::MAX, u32::MAX);
    });
    for number in [
        1,
        127,
        128,
        16_383,
        16_384,
        (1 << 21) - 1,
        1 << 21,
        (1 << 28) - 1,
        1 << 28,
        1 << 31,
    ] {
        list.good(&format!("numbers of {number}"), |r| {
            (r.created_at, r.idle_limit, r.lifetime, r.longest) = (number, number, number, number);
        });
    }
    for flags in [REMEMBERED, LOGIN, REMEMBERED | LOGIN] {
        list.good(&format!("flags {flags:#04x}"), |r| r.flags = flags);
    }
    list.good("lifetime beyond longest", |r| {
        (r.lifetime, r.longest) = (43_200, 600);
    });
    for schema in [1, 2, 127, 128, 255] {
        list.good(&format!("typed, schema {schema}"), |r| {
            (r.schema, r.data) = (schema, vec![1, 2, 3])
        });
    }
    list.good("typed, no data", |r| (r.schema, r.data) = (1, vec![]));
    list.good("typed, data that is not a dictionary", |r| {
        (r.schema, r.data) = (1, vec![0xff; 300])
    });
    for (level, name) in (0..).zip(LEVELS) {
        list.good(&format!("flash of level {name}"), |r| {
            r.flashes = vec![(level, "Added".into())]
        });
    }
    list.good("flashes in order", |r| {
        r.flashes = [(3, "one"), (0, "two"), (2, "three"), (0, "two")]
            .map(|(l, t)| (l, t.into()))
            .into();
    });
    list.good("128 flashes", |r| r.flashes = vec![(1, "x".into()); 128]);
    list.good("flash without text", |r| {
        r.flashes = vec![(0, String::new())]
    });
    list.good("flash outside ASCII", |r| {
        r.flashes = vec![(0, "zażółć 会話 🍪 \0\u{feff}".into())]
    });
    list.good("flash of 200 bytes", |r| {
        r.flashes = vec![(2, "x".repeat(200))]
    });
}

fn optional_fields(list: &mut List) {
    for first in [2, 3] {
        list.good(&format!("device key that begins with {first}"), |r| {
            *r = r.clone().with_device_key(device_key(first));
        });
    }
    list.good("device key that is not on the curve", |r| {
        *r = r.clone().with_device_key([2; 33]);
    });
    for (name, subject) in [
        ("subject", "user-7".into()),
        ("subject of 1 byte", "7".into()),
        ("subject of 127 bytes", "s".repeat(127)),
        ("subject of 128 bytes", "s".repeat(128)),
        ("subject of 255 bytes", "s".repeat(255)),
        (
            "subject outside ASCII",
            "zażółć 会話 🍪 \0\u{feff}".to_string(),
        ),
    ] {
        list.good(name, |r| *r = r.clone().with_subject(&subject));
    }
    let all = |r: Record| {
        let r = r.with_device_key(device_key(3)).with_subject("user-7");
        let flags = r.flags | REMEMBERED | LOGIN;
        Record { flags, ..r }
    };
    list.good("device key and subject, all flags", |r| *r = all(r.clone()));
    list.good("device key, subject, flashes and typed data", |r| {
        *r = all(r.clone());
        (r.flashes, r.schema, r.data) = (vec![(3, "Expired".into())], 1, vec![5, 6]);
    });
}

fn values(list: &mut List) {
    list.values("one value", json!({"cart": [7]}));
    list.values("null", json!({"none": null}));
    list.values("booleans", json!({"no": false, "yes": true}));
    for n in [
        0_i64,
        23,
        24,
        255,
        256,
        65_535,
        65_536,
        4_294_967_295,
        4_294_967_296,
        -1,
        -24,
        -25,
        -256,
        -257,
        -65_537,
        -4_294_967_297,
    ] {
        list.values(&format!("integer {n}"), json!({"n": n}));
    }
    list.values(
        "texts",
        json!({"": "", "a": "x", "é": "会話", "long": "y".repeat(300)}),
    );
    list.values(
        "arrays",
        json!({"empty": [], "nested": [[[]], [1, [2]]], "long": vec![0; 30]}),
    );
    list.values(
        "maps",
        json!({"empty": {}, "user": {"id": 5, "name": "Ada", "tags": ["a", null]}}),
    );
    list.values(
        "enums",
        json!({"unit": "Admin", "newtype": {"Guest": 5}, "struct": {"Pair": {"a": 1, "b": 2}}}),
    );
    list.values("keys in ascending byte order", json!({"B": 1, "a": 2, "a.": 3, "aa": 4, "z": 5, "\u{7f}": 6, "é": 7, "\u{ffff}": 8, "🍪": 9}));
    list.values(
        "a key outside ASCII and with a zero",
        json!({"\0": 1, "clé\0": 2}),
    );
    let many = (0..200)
        .map(|n| (format!("key {n:03}"), json!(n)))
        .collect();
    list.values("200 values", Value::Object(many));
}

fn layouts(list: &mut List) {
    let whole = write_record(&record());
    for layout in [0, 2, 3, 127, 128, 255] {
        let other = [&[layout][..], &whole[1..]].concat();
        list.bad(&format!("layout {layout}"), &other, "UnknownLayout");
        list.bad(
            &format!("layout {layout} and nothing else"),
            &[layout],
            "UnknownLayout",
        );
    }
    list.bad(
        "layout 2, then what layout 1 cannot be",
        &[2, 0xff, 0xff],
        "UnknownLayout",
    );
    list.bad("empty", &[], "Payload");
    for flags in [0x10, 0x20, 0x40, 0x80, 0xf0, 0xf1, 0xff] {
        let mut other = whole.clone();
        other[26] = flags;
        list.bad(&format!("flags {flags:#04x}"), &other, "UnknownLayout");
    }
    let mut head = whole[..27].to_vec();
    head[26] = 0x1f;
    list.bad("flags 0x1f and nothing else", &head, "UnknownLayout");
    head.extend([0xff; 40]);
    let name = "flags 0x1f, then what layout 1 cannot be";
    list.bad(name, &head, "UnknownLayout");
}

fn malformed(list: &mut List) {
    let full = Record {
        flashes: vec![(1, "Added".into()), (2, "é".into())],
        data: vec![],
        ..record()
    };
    let full = full.with_device_key(device_key(2)).with_subject("user-7");
    let full = write_record(&full);
    for len in 1..full.len() {
        list.bad(
            &format!("first {len} bytes of {}", full.len()),
            &full[..len],
            "Payload",
        );
    }
    let head = |numbers: [&[u8]; 4], rest: &[u8]| {
        let start = &write_record(&record())[..27];
        [start, &numbers.concat(), rest].concat()
    };
    let (one, none) = (&[1][..], &[0, 0][..]);
    let names = ["created-at", "idle limit", "lifetime", "longest"];
    for (name, number) in [
        ("2^32", &[0x80, 0x80, 0x80, 0x80, 0x10][..]),
        ("2^35 - 1", &[0xff, 0xff, 0xff, 0xff, 0x7f]),
        ("a sixth byte", &[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
        ("0 in two bytes", &[0x80, 0x00]),
        ("1 in five bytes", &[0x81, 0x80, 0x80, 0x80, 0x00]),
        ("127 in two bytes", &[0xff, 0x00]),
    ] {
        for (at, field) in names.into_iter().enumerate() {
            let mut numbers = [one; 4];
            numbers[at] = number;
            let record = head(numbers, none);
            list.bad(&format!("{field} of {name}"), &record, "Payload");
        }
    }
    let mut flashes = |name: &str, flashes: &[u8]| {
        list.bad(
            &format!("flashes: {name}"),
            &head([one; 4], flashes),
            "Payload",
        );
    };
    flashes("level 4", &[1, 4, 0, 0]);
    flashes("level 255", &[1, 255, 0, 0]);
    flashes("level 4 after a good one", &[2, 0, 0, 4, 0, 0]);
    flashes("not UTF-8", &[1, 0, 2, 0xc3, 0x28, 0]);
    flashes("half a character", &[1, 0, 1, 0xc3, 0]);
    flashes("a surrogate", &[1, 0, 3, 0xed, 0xa0, 0x80, 0]);
    flashes("text longer than the record", &[1, 0, 9, b'x', 0]);
    flashes("one fewer than counted", &[2, 0, 1, b'x']);
    flashes(
        "more than there is memory for",
        &[&varint(u64::MAX)[..], &[0, 0, 0]].concat(),
    );
    flashes(
        "text longer than memory",
        &[&[1, 0], &varint(u64::MAX)[..], &[0]].concat(),
    );
    flashes(
        "count beyond the u64",
        &[&[0xff; 9][..], &[0x7f, 0, 0]].concat(),
    );
}

fn malformed_optional_fields(list: &mut List) {
    let mut bad = |name: &str, flags: u8, field: &[u8]| {
        let flagged = Record { flags, ..record() };
        let bytes = write_record(&flagged);
        let (head, rest) = bytes.split_at(bytes.len() - 2); // no flashes, no values
        list.bad(name, &[head, field, rest].concat(), "Payload");
    };
    for first in [0, 1, 4, 5, 6, 7, 0xff] {
        let name = format!("device key that begins with {first}");
        bad(&name, DEVICE_KEY, &device_key(first));
    }
    let key = device_key(2);
    let uncompressed = [&[4][..], &key[1..], &key[1..]].concat();
    bad("device key of 65 bytes", DEVICE_KEY, &uncompressed);
    bad("device key missing", DEVICE_KEY, &[]);
    bad("device key without its bit", 0, &key);
    bad("device key in the subject's place", SUBJECT, &key);
    bad(
        "subject in the device key's place",
        DEVICE_KEY,
        &prefixed(b"user-7"),
    );
    let subject = |text: &[u8]| prefixed(text);
    let before = [subject(b"user-7"), key.to_vec()].concat();
    bad(
        "subject before the device key",
        DEVICE_KEY | SUBJECT,
        &before,
    );
    bad("subject missing", SUBJECT, &[]);
    bad("subject of no bytes", SUBJECT, &subject(b""));
    bad("subject of 256 bytes", SUBJECT, &subject(&[b's'; 256]));
    bad("subject not UTF-8", SUBJECT, &subject(&[0xc3, 0x28]));
    bad("subject of half a character", SUBJECT, &subject(&[0xc3]));
    bad(
        "subject of a surrogate",
        SUBJECT,
        &subject(&[0xed, 0xa0, 0x80]),
    );
    bad("subject longer than the record", SUBJECT, &[9, b's']);
    let endless = [varint(u64::MAX), vec![b's']].concat();
    bad("subject longer than memory", SUBJECT, &endless);
    bad(
        "length of the subject in two bytes",
        SUBJECT,
        &[0x81, 0, b's'],
    );
}

fn malformed_dictionaries(list: &mut List) {
    let mut bad = |name: &str, data: Vec<u8>| {
        let record = write_record(&Record { data, ..record() });
        list.bad(&format!("dictionary: {name}"), &record, "Payload");
    };
    let item = || cbor(&json!(1));
    bad("no count", vec![]);
    bad("a byte left over", vec![0, 0]);
    bad(
        "one fewer than counted",
        [vec![2], prefixed(b"a"), prefixed(&item())].concat(),
    );
    bad(
        "one more than counted",
        [vec![0], prefixed(b"a"), prefixed(&item())].concat(),
    );
    bad(
        "a key without its value",
        [vec![1], prefixed(b"a")].concat(),
    );
    bad("a key longer than the record", vec![1, 9, b'a']);
    bad("a value longer than the record", vec![1, 1, b'a', 9, 1]);
    bad("a key that is not UTF-8", vec![1, 1, 0xff, 1, 1]);
    bad(
        "a key twice",
        write_dictionary(&[("a", item()), ("a", item())]),
    );
    bad(
        "keys in descending order",
        write_dictionary(&[("b", item()), ("a", item())]),
    );
    bad(
        "keys by length first",
        write_dictionary(&[("b", item()), ("aa", item())]),
    );
    bad("more than there is memory for", varint(u64::MAX));
    bad(
        "a key longer than memory",
        [vec![1], varint(u64::MAX), vec![b'a']].concat(),
    );
    bad(
        "a value longer than memory",
        [vec![1], prefixed(b"a"), varint(u64::MAX)].concat(),
    );
}
