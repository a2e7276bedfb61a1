//! How long a session lives, and which logins are over before their time. Times are compared here and
//! nowhere else.

use super::view::SessionView;
use crate::{
    KeyId, KeyState, Timestamp,
    secret::Scratch,
    session::{
        endings::{Denylist, RecentEnd, RecentEnds},
        events::Refusal,
        record::{Ids, LoginId, Record, RecordError, RecordHead, SessionId},
    },
    timestamp::whole_seconds,
};
use alloc::boxed::Box;
use core::time::Duration;

pub(crate) type Validate<T> = Box<dyn Fn(&SessionView<'_, T>) -> bool + Send + Sync>;

/// A moment, by two clocks.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    /// What records and tokens are dated by. It can jump.
    pub(crate) wall: Timestamp,
    /// What the time within this process is measured by. It never goes back.
    pub(crate) ticks: Duration,
}

/// The site's rules for the life of a session, and the logins that are over before their time.
pub(crate) struct Rules<T> {
    pub(crate) normal: Timeouts,
    pub(crate) remembered: Timeouts,
    /// A session is remembered unless its handler says otherwise.
    pub(crate) remembers: bool,
    pub(crate) renew_after: Option<Duration>,
    /// How far two clocks of the site may be apart.
    pub(crate) skew: Duration,
    /// A session that was sealed earlier is sealed anew at its next use.
    pub(crate) reissue_before: Timestamp,
    pub(crate) validate: Option<Validate<T>>,
    pub(crate) denylist: Option<Denylist>,
    pub(crate) recent: RecentEnds<LoginId>,
    /// Sessions that got another id, and are the same login.
    pub(crate) renamed: RecentEnds<SessionId>,
    /// Sessions that are bound to a device are read.
    pub(crate) binds_devices: bool,
}

impl<T> Rules<T> {
    pub(super) fn timeouts(&self, remembered: bool) -> Timeouts {
        if remembered {
            self.remembered
        } else {
            self.normal
        }
    }

    /// Returns the longest lifetime that a session which starts today can get.
    pub(crate) fn longest(&self) -> u32 {
        self.normal.lifetime.max(self.remembered.lifetime)
    }

    /// Returns how a login ended before its time, if it did.
    pub(crate) fn end_of(&self, login: LoginId, now: Now) -> Option<RecentEnd> {
        let denied = |denylist: &Denylist| denylist.is_denied_at(login, now.wall, now.ticks);
        if self.denylist.as_ref().is_some_and(denied) {
            return Some(RecentEnd::Ended);
        }
        self.recent.get(login, now.ticks)
    }

    /// Returns `true` if a session of this login is not to be saved any more. Another login over it gets
    /// through if it was replaced and not ended: of a login that was clicked twice, the later one counts.
    pub(super) fn forbids_save(&self, login: LoginId, by_login: bool, now: Now) -> bool {
        match self.recent.get(login, now.ticks) {
            Some(RecentEnd::Replaced) => !by_login,
            Some(RecentEnd::Ended) => true,
            None => self.end_of(login, now).is_some(),
        }
    }

    /// Returns `true` if this process has seen one of these logins end or be replaced a moment ago.
    pub(crate) fn ended_lately(&self, logins: &[EndedLogin], now: Now) -> bool {
        let mut logins = logins.iter();
        logins.any(|ended| self.recent.get(ended.login, now.ticks).is_some())
    }
}

/// The idle limit and the lifetime of one class of sessions, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// From the last sealing.
    pub(crate) idle: u32,
    /// From the creation.
    pub(crate) lifetime: u32,
}

impl Timeouts {
    pub(crate) fn new(idle: Duration, lifetime: Duration) -> Timeouts {
        Timeouts {
            idle: whole_seconds(idle),
            lifetime: whole_seconds(lifetime),
        }
    }

    /// Returns those that a session was saved with.
    pub(crate) fn of(head: &RecordHead) -> Timeouts {
        Timeouts {
            idle: head.idle_limit,
            lifetime: head.lifetime.min(head.longest),
        }
    }

