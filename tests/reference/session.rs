//! Session records, cookie headers and cut tokens of the format page, straight down and with no decoder but this one: the
//! second half of the oracle.
#![allow(dead_code, reason = "each test uses a part")]

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub schema: u8,
    pub id: [u8; 16],
    pub created_at: u32,
    pub idle_limit: u32,
    pub lifetime: u32,
    pub flags: u8,
    pub flashes: Vec<(u8, String)>,
    pub data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    UnknownLayout,
    Payload,
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
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

    fn number(&mut self) -> Option<u32> {
        self.varint(32).map(|value| value as u32)
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

    fn record(&mut self) -> Option<Record> {
        Some(Record {
            schema: self.byte()?,
            id: self.take(16)?.try_into().unwrap(),
            created_at: self.number()?,
            idle_limit: self.number()?,
            lifetime: self.number()?,
            flags: self.byte()?,
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
    match payload {
        [1, rest @ ..] => Reader(rest).record().ok_or(RecordError::Payload),
        [] => Err(RecordError::Payload),
        _ => Err(RecordError::UnknownLayout),
    }
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
    for number in [record.created_at, record.idle_limit, record.lifetime] {
        bytes.extend(varint(u64::from(number)));
    }
    bytes.push(record.flags);
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

/// Every pair of the Cookie headers that is wholly ASCII.
pub fn cookies(headers: &[Vec<u8>]) -> Vec<(String, String)> {
    let mut pairs = vec![];
    for field in headers
        .iter()
        .flat_map(|header| header.split(|byte| *byte == b';'))
    {
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
    let pairs = cookies(headers);
    let (mut found, mut sum) = (vec![], 0);
    for (_, value) in pairs.iter().filter(|(pair, _)| pair == name) {
        let token = match value.as_bytes() {
            [count @ b'2'..=b'9', b'.', ..] => join(&pairs, name, count - b'0', &value[2..]),
            _ => Some(value.clone()),
        };
        sum += token.as_ref().map_or(0, String::len);
        if sum > 64 * 1024 {
            break;
        }
        found.push(token);
    }
    found
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
