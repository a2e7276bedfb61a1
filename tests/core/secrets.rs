//! No secret in any text, and no way to one through a trait.

use crate::kit::{clock::at, keys::key};
use core::{fmt, hash::Hash};
use hardtack::{BoundCodec, Codec, Key, KeyError, KeyId, KeyState, Keyring, OpenError, SealError};

macro_rules! assert_is {
    ($type:ty: $($trait:path),+) => {
        const _: fn() = || {
            $({
                fn is<T: $trait>() {}
                is::<$type>();
            })+
        };
    };
}

/// Does not compile if the type has one of the traits: then two impls give `which`, and neither is
/// meant.
macro_rules! assert_is_not {
    ($type:ty: $($trait:path),+) => {
        const _: fn() = || {
            $({
                trait Which<Marker> {
                    fn which() {}
                }
                impl<T: ?Sized> Which<()> for T {}
                struct HasTheTrait;
                impl<T: ?Sized + $trait> Which<HasTheTrait> for T {}
                <$type as Which<_>>::which();
            })+
        };
    };
}

assert_is!(Codec: Send, Sync, Unpin, Clone, fmt::Debug);
assert_is!(BoundCodec<'static>: Send, Sync, Copy, fmt::Debug);
assert_is!(Key: Send, Sync, Clone, Eq, fmt::Debug);
assert_is!(Keyring: Send, Sync, Clone, fmt::Debug, fmt::Display);
assert_is!(KeyError: core::error::Error, Send, Sync, Eq, Hash);
assert_is!(SealError: core::error::Error, Send, Sync, Eq, Hash);
assert_is!(OpenError: core::error::Error, Send, Sync, Eq, Hash);
assert_is!(KeyId: Copy, Ord, Hash, fmt::Display, core::str::FromStr);
assert_is!(KeyState: Copy, Eq, Hash, fmt::Display);

assert_is_not!(Key: Copy, fmt::Display, fmt::LowerHex, serde::Serialize, AsRef<[u8]>, AsRef<[u8; 32]>);
assert_is_not!(Key: Hash, Ord, Default, core::ops::Deref, Into<[u8; 32]>, core::borrow::Borrow<[u8]>);
assert_is_not!(Keyring: Copy, serde::Serialize, AsRef<[u8]>, Hash, PartialEq, Default, IntoIterator);
assert_is_not!(Codec: Copy, fmt::Display, serde::Serialize, AsRef<[u8]>, Hash, PartialEq, Default);

/// A key of the vectors (tests/vectors/keys.json).
fn of_the_vectors() -> Key {
    let master = *b"\x0d\xd0\x78\xad\xc7\xb3\xdc\x50\x69\x85\x96\x66\x66\x25\xe3\xcb\
        \x0e\x4b\x14\x01\x5a\xfb\x44\xe1\x54\xd5\xbc\x12\x3e\xbe\xc6\x31";
    Key::from_bytes(master).unwrap()
}

/// To the letter, so that nothing else can be in it.
#[test]
fn debug_of_what_holds_keys_is_ids_and_rules() {
    let key_1 = key(1).id();
    let ring = Keyring::new(of_the_vectors()).accept_retired(key(1), at(5));
    let ring = ring.unwrap();
    assert_eq!(format!("{:?}", of_the_vectors()), "Key(3cafb3)");
    assert_eq!(format!("{:#?}", of_the_vectors()), "Key(3cafb3)");
    assert_eq!(format!("{:?}", of_the_vectors().id()), "KeyId(3cafb3)");
    let shown = format!("3cafb3 primary, {key_1} retired at 5");
    assert_eq!(ring.to_string(), shown);
    assert_eq!(format!("{ring:?}"), format!("Keyring({shown})"));
    assert_eq!(format!("{ring:#?}"), format!("Keyring({shown})"));
    let codec = Codec::new(&ring, "secrets/1");
    let shown = format!(
        "Codec {{ keys: {{KeyId(3cafb3): Primary, KeyId({key_1}): Retired(Timestamp(5))}}, \
         validity: Validity {{ max_age: 86400, skew: 60s, reject_issued_before: Timestamp(0) }}, \
         pad_to: 1, max_token_len: 16384 }}"
    );
    assert_eq!(format!("{codec:?}"), shown);
    let bound = codec.bound_to(b"associated data");
    assert_eq!(
        format!("{bound:?}"),
        format!("BoundCodec {{ codec: {shown}, .. }}")
    );
}

/// What somebody took for a key may be one, with a character too many.
#[test]
fn no_error_repeats_key_text() {
    let base64 = "mT3kP9xQ2vL7nR4wZ8bY1cF6hJ5gD0sAuEiOoUqWtXe=";
    let hex = "d1f3b5a79c8e60427f2e4d6c8b0a19385746f1d3e5c7b9a08214365870badcfe";
    let texts = [
        base64.to_owned(),
        format!("{base64}\n"),
        format!("'{base64}'"),
        format!("base64:{base64}"),
        base64.replacen('m', "-+", 1),
        format!("{hex}0"),
        hex.replacen('d', "g", 1),
        base64[..32].to_owned(),
        "correct horse battery staple".to_owned(),
    ];
    let mut refused = 0;
    let mut check = |error: KeyError, text: &str| {
        refused += 1;
        // The prefix is named, and it is public.
        let text = text.replace("base64:", "");
        for shown in [
            error.to_string(),
            format!("{error:?}"),
            format!("{error:#?}"),
        ] {
            for part in text.as_bytes().windows(5) {
                let repeated = shown.as_bytes().windows(5).any(|window| window == part);
                assert!(!repeated, "{shown}");
            }
        }
    };
    for text in &texts {
        if let Err(error) = text.parse::<Key>() {
            check(error, text);
        }
        #[cfg(feature = "alloc")]
        for list in [
            format!("{text}@5"),
            format!("{hex},{text}@x"),
            format!("{hex},{text},{text}"),
        ] {
            check(list.parse::<Keyring>().unwrap_err(), &list);
        }
    }
    let lists = if cfg!(feature = "alloc") {
        3 * texts.len()
    } else {
        0
    };
    assert_eq!(refused, texts.len() + lists);
}
