//! How long a session lives: the one place where its times are compared.

use super::{Refusal, record::Record};
use crate::{Timestamp, timestamp::whole_seconds};
use core::time::Duration;

/// The idle limit and the lifetime of one class of sessions, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// From the last sealing.
    pub(super) idle: u32,
    /// From the creation.
    pub(super) lifetime: u32,
}

impl Limits {
    pub(super) fn new(idle: Duration, lifetime: Duration) -> Limits {
        Limits {
            idle: whole_seconds(idle),
            lifetime: whole_seconds(lifetime),
        }
    }

    /// Those that a session was saved with.
    pub(super) fn of<D>(record: &Record<D>) -> Limits {
        Limits {
            idle: record.idle_limit,
            lifetime: record.lifetime,
        }
    }

    /// The earlier of a record's limits and the settings of today: lowering a setting acts at once,
    /// raising one revives nothing.
    pub(super) fn and(self, other: Limits) -> Limits {
        Limits {
            idle: self.idle.min(other.idle),
            lifetime: self.lifetime.min(other.lifetime),
        }
    }

    /// Whether a session is over. Exactly at a limit it is still good.
    pub(super) fn check(
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

    /// The latest end, however much the session is used.
    pub(super) fn absolute_end(self, created_at: Timestamp) -> Timestamp {
        created_at.saturating_add(Duration::from_secs(self.lifetime.into()))
    }

    /// The end if the session is not used any more.
    pub(super) fn end(self, created_at: Timestamp, issued_at: Timestamp) -> Timestamp {
        let idle_end = issued_at.saturating_add(Duration::from_secs(self.idle.into()));
        idle_end.min(self.absolute_end(created_at))
    }

    /// Whether the idle time is to be counted anew: after `renew_after`, by default a tenth of the
    /// idle limit, so that an active user is never cut off before nine tenths of it.
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
fn age(since: Timestamp, now: Timestamp) -> u32 {
    whole_seconds(now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests;
