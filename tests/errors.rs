//! Every error text, to the letter: what somebody reads in a log at three in the morning.

mod common;

use common::key;
use hardtack::{KeyError, OpenError, SealError};

#[test]
fn key_errors() {
    let id = key(1).id();
    let texts = [
        (
            KeyError::Length { found: 7 },
            "found 7 characters, a key is 32 random bytes in 43 or 44 characters of base64 or 64 of hex: \
             make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Encoding { found: 44 },
            "found 44 characters that are not canonical base64: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Encoding { found: 64 },
            "found 64 characters that are not canonical hex: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Passphrase,
            "found 32 printable characters, a passphrase is not a key: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Pattern,
            "found 32 bytes in a pattern, not random ones: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Published,
            "found a key that is published in hardtack's documents: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Randomness,
            "the operating system gave no randomness for a key",
        ),
        (
            KeyError::DuplicateId(id),
            &format!(
                "two keys of the ring have the id {id}: remove the one that stands twice, \
                 or make a key with `openssl rand -base64 32`"
            ),
        ),
        (
            KeyError::TooMany,
            "found more than 8 keys: remove the oldest",
        ),
        (
            KeyError::Empty,
            "found an empty entry: remove it, or make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::RetiredPrimary,
            "found a retirement time on the first key, which seals: put the key that is to seal first, \
             or make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::RetirementTime,
            "found no time in Unix seconds after the @: `date +%s` prints the present one",
        ),
        #[cfg(feature = "alloc")]
        (
            KeyError::Entry {
                entry: 2,
                error: KeyError::TooMany.into(),
            },
            "key 2: found more than 8 keys: remove the oldest",
        ),
        #[cfg(feature = "std")]
        (
            KeyError::Variable {
                name: "SESSION_KEYS".into(),
                error: KeyError::TooMany.into(),
            },
            "environment variable SESSION_KEYS: found more than 8 keys: remove the oldest",
        ),
        #[cfg(feature = "std")]
        (
            KeyError::Unset,
            "not set: make a key with `openssl rand -base64 32`",
        ),
        #[cfg(feature = "std")]
        (
            KeyError::NotUnicode,
            "found bytes that are not UTF-8: make a key with `openssl rand -base64 32`",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn seal_errors() {
    let texts = [
        (SealError::Payload, "the value does not serialize"),
        (
            SealError::TooLong { len: 188, max: 187 },
            "the token would have 188 characters, the limit is 187",
        ),
        (
            SealError::BufferTooSmall { needed: 187 },
            "the buffer is too small, 187 bytes are needed",
        ),
        (SealError::Randomness, "the random number generator failed"),
        (SealError::Time, "the clock stands at the end of its range"),
        (
            SealError::AssociatedDataTooLong,
            "the associated data is longer than 1024 bytes, which needs the feature `alloc`",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn open_errors() {
    let id = key(1).id();
    let texts = [
        (OpenError::TooLong, "the token is too long"),
        (OpenError::Invalid, "the token is not valid"),
        (
            OpenError::UnknownVersion,
            "the token has an unknown version",
        ),
        (
            OpenError::UnknownKey(id),
            &format!("no key of the ring has the id {id}"),
        ),
        (OpenError::NotYetValid, "the token is from the future"),
        (OpenError::Revoked, "the token was revoked"),
        (OpenError::Expired, "the token has expired"),
        (
            OpenError::Payload,
            "the payload is not a value of this type",
        ),
        (
            OpenError::BufferTooSmall { needed: 66 },
            "the buffer is too small, 66 bytes are needed",
        ),
        (
            OpenError::AssociatedDataTooLong,
            "the associated data is longer than 1024 bytes, which needs the feature `alloc`",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}
