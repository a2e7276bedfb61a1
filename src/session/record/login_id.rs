//! The identifier of a login.

use core::{fmt, str::FromStr};

/// Identifies one login: 64 random bits that every session cookie of that login carries.
///
/// A [`SessionId`](super::SessionId) changes whenever a session is regenerated. The login id stays
/// until somebody logs in, so one entry in a [`Denylist`](crate::session::Denylist) ends every copy of the
/// login's cookies. It opens nothing: it is for logs and lists. It prints as 16 lower-case
/// hexadecimal digits and is parsed from 16 digits of either case.
///
/// ```
/// use hardtack::session::LoginId;
///
/// let id: LoginId = "b0b1b2b3b4b5b6b7".parse()?;
/// assert_eq!(id.to_string(), "b0b1b2b3b4b5b6b7");
/// assert!("b0b1b2".parse::<LoginId>().is_err());
/// # Ok::<(), hardtack::session::ParseLoginIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId([u8; 8]);

impl LoginId {
    /// Makes the id from bytes that [`to_bytes`](Self::to_bytes) returned.
    ///
    /// ```
    /// use hardtack::session::LoginId;
    ///
    /// let id = LoginId::from_bytes([0xb0; 8]); // such as from a column of 8 bytes
    /// assert_eq!(id.to_string(), "b0".repeat(8));
    /// ```
    pub const fn from_bytes(bytes: [u8; 8]) -> LoginId {
        LoginId(bytes)
    }

    /// Returns the 8 bytes of the id.
    ///
    /// ```
    /// use hardtack::session::LoginId;
    ///
    /// let id = LoginId::from_bytes([7; 8]);
    /// assert_eq!(LoginId::from_bytes(id.to_bytes()), id);
    /// ```
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 16];
        f.pad(base16ct::lower::encode_str(&self.0, &mut digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LoginId {
    type Err = ParseLoginIdError;

    fn from_str(digits: &str) -> Result<LoginId, ParseLoginIdError> {
        let mut bytes = [0; 8];
        // The length first: the decoder takes shorter text too, and leaves the rest of the bytes
        // as they are.
        if digits.len() != 16 || base16ct::mixed::decode(digits, &mut bytes).is_err() {
            return Err(ParseLoginIdError);
        }
        Ok(LoginId(bytes))
    }
}

/// Says that a text is not a [`LoginId`].
///
/// ```
/// use hardtack::session::LoginId;
///
/// let error = "not an id".parse::<LoginId>().unwrap_err();
/// assert_eq!(error.to_string(), "a login id is 16 hexadecimal digits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseLoginIdError;

impl fmt::Display for ParseLoginIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a login id is 16 hexadecimal digits")
    }
}

impl core::error::Error for ParseLoginIdError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    #[test]
    fn an_id_is_16_digits_of_either_case_and_prints_in_lower_case() {
        let id = LoginId::from_bytes([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        assert_eq!(id.to_string(), "0123456789abcdef");
        assert_eq!(format!("{id:?}"), "0123456789abcdef");
        assert_eq!(format!("{id:>18}"), "  0123456789abcdef");
        for digits in ["0123456789abcdef", "0123456789ABCDEF", "0123456789AbCdEf"] {
            assert_eq!(digits.parse(), Ok(id), "{digits}");
        }
        for text in [
            "",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdef01234567",
            "0123456789abcdeg",
            " 0123456789abcde",
            "+123456789abcdef",
            "0123456789abcdé",
        ] {
            assert_eq!(text.parse::<LoginId>(), Err(ParseLoginIdError), "{text:?}");
        }
    }
}
