//! What a session token carries.
//!
//! ```text
//! record  = layout u8 ‖ schema u8 ‖ id (16) ‖ created-at ‖ idle limit ‖ lifetime ‖ flags u8 ‖ flashes ‖ data
//! flashes = count ‖ (level u8 ‖ text)*
//! ```
//!
//! Numbers and counts are varints, strings and values have their length in front: all as postcard writes them.

use crate::Timestamp;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{fmt, str::FromStr};
use serde::Serialize;

/// The layout written and read here. Another one is another version of hardtack's.
const LAYOUT: u8 = 1;

/// Bit 0 of the flags. The others are written as zero and ignored.
const REMEMBERED: u8 = 1;

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

/// How a [`Flash`] is meant. Prints as `info`, `success`, `warning` or `error`, to be used as a class name.
///
/// These four and no more: they are part of the format, so that a `match` can name them all.
///
/// ```
/// use hardtack::session::FlashLevel;
///
/// assert_eq!(FlashLevel::Warning.to_string(), "warning");
/// assert!(FlashLevel::Error > FlashLevel::Success);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FlashLevel {
    /// For information.
    Info = 0,
    /// It worked.
    Success = 1,
    /// It worked, but.
    Warning = 2,
    /// It did not work.
    Error = 3,
}

impl FlashLevel {
    fn from_u8(level: u8) -> Option<FlashLevel> {
        [
            FlashLevel::Info,
            FlashLevel::Success,
            FlashLevel::Warning,
            FlashLevel::Error,
        ]
        .into_iter()
        .find(|known| *known as u8 == level)
    }
}

impl fmt::Display for FlashLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FlashLevel::Info => "info",
            FlashLevel::Success => "success",
            FlashLevel::Warning => "warning",
            FlashLevel::Error => "error",
        })
    }
}

/// A message for the next page that asks for it.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = sessions.begin();
/// use hardtack::session::FlashLevel;
///
/// session.flash(FlashLevel::Error, "Wrong password")?;
/// let flashes = session.take_flashes()?;
/// assert_eq!((flashes[0].level, flashes[0].text.as_str()), (FlashLevel::Error, "Wrong password"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Flash {
    /// How it is meant.
    pub level: FlashLevel,
    /// The text, as given: to be escaped where it is shown.
    pub text: String,
}

/// The payload of a session token. No `Debug`: it would print what the application stored.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Record<D> {
    /// Version of the typed session; 0 for the dictionary.
    pub(super) schema: u8,
    pub(super) id: SessionId,
    pub(super) created_at: Timestamp,
    /// Seconds.
    pub(super) idle_limit: u32,
    /// Seconds from `created_at` to the absolute end.
    pub(super) lifetime: u32,
    pub(super) remembered: bool,
    /// Oldest first.
    pub(super) flashes: Vec<Flash>,
    /// To be encoded, or encoded.
    pub(super) data: D,
}

/// Why the bytes are no record of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordError {
    /// Another version of hardtack may know this layout: to be treated as an unknown key is.
    UnknownLayout(u8),
    Malformed,
}

/// Bytes of layout, schema and id. Postcard would write the same, and count them one by one.
const HEAD_LEN: usize = 1 + 1 + 16;

/// The fields between id and data, in the order of the format.
type Fields<'a> = (u32, u32, u32, u8, Vec<(u8, &'a str)>);

impl<D: Serialize> Record<D> {
    /// Calls `f` with what postcard makes the record of, behind the id.
    fn encoding<R>(&self, f: impl FnOnce(&(Fields<'_>, &D)) -> R) -> R {
        let flashes = self.flashes.iter();
        let fields = (
            self.created_at.to_unix(),
            self.idle_limit,
            self.lifetime,
            if self.remembered { REMEMBERED } else { 0 },
            flashes
                .map(|flash| (flash.level as u8, flash.text.as_str()))
                .collect(),
        );
        f(&(fields, &self.data))
    }

    /// Fails if the data does not serialize.
    pub(super) fn encoded_len(&self) -> Result<usize, postcard::Error> {
        let len = self.encoding(|rest| postcard::experimental::serialized_size(rest))?;
        Ok(len.saturating_add(HEAD_LEN))
    }

    /// Fails if the data does not serialize.
    pub(super) fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        let mut bytes = Vec::with_capacity(self.encoded_len()?);
        bytes.extend_from_slice(&[LAYOUT, self.schema]);
        bytes.extend_from_slice(&self.id.0);
        self.encoding(|rest| postcard::to_extend(rest, bytes))
    }
}

impl<D> Record<D> {
    /// The record with other data.
    pub(super) fn with_data<E>(self, data: E) -> Record<E> {
        let Record {
            schema,
            id,
            created_at,
            idle_limit,
            lifetime,
            remembered,
            flashes,
            ..
        } = self;
        Record {
            schema,
            id,
            created_at,
            idle_limit,
            lifetime,
            remembered,
            flashes,
            data,
        }
    }
}

impl<'a> Record<&'a [u8]> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Record<&'a [u8]>, RecordError> {
        let (schema, rest) = match bytes {
            [LAYOUT, schema, rest @ ..] => (*schema, rest),
            [LAYOUT] | [] => return Err(RecordError::Malformed),
            [layout, ..] => return Err(RecordError::UnknownLayout(*layout)),
        };
        let (id, rest) = rest.split_first_chunk().ok_or(RecordError::Malformed)?;
        let (fields, data) =
            postcard::take_from_bytes::<Fields<'_>>(rest).map_err(|_| RecordError::Malformed)?;
        let (created_at, idle_limit, lifetime, flags, flashes) = fields;
        let flashes = flashes
            .into_iter()
            .map(|(level, text)| {
                Some(Flash {
                    level: FlashLevel::from_u8(level)?,
                    text: text.to_owned(),
                })
            })
            .collect::<Option<_>>()
            .ok_or(RecordError::Malformed)?;
        let remembered = flags & REMEMBERED != 0;
        Ok(Record {
            schema,
            id: SessionId(*id),
            created_at: Timestamp::from_unix(created_at),
            idle_limit,
            lifetime,
            remembered,
            flashes,
            data,
        })
    }
}

#[cfg(test)]
mod tests;
