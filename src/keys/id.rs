use core::{error::Error, fmt, str::FromStr};

/// Names a key: three public bytes that are derived from it. Every token carries the id of the key
/// that sealed it.
///
/// The text of a key id is six hex digits. It is printed in lower case and read in either case.
///
/// ```
/// use hardtack::KeyId;
///
/// let id: KeyId = "FC47ef".parse()?;
/// assert_eq!(id, KeyId::from_bytes([0xfc, 0x47, 0xef]));
/// assert_eq!(id.to_string(), "fc47ef");
/// assert_eq!(format!("{id:?}"), "KeyId(fc47ef)");
/// # Ok::<(), hardtack::ParseKeyIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 3]);

impl KeyId {
    /// Makes a key id from the three bytes in a token.
    ///
    /// ```
    /// use hardtack::{Codec, KeyId};
    ///
    /// // The worked token of the format: its key id is bytes 1 to 3.
    /// let token = "hPxH72VT8QCgoaKjpKWmp6ipqqusra6vuvwDp_GdVY7SWnDC8fAHZp4J14KeEg";
    /// let id = Codec::inspect(token).unwrap().key;
    /// assert_eq!(id, KeyId::from_bytes([0xfc, 0x47, 0xef]));
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 3]) -> KeyId {
        KeyId(bytes)
    }

    /// Returns the three bytes as they stand in a token.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }
}

/// Reads six hex digits of either case.
///
/// # Errors
///
/// [`ParseKeyIdError`] for any other text.
impl FromStr for KeyId {
    type Err = ParseKeyIdError;

    fn from_str(text: &str) -> Result<KeyId, ParseKeyIdError> {
        let mut bytes = [0; 3];
        match base16ct::mixed::decode(text, &mut bytes) {
            Ok([_, _, _]) => Ok(KeyId(bytes)),
            _ => Err(ParseKeyIdError(())),
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}")
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Says that a text is not the six hex digits of a [`KeyId`].
///
/// ```
/// use hardtack::KeyId;
///
/// let error = "fc47".parse::<KeyId>().unwrap_err();
/// assert_eq!(error.to_string(), "a key id is six hex digits, such as fc47ef");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseKeyIdError(());

impl fmt::Display for ParseKeyIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key id is six hex digits, such as fc47ef")
    }
}

impl Error for ParseKeyIdError {}
