use super::{timeouts::Timeouts, view::SessionView};
use crate::{
    Timestamp,
    session::{
        endings::{Denylist, RecentEnd, RecentEnds},
        record::LoginId,
    },
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
    pub(crate) renew_after: Option<Duration>,
    /// How far two clocks of the site may be apart.
    pub(crate) skew: Duration,
    /// A session that was sealed earlier is sealed anew at its next use.
    pub(crate) reissue_before: Timestamp,
    pub(crate) validate: Option<Validate<T>>,
    pub(crate) denylist: Option<Denylist>,
    pub(crate) recent: RecentEnds,
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
    pub(super) fn end_of(&self, login: LoginId, now: Now) -> Option<RecentEnd> {
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
    pub(super) fn ended_lately(&self, mut logins: impl Iterator<Item = LoginId>, now: Now) -> bool {
        logins.any(|login| self.recent.get(login, now.ticks).is_some())
    }
}
