//! The work that is measured: the same payload, key and randomness for hardtack and for the floor.

#[cfg(feature = "device")]
pub mod bound;
#[path = "../../tests/kit/exchange.rs"]
pub mod exchange;
pub mod floor;
pub mod hostile;
#[path = "../../tests/kit/keys.rs"]
mod keys;
#[cfg(feature = "session")]
pub mod session;

pub use keys::key;

use core::convert::Infallible;
use hardtack::{Codec, Keyring, Timestamp};
use rand_core::{TryCryptoRng, TryRng};

/// Lengths of the payload in bytes, as postcard encodes it.
pub const SIZES: [usize; 6] = [16, 64, 100, 256, 1024, 3000];
/// Enough for any token here and for whatever is decoded from it.
pub const BUF_LEN: usize = 24 * 1024;

pub const NOW: Timestamp = Timestamp::from_unix(1_763_600_000);

/// An account: its number, whether it may administer, its name.
pub type Owned = (u32, bool, String);
pub type Borrowed<'a> = (u32, bool, &'a str);

/// A value whose encoding has `len` bytes, at least 12.
pub fn payload(len: usize) -> Owned {
    // Five bytes of number, one of flag, the rest is the name behind its length.
    let name = |len| "Ada Lovelace ".chars().cycle().take(len).collect();
    let prefix = if len - 7 < 128 { 7 } else { 8 };
    let value = (3_000_000_000, true, name(len - prefix));
    let encoded = postcard::to_allocvec(&value).expect("a tuple can be encoded");
    assert_eq!(encoded.len(), len);
    value
}

/// A codec with `keys` keys, the primary of which has the number `keys`, and the last the number 1.
pub fn codec(keys: u8) -> Codec {
    let ring = Keyring::new(key(keys));
    let ring = (1..keys).rev().fold(ring, |ring, number| {
        ring.accept(key(number)).expect("at most eight keys")
    });
    Codec::new(&ring, "account/1")
}

/// As cheap as a generator can be, so that it hides nothing. It is no generator for anything else.
pub struct Counter(pub u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(self.0)
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?;
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

/// A token with one character changed, at this place.
pub fn forge(token: &str, place: usize) -> String {
    let mut text = token.to_owned().into_bytes();
    text[place] = if text[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(text).expect("base64url")
}

/// A token of a key that no codec here has.
pub fn strange(size: usize) -> String {
    let codec = Codec::new(&Keyring::new(key(99)), "account/1");
    let sealed = codec.seal_with(&payload(size), NOW, &mut Counter(0));
    sealed.expect("short")
}
