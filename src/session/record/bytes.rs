//! The payload of a session token, byte by byte.
//!
//! ```text
//! record  = layout u8 ‖ schema u8 ‖ id (16) ‖ login id (8) ‖ flags u8
//!         ‖ created-at ‖ idle limit ‖ lifetime ‖ longest
//!         ‖ device key (33, if bit 1) ‖ subject (if bit 2) ‖ flashes ‖ data
//! flashes = count ‖ (level u8 ‖ text)*
//! ```
//!
//! The four numbers and the length of the subject are varints in their shortest form. Flashes and data
//! are as postcard reads them.

use super::{
    flash::{Flash, FlashLevel},
    id::SessionId,
    login_id::LoginId,
};
use crate::Timestamp;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde::Serialize;

/// The layout written and read here. Another version of hardtack has another one.
const LAYOUT: u8 = 1;

pub(super) const REMEMBERED: u8 = 1;
const DEVICE_KEY: u8 = 1 << 1;
const SUBJECT: u8 = 1 << 2;
pub(super) const BY_LOGIN: u8 = 1 << 3;
/// Flags of later versions, which may mean anything.
const UNKNOWN: u8 = 0xf0;

/// Bytes of layout, schema, id, login id and flags.
const PREFIX_LEN: usize = 1 + 1 + 16 + 8 + 1;

const MAX_SUBJECT_LEN: usize = 255;

/// What a session has besides its ids and its data. No `Debug`: it would print flash messages.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RecordHead {
    /// Version of the typed session; 0 for the dictionary.
    pub(crate) schema: u8,
    pub(crate) remembered: bool,
    /// Set from a login on.
    pub(crate) by_login: bool,
    pub(crate) created_at: Timestamp,
    /// Seconds.
    pub(crate) idle_limit: u32,
    /// Seconds from `created_at` to the absolute end.
    pub(crate) lifetime: u32,
    /// Seconds from `created_at` to the end of every copy: no setting and no call makes it later.
    pub(crate) longest: u32,
    /// The device's public key: a compressed point on P-256, not checked here to be on the curve.
    pub(crate) device_key: Option<[u8; 33]>,
    /// Whose session it is, for a store.
    pub(crate) subject: Option<String>,
    /// Oldest first.
    pub(crate) flashes: Vec<Flash>,
}

/// The ids of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) session: SessionId,
    pub(crate) login: LoginId,
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) ids: Ids,
    pub(crate) head: RecordHead,
    /// Encoded.
    pub(crate) data: &'a [u8],
}

/// Why bytes do not read as a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordError {
    /// Another version of hardtack may know this layout, or these flags, so it is treated as an
    /// unknown key is.
    UnknownLayout,
    Malformed,
}

impl RecordHead {
    /// Returns `true` if somebody has logged in, or if the application says whose the session is.
    pub(crate) fn is_of_person(&self) -> bool {
        self.by_login || self.subject.is_some()
    }

    /// Fails if the data does not serialize.
    pub(crate) fn encoded_len<D: Serialize>(&self, data: &D) -> Result<usize, postcard::Error> {
        let data = postcard::experimental::serialized_size(data)?;
        Ok(self.len().saturating_add(data))
    }

    /// Returns the bytes of the record with these ids and this data. Fails if the data does not
    /// serialize.
    pub(crate) fn encode<D: Serialize>(
        &self,
        ids: Ids,
        data: &D,
    ) -> Result<Vec<u8>, postcard::Error> {
        let mut bytes = Vec::with_capacity(self.encoded_len(data)?);
        bytes.extend_from_slice(&[LAYOUT, self.schema]);
        bytes.extend_from_slice(&ids.session.to_bytes());
        bytes.extend_from_slice(&ids.login.to_bytes());
        bytes.push(self.flags());
        for number in self.numbers() {
            put_varint(&mut bytes, number);
        }
        bytes.extend_from_slice(self.device_key.as_ref().map_or(&[], <[u8; 33]>::as_slice));
        if let Some(subject) = &self.subject {
            put_text(&mut bytes, subject);
        }
        put_varint(&mut bytes, len_u32(self.flashes.len()));
        for flash in &self.flashes {
            bytes.push(flash.level as u8);
            put_text(&mut bytes, &flash.text);
        }
        postcard::to_extend(data, bytes)
    }

    fn flags(&self) -> u8 {
        [
            (self.remembered, REMEMBERED),
            (self.device_key.is_some(), DEVICE_KEY),
            (self.subject.is_some(), SUBJECT),
            (self.by_login, BY_LOGIN),
        ]
        .into_iter()
        .fold(
            0,
            |flags, (set, flag)| if set { flags | flag } else { flags },
        )
    }

    fn numbers(&self) -> [u32; 4] {
        [
            self.created_at.to_unix(),
            self.idle_limit,
            self.lifetime,
            self.longest,
        ]
    }

