//! Secrets are overwritten before their memory goes back to the allocator. A program of its own, for it brings one that
//! looks at each block that is freed, with and without optimisation.
#![cfg(feature = "std")]
#![expect(unsafe_code, reason = "the tests bring an allocator")]

#[path = "../kit/clock.rs"]
mod clock;
#[path = "../kit/keys.rs"]
mod keys;
#[path = "../kit/rng.rs"]
mod rng;

use clock::at;
use core::{alloc::Layout, cell::Cell, hint::black_box};
use hardtack::{Codec, Key, Keyring, OpenError, SealError};
use keys::key;
use rng::{Constant, Failing};
use serde::{Serialize, Serializer, ser::SerializeTuple as _};
use std::alloc::{GlobalAlloc, System};

/// A key of the vectors (tests/vectors/keys.json) and what is derived from it, for `greeting/1`.
const MASTER: [u8; 32] = [
    0x0d, 0xd0, 0x78, 0xad, 0xc7, 0xb3, 0xdc, 0x50, 0x69, 0x85, 0x96, 0x66, 0x66, 0x25, 0xe3, 0xcb,
    0x0e, 0x4b, 0x14, 0x01, 0x5a, 0xfb, 0x44, 0xe1, 0x54, 0xd5, 0xbc, 0x12, 0x3e, 0xbe, 0xc6, 0x31,
];
const PRK: [u8; 32] = [
    0x64, 0xb4, 0x36, 0x90, 0x41, 0xa8, 0x13, 0xef, 0x06, 0x95, 0x6b, 0x37, 0xb5, 0xf6, 0xf3, 0xbc,
    0xba, 0x59, 0x84, 0x61, 0x0a, 0x67, 0x2f, 0x59, 0xb6, 0x35, 0x55, 0x73, 0xa2, 0xbb, 0xc1, 0xaf,
];
const PURPOSE_KEY: [u8; 32] = [
    0xf6, 0x52, 0xf2, 0x92, 0x9f, 0xa8, 0x38, 0x67, 0x72, 0x00, 0xfb, 0x2a, 0x2d, 0x72, 0xb5, 0x6d,
    0x75, 0x2f, 0xc7, 0x60, 0x88, 0xb7, 0x07, 0xe3, 0x21, 0x23, 0x97, 0x86, 0x5a, 0xaf, 0xab, 0xc3,
];
const PLAINTEXT: [u8; 32] = *b"the plaintext that must not stay";

/// What the allocator saw in the blocks that this thread freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Freed {
    blocks: usize,
    with_secret: usize,
}

thread_local! {
    static WATCHED: Cell<Option<&'static [u8; 32]>> = const { Cell::new(None) };
    static FREED: Cell<Freed> = const { Cell::new(Freed { blocks: 0, with_secret: 0 }) };
}

struct Inspecting;

/// Half of a secret is too much of it.
unsafe fn has_half(block: *const u8, len: usize, secret: &[u8; 32]) -> bool {
    let holds_at = |start: usize, half: &[u8]| {
        let byte = |place| unsafe { block.add(start + place).read_volatile() };
        half.iter()
            .enumerate()
            .all(|(place, expected)| byte(place) == *expected)
    };
    (0..len.saturating_sub(15)).any(|start| secret.chunks(16).any(|half| holds_at(start, half)))
}

// SAFETY: hands every request on to the system's allocator as it is, after a look at the block.
unsafe impl GlobalAlloc for Inspecting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that a block never shows what its former owner left.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(secret) = WATCHED.get() {
            let found = unsafe { has_half(block, layout.size(), secret) };
            let Freed {
                blocks,
                with_secret,
            } = FREED.get();
            FREED.set(Freed {
                blocks: blocks + 1,
                with_secret: with_secret + usize::from(found),
            });
        }
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Inspecting = Inspecting;

/// What is freed while `f` runs.
fn freed(secret: &'static [u8; 32], f: impl FnOnce()) -> Freed {
    FREED.set(Freed::default());
    WATCHED.set(Some(secret));
    f();
    WATCHED.set(None);
    FREED.get()
}

