//! The bodies of the fuzz targets: functions of bytes that panic if a promise is broken. `fuzz_targets/` runs them with
//! libFuzzer, `tests/corpus.rs` replays their corpus with nothing but `cargo test`.

extern crate alloc;

mod act;
mod bound;
mod cookies;
mod device;
mod edits;
mod former;
mod keys;
mod kit;
mod merge;
mod model;
mod origin;
mod proofs;
mod record;
mod store;
mod stored;
mod tokens;
mod values;

pub use bound::device_request;
pub use cookies::{chunks, cookie_headers};
pub use edits::header_edits;
pub use former::former_cookies;
pub use keys::{key_text, keyring};
pub use merge::merge_requests;
pub use model::session_model;
pub use origin::origin;
pub use proofs::device_proof;
pub use record::record;
pub use store::store_calls;
pub use stored::stored;
pub use tokens::{mutate_token, open_bytes, open_text, reference, seal_open};
pub use values::cbor_values;

pub type Target = fn(&[u8]);

/// Every target, by the name of its file and of its corpus.
pub const TARGETS: [(&str, Target); 20] = [
    ("open_bytes", open_bytes),
    ("open_text", open_text),
    ("seal_open", seal_open),
    ("mutate_token", mutate_token),
    ("reference", reference),
    ("keyring", keyring),
    ("key_text", key_text),
    ("cookie_headers", cookie_headers),
    ("session_model", session_model),
    ("chunks", chunks),
    ("record", record),
    ("cbor_values", cbor_values),
    ("device_proof", device_proof),
    ("device_request", device_request),
    ("origin", origin),
    ("former_cookies", former_cookies),
    ("stored", stored),
    ("merge_requests", merge_requests),
    ("header_edits", header_edits),
    ("store_calls", store_calls),
];

use arbitrary::{Arbitrary, Unstructured};
use hardtack::Key;
// The paths that the reference has in its own tests.
use kit::{reference, reference_session as session};

/// The middle of the times that the targets use.
const NOW: u32 = kit::clock::T0;

/// A few masters, so that two choices are often the same.
fn master(n: u8) -> [u8; 32] {
    kit::keys::master(n % 12)
}

fn key(n: u8) -> Key {
    Key::from_bytes(master(n)).unwrap()
}

/// What the bytes say, if they are enough.
fn read<'a, T: Arbitrary<'a>>(data: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(data)).ok()
}

/// A time, often near another one or at an end of the range.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Time {
    Near(i8),
    First(u8),
    Last(u8),
    Any(u32),
}

impl Time {
    fn unix(self) -> u32 {
        match self {
            Time::Near(distance) => NOW.saturating_add_signed(distance.into()),
            Time::First(seconds) => seconds.into(),
            Time::Last(seconds) => u32::MAX - u32::from(seconds),
            Time::Any(seconds) => seconds,
        }
    }
}
