//! Where a session is: its record in the store, and the token that opens it.

use super::super::candidate::Refused;
use crate::{
    KeyId, KeyState, Timestamp,
    secret::Scratch,
    session::{
        data::SessionData,
        events::Refusal,
        lifecycle::{EndedLogin, Now, Sealed, SealedTicket},
        manager::SessionManager,
        record::{Ids, SessionId},
        store::{RecordKey, RecordSecret, StoreError, StoreErrorKind, StoreKeys, Tag, Unsealed},
    },
};
use alloc::{boxed::Box, vec::Vec};

/// What the cookie held.
pub(super) enum Came {
    AsTicket(Box<SealedTicket>),
    /// The whole session, with what its token says.
    AsSession(Ids, (Timestamp, KeyId, KeyState)),
}

pub(super) struct Current {
    pub(super) came: Came,
    pub(super) ids: Ids,
    /// The key of its record, under these ids.
    pub(super) key: RecordKey,
    pub(super) secret: RecordSecret,
    /// The version in the store, or `None` if the session is in its cookie only.
    pub(super) tag: Option<Tag>,
    /// The key of the record is retired.
    pub(super) is_retired: bool,
    /// The load has told the store to keep the record for longer. What is saved without another call is a renewal,
    /// which is never late.
    pub(super) kept: bool,
}

/// A record that opened, and the secret that opened it.
pub(super) struct Record {
    pub(super) unsealed: Unsealed,
    pub(super) secret: RecordSecret,
    pub(super) floor: Timestamp,
}

/// Runs `f` with the keys of this moment. No code of the application runs meanwhile.
pub(super) fn with_keys<T: SessionData, R>(
    manager: &SessionManager<T>,
    f: impl FnOnce(&StoreKeys, Timestamp) -> R,
) -> Option<R> {
    let keys = manager.keys();
    Some(f(keys.store.as_ref()?, keys.floor))
}

pub(in crate::session::request) fn record_key<T: SessionData>(
    manager: &SessionManager<T>,
    id: SessionId,
) -> Result<RecordKey, StoreError> {
    with_keys(manager, |keys, _| keys.record_key(id))
        .ok_or_else(|| StoreErrorKind::Unsupported.into())
}

impl Came {
    pub(super) fn ids(&self) -> Ids {
        match self {
            Came::AsTicket(ticket) => ticket.ticket.ids,
            Came::AsSession(ids, _) => *ids,
        }
    }

    /// Returns the id of the key that sealed the token.
    pub(super) fn key(&self) -> KeyId {
        match self {
            Came::AsTicket(ticket) => ticket.key,
            Came::AsSession(_, (_, key, _)) => *key,
        }
    }

    /// Opens what the store has under the key of this session. `used` is what opened it before.
    pub(super) fn open<T: SessionData>(
        &self,
        manager: &SessionManager<T>,
        used: Option<&RecordSecret>,
        key: &RecordKey,
        bytes: &[u8],
    ) -> Result<Record, Refusal> {
        let opened = with_keys(manager, |keys, floor| {
            let secrets = match (self, used) {
                (Came::AsTicket(_), Some(used)) => Vec::from([used.clone()]),
                (Came::AsTicket(ticket), None) => {
                    Vec::from([RecordSecret::new(ticket.ticket.secret.clone())])
                }
                // Another request has moved it, perhaps from a cookie under another key.
                (Came::AsSession(ids, _), _) => {
                    let secrets = keys.moved_secrets(ids.session).into_iter();
                    secrets
                        .map(|(_, secret)| RecordSecret::new(secret))
                        .collect()
                }
            };
            let mut reason = Refusal::Unreadable;
            for mut secret in secrets {
                match keys.open_record(&mut secret, key, bytes) {
                    Ok(unsealed) => {
                        return Ok(Record {
                            unsealed,
                            secret,
                            floor,
                        });
                    }
                    Err(error) => reason = Refusal::of(error),
                }
            }
            Err(reason)
        });
        opened.unwrap_or(Err(Refusal::Unreadable))
    }

    /// Reads a record with the times of this token.
    pub(super) fn read<T: SessionData>(
        &self,
        manager: &SessionManager<T>,
        now: Now,
        record: Scratch,
        floor: Timestamp,
    ) -> Result<Box<Sealed>, Refusal> {
        let rules = &manager.settings().rules;
        match self {
            Came::AsTicket(ticket) => ticket.read_record(rules, now, record, floor),
            Came::AsSession(ids, facts) => {
                let read = Sealed::read(rules, now, record, *facts, floor);
                let sealed = read.map_err(|(refusal, _)| refusal)?;
                if sealed.ids != *ids {
                    return Err(Refusal::Unreadable);
                }
                Ok(sealed)
            }
        }
    }
}

/// Returns `true` for what another instance may be able to read.
pub(super) fn is_unreadable(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Unreadable
            | Refusal::UnknownLayout
            | Refusal::UnknownKey
            | Refusal::UnknownVersion
            | Refusal::Invalid
            | Refusal::NewerSchema
    )
}

pub(super) fn refused(reason: Refusal, key: KeyId, login: EndedLogin) -> Refused {
    Refused {
        reason,
        key: Some(key),
        login: Some(login),
    }
}
