//! Properties of the core, with the reference implementation as the oracle in both directions.
//!
//!     cargo test --test core properties::
//!     PROPTEST_CASES=100000 cargo test --release --test core properties::

mod buffers;
mod keys;
mod rings;
mod times;
mod tokens;

use crate::kit::{library, raw::Raw, reference, rng::Given, vector};
use hardtack::{Codec, Key, Keyring, OpenError, Opened, SealError, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything that makes a token.
#[derive(Clone, Debug)]
struct Sealing {
    master: [u8; 32],
    purpose: String,
    ad: Option<Vec<u8>>,
    block: usize,
    at: u32,
    random: [u8; 16],
    payload: Vec<u8>,
}

prop_compose! {
    fn sealing()(
        master in master(),
        purpose in any::<String>(),
        ad in proptest::option::of(prop_oneof![9 => vec(any::<u8>(), 0..50), 1 => vec(any::<u8>(), 1000..1500)]),
        block in prop_oneof![0..3_usize, 0..300_usize],
        at in time().prop_map(|at| at.min(u32::MAX - 1)),
        random in any::<[u8; 16]>(),
        payload in prop_oneof![9 => vec(any::<u8>(), 0..100), 1 => vec(any::<u8>(), 0..3000)],
    ) -> Sealing {
        Sealing { master, purpose, ad, block, at, random, payload }
    }
}

/// 32 bytes that the library takes for random.
fn master() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>().prop_filter("weak", |bytes| Key::from_bytes(*bytes).is_ok())
}

/// A time, often at an end of the range or near the middle of it.
fn time() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0..100_u32,
        (u32::MAX - 100)..=u32::MAX,
        1_700_000_000..1_700_000_100_u32
    ]
}

/// A number of seconds, often small, often beyond the u32.
fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..100_u64,
        Just(u64::MAX),
        any::<u32>().prop_map(u64::from)
    ]
}

impl Sealing {
    fn codec(&self) -> Codec {
        let ring = Keyring::new(Key::from_bytes(self.master).unwrap());
        Codec::new(&ring, &self.purpose).pad_to(self.block)
    }

    /// By the library.
    fn seal(&self) -> String {
        self.seal_value(&Raw(self.payload.clone())).unwrap()
    }

    fn seal_value<T: serde::Serialize>(&self, value: &T) -> Result<String, SealError> {
        let (at, mut random) = (Timestamp::from_unix(self.at), Given(self.random));
        match &self.ad {
            None => self.codec().seal_with(value, at, &mut random),
            Some(ad) => self.codec().bound_to(ad).seal_with(value, at, &mut random),
        }
    }

    /// By the library, at the time of sealing.
    fn open<T: serde::de::DeserializeOwned>(&self, token: &str) -> Result<Opened<T>, OpenError> {
        let at = Timestamp::from_unix(self.at);
        match &self.ad {
            None => self.codec().open_at(token, at),
            Some(ad) => self.codec().bound_to(ad).open_at(token, at),
        }
    }

    /// By the reference.
    fn seal_there(&self) -> String {
        let scope = ("seal", self.purpose.as_bytes());
        let once = (self.at, self.random);
        reference::seal(
            &self.master,
            scope,
            self.ad.as_deref(),
            self.block,
            once,
            &self.payload,
        )
        .unwrap()
    }

    /// By the reference, at the time of sealing.
    fn open_there(&self, token: &str) -> Result<reference::Opened, reference::Error> {
        let keys = [reference::Key {
            master: self.master,
            retired: None,
        }];
        let opener = reference::Opener {
            keys: &keys,
            label: "seal",
            purpose: self.purpose.as_bytes(),
            ad: self.ad.as_deref(),
            now: self.at,
            skew: 60,
            max_age: 86_400,
            floor: 0,
            limit: 16_384,
        };
        reference::open(&opener, token)
    }
}

/// A verdict in the words of the format page: the payload, or the error and the key id that it names.
type Verdict = Result<Vec<u8>, (&'static str, Option<String>)>;

fn verdict(opened: Result<Opened<Raw>, OpenError>) -> Verdict {
    opened.map(|opened| opened.value.0).map_err(library::name)
}

fn verdict_there(opened: Result<reference::Opened, reference::Error>) -> Verdict {
    opened
        .map(|opened| opened.payload)
        .map_err(|error| match error {
            reference::Error::UnknownKey(id) => (vector::name(error), Some(hex::encode(id))),
            _ => (vector::name(error), None),
        })
}
