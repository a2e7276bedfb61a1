//! Tokens: opened as bytes and as text, sealed and opened, changed, and judged twice.

use crate::kit::{library, raw::Raw, reference as oracle, rng::Given, vector};
use crate::{NOW, Time, key, master, read};
use arbitrary::Arbitrary;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hardtack::{Codec, Keyring, OpenError, Opened, SealError, Timestamp};
use std::time::Duration;

const PURPOSE: &str = "fuzz/1";

/// The bytes of a token, whatever they are.
pub fn open_bytes(data: &[u8]) {
    let text = URL_SAFE_NO_PAD.encode(data);
    let header = Codec::inspect(&text);
    assert_eq!(header.is_some(), data.len() >= 24);
    if let Some(header) = header {
        assert_eq!(header.version, data[0]);
        assert_eq!(header.key.to_bytes(), data[1..4]);
        assert_eq!(header.issued_at.to_unix().to_be_bytes(), data[4..8]);
    }
    open(&text);
}

/// The text of a token, whatever it is.
pub fn open_text(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let _ = Codec::inspect(text);
        open(text);
    }
}

/// By every call there is: they agree, and what opens is canonical.
fn open(text: &str) {
    let codec = Codec::new(&Keyring::new(key(0)), PURPOSE);
    let now = Timestamp::from_unix(NOW);
    let opened = codec.open_at::<Raw>(text, now);

    let needed = Codec::open_len(text);
    let mut buf = vec![0xAA; needed];
    assert_eq!(codec.open_in::<Raw>(text, now, &mut buf), opened);
    if let Some(less) = needed.checked_sub(1) {
        let error = codec
            .open_in::<Raw>(text, now, &mut buf[..less])
            .unwrap_err();
        assert!(matches!(
            error,
            OpenError::TooLong | OpenError::BufferTooSmall { needed: _ }
        ));
    }
    let _ = codec.open_at::<String>(text, now);
    let _ = codec.open_at::<(u64, Option<Vec<(char, f32)>>, Result<i128, String>)>(text, now);
    assert!(codec.bound_to(b"").open_at::<Raw>(text, now).is_err());

    if opened.is_ok() {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes), text);
    }
}

/// Everything that makes a token.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
struct Sealing {
    key: u8,
    purpose: String,
    ad: Option<Vec<u8>>,
    block: u16,
    at: u32,
    random: [u8; 16],
    payload: Vec<u8>,
}

impl Sealing {
    fn codec(&self) -> Codec {
        Codec::new(&Keyring::new(key(self.key)), &self.purpose).pad_to(self.block.into())
    }

    fn seal(&self) -> Result<String, SealError> {
        let (value, at) = (Raw(self.payload.clone()), Timestamp::from_unix(self.at));
        let rng = &mut Given(self.random);
        match &self.ad {
            None => self.codec().seal_with(&value, at, rng),
            Some(ad) => self.codec().bound_to(ad).seal_with(&value, at, rng),
        }
    }

    fn seal_into<'b>(&self, buf: &'b mut [u8]) -> Result<&'b str, SealError> {
        let (value, at) = (Raw(self.payload.clone()), Timestamp::from_unix(self.at));
        let rng = &mut Given(self.random);
        match &self.ad {
            None => self.codec().seal_into(&value, at, rng, buf),
            Some(ad) => self.codec().bound_to(ad).seal_into(&value, at, rng, buf),
        }
    }

    fn open(&self, token: &str) -> Result<Opened<Raw>, OpenError> {
        let at = Timestamp::from_unix(self.at);
        match &self.ad {
            None => self.codec().open_at(token, at),
            Some(ad) => self.codec().bound_to(ad).open_at(token, at),
        }
    }
}

