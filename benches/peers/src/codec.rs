//! Tokens: the same value sealed and opened by each crate, as its own documentation shows it.

mod biscotti;
mod branca;
mod cookie;
mod fernet;
mod hardtack;
mod josekit;
mod orion;
mod pasetors;
mod seshcookie;

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::hardtack::Hardtack;
use crate::harness::{Contender, How, Timing, compare};
use crate::payload::{Account, NUMBERS, Numbers, SIZES, text};

/// Seals and opens, with keys made once: an [`Account`] in the encoding that goes with the crate, and plain text, which
/// leaves the encoding out.
trait Codec: Sized + 'static {
    const ABOUT: About;
    /// The name of [`Codec::frame`], if there is one.
    const FRAME: Option<&'static str> = None;
    fn new() -> Self;
    fn seal(&self, account: &Account) -> String;
    fn open(&self, token: &str) -> Option<Account>;
    fn seal_numbers(&self, numbers: &Numbers) -> String;
    fn open_numbers(&self, token: &str) -> Option<Numbers>;
    fn seal_text(&self, text: &str) -> String;
    fn open_text(&self, token: &str) -> Option<impl AsRef<[u8]>>;
    /// What `open` does only because there is no other way in.
    fn frame(&self) {}
    /// The cookie's value within what `seal` returned.
    fn value(token: &str) -> &str {
        token
    }
}

struct About {
    name: &'static str,
    randomness: Randomness,
    /// Whether the token names its key.
    key_id: bool,
    /// Whether the token carries, authenticated, the time at which it was made.
    time: bool,
}

/// Where the nonce comes from. Asking the system is a call into the kernel for each token, and survives a fork or a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Randomness {
    System,
    /// A generator in the process, seeded by the system now and then.
    Process,
}

impl Randomness {
    /// The way of hardtack to seal with the same randomness.
    fn reference(self) -> &'static str {
        match self {
            Randomness::System => SEAL,
            Randomness::Process => SEAL_WITH,
        }
    }
}

/// A crate that carries text or bytes: two functions, and JSON on top of them.
trait Peer: 'static {
    const ABOUT: About;
    fn new() -> Self;
    fn seal(&self, text: Cow<'_, str>) -> String;
    fn open(&self, token: &str) -> Option<impl Plain>;
    fn value(token: &str) -> &str {
        token
    }
}

/// What a [`Peer`] opens a token to.
trait Plain {
    fn text(&self) -> Option<&str>;
    fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.text()?).ok()
    }
}

impl Plain for Vec<u8> {
    fn text(&self) -> Option<&str> {
        str::from_utf8(self).ok()
    }
    fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self).ok()
    }
}

struct Json<P>(P);

impl<P: Peer> Json<P> {
    fn seal_json(&self, value: &impl Serialize) -> String {
        let json = serde_json::to_string(value).expect("the value is JSON");
        self.0.seal(json.into())
    }
}

impl<P: Peer> Codec for Json<P> {
    const ABOUT: About = P::ABOUT;

    fn new() -> Self {
        Self(P::new())
    }
    fn seal(&self, account: &Account) -> String {
        self.seal_json(account)
    }
    fn open(&self, token: &str) -> Option<Account> {
        self.0.open(token)?.json()
    }
    fn seal_numbers(&self, numbers: &Numbers) -> String {
        self.seal_json(numbers)
    }
    fn open_numbers(&self, token: &str) -> Option<Numbers> {
        self.0.open(token)?.json()
    }
    fn seal_text(&self, text: &str) -> String {
        self.0.seal(text.into())
    }
    fn open_text(&self, token: &str) -> Option<impl AsRef<[u8]>> {
        self.0.open(token).map(Text)
    }
    fn value(token: &str) -> &str {
        P::value(token)
    }
}

struct Text<P>(P);

impl<P: Plain> AsRef<[u8]> for Text<P> {
    fn as_ref(&self) -> &[u8] {
        self.0.text().unwrap_or_default().as_bytes()
    }
}

