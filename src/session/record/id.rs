use core::{fmt, str::FromStr};

/// Identifies a session by 128 random bits, until a change of privilege gives it a new id.
///
/// Use it in logs and in a list of ended sessions. It is not a credential: an id does not open a
/// session. It is printed as 32 lower-case hexadecimal digits, and parsed from 32 digits of either
/// case.
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
    /// Makes an id from its bytes, for example from a database.
    ///
    /// ```
    /// use hardtack::session::SessionId;
    ///
    /// let id = SessionId::from_bytes([0xb0; 16]); // for example from a column of 16 bytes
    /// assert_eq!(id.to_string(), "b0".repeat(16));
    /// ```
    pub const fn from_bytes(bytes: [u8; 16]) -> SessionId {
        SessionId(bytes)
    }

    /// Returns the 16 bytes of the id.
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
        // The decoder accepts shorter text too, and leaves the remaining bytes as they are.
        if digits.len() != 32 || base16ct::mixed::decode(digits, &mut bytes).is_err() {
            return Err(ParseSessionIdError);
        }
        Ok(SessionId(bytes))
    }
}

/// Says that a text is not a [`SessionId`].
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
