//! Every error text, to the letter.

use crate::kit::keys::key;
use hardtack::{KeyError, KeyId, OpenError, ParseKeyIdError, SealError};

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
            KeyError::Character { found: '"' },
            "found a quotation mark (\") before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\'' },
            "found a quotation mark (') before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\n' },
            "found a line break before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\r' },
            "found a line break before or after the key: remove it",
        ),
        (
            KeyError::Character { found: ' ' },
            "found a space before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\t' },
            "found a tab before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\u{feff}' },
            "found a byte order mark (U+FEFF) before or after the key: remove it",
        ),
        (
            KeyError::Character { found: ';' },
            "found the character ; before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\0' },
            "found the character U+0000 before or after the key: remove it",
        ),
        (
            KeyError::Character { found: '\u{201c}' },
            "found the character U+201C before or after the key: remove it",
        ),
        (
            KeyError::Prefix { found: "base64:" },
            "found the prefix base64: before the key: remove it",
        ),
        (
            KeyError::Passphrase,
            "found 32 printable characters, a passphrase is not a key: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Pattern,
            "found 32 bytes that follow a pattern and are not random: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::PasswordHash,
            "found the SHA-256 of a common password, which is as easy to guess as the password: \
             make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Published,
            "found a key that is published in hardtack's documents: make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::Randomness,
            "the operating system returned no random bytes",
        ),
        (
            KeyError::DuplicateId(id),
            &format!(
                "two keys of the keyring have the id {id}: remove the duplicate, \
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
            "found a retirement time on the first key, which seals: put another key first, \
             or make a key with `openssl rand -base64 32`",
        ),
        (
            KeyError::RetirementTime,
            "found no time in Unix seconds after the @: `date +%s` prints the current time",
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
            KeyError::File {
                path: "/run/secrets/session_keys".into(),
                error: KeyError::TooMany.into(),
            },
            "file /run/secrets/session_keys: found more than 8 keys: remove the oldest",
        ),
        #[cfg(feature = "std")]
        (
            KeyError::Unreadable(std::io::ErrorKind::PermissionDenied),
            "cannot be read (permission denied): check the path and the permissions",
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
        assert_eq!(
            format!("{error:?}"),
            text,
            "as `main` shows it if it returns it"
        );
    }
}

#[test]
fn the_text_of_a_key_id_is_six_hex_digits() {
    let id = KeyId::from_bytes([0xfc, 0x47, 0xef]);
    for text in ["fc47ef", "FC47EF", "Fc47eF"] {
        assert_eq!(text.parse(), Ok(id), "{text}");
    }
    for text in [
        "", "fc47e", "fc47e ", "fc47ef0", "fc47ef00", "fc47eg", "+c47ef", "0xfc47", "éc47e",
    ] {
        let error: ParseKeyIdError = text.parse::<KeyId>().unwrap_err();
        let words = "a key id is six hex digits, such as fc47ef";
        assert_eq!(error.to_string(), words, "{text}");
    }
}

#[test]
fn seal_errors() {
    let texts = [
        (SealError::Payload, "the value does not serialize"),
        (
            SealError::TooLong { len: 188, max: 187 },
            "the token would have 188 characters, the maximum is 187",
        ),
        (
            SealError::BufferTooSmall { needed: 187 },
            "the buffer is too small, 187 bytes are needed",
        ),
        (SealError::Randomness, "the random number generator failed"),
        (SealError::Time, "the clock is at the end of its range"),
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
            &format!("no key of the keyring has the id {id}"),
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