    fn len(&self) -> usize {
        let text = |text: &str| varint_len(len_u32(text.len())).saturating_add(text.len());
        let numbers = self.numbers().map(varint_len).iter().sum();
        let flashes = self.flashes.iter();
        let flashes = flashes.map(|flash| text(&flash.text).saturating_add(1));
        let parts = [
            PREFIX_LEN,
            numbers,
            self.device_key.as_ref().map_or(0, |key| key.len()),
            self.subject.as_deref().map_or(0, text),
            varint_len(len_u32(self.flashes.len())),
            flashes.sum(),
        ];
        parts.iter().sum()
    }
}

impl<'a> Record<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Record<'a>, RecordError> {
        let (schema, rest) = match bytes {
            [LAYOUT, schema, rest @ ..] => (*schema, rest),
            [LAYOUT] | [] => return Err(RecordError::Malformed),
            _ => return Err(RecordError::UnknownLayout),
        };
        let mut rest = Reader(rest);
        let session = SessionId::from_bytes(rest.array()?);
        let login = LoginId::from_bytes(rest.array()?);
        let [flags] = rest.array()?;
        // Before all that varies in length: what an unknown flag changes is not known.
        if flags & UNKNOWN != 0 {
            return Err(RecordError::UnknownLayout);
        }
        let created_at = Timestamp::from_unix(rest.varint()?);
        let (idle_limit, lifetime, longest) = (rest.varint()?, rest.varint()?, rest.varint()?);
        let device_key = rest.optional(flags & DEVICE_KEY != 0, Reader::device_key)?;
        let subject = rest.optional(flags & SUBJECT != 0, Reader::subject)?;
        let (flashes, data) = match rest.0 {
            // Most records have none.
            [0, data @ ..] => (Vec::new(), data),
            rest => read_flashes(rest).ok_or(RecordError::Malformed)?,
        };
        Ok(Record {
            ids: Ids { session, login },
            head: RecordHead {
                schema,
                remembered: flags & REMEMBERED != 0,
                by_login: flags & BY_LOGIN != 0,
                created_at,
                idle_limit,
                lifetime,
                longest,
                device_key,
                subject,
                flashes,
            },
            data,
        })
    }
}

/// Returns the flash messages and what follows them.
fn read_flashes(bytes: &[u8]) -> Option<(Vec<Flash>, &[u8])> {
    let (flashes, rest) = postcard::take_from_bytes::<Vec<(u8, &str)>>(bytes).ok()?;
    let flash = |(level, text): (u8, &str)| {
        Some(Flash {
            level: FlashLevel::from_u8(level)?,
            text: text.to_owned(),
        })
    };
    Some((flashes.into_iter().map(flash).collect::<Option<_>>()?, rest))
}

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(RecordError::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    /// Seven bits a byte, the lowest first; the highest bit says that another byte follows. A form that
    /// is longer than it must be is malformed, so that one record has one encoding.
    pub(super) fn varint(&mut self) -> Result<u32, RecordError> {
        let mut number = 0;
        let mut bytes = self.0.iter();
        for (shift, byte) in [0, 7, 14, 21, 28].into_iter().zip(&mut bytes) {
            number |= u32::from(byte & 0x7f).unbounded_shl(shift);
            if byte & 0x80 == 0 {
                let longer = *byte == 0 && shift > 0;
                let beyond_32_bits = *byte > 0x0f && shift == 28;
                self.0 = bytes.as_slice();
                return if longer || beyond_32_bits {
                    Err(RecordError::Malformed)
                } else {
                    Ok(number)
                };
            }
        }
        Err(RecordError::Malformed)
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        let len = usize::try_from(self.varint()?).map_err(|_| RecordError::Malformed)?;
        let (text, rest) = self.0.split_at_checked(len).ok_or(RecordError::Malformed)?;
        self.0 = rest;
        core::str::from_utf8(text).map_err(|_| RecordError::Malformed)
    }

    fn device_key(&mut self) -> Result<[u8; 33], RecordError> {
        let key: [u8; 33] = self.array()?;
        match key {
            [2 | 3, ..] => Ok(key),
            _ => Err(RecordError::Malformed),
        }
    }

    fn subject(&mut self) -> Result<String, RecordError> {
        match self.text()? {
            subject if (1..=MAX_SUBJECT_LEN).contains(&subject.len()) => Ok(subject.to_owned()),
            _ => Err(RecordError::Malformed),
        }
    }

    fn optional<T>(
        &mut self,
        present: bool,
        read: impl FnOnce(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        if present {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_varint(bytes, len_u32(text.len()));
    bytes.extend_from_slice(text.as_bytes());
}

pub(super) fn put_varint(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

fn varint_len(number: u32) -> usize {
    match number {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        0x1000_0000.. => 5,
    }
}

/// The lengths are those of 16 short texts and a name.
fn len_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
