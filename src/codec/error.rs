use crate::keys::KeyId;
use core::{error::Error, fmt};

/// Says why a value was not sealed. If a buffer was passed, it is zeroed.
///
/// ```
/// use hardtack::{Codec, Key, Keyring, SealError};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "note/1").max_token_len(200);
/// let error = codec.seal(&"too much ".repeat(20)).unwrap_err();
/// assert_eq!(error, SealError::TooLong { len: 296, max: 200 });
/// assert_eq!(error.to_string(), "the token would have 296 characters, the maximum is 200");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SealError {
    /// The value does not serialize. Its [`Serialize`](serde::Serialize) failed, or it has a part that
    /// postcard cannot encode, such as a sequence of unknown length, or two encodings of it differ in
    /// length.
    Payload,
    /// The token would be longer than [`Codec::max_token_len`](crate::Codec::max_token_len), and a
    /// codec with the same setting would refuse to open it.
    TooLong {
        /// The length of the token in characters.
        len: usize,
        /// The maximum in characters.
        max: usize,
    },
    /// The buffer is too small for the token.
    BufferTooSmall {
        /// The sufficient length in bytes.
        needed: usize,
    },
    /// The random number generator failed. Every token needs fresh random bytes.
    Randomness,
    /// The time is [`u32::MAX`], the last second of the range. A token with this time does not open.
    Time,
    /// The associated data is longer than 1,024 bytes. This needs the feature `alloc`.
    AssociatedDataTooLong,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::Payload => f.write_str("the value does not serialize"),
            SealError::TooLong { len, max } => {
                write!(
                    f,
                    "the token would have {len} characters, the maximum is {max}"
                )
            }
            SealError::BufferTooSmall { needed } => {
                write!(f, "the buffer is too small, {needed} bytes are needed")
            }
            SealError::Randomness => f.write_str("the random number generator failed"),
            SealError::Time => f.write_str("the clock is at the end of its range"),
            SealError::AssociatedDataTooLong => f.write_str(ASSOCIATED_DATA_TOO_LONG),
        }
    }
}

impl Error for SealError {}

const ASSOCIATED_DATA_TOO_LONG: &str =
    "the associated data is longer than 1024 bytes, which needs the feature `alloc`";

/// Says why a token was refused. The variants are in the order of the
/// [steps of the format](crate::guide::format#opening-in-this-order), and the first step that fails decides.
///
/// The text is for your log. Tell the sender of a token only that it is not valid, because the reason
/// would help an attacker.
///
/// ```
/// use hardtack::{Codec, Key, Keyring, OpenError};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
/// let mut token = codec.seal("hello")?;
/// token.replace_range(40..41, if token.as_bytes()[40] == b'A' { "B" } else { "A" });
/// match codec.open::<String>(&token) {
///     Ok(_) => unreachable!("a changed token does not open"),
///     Err(OpenError::UnknownKey(id)) => println!("no key {id}: is this server's keyring old?"),
///     Err(OpenError::Expired) => println!("too old: offer another link"),
///     Err(error) => assert_eq!(error.to_string(), "the token is not valid"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenError {
    /// The token is longer than [`Codec::max_token_len`](crate::Codec::max_token_len). Nothing was
    /// decoded.
    TooLong,
    /// The token is not canonical base64url, or too short, or its tag does not verify. The tag fails
    /// if the token was changed, or sealed for another purpose, with other associated data or by
    /// another key with the same id. One error for all causes gives an attacker no hint.
    Invalid,
    /// The version of the format is not known to this version of hardtack.
    UnknownVersion,
    /// No key of the keyring has this id. The id is public and not authenticated. Do not use it as the
    /// label of a metric, because an attacker could make millions of labels.
    UnknownKey(KeyId),
    /// The token was issued later than the present time plus
    /// [`Codec::skew`](crate::Codec::skew).
    NotYetValid,
    /// The token was issued before
    /// [`Codec::reject_issued_before`](crate::Codec::reject_issued_before), or sealed by a
    /// [retired](crate::Keyring::accept_retired) key after its retirement.
    Revoked,
    /// The token is older than [`Codec::max_age`](crate::Codec::max_age).
    Expired,
    /// The token is authentic, but its payload is not a value of this type. Give another type another
    /// purpose.
    Payload,
    /// The buffer is too small for this token. The token was not examined.
    BufferTooSmall {
        /// The sufficient length in bytes.
        needed: usize,
    },
    /// The associated data is longer than 1,024 bytes. This needs the feature `alloc`.
    AssociatedDataTooLong,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::TooLong => f.write_str("the token is too long"),
            OpenError::Invalid => f.write_str("the token is not valid"),
            OpenError::UnknownVersion => f.write_str("the token has an unknown version"),
            OpenError::UnknownKey(id) => write!(f, "no key of the keyring has the id {id}"),
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
