//! What an owner's list of sessions shows of one, without its visitor.
//!
//! ```text
//! about = id (16) ‖ created-at ‖ text
//! ```

use super::{
    bytes::{Reader, RecordError, put_varint},
    id::SessionId,
};
use crate::Timestamp;
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// No `Debug`: it would print the text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) id: SessionId,
    pub(crate) created_at: Timestamp,
    pub(crate) text: String,
}

impl About {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.id.to_bytes().to_vec();
        put_varint(&mut bytes, self.created_at.to_unix());
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<About, RecordError> {
        let mut rest = Reader(bytes);
        let id = SessionId::from_bytes(rest.array()?);
        let created_at = Timestamp::from_unix(rest.varint()?);
        let text = core::str::from_utf8(rest.0).map_err(|_| RecordError::Malformed)?;
        Ok(About {
            id,
            created_at,
            text: text.to_owned(),
        })
    }
}