/// Boxes what holds the secret, makes sure that it does, and drops it.
fn freed_with<T>(secret: &'static [u8; 32], holder: T) -> Freed {
    let holder = black_box(Box::new(holder));
    let block: *const T = &*holder;
    assert!(
        unsafe { has_half(block.cast(), size_of::<T>(), secret) },
        "there to be wiped"
    );
    freed(secret, || drop(holder))
}

fn of_the_vectors() -> Key {
    Key::from_bytes(MASTER).unwrap()
}

const WIPED: Freed = Freed {
    blocks: 1,
    with_secret: 0,
};

#[test]
fn the_allocator_sees_what_is_left_behind() {
    for secret in [&PRK, &PURPOSE_KEY, &PLAINTEXT] {
        let left = Freed {
            blocks: 1,
            with_secret: 1,
        };
        assert_eq!(freed_with(secret, *secret), left);
        let [half, _] = secret.as_chunks::<16>().0 else {
            unreachable!()
        };
        assert_eq!(freed_with(secret, (7_u8, *half, 9_u64)), left);
    }
}

#[test]
fn a_key_is_wiped() {
    assert_eq!(freed_with(&PRK, of_the_vectors()), WIPED);
    assert_eq!(freed_with(&PRK, of_the_vectors().clone()), WIPED);
}

/// The text of a list, as it stands in a file and as long as the watched secrets.
const TEXT: [u8; 32] = *b"0dd078adc7b3dc50698596666625e3cb";

