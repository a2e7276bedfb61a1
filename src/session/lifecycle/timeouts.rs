//! How long a session lives. Its times are compared here and nowhere else.

use crate::{
    Timestamp,
    session::{events::Refusal, record::RecordHead},
    timestamp::whole_seconds,
};
use core::time::Duration;

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

#[cfg(test)]
mod tests;
