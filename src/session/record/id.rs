use core::{fmt, str::FromStr};

/// Identifies one session for as long as its privileges do not change: 128 random bits.
///
/// It is no secret that opens anything; it is for logs and for a list of sessions that were ended. It prints as 32
/// lower-case hexadecimal digits and is parsed from 32 digits of either case.
///
/// ```
/// use hardtack::session::SessionId;
///
/// let id: SessionId = "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf".parse()?;
/// assert_eq!(id.to_string(), "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
/// assert!("b0b1b2".parse::<SessionId>().is_err());
/// # Ok::<(), hardtack::session::ParseSessionIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// The id with these bytes, for one that was stored with [`to_bytes`](Self::to_bytes).
    ///
    /// ```
    /// use hardtack::session::SessionId;
    ///
    /// let id = SessionId::from_bytes([0xb0; 16]); // such as from a column of 16 bytes
    /// assert_eq!(id.to_string(), "b0".repeat(16));
    /// ```
    pub const fn from_bytes(bytes: [u8; 16]) -> SessionId {
        SessionId(bytes)
    }

    /// The 16 bytes of the id.
    ///
    /// ```
    /// use hardtack::session::SessionId;
    ///
    /// let id = SessionId::from_bytes([7; 16]);
    /// assert_eq!(SessionId::from_bytes(id.to_bytes()), id);
    /// ```
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        f.pad(base16ct::lower::encode_str(&self.0, &mut digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SessionId {
    type Err = ParseSessionIdError;

    fn from_str(digits: &str) -> Result<SessionId, ParseSessionIdError> {
        let mut bytes = [0; 16];
        // The length first: the decoder takes shorter text too, and leaves the rest of the bytes as they are.
        if digits.len() != 32 || base16ct::mixed::decode(digits, &mut bytes).is_err() {
            return Err(ParseSessionIdError);
        }
        Ok(SessionId(bytes))
    }
}

/// A text is not a [`SessionId`].
///
/// ```
/// use hardtack::session::SessionId;
///
/// let error = "not an id".parse::<SessionId>().unwrap_err();
/// assert_eq!(error.to_string(), "a session id is 32 hexadecimal digits");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseSessionIdError;

impl fmt::Display for ParseSessionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session id is 32 hexadecimal digits")
    }
}

impl core::error::Error for ParseSessionIdError {}
