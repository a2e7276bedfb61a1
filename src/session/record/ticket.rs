//! The payload of a session token whose record is in a store.
//!
//! ```text
//! ticket = layout u8 ‖ id (16) ‖ login id (8) ‖ flags u8 ‖ secret (16)
//!        ‖ created-at ‖ idle limit ‖ lifetime ‖ longest
//! ```
//!
//! The four numbers are varints in their shortest form.

use super::{
    bytes::{BY_LOGIN, Ids, REMEMBERED, Reader, Record, RecordError, put_varint},
    id::SessionId,
    login_id::LoginId,
};
use crate::Timestamp;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// The layout that follows that of a record.
const LAYOUT: u8 = 2;

/// The most bytes that a ticket has.
pub(crate) const MAX_TICKET_LEN: usize = 1 + 16 + 8 + 1 + 16 + 4 * 5;

/// What opens a stored record, beside the keyring. It is in the visitor's cookie and nowhere else. No `Debug`: it
/// would print the secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TicketSecret(pub(crate) Zeroizing<[u8; 16]>);

impl TicketSecret {
    pub(crate) fn new(bytes: [u8; 16]) -> TicketSecret {
        TicketSecret(Zeroizing::new(bytes))
    }
}

/// Names a stored record and opens it. No `Debug`: it would print the secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) ids: Ids,
    pub(crate) remembered: bool,
    pub(crate) by_login: bool,
    pub(crate) secret: TicketSecret,
    pub(crate) created_at: Timestamp,
    /// Seconds, as in the record.
    pub(crate) idle_limit: u32,
    pub(crate) lifetime: u32,
    pub(crate) longest: u32,
}

impl Ticket {
    /// Returns the ticket of a record.
    pub(crate) fn of(record: &Record<'_>, secret: TicketSecret) -> Ticket {
        let head = &record.head;
        Ticket {
            ids: record.ids,
            remembered: head.remembered,
            by_login: head.by_login,
            secret,
            created_at: head.created_at,
            idle_limit: head.idle_limit,
            lifetime: head.lifetime,
            longest: head.longest,
        }
    }

    /// Returns `true` if a payload is a ticket, readable or not.
    pub(crate) fn is(payload: &[u8]) -> bool {
        payload.first() == Some(&LAYOUT)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_TICKET_LEN);
        bytes.push(LAYOUT);
        bytes.extend_from_slice(&self.ids.session.to_bytes());
        bytes.extend_from_slice(&self.ids.login.to_bytes());
        let flag = |set, flag| if set { flag } else { 0 };
        bytes.push(flag(self.remembered, REMEMBERED) | flag(self.by_login, BY_LOGIN));
        bytes.extend_from_slice(&*self.secret.0);
        let created_at = self.created_at.to_unix();
        for number in [created_at, self.idle_limit, self.lifetime, self.longest] {
            put_varint(&mut bytes, number);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Ticket, RecordError> {
        let mut rest = match bytes {
            [LAYOUT, rest @ ..] => Reader(rest),
            [] => return Err(RecordError::Malformed),
            _ => return Err(RecordError::UnknownLayout),
        };
        let session = SessionId::from_bytes(rest.array()?);
        let login = LoginId::from_bytes(rest.array()?);
        let [flags] = rest.array()?;
        if flags & !(REMEMBERED | BY_LOGIN) != 0 {
            return Err(RecordError::UnknownLayout);
        }
        let ticket = Ticket {
            ids: Ids { session, login },
            remembered: flags & REMEMBERED != 0,
            by_login: flags & BY_LOGIN != 0,
            secret: TicketSecret::new(rest.array()?),
            created_at: Timestamp::from_unix(rest.varint()?),
            idle_limit: rest.varint()?,
            lifetime: rest.varint()?,
            longest: rest.varint()?,
        };
        match rest.0 {
            [] => Ok(ticket),
            _ => Err(RecordError::Malformed),
        }
    }
}
