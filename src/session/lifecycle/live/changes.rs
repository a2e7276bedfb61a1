//! What a handler does to a session as a whole: another id, a login, another end.

use super::{Before, LiveSession};
use crate::{
    Timestamp,
    session::{
        data::SessionData,
        error::SaveError,
        lifecycle::{
            random::{new_login_id, new_session_id},
            rules::{Rules, Timeouts},
        },
        record::Ids,
    },
    timestamp::whole_seconds,
};
use core::time::Duration;
use rand_core::TryCryptoRng;

impl<T: SessionData> LiveSession<T> {
    /// Gives the session another id, so that a planted one (session fixation) is worth nothing.
    pub(crate) fn regenerate<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
    ) -> Result<(), SaveError> {
        self.touched = true;
        let session = new_session_id(rng)?;
        self.ids = Some(Ids {
            session,
            ..self.ids(rng)?
        });
        Ok(())
    }

    /// Starts a login: other ids and a new lifetime. What the session was told before, about how long to
    /// live and which messages to show, was for another person.
    pub(crate) fn regenerate_for_login<R: TryCryptoRng + ?Sized>(
        &mut self,
        rules: &Rules<T>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(), SaveError> {
        self.touched = true;
        let ids = Ids {
            session: new_session_id(rng)?,
            login: new_login_id(rng)?,
        };
        self.ids = Some(ids);
        self.head.by_login = true;
        // It was bound before a credential was checked, perhaps by an attacker.
        self.head.device_key = None;
        self.adopted = false;
        if !self.sets_subject {
            // Nor is it listed among the sessions of the person before.
            self.head.subject = None;
        }
        self.head.created_at = now;
        self.head.longest = rules.longest();
        self.head.remembered = self.remember.unwrap_or(rules.remembers);
        self.set_timeouts(rules.timeouts(self.head.remembered));
        let received = self.received_flashes.min(self.head.flashes.len());
        self.head.flashes.drain(..received);
        self.received_flashes = 0;
        Ok(())
    }

    /// Ends the session `after` from now at the latest.
    pub(crate) fn expire_in(&mut self, rules: &Rules<T>, now: Timestamp, after: Duration) {
        self.touched = true;
        let end = now.saturating_add(after);
        let lifetime = whole_seconds(end.saturating_duration_since(self.head.created_at));
        // Nor beyond the settings, or raising them would bring back what should be over.
        self.head.lifetime = lifetime.min(self.timeouts(rules).lifetime);
    }

    /// Returns `false` if a session that is remembered no longer would be over by now: it is to be
    /// destroyed, because the browser would keep it as it is.
    pub(crate) fn remember(&mut self, rules: &Rules<T>, now: Timestamp, remembered: bool) -> bool {
        self.touched = true;
        self.remember = Some(remembered);
        if self.head.remembered == remembered {
            return true;
        }
        let timeouts = rules.timeouts(remembered);
        let over = timeouts.check(self.head.created_at, now, now).is_err();
        // A new session has nothing to end: a clock that jumped makes it old, and a cookie that was
        // refused stays.
        if over && !self.is_new() {
            return false;
        }
        self.head.remembered = remembered;
        self.set_timeouts(timeouts);
        true
    }

    /// Starts an empty session in the place of this one.
    pub(crate) fn destroy(&mut self, rules: &Rules<T>, now: Timestamp) {
        *self = LiveSession {
            before: Before::Destroyed,
            ..LiveSession::new(rules, now)
        };
    }

    /// Takes back all that this request has written. What it has ended stays ended.
    pub(crate) fn discard_changes(&mut self, rules: &Rules<T>, now: Timestamp) {
        let mut fresh = LiveSession::new(rules, now);
        let adopted = self.head.device_key.filter(|_| self.adopted);
        match core::mem::replace(&mut self.before, Before::Nothing) {
            Before::Nothing => {}
            Before::Destroyed => fresh.before = Before::Destroyed,
            Before::Sealed(sealed) => {
                fresh = LiveSession::read(&sealed).unwrap_or(fresh);
                fresh.before = Before::Sealed(sealed);
                if adopted.is_some() {
                    fresh.head.device_key = adopted;
                    fresh.adopted = true;
                }
            }
        }
        *self = fresh;
    }

    fn set_timeouts(&mut self, Timeouts { idle, lifetime }: Timeouts) {
        self.head.idle_limit = idle;
        self.head.lifetime = lifetime;
    }
}
