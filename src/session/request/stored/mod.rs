//! The session of a request whose manager has a store: loaded before the handler, saved after it.

mod call;
mod close;
mod commit;
mod current;
mod ends;
mod load;
mod merging;
mod owners;
mod saving;

pub(super) use close::{abandon, close, end};
pub(super) use commit::{Write, commit};
pub(super) use current::record_key;
pub(super) use load::{Loaded, begin, load, store_failed};

use crate::{
    Timestamp,
    session::{
        endings::RecentEnd,
        error::SessionError,
        events::Event,
        lifecycle::EndedLogin,
        record::{SessionId, TicketSecret},
        store::OwnerKey,
    },
};
use alloc::vec::Vec;
use current::{Came, Current};

/// What a request knows from the store.
pub(super) struct Stored {
    /// Somebody used the session, and did not only take it.
    used: bool,
    /// What is told of the session once somebody uses it.
    untold: Vec<Event>,
    /// The store gave no answer.
    failed: bool,
    /// There is a record that cannot be read: nothing may take its place.
    unreadable: bool,
    /// The session moved to another id or was destroyed a moment ago. The browser has something newer by
    /// now, which a new session would throw out.
    is_over: bool,
    /// Where the session that counts is.
    current: Option<Current>,
    /// All authentic tickets and sessions that came.
    received: Vec<Received>,
    /// When the request came.
    came_at: Timestamp,
    /// What this request has destroyed, and how that had ended before, if it had.
    pub(super) destroyed: Vec<(EndedLogin, Option<RecentEnd>)>,
}

struct Received {
    session: SessionId,
    /// `None` if the session was in its cookie.
    secret: Option<TicketSecret>,
    /// The store had its record.
    alive: bool,
    /// Whose it is, if its record says so.
    owner: Option<OwnerKey>,
}

impl Stored {
    fn new(came_at: Timestamp) -> Stored {
        Stored {
            used: false,
            untold: Vec::new(),
            failed: false,
            unreadable: false,
            is_over: false,
            current: None,
            received: Vec::new(),
            came_at,
            destroyed: Vec::new(),
        }
    }

    fn received(&self, session: SessionId) -> Option<&Received> {
        let mut received = self.received.iter();
        received.find(|received| received.session == session)
    }

    /// Lets a call use the session. The end of all needs no record.
    pub(super) fn used(
        &mut self,
        destroys: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), SessionError> {
        self.used = true;
        events.append(&mut self.untold);
        if self.failed && !destroys {
            return Err(SessionError::Store);
        }
        Ok(())
    }

    /// Keeps an event until somebody uses the session.
    pub(super) fn tell_later(&mut self, event: Option<Event>) {
        self.untold.extend(event);
    }

    /// Returns `true` if the session that counts came as a ticket.
    pub(super) fn came_as_ticket(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| matches!(current.came, Came::AsTicket(_)))
    }

    /// Returns the id under which the store was asked for the session that counts, and whether it had it.
    pub(super) fn asked_at(&self) -> Option<(SessionId, bool)> {
        let current = self.current.as_ref()?;
        Some((current.ids.session, current.tag.is_some()))
    }

    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Returns `true` if the browser has got a newer cookie by now, or is to get it.
    #[cfg(feature = "unstable-device-bound")]
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns `true` if only a login, or the end of all, may take the place of what is there.
    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }
}
