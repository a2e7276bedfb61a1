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

use clock::at;
use core::{fmt, hint::black_box};
use hardtack::{Codec, Key, Keyring};
use keys::key;
use rng::Constant;
use serde::{Deserialize, Deserializer, de::Visitor};
use std::{fs::File, os::unix::fs::FileExt as _};

/// The second halves of the PRK and of the key for `greeting/1` in the worked token of the format page: an
/// allocator writes to the start of what it is given back.
const PRK: [u8; 16] = *b"\x6e\x30\x28\x3e\x57\xa3\xde\x7d\xe1\xf8\xef\xfd\x90\x90\x08\x5b";
const PURPOSE_KEY: [u8; 16] = *b"\xbb\x9f\xe1\x9a\xbd\x34\xae\x47\x10\x22\x3b\x30\x6e\x1d\x11\xbc";

fn published() -> Key {
    let master = *b"\x3c\xab\x12\xf9\x60\xcf\xb6\x1d\x84\x73\xda\x41\x28\x97\x7e\xe5\
        \x4c\x3b\xa2\x09\xf0\x5f\xc6\xad\x14\x83\x6a\xd1\xb8\x27\x8e\x75";
    Key::from_bytes(master).unwrap()
}

/// Whether `len` bytes at an address hold the secret, in use or freed.
fn holds(address: usize, len: usize, secret: &[u8]) -> bool {
    let mut memory = vec![0; len];
    let process = File::open("/proc/self/mem").unwrap();
    process.read_exact_at(&mut memory, address as u64).unwrap();
    memory.windows(secret.len()).any(|window| window == secret)
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

#[test]
fn keys_are_wiped() {
    assert_wiped(published(), &PRK);
    let ring = Keyring::new(key(1)).accept(published()).unwrap();
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