    /// Returns the earlier of a record's limits and the settings of today, so that lowering a setting
    /// acts at once and raising one revives nothing.
    pub(super) fn and(self, other: Timeouts) -> Timeouts {
        Timeouts {
            idle: self.idle.min(other.idle),
            lifetime: self.lifetime.min(other.lifetime),
        }
    }

    /// Refuses a session that is over. Exactly at a limit it is still good.
    pub(crate) fn check(
        self,
        created_at: Timestamp,
        issued_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if age(created_at, now) > self.lifetime {
            return Err(Refusal::AbsoluteTimeout);
        }
        if age(issued_at, now) > self.idle {
            return Err(Refusal::IdleTimeout);
        }
        Ok(())
    }

    /// Returns the latest end, however much the session is used.
    pub(super) fn absolute_end(self, created_at: Timestamp) -> Timestamp {
        created_at.saturating_add(Duration::from_secs(self.lifetime.into()))
    }

    /// Returns the end of a session that is not used any more.
    pub(crate) fn end(self, created_at: Timestamp, issued_at: Timestamp) -> Timestamp {
        let idle_end = issued_at.saturating_add(Duration::from_secs(self.idle.into()));
        idle_end.min(self.absolute_end(created_at))
    }

    /// Returns `true` once the idle time should be counted anew. By default that is after a tenth of
    /// the idle limit, so that an active user is never cut off before nine tenths of it.
    pub(super) fn renewal_due(
        self,
        issued_at: Timestamp,
        now: Timestamp,
        renew_after: Option<Duration>,
    ) -> bool {
        age(issued_at, now) >= renew_after.map_or(self.idle / 10, whole_seconds).max(1)
    }
}

/// In whole seconds.
pub(super) fn age(since: Timestamp, now: Timestamp) -> u32 {
    whole_seconds(now.saturating_duration_since(since))
}

/// A record as it was sealed, with what its token says.
pub(crate) struct Sealed {
    /// What a change is measured against.
    pub(super) record: Scratch,
    /// Where in the record the data begins.
    pub(super) data_at: usize,
    pub(crate) head: RecordHead,
    pub(crate) ids: Ids,
    pub(crate) issued_at: Timestamp,
    /// When this request read it. Whether an unchanged session is due to be sealed anew is decided as of then.
    pub(super) opened_at: Timestamp,
    pub(crate) key: KeyId,
    pub(crate) key_state: KeyState,
    /// Its limits as it was sealed.
    pub(super) limits: Timeouts,
    pub(crate) login: EndedLogin,
}

/// A login, and what is to be told of it when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndedLogin {
    pub(crate) session: SessionId,
    pub(crate) login: LoginId,
    pub(crate) of_person: bool,
    /// The end of every copy, whatever settings and calls make of it.
    pub(crate) absolute_end: Timestamp,
}

impl Sealed {
    /// Reads an authentic record and judges what does not need its data. Of a record that is refused,
    /// tells its login if it could be read. In a box, because it is handed on often.
    pub(crate) fn read<T>(
        rules: &Rules<T>,
        now: Now,
        record: Scratch,
        (issued_at, key, key_state): (Timestamp, KeyId, KeyState),
        floor: Timestamp,
    ) -> Result<Box<Sealed>, (Refusal, Option<EndedLogin>)> {
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
            of_person: head.is_of_person(),
            absolute_end: head.created_at.saturating_add(longest),
        };
        let limits = timeouts.and(rules.timeouts(head.remembered));
        let judged = if head.device_key.is_some() && !rules.binds_devices {
            // Nothing here can ask the device for its proof.
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
        Ok(Box::new(Sealed {
            data_at,
            head,
            ids,
            issued_at,
            opened_at: now.wall,
            key,
            key_state,
            limits,
            login,
            record,
        }))
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

#[cfg(test)]
mod tests;
