//! What can go wrong, in words that help whoever reads the log.

use crate::keys::KeyId;
use core::{error::Error, fmt};

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(feature = "std")]
use alloc::string::String;

/// The command that every message about key text ends with.
const MAKE_A_KEY: &str = "make a key with `openssl rand -base64 32`";

/// Why a key or a keyring was refused. No variant carries key material.
///
/// The text says what was found and what to do about it: the command that makes a good key, or what
/// to remove. [`Keyring::from_env`](crate::Keyring::from_env) puts the variable and the number of the
/// key in front.
///
/// ```
/// use hardtack::{Key, KeyError};
///
/// let error = "correct horse battery staple".parse::<Key>().unwrap_err();
/// assert_eq!(error, KeyError::Length { found: 28 });
/// assert_eq!(
///     error.to_string(),
///     "found 28 characters, a key is 32 random bytes in 43 or 44 characters of base64 or 64 of hex: \
///      make a key with `openssl rand -base64 32`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Key text that is neither 43 or 44 characters of base64 nor 64 of hex.
    Length {
        /// Its length in bytes of UTF-8.
        found: usize,
    },
    /// Key text of a right length that is not canonical base64 or hex: another character, both
    /// base64 alphabets at once, or bits set after the last byte.
    Encoding {
        /// Its length in bytes of UTF-8.
        found: usize,
    },
    /// 32 printable ASCII characters: a passphrase, not random bytes.
    Passphrase,
    /// Bytes that are all equal, or that each differ from the last by the same amount.
    Pattern,
    /// A key that stands in hardtack's published documents.
    Published,
    /// The operating system gave no randomness.
    Randomness,
    /// Two keys of one ring have this key id: the same key twice, or, once in 2²⁴ pairs, chance.
    DuplicateId(KeyId),
    /// More than 8 keys in one ring.
    TooMany,
    /// A list of keys has an entry with nothing in it.
    Empty,
    /// A retirement time on the first key of a list: the key that seals cannot be retired.
    RetiredPrimary,
    /// What follows `@` is not a time in whole Unix seconds that fits a `u32`.
    RetirementTime,
    /// The entry of a list that is wrong, counted from 1, and what is wrong with it.
    #[cfg(feature = "alloc")]
    Entry {
        /// Its place in the list, from 1.
        entry: usize,
        /// What is wrong with it.
        error: Box<KeyError>,
    },
    /// The environment variable that is wrong, and what is wrong with it.
    #[cfg(feature = "std")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: Box<KeyError>,
    },
    /// An environment variable that is not set.
    #[cfg(feature = "std")]
    Unset,
    /// An entry of an environment variable that is not UTF-8.
    #[cfg(feature = "std")]
    NotUnicode,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Length { found } => write!(
                f,
                "found {found} characters, a key is 32 random bytes in 43 or 44 characters of base64 or 64 of hex: {MAKE_A_KEY}"
            ),
            KeyError::Encoding { found } => write!(
                f,
                "found {found} characters that are not canonical {}: {MAKE_A_KEY}",
                if *found == 64 { "hex" } else { "base64" }
            ),
            KeyError::Passphrase => {
                write!(
                    f,
                    "found 32 printable characters, a passphrase is not a key: {MAKE_A_KEY}"
                )
            }
            KeyError::Pattern => write!(
                f,
                "found 32 bytes in a pattern, not random ones: {MAKE_A_KEY}"
            ),
            KeyError::Published => {
                write!(
                    f,
                    "found a key that is published in hardtack's documents: {MAKE_A_KEY}"
                )
            }
            KeyError::Randomness => {
                f.write_str("the operating system gave no randomness for a key")
            }
            KeyError::DuplicateId(id) => write!(
                f,
                "two keys of the ring have the id {id}: remove the one that stands twice, or {MAKE_A_KEY}"
            ),
            KeyError::TooMany => f.write_str("found more than 8 keys: remove the oldest"),
            KeyError::Empty => {
                write!(f, "found an empty entry: remove it, or {MAKE_A_KEY}")
            }
            KeyError::RetiredPrimary => write!(
                f,
                "found a retirement time on the first key, which seals: put the key that is to seal first, or {MAKE_A_KEY}"
            ),
            KeyError::RetirementTime => f.write_str(
                "found no time in Unix seconds after the @: `date +%s` prints the present one",
            ),
            #[cfg(feature = "alloc")]
            KeyError::Entry { entry, error } => write!(f, "key {entry}: {error}"),
            #[cfg(feature = "std")]
            KeyError::Variable { name, error } => write!(f, "environment variable {name}: {error}"),
            #[cfg(feature = "std")]
            KeyError::Unset => write!(f, "not set: {MAKE_A_KEY}"),
            #[cfg(feature = "std")]
            KeyError::NotUnicode => write!(f, "found bytes that are not UTF-8: {MAKE_A_KEY}"),
        }
    }
}

impl Error for KeyError {}

