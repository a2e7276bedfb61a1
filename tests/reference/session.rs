//! Session records, cookie headers and cut tokens of the format page, straight down and with no decoder but this one: the
//! second half of the oracle.
#![allow(dead_code, reason = "each test uses a part")]

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub schema: u8,
    pub id: [u8; 16],
    pub login_id: [u8; 8],
    /// As they are in the bytes. The writer writes a device key and a subject by bits 1 and 2.
    pub flags: u8,
    pub created_at: u32,
    pub idle_limit: u32,
    pub lifetime: u32,
    pub longest: u32,
    pub device_key: Option<[u8; 33]>,
    pub subject: Option<String>,
    pub flashes: Vec<(u8, String)>,
    pub data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    UnknownLayout,
    Payload,
}

pub const REMEMBERED: u8 = 1;
pub const DEVICE_KEY: u8 = 2;
pub const SUBJECT: u8 = 4;
pub const LOGIN: u8 = 8;
const KNOWN: u8 = 0x0f;

/// What is left to read.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N as u64)?.try_into().ok()
    }

    pub fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn varint(&mut self, bits: u32) -> Option<u64> {
        let mut value = 0_u128;
        for i in 0..bits.div_ceil(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return (value < 1 << bits).then_some(value as u64);
            }
        }
        None
    }

    /// In its shortest form.
    fn shortest(&mut self, bits: u32) -> Option<u64> {
        let before = self.0;
        let value = self.varint(bits)?;
        before.starts_with(&varint(value)).then_some(value)
    }

    pub fn number(&mut self) -> Option<u32> {
        self.shortest(32).map(|value| value as u32)
    }

    fn device_key(&mut self) -> Option<[u8; 33]> {
        self.array().filter(|key| matches!(key[0], 2 | 3))
    }

    fn subject(&mut self) -> Option<String> {
        let len = self.shortest(64).filter(|len| (1..=255).contains(len))?;
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let len = self.varint(64)?;
        self.take(len).map(<[u8]>::to_vec)
    }

    fn string(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    fn flashes(&mut self) -> Option<Vec<(u8, String)>> {
        let mut flashes = vec![];
        for _ in 0..self.varint(64)? {
            let level = self.byte().filter(|level| *level <= 3)?;
            flashes.push((level, self.string()?));
        }
        Some(flashes)
    }

    /// What follows the flags; nothing is left of it.
    fn record(&mut self, schema: u8, id: [u8; 16], login_id: [u8; 8], flags: u8) -> Option<Record> {
        Some(Record {
            schema,
            id,
            login_id,
            flags,
            created_at: self.number()?,
            idle_limit: self.number()?,
            lifetime: self.number()?,
            longest: self.number()?,
            device_key: match flags & DEVICE_KEY {
                0 => None,
                _ => Some(self.device_key()?),
            },
            subject: match flags & SUBJECT {
                0 => None,
                _ => Some(self.subject()?),
            },
            flashes: self.flashes()?,
            data: self.0.to_vec(),
        })
    }

    fn dictionary(&mut self) -> Option<Vec<(String, Vec<u8>)>> {
        let mut entries = vec![];
        for _ in 0..self.varint(64)? {
            entries.push((self.string()?, self.bytes()?));
        }
        let ascending = entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (ascending && self.0.is_empty()).then_some(entries)
    }
}

pub fn read_record(payload: &[u8]) -> Result<Record, RecordError> {
    let malformed = RecordError::Payload;
    let mut reader = Reader(payload);
    if reader.byte().ok_or(malformed)? != 1 {
        return Err(RecordError::UnknownLayout);
    }
    let schema = reader.byte().ok_or(malformed)?;
    let id = reader.array().ok_or(malformed)?;
    let login_id = reader.array().ok_or(malformed)?;
    let flags = reader.byte().ok_or(malformed)?;
    if flags & !KNOWN != 0 {
        return Err(RecordError::UnknownLayout);
    }
    let record = reader.record(schema, id, login_id, flags);
    record.ok_or(malformed)
}

pub fn read_dictionary(data: &[u8]) -> Result<Vec<(String, Vec<u8>)>, RecordError> {
    Reader(data).dictionary().ok_or(RecordError::Payload)
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}

pub fn write_record(record: &Record) -> Vec<u8> {
    let mut bytes = vec![1, record.schema];
    bytes.extend(record.id);
    bytes.extend(record.login_id);
    bytes.push(record.flags);
    let times = [record.created_at, record.idle_limit, record.lifetime];
    for number in times.into_iter().chain([record.longest]) {
        bytes.extend(varint(u64::from(number)));
    }
    bytes.extend(record.device_key.iter().flatten());
    if let Some(subject) = &record.subject {
        bytes.extend(prefixed(subject.as_bytes()));
    }
    bytes.extend(varint(record.flashes.len() as u64));
    for (level, text) in &record.flashes {
        bytes.push(*level);
        bytes.extend(prefixed(text.as_bytes()));
    }
    bytes.extend(&record.data);
    bytes
}