/// hardtack's `seal`, which asks the system for randomness, and its `open`.
pub const SEAL: &str = "hardtack";
/// hardtack's `seal_with` and a generator in the process.
pub const SEAL_WITH: &str = "hardtack seal_with";
pub const PRIVATE_JAR: &str = "cookie PrivateJar";

/// Expands a macro with every codec, hardtack first.
macro_rules! with_each_codec {
    ($expand:ident) => {
        $expand!(
            Hardtack,
            Json<cookie::PrivateJar>,
            Json<biscotti::Biscotti>,
            seshcookie::Seshcookie,
            Json<branca::Branca>,
            Json<pasetors::Pasetors>,
            Json<fernet::Fernet>,
            Json<josekit::Josekit>,
            Json<orion::Orion>
        )
    };
}

/// What one crate's tokens are like.
#[derive(Serialize, Deserialize)]
pub struct Token {
    pub name: String,
    pub system_randomness: bool,
    pub key_id: bool,
    pub time: bool,
    /// Characters of a token of 100 characters of text.
    pub text_100: usize,
    /// Characters of a token of the session of each size.
    pub account: Vec<usize>,
}

pub fn tokens() -> Vec<Token> {
    fn token<C: Codec>() -> Token {
        let codec = C::new();
        Token {
            name: C::ABOUT.name.to_owned(),
            system_randomness: C::ABOUT.randomness == Randomness::System,
            key_id: C::ABOUT.key_id,
            time: C::ABOUT.time,
            text_100: C::value(&codec.seal_text(&text(100))).len(),
            account: SIZES
                .map(|size| C::value(&codec.seal(&Account::sized(size))).len())
                .to_vec(),
        }
    }
    macro_rules! all { ($($codec:ty),*) => { vec![$(token::<$codec>()),*] } }
    with_each_codec!(all)
}

/// One operation on one size.
#[derive(Serialize, Deserialize)]
pub struct Group {
    pub operation: Operation,
    pub size: usize,
    pub timings: Vec<Timing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Of an account, which is mostly text.
    Open,
    OpenNumbers,
    OpenText,
    Seal,
    SealNumbers,
    SealText,
}

pub fn measure(how: How) -> Vec<Group> {
    let sized = SIZES.into_iter().flat_map(|size| {
        [
            (Operation::Open, size),
            (Operation::OpenText, size),
            (Operation::Seal, size),
            (Operation::SealText, size),
        ]
    });
    let numbers = [
        (Operation::OpenNumbers, NUMBERS),
        (Operation::SealNumbers, NUMBERS),
    ];
    let measured = sized.chain(numbers).map(|(operation, size)| {
        eprintln!("tokens, {operation:?}, {size} bytes");
        let mut contenders = match operation {
            Operation::Open | Operation::OpenNumbers | Operation::OpenText => {
                openers(operation, size)
            }
            Operation::Seal | Operation::SealNumbers | Operation::SealText => {
                sealers(operation, size)
            }
        };
        Group {
            operation,
            size,
            timings: compare(&mut contenders, how),
        }
    });
    measured.collect()
}

fn openers(operation: Operation, size: usize) -> Vec<Contender<'static>> {
    fn add<C: Codec>(contenders: &mut Vec<Contender<'static>>, operation: Operation, size: usize) {
        let codec = C::new();
        let mut contender = if operation == Operation::Open {
            let token = codec.seal(&Account::sized(size));
            Contender::new(C::ABOUT.name, move || {
                codec.open(&token).expect("a fresh token opens")
            })
        } else if operation == Operation::OpenNumbers {
            let token = codec.seal_numbers(&Numbers::new());
            Contender::new(C::ABOUT.name, move || {
                codec.open_numbers(&token).expect("a fresh token opens")
            })
        } else {
            let token = codec.seal_text(&text(size));
            Contender::new(C::ABOUT.name, move || {
                codec
                    .open_text(&token)
                    .expect("a fresh token opens")
                    .as_ref()
                    .len()
            })
        };
        if let Some(name) = C::FRAME {
            let codec = C::new();
            contenders.push(Contender::new(name, move || codec.frame()));
            contender = contender.less(name);
        }
        contenders.push(contender.against(SEAL));
    }
    let mut contenders = Vec::new();
    macro_rules! all { ($($codec:ty),*) => { $(add::<$codec>(&mut contenders, operation, size);)* } }
    with_each_codec!(all);
    contenders
}

