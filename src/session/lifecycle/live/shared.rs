//! A session that other requests may save meanwhile: what this request has changed, apart from what it
//! was given.

use super::{Before, LiveSession, Rules, Sealed, read_data};
use crate::{
    secret::Scratch,
    session::{
        data::{self, SessionData},
        error::SaveError,
        lifecycle::rules::{Now, Timeouts},
        record::{Ids, Record, RecordHead, SessionId, Ticket, TicketSecret},
    },
};
use alloc::{boxed::Box, string::String};
use rand_core::TryCryptoRng;

/// What a request has done to a session, for a merge with what others have done to it.
#[derive(Clone)]
pub(crate) struct OwnChange {
    /// The record as the request got it.
    pub(crate) base: Option<Scratch>,
    /// The data was replaced as a whole.
    pub(crate) replaced: bool,
    /// The flash messages of `base` were shown.
    pub(crate) took_flashes: bool,
    /// The request logged somebody in.
    pub(crate) is_login: bool,
    /// The data that it has written itself, if it logged somebody in and that is known.
    pub(crate) written: Option<Scratch>,
    /// It lets the session live longer than it could before.
    pub(crate) lives_longer: bool,
    /// It logged somebody in over the session of a subject, and did not say whose it is now.
    pub(crate) drops_subject: bool,
}

impl<T: SessionData> LiveSession<T> {
    pub(crate) fn subject(&self) -> Option<&str> {
        self.head.subject.as_deref()
    }

    /// Gives the session to somebody, and another id: a planted session must not be listed as theirs.
    pub(crate) fn set_subject<R: TryCryptoRng + ?Sized>(
        &mut self,
        subject: Option<String>,
        rng: &mut R,
    ) -> Result<(), SaveError> {
        self.regenerate(rng)?;
        self.head.subject = subject;
        self.sets_subject = true;
        Ok(())
    }

    pub(crate) fn describe(&mut self, text: String) {
        self.touched = true;
        self.description = Some(text);
    }

    pub(crate) fn take_description(&mut self) -> Option<String> {
        self.description.take()
    }

    /// Returns the ids that this session has and had.
    pub(crate) fn own_ids(&self) -> impl Iterator<Item = SessionId> + use<T> {
        let before = self.sealed().map(|sealed| sealed.ids.session);
        self.known_id().into_iter().chain(before)
    }

    pub(crate) fn own_change(&self) -> OwnChange {
        let sealed = self.sealed();
        let is_login = self.is_login();
        let had_subject = |sealed: &Sealed| sealed.head.subject.is_some();
        OwnChange {
            drops_subject: is_login && !self.sets_subject && sealed.is_some_and(had_subject),
            base: sealed.map(|sealed| sealed.record.clone()),
            replaced: self.replaced,
            took_flashes: self.received_flashes == 0,
            is_login,
            written: is_login.then(|| self.own_data()).flatten(),
            lives_longer: sealed.is_some_and(|sealed| {
                let [now, before] = [&self.head, &sealed.head].map(Timeouts::of);
                now.lifetime > before.lifetime
            }),
        }
    }

    /// Returns `true` if the login that this session came with has been ended meanwhile.
    pub(crate) fn has_ended(&self, rules: &Rules<T>, now: Now) -> bool {
        let end = self
            .sealed()
            .and_then(|sealed| rules.end_of(sealed.ids.login, now));
        end.is_some_and(|end| end.is_final())
    }

    /// Leaves the session that it came with behind, and keeps of the data what this request has written. Fails if
    /// nobody knows what that is: a second try logs in over nothing.
    pub(crate) fn start_over(&mut self) -> Result<(), SaveError> {
        let own = self.own_data().ok_or(SaveError::Contended)?;
        self.data = data::decode(&own.0).ok_or(SaveError::unreadable::<T>())?;
        self.before = Before::Nothing;
        Ok(())
    }

    fn own_data(&self) -> Option<Scratch> {
        data::encode_own(&self.data, self.replaced)
    }

    /// Returns the ticket that the record of this session has, as the request got it.
    pub(crate) fn ticket(&self, secret: TicketSecret) -> Option<Ticket> {
        let record = Record::decode(&self.sealed()?.record.0).ok()?;
        Some(Ticket::of(&record, secret))
    }

    /// Returns `true` if a ticket of the session as it stands says another thing than one of the session as it
    /// came.
    pub(super) fn changes_ticket(&self) -> bool {
        let secret = || TicketSecret::new([0; 16]);
        let ticket = self.ids.map(|ids| {
            let record = Record {
                ids,
                head: self.head.clone(),
                data: &[],
            };
            Ticket::of(&record, secret())
        });
        ticket != self.ticket(secret())
    }

    /// Returns a session that stands over another record than before: what this request and others have
    /// made of it together.
    pub(crate) fn merged(
        ids: Ids,
        head: RecordHead,
        data: T,
        theirs: Box<Sealed>,
    ) -> LiveSession<T> {
        let mut session = LiveSession::with(Some(ids), head, data);
        session.before = Before::Sealed(theirs);
        session.touched = true;
        session
    }

    /// Returns a session that stands over nothing.
    pub(crate) fn unsaved(ids: Ids, head: RecordHead, data: T) -> LiveSession<T> {
        let mut session = LiveSession::with(Some(ids), head, data);
        session.touched = true;
        session
    }
}

/// Reads a record with its data, of this version or an older one.
pub(crate) fn read_record<T: SessionData>(record: &[u8]) -> Option<(Ids, RecordHead, T)> {
    let Record {
        ids,
        mut head,
        data,
    } = Record::decode(record).ok()?;
    let data = read_data(head.schema, data).ok()?;
    head.schema = T::VERSION;
    Some((ids, head, data))
}
