//! The bytes that cannot be a key, whatever encoding they arrive in.

use super::error::KeyError;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _, ConstantTimeLess as _};

/// The secrets of the worked token in the format page, which everybody can read: the master key, what
/// is extracted from it, and the key of the purpose.
const PUBLISHED: [[u8; 32]; 3] = [
    [
        0x3c, 0xab, 0x12, 0xf9, 0x60, 0xcf, 0xb6, 0x1d, 0x84, 0x73, 0xda, 0x41, 0x28, 0x97, 0x7e,
        0xe5, 0x4c, 0x3b, 0xa2, 0x09, 0xf0, 0x5f, 0xc6, 0xad, 0x14, 0x83, 0x6a, 0xd1, 0xb8, 0x27,
        0x8e, 0x75,
    ],
    [
        0x23, 0xd1, 0xcc, 0x9a, 0x4e, 0xe5, 0x5d, 0x12, 0xdc, 0x51, 0xdb, 0xd2, 0x67, 0xe4, 0xf6,
        0xdf, 0x6e, 0x30, 0x28, 0x3e, 0x57, 0xa3, 0xde, 0x7d, 0xe1, 0xf8, 0xef, 0xfd, 0x90, 0x90,
        0x08, 0x5b,
    ],
    [
        0x2e, 0xa3, 0xe4, 0x1b, 0x17, 0x2f, 0x6f, 0x86, 0x19, 0x1d, 0xe3, 0x39, 0x96, 0x88, 0x1a,
        0x04, 0xbb, 0x9f, 0xe1, 0x9a, 0xbd, 0x34, 0xae, 0x47, 0x10, 0x22, 0x3b, 0x30, 0x6e, 0x1d,
        0x11, 0xbc,
    ],
];

/// What people hash to get 32 bytes. The empty text is what `sha256sum` hashes if a variable is unset.
const WORDS: [&str; 12] = [
    "",
    "123456",
    "admin",
    "changeme",
    "hardtack",
    "hello",
    "key",
    "password",
    "secret",
    "session",
    "supersecret",
    "test",
];

/// The fewest distinct bytes of a key. Bytes that repeat with a period of up to 16, and bytes with 16 equal
/// ones in a row such as a half of zeros, have at most 17.
const MIN_DISTINCT: u8 = 20;

/// Refuses bytes that a person thought of or copied. Each check is one decision about all bytes, so that
/// the time tells only which check refused.
pub(super) fn refuse_weak(master: &[u8; 32]) -> Result<(), KeyError> {
    if bool::from(is_published(master)) {
        return Err(KeyError::Published);
    }
    if bool::from(is_printable(master)) {
        return Err(KeyError::Passphrase);
    }
    if bool::from(is_progression(master) | distinct_bytes(master).ct_lt(&MIN_DISTINCT)) {
        return Err(KeyError::Pattern);
    }
    if bool::from(is_hashed_word(master)) {
        return Err(KeyError::PasswordHash);
    }
    Ok(())
}

fn is_published(bytes: &[u8; 32]) -> Choice {
    let published = PUBLISHED.iter().map(|published| bytes.ct_eq(published));
    published.fold(Choice::from(0), |any, one| any | one)
}

fn is_printable(bytes: &[u8; 32]) -> Choice {
    let mut all = Choice::from(1);
    for byte in bytes {
        all &= !byte.ct_lt(&b' ') & byte.ct_lt(&0x7f);
    }
    all
}

/// Returns whether each byte differs from the one before it by the same amount, modulo 256.
fn is_progression(bytes: &[u8; 32]) -> Choice {
    let [first, second, ..] = bytes;
    let step = second.wrapping_sub(*first);
    let mut all = Choice::from(1);
    for (byte, next) in bytes.iter().zip(bytes.iter().skip(1)) {
        all &= next.wrapping_sub(*byte).ct_eq(&step);
    }
    all
}

/// Counts the bytes that no earlier byte equals.
fn distinct_bytes(bytes: &[u8; 32]) -> u8 {
    let mut distinct = 0_u8;
    for (place, byte) in bytes.iter().enumerate() {
        let earlier = bytes.iter().take(place).map(|earlier| earlier.ct_eq(byte));
        let seen = earlier.fold(Choice::from(0), |any, one| any | one);
        distinct = distinct.wrapping_add((!seen).unwrap_u8());
    }
    distinct
}

/// Returns whether the bytes are the SHA-256 of a common word, alone or with the line break that `echo`
/// puts behind it.
fn is_hashed_word(bytes: &[u8; 32]) -> Choice {
    let mut any = Choice::from(0);
    for word in WORDS {
        for end in ["", "\n"] {
            let hash = Sha256::new()
                .chain_update(word)
                .chain_update(end)
                .finalize();
            any |= hash.as_slice().ct_eq(bytes);
        }
    }
    any
}
