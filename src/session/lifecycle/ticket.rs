//! A session in a store, whose cookie holds a ticket: the ticket's times count with those of the record.

use super::rules::{EndedLogin, Now, Rules, Sealed, Timeouts, age, judge};
use crate::{
    KeyId, KeyState, Timestamp,
    secret::Scratch,
    session::{
        events::Refusal,
        record::{RecordError, RecordHead, Ticket},
    },
};
use alloc::boxed::Box;
use core::time::Duration;

/// How much longer a store keeps a record than its session can be used: a request may take that long.
const KEEP_MARGIN: Duration = Duration::from_secs(5 * 60);
/// How long a store keeps a session at first that nobody has logged in to: robots take no cookie, and must not
/// fill the store. The first request that brings the ticket prolongs it.
const KEEP_UNSEEN: Duration = Duration::from_secs(10 * 60);

/// A ticket as it was sealed, with what its token says.
pub(crate) struct SealedTicket {
    pub(crate) ticket: Ticket,
    pub(crate) issued_at: Timestamp,
    pub(crate) key: KeyId,
    pub(crate) key_state: KeyState,
    pub(crate) login: EndedLogin,
    limits: Timeouts,
}

impl SealedTicket {
    /// Reads an authentic ticket and judges its times. In a box, as [`Sealed::read`].
    pub(crate) fn read<T>(
        rules: &Rules<T>,
        now: Now,
        payload: &[u8],
        (issued_at, key, key_state): (Timestamp, KeyId, KeyState),
        floor: Timestamp,
    ) -> Result<Box<SealedTicket>, (Refusal, Option<EndedLogin>)> {
        let ticket = Ticket::decode(payload).map_err(|error| match error {
            RecordError::UnknownLayout => (Refusal::UnknownLayout, None),
            RecordError::Malformed => (Refusal::Unreadable, None),
        })?;
        let limits = Timeouts {
            idle: ticket.idle_limit,
            lifetime: ticket.lifetime.min(ticket.longest),
        };
        let limits = limits.and(rules.timeouts(ticket.remembered));
        let longest = Duration::from_secs(ticket.longest.into());
        let login = EndedLogin {
            session: ticket.ids.session,
            login: ticket.ids.login,
            of_person: ticket.by_login,
            absolute_end: ticket.created_at.saturating_add(longest),
        };
        judge(
            rules,
            now,
            (login, ticket.created_at, limits),
            issued_at,
            floor,
        )
        .map_err(|refusal| (refusal, Some(login)))?;
        Ok(Box::new(SealedTicket {
            ticket,
            issued_at,
            key,
            key_state,
            login,
            limits,
        }))
    }

    /// Returns how long the store is to keep the record from now on, if this request uses the session.
    pub(crate) fn keep(&self, now: Timestamp) -> Duration {
        keep(self.limits, self.ticket.created_at, now)
    }

    /// Returns `true` if the record is to be kept longer with this load: the ticket is due to be sealed
    /// anew, or nobody may have shown it before.
    pub(crate) fn keeps<T>(&self, rules: &Rules<T>, now: Timestamp) -> bool {
        let unseen = !self.ticket.by_login
            && self
                .issued_at
                .saturating_duration_since(self.ticket.created_at)
                <= KEEP_UNSEEN;
        unseen
            || matches!(self.key_state, KeyState::Retired(_))
            || self.issued_at < rules.reissue_before
            || self
                .limits
                .renewal_due(self.issued_at, now, rules.renew_after)
    }

    /// Returns `true` if the ticket is so new that a replica or a failover may not have its record yet.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        age(self.issued_at, now) < 60
    }

    /// Reads the record of this ticket. Of both limits the earlier counts.
    pub(crate) fn read_record<T>(
        &self,
        rules: &Rules<T>,
        now: Now,
        record: Scratch,
        floor: Timestamp,
    ) -> Result<Box<Sealed>, Refusal> {
        let facts = (self.issued_at, self.key, self.key_state);
        let read = Sealed::read(rules, now, record, facts, floor);
        let mut sealed = read.map_err(|(refusal, _)| refusal)?;
        if sealed.ids != self.ticket.ids {
            return Err(Refusal::Unreadable);
        }
        sealed.limits = sealed.limits.and(self.limits);
        Ok(sealed)
    }
}

/// Returns how long a store is to keep a record that is saved now, and how long it can live at most.
pub(crate) fn keep_saved<T>(
    rules: &Rules<T>,
    head: &RecordHead,
    is_new: bool,
    now: Timestamp,
) -> (Duration, Duration) {
    let own = Timeouts::of(head);
    let limits = own.and(rules.timeouts(head.remembered));
    // Whatever the settings are today: they may be what they were before again.
    let at_most = own.absolute_end(head.created_at);
    let at_most = at_most
        .saturating_duration_since(now)
        .saturating_add(KEEP_MARGIN);
    let used = keep(limits, head.created_at, now);
    let unseen = is_new && !head.is_of_person();
    (if unseen { used.min(KEEP_UNSEEN) } else { used }, at_most)
}

fn keep(limits: Timeouts, created_at: Timestamp, now: Timestamp) -> Duration {
    let end = limits.end(created_at, now);
    end.saturating_duration_since(now)
        .saturating_add(KEEP_MARGIN)
}