#[test]
fn the_text_of_a_file_is_wiped() {
    let name = format!("hardtack-erasure-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let list: String = MASTER.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(list.as_bytes().starts_with(&TEXT));
    for list in [
        list.clone() + "\n",
        list.clone() + ",hunter2",
        list + "\u{e9}",
    ] {
        std::fs::write(&path, &list).unwrap();
        for secret in [&TEXT, &MASTER] {
            let read = freed(secret, || drop(black_box(Keyring::from_file(&path))));
            assert_eq!(read.with_secret, 0);
        }
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_keyring_is_wiped_in_every_place() {
    assert_eq!(freed_with(&PRK, Keyring::new(of_the_vectors())), WIPED);
    for before in 0..7 {
        let mut ring = Keyring::new(key(100));
        for number in 0..before {
            ring = ring.accept(key(number)).unwrap();
        }
        let accepted = ring.clone().accept(of_the_vectors()).unwrap();
        assert_eq!(freed_with(&PRK, accepted), WIPED);
        let retired = ring.accept_retired(of_the_vectors(), at(5)).unwrap();
        assert_eq!(freed_with(&PRK, retired), WIPED);
    }
}

#[test]
fn a_codec_is_wiped_in_every_place() {
    let primary = Keyring::new(of_the_vectors());
    assert_eq!(
        freed_with(&PURPOSE_KEY, Codec::new(&primary, "greeting/1")),
        WIPED
    );
    for before in 0..7 {
        let mut ring = Keyring::new(key(100));
        for number in 0..before {
            ring = ring.accept(key(number)).unwrap();
        }
        let ring = ring.accept(of_the_vectors()).unwrap();
        let codec = Codec::new(&ring, "greeting/1");
        assert_eq!(freed_with(&PURPOSE_KEY, codec.clone()), WIPED);
        drop(codec);
    }
}

/// A value that is decoded into nothing that owns memory.
type Value = ([u8; 32], u8);

#[test]
fn the_scratch_of_opening_is_wiped() {
    let codec = Codec::new(&Keyring::new(key(1)), "erasure/1");
    let token = codec
        .seal_with(&(PLAINTEXT, 7_u8), at(5), &mut Constant(1))
        .unwrap();
    let opening = freed(&PLAINTEXT, || {
        let opened = codec.open_at::<Value>(&token, at(5)).unwrap();
        assert_eq!(black_box(opened).value, (PLAINTEXT, 7));
    });
    assert_eq!(opening, WIPED);
    let refusing = freed(&PLAINTEXT, || {
        let opened = codec
            .open_at::<[u8; 32]>(&token, at(5))
            .map(|opened| opened.value);
        assert_eq!(black_box(opened), Err(OpenError::Payload));
    });
    assert_eq!(refusing, WIPED);
}

/// Serializes the plaintext and then fails, or panics, once it is asked for the second time: the
/// first time only counts its bytes.
struct Unwilling(Cell<u8>, fn());

impl Serialize for Unwilling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple(1)?;
        tuple.serialize_element(&PLAINTEXT)?;
        if self.0.replace(1) == 0 {
            return tuple.end();
        }
        (self.1)();
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn the_scratch_of_sealing_is_wiped_when_there_is_no_token() {
    let codec = Codec::new(&Keyring::new(key(1)), "erasure/1");
    let sealing = freed(&PLAINTEXT, || {
        let unwilling = Unwilling(Cell::new(0), || ());
        let sealed = codec.seal_with(&unwilling, at(5), &mut Constant(1));
        assert_eq!(black_box(sealed), Err(SealError::Payload));
    });
    assert_eq!(sealing, WIPED);
    let failing = freed(&PLAINTEXT, || {
        let sealed = codec.seal_with(&PLAINTEXT, at(5), &mut Failing);
        assert_eq!(black_box(sealed), Err(SealError::Randomness));
    });
    assert_eq!(failing, WIPED);
    let unwinding = freed(&PLAINTEXT, || {
        let unwilling = Unwilling(Cell::new(0), || std::panic::resume_unwind(Box::new("no")));
        let seal = || codec.seal_with(&unwilling, at(5), &mut Constant(1));
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(seal));
        assert!(black_box(unwound).is_err());
    });
    assert_eq!(unwinding.with_secret, 0);
    assert!(unwinding.blocks > 0);
}

/// A session whose data is a number in memory, and the plaintext in its record: what holds that is a scratch.
#[cfg(feature = "session")]
mod session {
    use super::{PLAINTEXT, freed};
    use core::hint::black_box;
    use hardtack::{
        Keyring,
        session::{SaveError, SessionData, SessionManager, testing},
    };
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Default)]
    struct Account(u8);

    impl Serialize for Account {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            (PLAINTEXT, self.0, "#".repeat(usize::from(self.0) * 100)).serialize(to)
        }
    }

    impl<'de> Deserialize<'de> for Account {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Account, D::Error> {
            let (_, number, _) = <([u8; 32], u8, &str)>::deserialize(from)?;
            Ok(Account(number))
        }
    }

    impl SessionData for Account {
        const NAME: &'static str = "account";
        const VERSION: u8 = 1;
    }

    #[test]
    fn the_scratch_of_a_session_is_wiped() {
        let ring = Keyring::new(super::key(1));
        let sessions = SessionManager::builder(ring).data::<Account>();
        let sessions = sessions.build().unwrap();
        let mut cookie = String::new();
        let made = freed(&PLAINTEXT, || {
            let session = testing::new_session(&sessions);
            session.modify(|account| account.0 = 1).unwrap();
            cookie = testing::cookie_header(&session).unwrap();
        });
        let changed = freed(&PLAINTEXT, || {
            let session = testing::session_from_cookie(&sessions, &cookie);
            assert_eq!(session.with(|account| account.0), Ok(1));
            session.touch().unwrap();
            session.modify(|account| account.0 = 2).unwrap();
            assert!(session.is_changed().unwrap());
            cookie = testing::cookie_header(&session).unwrap();
        });
        let failed = freed(&PLAINTEXT, || {
            let session = testing::session_from_cookie(&sessions, &cookie);
            assert!(session.modify(|account| account.0 = 100).is_err());
            let failed = black_box(testing::set_cookie(&session)).unwrap_err();
            assert!(matches!(failed, SaveError::TooBig { .. }));
        });
        for freed in [made, changed, failed] {
            assert_eq!(freed.with_secret, 0, "{freed:?}");
            assert!(freed.blocks > 0);
        }
    }
}