/// In the order given.
pub fn write_dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = varint(entries.len() as u64);
    for (key, value) in entries {
        bytes.extend(prefixed(key.as_bytes()));
        bytes.extend(prefixed(value));
    }
    bytes
}

/// The last second at which a session of these times counts, and whether its clock was good: created-at, idle limit,
/// lifetime, longest of a record or ticket, the issued-at of its token, and the opener's skew.
pub fn end(times: [u32; 4], issued_at: u32, skew: u64) -> Option<u64> {
    let [created, idle, lifetime, longest] = times.map(u64::from);
    let issued = u64::from(issued_at);
    let ends = (issued + idle).min(created + lifetime.min(longest));
    (created <= issued.saturating_add(skew)).then_some(ends)
}

/// Of the first 1,000 pairs of the Cookie lines, those that are wholly ASCII. The lines are joined first.
pub fn cookies(lines: &[Vec<u8>]) -> Vec<(String, String)> {
    let mut pairs = vec![];
    let lines = lines.join(&b"; "[..]);
    for field in lines.split(|byte| *byte == b';').take(1000) {
        let Ok(field) = str::from_utf8(field) else {
            continue;
        };
        let field = field.trim_matches([' ', '\t']);
        if let (true, Some((name, value))) = (field.is_ascii(), field.split_once('=')) {
            pairs.push((name.into(), value.into()));
        }
    }
    pairs
}

/// The candidates for a session in the order received; None is a token with a missing part.
pub fn candidates(headers: &[Vec<u8>], name: &str) -> Vec<Option<String>> {
    let found = candidates_of(headers, &[name]).into_iter();
    found.map(|(_, token)| token).collect()
}

/// Those of several names, one name after the other, each with its name.
pub fn candidates_of<'n>(headers: &[Vec<u8>], names: &[&'n str]) -> Vec<(&'n str, Option<String>)> {
    let pairs = cookies(headers);
    let (mut found, mut sum) = (vec![], 0);
    for name in names {
        for (_, value) in pairs.iter().filter(|(pair, _)| pair == name) {
            let token = match value.as_bytes() {
                [count @ b'2'..=b'9', b'.', ..] => join(&pairs, name, count - b'0', &value[2..]),
                _ => Some(value.clone()),
            };
            if token.is_some() && found.contains(&(*name, token.clone())) {
                continue;
            }
            sum += token.as_ref().map_or(0, String::len);
            if found.len() == 16 || sum > 64 * 1024 {
                return found;
            }
            found.push((*name, token));
        }
    }
    found
}

/// One of the candidates that open, as far as it decides which counts.
#[derive(Clone, Copy)]
pub struct Candidate<'n, T> {
    pub name: &'n str,
    pub issued_at: u32,
    pub login_id: [u8; 8],
    pub session: T,
}

/// Two candidates of different logins open, under a name that any sibling domain can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rivals;

/// Of the candidates that open, in the order tried, the one that counts.
pub fn counts<T>(opened: Vec<Candidate<'_, T>>) -> Result<Option<T>, Rivals> {
    for one in &opened {
        let rival =
            |other: &&Candidate<'_, T>| other.name == one.name && other.login_id != one.login_id;
        if !one.name.starts_with("__Host-") && opened.iter().any(|other| rival(&other)) {
            return Err(Rivals);
        }
    }
    let mut best: Option<Candidate<'_, T>> = None;
    for one in opened {
        if best
            .as_ref()
            .is_none_or(|best| one.issued_at > best.issued_at)
        {
            best = Some(one);
        }
    }
    Ok(best.map(|best| best.session))
}

fn join(pairs: &[(String, String)], name: &str, count: u8, part: &str) -> Option<String> {
    let start = format!("{}.", part.get(24..32)?);
    let mut token = part.to_owned();
    for k in 1..count {
        let part = |(pair, value): &(String, String)| {
            value
                .strip_prefix(&start)
                .filter(|_| *pair == format!("{name}.{k}"))
                .map(str::to_owned)
        };
        token += &pairs.iter().find_map(part)?;
    }
    Some(token)
}

/// A token cut where it is told to: the Cookie pairs in order.
pub fn cut(token: &str, name: &str, at: &[usize]) -> Vec<String> {
    let (mut pairs, mut from) = (vec![], 0);
    for (k, to) in at.iter().copied().chain([token.len()]).enumerate() {
        pairs.push(match k {
            0 => format!("{name}={}.{}", at.len() + 1, &token[..to]),
            _ => format!("{name}.{k}={}.{}", &token[24..32], &token[from..to]),
        });
        from = to;
    }
    pairs
}