fn sealers(operation: Operation, size: usize) -> Vec<Contender<'static>> {
    fn contender<C: Codec>(operation: Operation, size: usize) -> Contender<'static> {
        let codec = C::new();
        let contender = if operation == Operation::Seal {
            let account = Account::sized(size);
            Contender::new(C::ABOUT.name, move || codec.seal(&account))
        } else if operation == Operation::SealNumbers {
            let numbers = Numbers::new();
            Contender::new(C::ABOUT.name, move || codec.seal_numbers(&numbers))
        } else {
            let text = text(size);
            Contender::new(C::ABOUT.name, move || codec.seal_text(&text))
        };
        contender.against(C::ABOUT.randomness.reference())
    }
    macro_rules! all { ($($codec:ty),*) => { vec![$(contender::<$codec>(operation, size)),*] } }
    let mut contenders = with_each_codec!(all);
    let (codec, account, text) = (Hardtack::new(), Account::sized(size), text(size));
    contenders.push(if operation == Operation::Seal {
        Contender::new(SEAL_WITH, move || codec.seal_with(&account)).against(SEAL_WITH)
    } else if operation == Operation::SealNumbers {
        let numbers = Numbers::new();
        Contender::new(SEAL_WITH, move || codec.seal_with(&numbers)).against(SEAL_WITH)
    } else {
        Contender::new(SEAL_WITH, move || codec.seal_text_with(&text)).against(SEAL_WITH)
    });
    contenders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is timed is what is claimed: the same value comes back, under the right key only, unchanged only.
    fn round_trips<C: Codec>() {
        let (codec, other) = (C::new(), C::new());
        let numbers = Numbers::new();
        let token = codec.seal_numbers(&numbers);
        assert_eq!(
            codec.open_numbers(&token),
            Some(numbers),
            "{}",
            C::ABOUT.name
        );
        for size in SIZES {
            let account = Account::sized(size);
            let token = codec.seal(&account);
            assert_ne!(
                token,
                codec.seal(&account),
                "{}: no randomness",
                C::ABOUT.name
            );
            assert_eq!(codec.open(&token), Some(account), "{}", C::ABOUT.name);
            assert_eq!(other.open(&token), None, "{}: another key", C::ABOUT.name);
            assert_eq!(
                codec.open(&changed(&token)),
                None,
                "{}: a changed token",
                C::ABOUT.name
            );

            let text = text(size);
            let token = codec.seal_text(&text);
            assert_eq!(
                codec
                    .open_text(&token)
                    .expect("a fresh token opens")
                    .as_ref(),
                text.as_bytes(),
                "{}",
                C::ABOUT.name
            );
            assert!(
                other
                    .open_text(&token)
                    .is_none_or(|text| text.as_ref().is_empty()),
                "{}: another key",
                C::ABOUT.name
            );
        }
    }

    /// The token with one character in its middle exchanged.
    fn changed(token: &str) -> String {
        let middle = token.len() / 2;
        let other = if &token[middle..=middle] == "A" {
            "B"
        } else {
            "A"
        };
        format!("{}{other}{}", &token[..middle], &token[middle + 1..])
    }

    #[test]
    fn every_codec_round_trips_and_refuses() {
        macro_rules! all { ($($codec:ty),*) => { $(round_trips::<$codec>();)* } }
        with_each_codec!(all);
    }

    #[test]
    fn seal_with_makes_the_same_token() {
        let (codec, account) = (Hardtack::new(), Account::sized(64));
        assert_eq!(codec.open(&codec.seal_with(&account)), Some(account));
        assert_eq!(
            codec
                .open_text(&codec.seal_text_with("text"))
                .unwrap()
                .as_ref(),
            b"text"
        );
    }
}
