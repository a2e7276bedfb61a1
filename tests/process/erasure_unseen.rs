//! Secrets are overwritten although the compiler sees nobody who reads them afterwards. A program of its own, for it
//! needs the system's allocator and freed memory that no other test takes.
//!
//! The allocator of the other test is such a reader, so there even a plain write would stay. Here the
//! kernel reads the freed memory. A plain write fails only with `--release`: it takes an optimiser to
//! leave it out.
#![cfg(all(feature = "std", target_os = "linux"))]

#[path = "../kit/clock.rs"]
mod clock;
#[path = "../kit/keys.rs"]
mod keys;
#[path = "../kit/rng.rs"]
mod rng;
#[path = "../kit/unseen.rs"]
mod unseen;

use clock::at;
use core::{fmt, hint::black_box};
use hardtack::{Codec, Key, Keyring};
use keys::key;
use rng::Constant;
use serde::{Deserialize, Deserializer, de::Visitor};
use unseen::{holds, stays_in_frame};
use zeroize::Zeroize as _;

/// The second halves of the PRK and of the key for `greeting/1` of a key of the vectors (tests/vectors/keys.json): an
/// allocator writes to the start of what it is given back.
const PRK: [u8; 16] = *b"\xba\x59\x84\x61\x0a\x67\x2f\x59\xb6\x35\x55\x73\xa2\xbb\xc1\xaf";
const PURPOSE_KEY: [u8; 16] = *b"\x75\x2f\xc7\x60\x88\xb7\x07\xe3\x21\x23\x97\x86\x5a\xaf\xab\xc3";

fn of_the_vectors() -> Key {
    let master = *b"\x0d\xd0\x78\xad\xc7\xb3\xdc\x50\x69\x85\x96\x66\x66\x25\xe3\xcb\
        \x0e\x4b\x14\x01\x5a\xfb\x44\xe1\x54\xd5\xbc\x12\x3e\xbe\xc6\x31";
    Key::from_bytes(master).unwrap()
}

fn assert_wiped<T>(holder: T, secret: &[u8]) {
    let holder = black_box(Box::new(holder));
    let address = (&raw const *holder).addr();
    assert!(holds(address, size_of::<T>(), secret), "there to be wiped");
    drop(holder);
    assert!(!holds(address, size_of::<T>(), secret));
}

#[test]
fn freed_memory_keeps_what_nobody_wipes() {
    let left = black_box(Box::new([[7; 16], PRK]));
    let address = (&raw const *left).addr();
    drop(left);
    assert!(holds(address, 32, &PRK));
}

/// Beside the code, tests ask this of what is wiped on the stack.
#[test]
fn a_frame_keeps_what_nobody_wipes() {
    let secret = b"thirty-two bytes that must leave";
    let (stays, _) = stays_in_frame(secret, |_| ());
    assert!(stays);
    let (half_stays, _) = stays_in_frame(secret, |place| place[..16].zeroize());
    assert!(half_stays);
    let (stays, _) = stays_in_frame(secret, |place| place.zeroize());
    assert!(!stays);
}

#[test]
fn keys_are_wiped() {
    assert_wiped(of_the_vectors(), &PRK);
    let ring = Keyring::new(key(1)).accept(of_the_vectors()).unwrap();
    assert_wiped(ring.clone(), &PRK);
    assert_wiped(Codec::new(&ring, "greeting/1"), &PURPOSE_KEY);
}

/// Where the scratch of opening was.
#[derive(Debug)]
struct Address(usize);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Address, E> {
                let address = text.as_ptr().addr();
                assert!(holds(address, text.len(), text.as_bytes()));
                Ok(Address(address))
            }
        }
        from.deserialize_str(Place)
    }
}

#[test]
fn the_scratch_of_opening_is_wiped() {
    let codec = Codec::new(&Keyring::new(key(1)), "erasure/1");
    let text =
        "long enough that the allocator's own notes at the start of a block spare most of it";
    let token = codec.seal_with(text, at(5), &mut Constant(1)).unwrap();
    let Address(address) = codec.open_at(&token, at(5)).unwrap().value;
    let (_, end) = text.as_bytes().split_last_chunk::<30>().unwrap();
    assert!(!holds(address, text.len(), end));
}
