use super::{
    rules::{Now, Rules},
    timeouts::Timeouts,
};
use crate::{
    KeyId, KeyState, Timestamp,
    secret::Scratch,
    session::{
        events::Refusal,
        record::{Ids, LoginId, Record, RecordError, RecordHead, SessionId},
    },
};
use core::time::Duration;

/// A record as it was sealed, with what its token says.
pub(crate) struct Sealed {
    /// What a change is measured against.
    pub(super) record: Scratch,
    /// Where in the record the data begins.
    pub(super) data_at: usize,
    pub(crate) ids: Ids,
    pub(crate) issued_at: Timestamp,
    pub(crate) key: KeyId,
    pub(crate) key_state: KeyState,
    /// Its limits as it was sealed, and when it began.
    pub(super) limits: Timeouts,
    pub(super) created_at: Timestamp,
    pub(crate) login: EndedLogin,
}

/// A login, and what is to be told of it when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndedLogin {
    pub(crate) session: SessionId,
    pub(crate) login: LoginId,
    pub(crate) by_login: bool,
    /// The end of every copy, whatever settings and calls make of it.
    pub(crate) absolute_end: Timestamp,
}

impl Sealed {
    /// Reads an authentic record and judges what does not need its data. Of a record that is refused,
    /// tells its login if it could be read.
    pub(crate) fn read<T>(
        rules: &Rules<T>,
        now: Now,
        record: Scratch,
        (issued_at, key, key_state): (Timestamp, KeyId, KeyState),
        floor: Timestamp,
    ) -> Result<(RecordHead, Sealed), (Refusal, Option<EndedLogin>)> {
        let decoded = Record::decode(&record.0).map_err(|error| match error {
            RecordError::UnknownLayout => (Refusal::UnknownLayout, None),
            RecordError::Malformed => (Refusal::Unreadable, None),
        })?;
        let Record { ids, head, data } = decoded;
        let data_at = record.0.len().saturating_sub(data.len());
        let timeouts = Timeouts::of(&head);
        let longest = Duration::from_secs(head.longest.into());
        let login = EndedLogin {
            session: ids.session,
            login: ids.login,
            by_login: head.by_login,
            absolute_end: head.created_at.saturating_add(longest),
        };
        let limits = timeouts.and(rules.timeouts(head.remembered));
        let judged = if head.device_key.is_some() {
            // Bound to a device: nothing here can ask the device for its proof.
            Err(Refusal::UnknownLayout)
        } else {
            judge(
                rules,
                now,
                (login, head.created_at, limits),
                issued_at,
                floor,
            )
        };
        judged.map_err(|refusal| (refusal, Some(login)))?;
        let sealed = Sealed {
            data_at,
            ids,
            issued_at,
            key,
            key_state,
            limits,
            created_at: head.created_at,
            login,
            record,
        };
        Ok((head, sealed))
    }
}

/// Judges the times of a session, and whether its login has ended.
pub(super) fn judge<T>(
    rules: &Rules<T>,
    now: Now,
    (login, created_at, limits): (EndedLogin, Timestamp, Timeouts),
    issued_at: Timestamp,
    floor: Timestamp,
) -> Result<(), Refusal> {
    if created_at > issued_at.saturating_add(rules.skew) {
        // A clock that was wrong when the session began would let it live that much longer.
        Err(Refusal::NotYetValid)
    } else if created_at < floor {
        Err(Refusal::Revoked)
    } else if rules
        .end_of(login.login, now)
        .is_some_and(|end| end.is_final())
    {
        Err(Refusal::Ended)
    } else {
        limits.check(created_at, issued_at, now.wall)
    }
}