/// Why nothing was sealed. The buffer that was passed is zeroed.
///
/// ```
/// use hardtack::{Codec, Key, Keyring, SealError};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "note/1").max_token_len(200);
/// let error = codec.seal(&"too much ".repeat(20)).unwrap_err();
/// assert_eq!(error, SealError::TooLong { len: 296, max: 200 });
/// assert_eq!(error.to_string(), "the token would have 296 characters, the limit is 200");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The value does not serialize: its own [`Serialize`](serde::Serialize) failed, or it holds
    /// what postcard cannot carry, such as a sequence of unknown length, or its encodings differ in
    /// length from one time to the next.
    Payload,
    /// The token would be longer than [`Codec::max_token_len`](crate::Codec::max_token_len): no
    /// opener with this setting would take it.
    TooLong {
        /// Its length in characters.
        len: usize,
        /// The limit in characters.
        max: usize,
    },
    /// The buffer is too small for the token.
    BufferTooSmall {
        /// The length in bytes that is enough.
        needed: usize,
    },
    /// The generator failed. There is no token without fresh randomness.
    Randomness,
    /// The time is the last second of the `u32`, which no opener takes.
    Time,
    /// The associated data is longer than 1,024 bytes and there is no allocator to copy it to.
    AssociatedDataTooLong,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::Payload => f.write_str("the value does not serialize"),
            SealError::TooLong { len, max } => {
                write!(
                    f,
                    "the token would have {len} characters, the limit is {max}"
                )
            }
            SealError::BufferTooSmall { needed } => {
                write!(f, "the buffer is too small, {needed} bytes are needed")
            }
            SealError::Randomness => f.write_str("the random number generator failed"),
            SealError::Time => f.write_str("the clock stands at the end of its range"),
            SealError::AssociatedDataTooLong => f.write_str(ASSOCIATED_DATA_TOO_LONG),
        }
    }
}

impl Error for SealError {}

const ASSOCIATED_DATA_TOO_LONG: &str =
    "the associated data is longer than 1024 bytes, which needs the feature `alloc`";

/// Why a token was refused: the steps of the [format](crate::format#opening-in-this-order), in that
/// order. A token that fails two of them is refused for the earlier one.
///
/// The text is for logs. To whoever sent the token, say only that it is not good.
///
/// ```
/// use hardtack::{Codec, Key, Keyring, OpenError};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
/// let mut token = codec.seal("hello")?;
/// token.replace_range(40..41, if token.as_bytes()[40] == b'A' { "B" } else { "A" });
/// match codec.open::<String>(&token) {
///     Ok(_) => unreachable!("a changed token does not open"),
///     Err(OpenError::UnknownKey(id)) => println!("no key {id}: has this server an old ring?"),
///     Err(OpenError::Expired) => println!("too old: offer to send another link"),
///     Err(error) => assert_eq!(error.to_string(), "the token is not valid"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Longer than [`Codec::max_token_len`](crate::Codec::max_token_len). Nothing was decoded.
    TooLong,
    /// Not canonical base64url, too short, or not sealed like this: by another key with the same id,
    /// for another purpose, with other associated data, or changed since. One error for all of
    /// these, so that nothing tells which.
    Invalid,
    /// A version of the format that this one does not know.
    UnknownVersion,
    /// No key of the ring has this id. The id is public and not authenticated: whoever sent the
    /// token chose it, so it is no label for a metric.
    UnknownKey(KeyId),
    /// Issued later than now and the skew.
    NotYetValid,
    /// Issued before [`Codec::reject_issued_before`](crate::Codec::reject_issued_before), or by a
    /// retired key after its retirement.
    Revoked,
    /// Older than [`Codec::max_age`](crate::Codec::max_age).
    Expired,
    /// Authentic, but not a value of this type: give another type another purpose.
    Payload,
    /// The buffer is too small for this token, which was not judged.
    BufferTooSmall {
        /// The length in bytes that is enough.
        needed: usize,
    },
    /// The associated data is longer than 1,024 bytes and there is no allocator to copy it to.
    AssociatedDataTooLong,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::TooLong => f.write_str("the token is too long"),
            OpenError::Invalid => f.write_str("the token is not valid"),
            OpenError::UnknownVersion => f.write_str("the token has an unknown version"),
            OpenError::UnknownKey(id) => write!(f, "no key of the ring has the id {id}"),
            OpenError::NotYetValid => f.write_str("the token is from the future"),
            OpenError::Revoked => f.write_str("the token was revoked"),
            OpenError::Expired => f.write_str("the token has expired"),
            OpenError::Payload => f.write_str("the payload is not a value of this type"),
            OpenError::BufferTooSmall { needed } => {
                write!(f, "the buffer is too small, {needed} bytes are needed")
            }
            OpenError::AssociatedDataTooLong => f.write_str(ASSOCIATED_DATA_TOO_LONG),
        }
    }
}

impl Error for OpenError {}