/// What is sealed opens, is what the reference seals, and fits the buffer that was foretold and none smaller.
pub fn seal_open(data: &[u8]) {
    let Some(sealing) = read::<Sealing>(data) else {
        return;
    };
    let len = sealing.codec().token_len(sealing.payload.len());
    let mut buf = vec![0xAA; len];
    let sealed = sealing.seal();
    if len > 16 * 1024 || sealing.at == u32::MAX {
        let expected = [
            SealError::TooLong {
                len,
                max: 16 * 1024,
            },
            SealError::Time,
        ];
        assert!(expected.contains(&sealed.unwrap_err()));
        assert!(expected.contains(&sealing.seal_into(&mut buf).unwrap_err()));
        assert!(buf.iter().all(|byte| *byte == 0));
        return;
    }
    let token = sealed.unwrap();
    let there = oracle::seal(
        &master(sealing.key),
        ("seal", sealing.purpose.as_bytes()),
        sealing.ad.as_deref(),
        sealing.block.into(),
        (sealing.at, sealing.random),
        &sealing.payload,
    );
    assert_eq!(Some(&token), there.as_ref());
    assert_eq!(sealing.seal_into(&mut buf), Ok(token.as_str()));
    let error = sealing.seal_into(&mut buf[..len - 1]).unwrap_err();
    assert_eq!(error, SealError::BufferTooSmall { needed: len });
    assert!(buf[..len - 1].iter().all(|byte| *byte == 0));

    let opened = sealing.open(&token).unwrap();
    assert_eq!(opened.value.0, sealing.payload);
    assert_eq!(opened.issued_at.to_unix(), sealing.at);
    assert_eq!(opened.key, key(sealing.key).id());
}

/// A change of a token, of its text or of its bytes. Places wrap around.
#[derive(Arbitrary, Clone, Debug)]
enum Edit {
    Bit { place: u16, bit: u8 },
    Byte { place: u16, byte: u8 },
    Character { place: u16, with: char },
    Insert { place: u16, text: String },
    Delete { place: u16, len: u8 },
    Swap { place: u16, with: u16 },
    Cut { len: u16 },
}

impl Edit {
    fn apply(&self, token: &str) -> String {
        let mut characters: Vec<char> = token.chars().collect();
        let len = characters.len().max(1);
        let at = |place: u16| usize::from(place) % len;
        match self {
            Edit::Bit { place, bit } => {
                return in_bytes(token, *place, |byte| byte ^ (1 << (bit % 8)));
            }
            Edit::Byte { place, byte } => return in_bytes(token, *place, |_| *byte),
            Edit::Insert { place, text } => {
                let place = at(*place).min(characters.len());
                characters.splice(place..place, text.chars());
            }
            _ if characters.is_empty() => {}
            Edit::Character { place, with } => characters[at(*place)] = *with,
            Edit::Delete { place, len: more } => {
                let end = (at(*place) + usize::from(*more)).min(len);
                characters.drain(at(*place)..end);
            }
            Edit::Swap { place, with } => characters.swap(at(*place), at(*with)),
            Edit::Cut { len } => characters.truncate(at(*len)),
        }
        characters.into_iter().collect()
    }
}

