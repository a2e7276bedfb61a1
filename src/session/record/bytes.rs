//! The payload of a session token, byte by byte.
//!
//! ```text
//! record  = layout u8 ‖ schema u8 ‖ id (16) ‖ created-at ‖ idle limit ‖ lifetime ‖ flags u8 ‖ flashes ‖ data
//! flashes = count ‖ (level u8 ‖ text)*
//! ```
//!
//! Numbers and counts are varints, strings have their length in front: all as postcard writes them.

use super::{
    flash::{Flash, FlashLevel},
    id::SessionId,
};
use crate::Timestamp;
use alloc::{borrow::ToOwned, vec::Vec};
use serde::Serialize;

/// The layout written and read here. Another version of hardtack has another one.
const LAYOUT: u8 = 1;

/// Bit 0 of the flags. The others are written as zero and ignored.
const REMEMBERED: u8 = 1;

/// Bytes of layout, schema and id. Postcard would write the same, and count them one by one.
const PREFIX_LEN: usize = 1 + 1 + 16;

/// What a session has besides its id and its data. No `Debug`: it would print flash messages.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RecordHead {
    /// Version of the typed session; 0 for the dictionary.
    pub(crate) schema: u8,
    pub(crate) created_at: Timestamp,
    /// Seconds.
    pub(crate) idle_limit: u32,
    /// Seconds from `created_at` to the absolute end.
    pub(crate) lifetime: u32,
    pub(crate) remembered: bool,
    /// Oldest first.
    pub(crate) flashes: Vec<Flash>,
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) id: SessionId,
    pub(crate) head: RecordHead,
    /// Encoded.
    pub(crate) data: &'a [u8],
}

/// Why bytes do not read as a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordError {
    /// Another version of hardtack may know this layout, so it is treated as an unknown key is.
    UnknownLayout(u8),
    Malformed,
}

/// The fields between id and data, in the order of the format.
type Fields<'a> = (u32, u32, u32, u8, Vec<(u8, &'a str)>);

impl RecordHead {
    /// Fails if the data does not serialize.
    pub(crate) fn encoded_len<D: Serialize>(&self, data: &D) -> Result<usize, postcard::Error> {
        let len = postcard::experimental::serialized_size(&(self.fields(), data))?;
        Ok(len.saturating_add(PREFIX_LEN))
    }

    /// Returns the bytes of the record with this id and data. Fails if the data does not serialize.
    pub(crate) fn encode<D: Serialize>(
        &self,
        id: SessionId,
        data: &D,
    ) -> Result<Vec<u8>, postcard::Error> {
        let rest = (self.fields(), data);
        let len = postcard::experimental::serialized_size(&rest)?;
        let mut bytes = Vec::with_capacity(len.saturating_add(PREFIX_LEN));
        bytes.extend_from_slice(&[LAYOUT, self.schema]);
        bytes.extend_from_slice(&id.to_bytes());
        postcard::to_extend(&rest, bytes)
    }

    fn fields(&self) -> Fields<'_> {
        let flags = if self.remembered { REMEMBERED } else { 0 };
        let flashes = self.flashes.iter();
        let flashes = flashes.map(|flash| (flash.level as u8, flash.text.as_str()));
        (
            self.created_at.to_unix(),
            self.idle_limit,
            self.lifetime,
            flags,
            flashes.collect(),
        )
    }
}

impl<'a> Record<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Record<'a>, RecordError> {
        let (schema, rest) = match bytes {
            [LAYOUT, schema, rest @ ..] => (*schema, rest),
            [LAYOUT] | [] => return Err(RecordError::Malformed),
            [layout, ..] => return Err(RecordError::UnknownLayout(*layout)),
        };
        let (id, rest) = rest.split_first_chunk().ok_or(RecordError::Malformed)?;
        let (fields, data) =
            postcard::take_from_bytes::<Fields<'_>>(rest).map_err(|_| RecordError::Malformed)?;
        let (created_at, idle_limit, lifetime, flags, flashes) = fields;
        let flash = |(level, text): (u8, &str)| {
            Some(Flash {
                level: FlashLevel::from_u8(level)?,
                text: text.to_owned(),
            })
        };
        let flashes = flashes.into_iter().map(flash).collect::<Option<_>>();
        Ok(Record {
            id: SessionId::from_bytes(*id),
            head: RecordHead {
                schema,
                created_at: Timestamp::from_unix(created_at),
                idle_limit,
                lifetime,
                remembered: flags & REMEMBERED != 0,
                flashes: flashes.ok_or(RecordError::Malformed)?,
            },
            data,
        })
    }
}

#[cfg(test)]
mod tests;
