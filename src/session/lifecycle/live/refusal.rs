//! What must not be saved any more once the response is due.

use super::LiveSession;
#[cfg(feature = "store")]
use crate::session::lifecycle::Now;
use crate::session::{
    data::SessionData,
    events::SkipReason,
    lifecycle::{
        decision::{Closing, Save},
        rules::{Rules, age},
    },
};
use core::time::Duration;

/// A mere renewal that comes later than this after the request's head is left out: another request may
/// have ended the session meanwhile, in another process too, and the late answer would bring it back.
const LATE: Duration = Duration::from_secs(1);
/// The same once half of the idle limit is gone: slow uploads must not starve the session.
const LATE_WHEN_DUE: Duration = Duration::from_secs(30);

/// Returns `true` if a renewal has to ask the store once more.
#[cfg(feature = "store")]
pub(super) fn is_slow(now: Now, closing: Closing<'_>) -> bool {
    /// Another instance may have given the session another id meanwhile, and the browser has the cookie of that one.
    const SLOW: Duration = Duration::from_millis(100);
    now.ticks.saturating_sub(closing.head_at) > SLOW
}

impl<T: SessionData> LiveSession<T> {
    /// Returns why a session must not be saved.
    pub(super) fn refuse_save(
        &self,
        rules: &Rules<T>,
        closing: Closing<'_>,
        save: &Save,
    ) -> Option<SkipReason> {
        let at = save.now;
        let now = at.wall;
        if let Some(sealed) = self.sealed() {
            let limits = sealed.limits;
            let elapsed = at.ticks.saturating_sub(closing.head_at);
            let due = age(sealed.issued_at, now) >= limits.idle / 2;
            if save.is_renewal() && elapsed > if due { LATE_WHEN_DUE } else { LATE } {
                return Some(SkipReason::TooLate);
            }
            // The browser has got the cookie of another id, and this one would take its place.
            if save.is_renewal() && rules.renamed.get(sealed.ids.session, at.ticks).is_some() {
                return Some(SkipReason::LoginEnded);
            }
            // Whatever this process has seen end or be replaced, no answer of it brings back.
            if rules.forbids_save(sealed.ids.login, self.is_login(), at) {
                return Some(SkipReason::LoginEnded);
            }
            // An answer that took longer than the session lived: it would start its idle time again.
            let over = limits.check(sealed.head.created_at, sealed.issued_at, now);
            if over.is_err() && !self.is_login() {
                return Some(SkipReason::Ended);
            }
        } else if !self.is_login() && rules.ended_lately(closing.others, at) {
            // Another tab has logged in or out over the same cookie: a session of this one's own would
            // throw out the login that the browser has just got.
            return Some(SkipReason::LoginEnded);
        }
        if self.head.created_at > now.saturating_add(rules.skew) {
            return Some(SkipReason::NotYetValid);
        }
        let timeouts = self.timeouts(rules);
        if timeouts.check(self.head.created_at, now, now).is_err() {
            return Some(SkipReason::Ended);
        }
        if rules
            .end_of(save.ids.login, at)
            .is_some_and(|end| end.is_final())
        {
            return Some(SkipReason::LoginEnded);
        }
        if !self.replaces_valid(rules) || !self.is_valid(rules, save.ids, now) {
            return Some(SkipReason::NotValidated);
        }
        None
    }
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_renewal_is_slow_after_a_tenth_of_a_second() {
        for (ticks, slow) in [(0, false), (100, false), (101, true), (10_000, true)] {
            let now = Now {
                wall: Timestamp::MIN,
                ticks: Duration::from_millis(ticks),
            };
            let closing = Closing {
                now: &|| now,
                head_at: Duration::ZERO,
                renews: true,
                others: &[],
            };
            assert_eq!(is_slow(now, closing), slow, "{ticks}");
        }
    }
}