fn in_bytes(token: &str, place: u16, f: impl FnOnce(u8) -> u8) -> String {
    let Ok(mut bytes) = URL_SAFE_NO_PAD.decode(token) else {
        return token.into();
    };
    let len = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(usize::from(place) % len) {
        *byte = f(*byte);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

#[derive(Arbitrary, Debug)]
struct Mutation {
    sealing: Sealing,
    edits: Vec<Edit>,
    opener: Option<Sealing>,
}

/// A token that was changed opens nowhere, and an unchanged one only where it belongs.
pub fn mutate_token(data: &[u8]) {
    let Some(Mutation {
        mut sealing,
        edits,
        opener,
    }) = read(data)
    else {
        return;
    };
    sealing.block %= 512;
    sealing.at = sealing.at.min(u32::MAX - 1);
    let Ok(token) = sealing.seal() else { return };
    let changed = edits
        .iter()
        .fold(token.clone(), |token, edit| edit.apply(&token));
    assert_eq!(
        sealing.open(&changed).is_ok(),
        changed == token,
        "{changed}"
    );

    if let Some(opener) = opener {
        let opener = Sealing {
            at: sealing.at,
            ..opener
        };
        let there = |sealing: &Sealing| {
            (
                key(sealing.key).id(),
                sealing.purpose.clone(),
                sealing.ad.clone(),
            )
        };
        let belongs = there(&sealing) == there(&opener);
        assert_eq!(opener.open(&token).is_ok(), belongs);
    }
}

#[derive(Arbitrary, Debug)]
struct Judged {
    others: Vec<(u8, Option<Time>)>,
    ad: Option<Vec<u8>>,
    now: Time,
    skew: Seconds,
    max_age: Seconds,
    floor: Time,
    limit: u16,
    token: Token,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Seconds {
    Few(u8),
    Any(u64),
}

impl Seconds {
    fn get(self) -> u64 {
        match self {
            Seconds::Few(seconds) => seconds.into(),
            Seconds::Any(seconds) => seconds,
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Token {
    Text(String),
    Bytes(Vec<u8>),
    /// Authentic, with any header over any plaintext.
    Sealed {
        key: u8,
        version: Version,
        at: Time,
        random: [u8; 16],
        bound: bool,
        plaintext: Vec<u8>,
        edits: Vec<Edit>,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Version {
    Plain,
    Padded,
    Other(u8),
}

impl Token {
    fn text(self, ad: Option<&[u8]>) -> String {
        match self {
            Token::Text(text) => text,
            Token::Bytes(bytes) => URL_SAFE_NO_PAD.encode(bytes),
            Token::Sealed {
                key,
                version,
                at,
                random,
                bound,
                plaintext,
                edits,
            } => {
                let version = match version {
                    Version::Plain => oracle::PLAIN,
                    Version::Padded => oracle::PADDED,
                    Version::Other(version) => version,
                };
                let header =
                    oracle::header(version, oracle::key_id(&master(key)), at.unix(), random);
                let secret = oracle::derive(&master(key), "seal", PURPOSE.as_bytes());
                let token = oracle::encrypt(&secret, &header, ad.filter(|_| bound), &plaintext);
                edits.iter().fold(token, |token, edit| edit.apply(&token))
            }
        }
    }
}

/// The library and the reference come to one verdict, in payload, time, key and error.
pub fn reference(data: &[u8]) {
    let Some(judged) = read::<Judged>(data) else {
        return;
    };
    let mut ring = Keyring::new(key(0));
    let mut keys = vec![oracle::Key {
        master: master(0),
        retired: None,
    }];
    for (n, retired) in judged.others {
        let retired = retired.map(Time::unix);
        let larger = match retired {
            None => ring.clone().accept(key(n)),
            Some(at) => ring
                .clone()
                .accept_retired(key(n), Timestamp::from_unix(at)),
        };
        if let Ok(larger) = larger {
            ring = larger;
            keys.push(oracle::Key {
                master: master(n),
                retired,
            });
        }
    }
    let ad = judged.ad.as_deref();
    let token = judged.token.text(ad);
    let opener = oracle::Opener {
        keys: &keys,
        label: "seal",
        purpose: PURPOSE.as_bytes(),
        ad,
        now: judged.now.unix(),
        skew: judged.skew.get(),
        max_age: judged.max_age.get(),
        floor: judged.floor.unix(),
        limit: judged.limit.into(),
    };
    let there = oracle::open(&opener, &token);

    let codec = Codec::new(&ring, PURPOSE)
        .skew(Duration::from_secs(opener.skew))
        .max_age(Duration::from_secs(opener.max_age))
        .reject_issued_before(Timestamp::from_unix(opener.floor))
        .max_token_len(opener.limit);
    let now = Timestamp::from_unix(opener.now);
    let here = match ad {
        None => codec.open_at::<Raw>(&token, now),
        Some(ad) => codec.bound_to(ad).open_at::<Raw>(&token, now),
    };
    match (here, there) {
        (Ok(here), Ok(there)) => {
            assert_eq!(here.value.0, there.payload);
            assert_eq!(here.issued_at.to_unix(), there.issued_at);
            assert_eq!(here.key.to_bytes(), there.key);
        }
        (Err(here), Err(there)) => {
            let id = match there {
                oracle::Error::UnknownKey(id) => Some(hex::encode(id)),
                _ => None,
            };
            assert_eq!(library::name(here), (vector::name(there), id), "{token}");
        }
        (here, there) => panic!("{token}: {here:?}, the reference: {there:?}"),
    }
}
