use crate::{keys::KeyId, timestamp::Timestamp, token::HeaderBytes};

/// Holds what [`Codec::inspect`](crate::Codec::inspect) read from a token that it did not open.
///
/// Use it for logs only. Nothing here is authenticated: an attacker can write anything into the header
/// of a token.
///
/// ```
/// use hardtack::{Codec, Key, Keyring};
///
/// let codec = Codec::new(&Keyring::new(Key::generate()?), "greeting/1");
/// let token = codec.seal("hello")?;
/// let header = Codec::inspect(&token).unwrap();
/// assert_eq!(header.version, 0x84);
/// println!("key {}, sealed at {}", header.key, header.issued_at);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenHeader {
    /// The version of the format: `0x84` for plain tokens, `0x85` for padded ones.
    pub version: u8,
    /// The id of the key that sealed the token, as the token claims.
    pub key: KeyId,
    /// The time at which the token was sealed, as the token claims.
    pub issued_at: Timestamp,
}

impl TokenHeader {
    pub(crate) fn of(token: &[u8]) -> Option<TokenHeader> {
        let header = HeaderBytes::decode(token)?;
        Some(TokenHeader {
            version: header.version(),
            key: header.key_id(),
            issued_at: header.issued_at(),
        })
    }
}
