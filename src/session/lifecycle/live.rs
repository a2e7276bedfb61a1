use super::{
    decision::{Closing, Decision, Save},
    random::{new_login_id, new_session_id},
    rules::{EndedLogin, Rules, Sealed, Timeouts},
    view::SessionView,
};
use crate::{
    KeyState, Timestamp,
    secret::Scratch,
    session::{
        data::{self, OldData, SessionData},
        error::{SaveError, SessionError},
        events::{Event, Refusal, SaveReason, SkipReason},
        record::{Flash, Ids, MAX_FLASH_BYTES, MAX_FLASHES, Record, RecordHead, SessionId},
    },
};
#[cfg(feature = "store")]
use alloc::string::String;
use alloc::{boxed::Box, vec::Vec};
use core::cmp::Ordering;
use rand_core::TryCryptoRng;

/// A session as the handler sees it.
pub(crate) struct LiveSession<T> {
    before: Before,
    /// Drawn when one of them is first needed.
    ids: Option<Ids>,
    head: RecordHead,
    data: T,
    /// Set by every call that can change something: only then is it encoded again.
    touched: bool,
    /// Asked for by the handler, due or not.
    renew: bool,
    /// A value had another type than the handler asked for.
    misread: bool,
    /// What this request called `remember` with.
    remember: Option<bool>,
    /// This request said whose session it is.
    sets_subject: bool,
    /// The record that came has no device key, and this one has.
    adopted: bool,
    /// How many of the flash messages came with the request.
    received_flashes: usize,
    /// The data was replaced as a whole, and not key by key.
    #[cfg(feature = "store")]
    replaced: bool,
    /// What the list of its owner is to show of it from now on.
    #[cfg(feature = "store")]
    description: Option<String>,
}

/// What the browser gets of a session that is saved.
#[derive(Clone, Copy)]
pub(crate) enum BrowserHolds {
    Session,
    /// What names it, and most changes do not reach.
    #[cfg(feature = "store")]
    Ticket,
}

/// What the browser had of this session before this request changed it.
enum Before {
    Nothing,
    Sealed(Box<Sealed>),
    /// This request destroyed it.
    Destroyed,
}

impl<T: SessionData> LiveSession<T> {
    /// Starts a session that nobody has seen yet.
    pub(crate) fn new(rules: &Rules<T>, now: Timestamp) -> LiveSession<T> {
        let Timeouts { idle, lifetime } = rules.timeouts(rules.remembers);
        let head = RecordHead {
            schema: T::VERSION,
            remembered: rules.remembers,
            by_login: false,
            created_at: now,
            idle_limit: idle,
            lifetime,
            longest: rules.longest(),
            device_key: None,
            subject: None,
            flashes: Vec::new(),
        };
        LiveSession::with(None, head, T::default())
    }

    /// Opens a session whose times hold: reads its data and asks `validate`.
    pub(crate) fn open(
        rules: &Rules<T>,
        mut sealed: Box<Sealed>,
    ) -> Result<Box<LiveSession<T>>, Refusal> {
        let mut session = Box::new(LiveSession::read(&sealed)?);
        if sealed.head.schema != T::VERSION {
            // What the handler changes is measured against the session as it was handed to it.
            let record = session.encode_readable(sealed.ids);
            sealed.record = record.ok_or(Refusal::Unreadable)?;
            sealed.head.schema = T::VERSION;
            let data = Record::decode(&sealed.record.0).map_or(0, |record| record.data.len());
            sealed.data_at = sealed.record.0.len().saturating_sub(data);
        }
        if !session.is_valid(rules, sealed.ids, sealed.issued_at) {
            return Err(Refusal::NotValidated);
        }
        session.before = Before::Sealed(sealed);
        Ok(session)
    }

    fn read(sealed: &Sealed) -> Result<LiveSession<T>, Refusal> {
        let bytes = sealed.record.0.get(sealed.data_at..);
        let bytes = bytes.ok_or(Refusal::Unreadable)?;
        let data = read_data(sealed.head.schema, bytes)?;
        let mut head = sealed.head.clone();
        head.schema = T::VERSION;
        Ok(LiveSession::with(Some(sealed.ids), head, data))
    }

    fn with(ids: Option<Ids>, head: RecordHead, data: T) -> LiveSession<T> {
        LiveSession {
            before: Before::Nothing,
            received_flashes: head.flashes.len(),
            ids,
            head,
            data,
            touched: false,
            renew: false,
            misread: false,
            remember: None,
            sets_subject: false,
            adopted: false,
            #[cfg(feature = "store")]
            replaced: false,
            #[cfg(feature = "store")]
            description: None,
        }
    }

    pub(crate) fn data(&self) -> &T {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut T {
        self.touched = true;
        &mut self.data
    }

    /// Replaces the data as a whole.
    pub(crate) fn replace(&mut self, data: T) -> T {
        #[cfg(feature = "store")]
        {
            self.replaced = true;
        }
        core::mem::replace(self.data_mut(), data)
    }

    pub(crate) fn created_at(&self) -> Timestamp {
        self.head.created_at
    }

    pub(crate) fn is_new(&self) -> bool {
        self.sealed().is_none()
    }

    /// Returns `true` if this request destroyed the session: what is not replaced is removed.
    pub(crate) fn is_destroyed(&self) -> bool {
        matches!(self.before, Before::Destroyed)
    }

    /// Returns the event for a session that came with the request.
    pub(crate) fn opened(&self) -> Option<Event> {
        self.sealed().map(|sealed| Event::Opened {
            id: sealed.ids.session,
            login_id: sealed.ids.login,
            key: sealed.key,
            key_state: sealed.key_state,
        })
    }

    /// Returns the login that the browser has, as it was sealed.
    pub(crate) fn sealed_login(&self) -> Option<EndedLogin> {
        self.sealed().map(|sealed| sealed.login)
    }

    /// Returns `true` if it came as the session of a person, and not of a guest.
    #[cfg(feature = "store")]
    pub(crate) fn was_of_person(&self) -> bool {
        let sealed = self.sealed();
        sealed.is_some_and(|sealed| sealed.head.is_of_person())
    }

    pub(crate) fn is_remembered(&self) -> bool {
        self.head.remembered
    }

    /// Returns `true` if this request logged somebody in.
    pub(crate) fn is_login(&self) -> bool {
        let before = self.sealed().map(|sealed| sealed.ids.login);
        self.head.by_login && self.ids.map(|ids| ids.login) != before
    }

    /// Returns the id if it was drawn.
    pub(crate) fn known_id(&self) -> Option<SessionId> {
        self.ids.map(|ids| ids.session)
    }

    pub(crate) fn ids<R: TryCryptoRng + ?Sized>(&mut self, rng: &mut R) -> Result<Ids, SaveError> {
        match self.ids {
            Some(ids) => Ok(ids),
            None => {
                let ids = Ids {
                    session: new_session_id(rng)?,
                    login: new_login_id(rng)?,
                };
                Ok(*self.ids.insert(ids))
            }
        }
    }

    /// Returns the end of the session if it is not used any more, as it stands: one that will be sealed for the
    /// browser counts from now. `renews` tells whether this request renews sessions.
    pub(crate) fn expires_at(
        &self,
        rules: &Rules<T>,
        now: Timestamp,
        renews: bool,
        holds: BrowserHolds,
    ) -> Timestamp {
        let is_sealed_anew = |sealed: &Sealed| {
            let as_of = if self.is_changed() {
                now
            } else {
                sealed.opened_at
            };
            let is_over = (sealed.limits).check(sealed.head.created_at, sealed.issued_at, now);
            self.is_login()
                || is_over.is_ok()
                    && (self.reaches_browser(holds)
                        || renews && self.renewal(rules, sealed, as_of).is_some())
        };
        let issued_at = match self.sealed() {
            Some(sealed) if !is_sealed_anew(sealed) => sealed.issued_at,
            _ => now,
        };
        self.timeouts(rules).end(self.head.created_at, issued_at)
    }

    /// Returns `true` if the response will carry another value than the browser has.
    pub(crate) fn is_changed(&self) -> bool {
        match (self.sealed(), self.ids) {
            (Some(sealed), Some(ids)) => {
                let is_same = |record: Scratch| record.0 == sealed.record.0;
                self.touched && !self.encode_readable(ids).is_some_and(is_same)
            }
            _ => self.is_destroyed() || !self.is_blank(),
        }
    }

    fn reaches_browser(&self, holds: BrowserHolds) -> bool {
        match holds {
            BrowserHolds::Session => self.is_changed(),
            #[cfg(feature = "store")]
            BrowserHolds::Ticket => self.is_changed() && self.changes_ticket(),
        }
    }

    /// Counts the idle time anew with this response, due or not.
    pub(crate) fn touch(&mut self) {
        self.renew = true;
    }

    /// Notes that the handler could not read a value: a page that fails for it must not keep the session
    /// alive, or it would fail for as long as somebody uses it.
    pub(crate) fn misread(&mut self) {
        self.misread = true;
    }

    pub(crate) fn flash(&mut self, flash: Flash) -> Result<(), SessionError> {
        self.touched = true;
        let flashes = &mut self.head.flashes;
        let bytes = flashes.iter().map(|flash| flash.text.len()).sum::<usize>();
        if flashes.len() >= MAX_FLASHES || bytes.saturating_add(flash.text.len()) > MAX_FLASH_BYTES
        {
            return Err(SessionError::TooManyFlashes);
        }
        flashes.push(flash);
        Ok(())
    }

    pub(crate) fn flashes(&self) -> &[Flash] {
        &self.head.flashes
    }

    pub(crate) fn take_flashes(&mut self) -> Vec<Flash> {
        self.touched = true;
        self.received_flashes = 0;
        core::mem::take(&mut self.head.flashes)
    }

    /// Decides what becomes of the session now that its response is due.
    pub(crate) fn decide<R: TryCryptoRng + ?Sized>(
        &mut self,
        rules: &Rules<T>,
        closing: Closing<'_>,
        rng: &mut R,
    ) -> Decision {
        if self.is_blank() {
            return Decision::Keep;
        }
        let ids = match self.ids(rng) {
            Ok(ids) => ids,
            Err(error) => return Decision::Fail(error),
        };
        let (reason, record) = match self.to_save(rules, ids) {
            Ok(Some(to_save)) => to_save,
            Ok(None) => return Decision::Keep,
            Err(error) => return Decision::Fail(error),
        };
        let now = (closing.now)();
        let max_age = self.head.remembered.then(|| {
            let end = self.timeouts(rules).end(self.head.created_at, now.wall);
            end.saturating_duration_since(now.wall)
        });
        let save = Save {
            reason,
            now,
            ids,
            record,
            max_age,
            replaces: self.replaced().map(|sealed| sealed.login),
            #[cfg(feature = "store")]
            due: self
                .sealed()
                .is_some_and(|sealed| self.renewal(rules, sealed, now.wall).is_some()),
            #[cfg(feature = "store")]
            is_slow: refusal::is_slow(now, closing),
        };
        if save.is_renewal() && !closing.renews {
            return Decision::Keep;
        }
        match self.refuse_save(rules, closing, &save) {
            // Their credential was checked, and a page must not tell them that they are logged in.
            Some(SkipReason::LoginEnded) if self.is_login() => Decision::Fail(SaveError::Contended),
            Some(reason) => Decision::Skip(reason),
            None => Decision::Save(save),
        }
    }

    /// Returns the length of the record as it stands.
    pub(crate) fn record_len(&self) -> Result<usize, SessionError> {
        let len = self.head.encoded_len(&self.data);
        len.map_err(|_| SessionError::Unstorable {
            key: T::NAME.into(),
            reason: "it does not serialize".into(),
        })
    }

    pub(super) fn sealed(&self) -> Option<&Sealed> {
        match &self.before {
            Before::Sealed(sealed) => Some(sealed),
            Before::Nothing | Before::Destroyed => None,
        }
    }

    /// The record's limits and those of the settings.
    fn timeouts(&self, rules: &Rules<T>) -> Timeouts {
        Timeouts::of(&self.head).and(rules.timeouts(self.head.remembered))
    }

    /// Returns the sealed session that this one replaces: the same under another id.
    fn replaced(&self) -> Option<&Sealed> {
        let id = self.known_id();
        let sealed = self.sealed();
        sealed.filter(|sealed| id.is_some_and(|id| id != sealed.ids.session))
    }

    /// Asks `validate` about the session that this one replaces, as it was sealed: a new id does
    /// not evade a denylist.
    fn replaces_valid(&self, rules: &Rules<T>) -> bool {
        let Some(sealed) = self.replaced().filter(|_| rules.validate.is_some()) else {
            return true;
        };
        LiveSession::<T>::read(sealed)
            .is_ok_and(|replaced| replaced.is_valid(rules, sealed.ids, sealed.issued_at))
    }

    fn is_valid(&self, rules: &Rules<T>, ids: Ids, issued_at: Timestamp) -> bool {
        let Some(validate) = &rules.validate else {
            return true;
        };
        validate(&SessionView {
            id: ids.session,
            login_id: ids.login,
            created_at: self.head.created_at,
            issued_at,
            expires_at: self.timeouts(rules).end(self.head.created_at, issued_at),
            #[cfg(feature = "unstable-device-bound")]
            is_device_bound: self.head.device_key.is_some(),
            data: &self.data,
        })
    }

    /// Returns `true` if nobody would miss this session.
    pub(crate) fn is_blank(&self) -> bool {
        self.is_new()
            && self.head.flashes.is_empty()
            && self.head.subject.is_none()
            && (!self.touched
                || data::encode(&self.data)
                    .is_some_and(|data| Some(data) == data::encode(&T::default())))
    }

    /// Returns why the session should be saved, and its record.
    fn to_save(
        &self,
        rules: &Rules<T>,
        ids: Ids,
    ) -> Result<Option<(SaveReason, Scratch)>, SaveError> {
        let unreadable = SaveError::unreadable::<T>();
        let Some(sealed) = self.sealed() else {
            let record = self.encode_readable(ids).ok_or(unreadable)?;
            return Ok(Some((SaveReason::Created, record)));
        };
        if self.touched {
            let record = self.encode_readable(ids).ok_or(unreadable)?;
            if record.0 != sealed.record.0 {
                return Ok(Some((SaveReason::Changed, record)));
            }
        }
        let Some(reason) = self.renewal(rules, sealed, sealed.opened_at) else {
            return Ok(None);
        };
        let record = match self.adopted {
            true => self.encode_readable(ids).ok_or(unreadable)?,
            false => sealed.record.clone(),
        };
        Ok(Some((reason, record)))
    }

    /// Returns why an unchanged session should be sealed anew.
    fn renewal(&self, rules: &Rules<T>, sealed: &Sealed, as_of: Timestamp) -> Option<SaveReason> {
        #[cfg(feature = "unstable-device-bound")]
        if self.adopted {
            return Some(SaveReason::Adopted);
        }
        let timeouts = self.timeouts(rules);
        if matches!(sealed.key_state, KeyState::Retired(_)) {
            Some(SaveReason::Resealed)
        } else if self.renew
            || sealed.issued_at < rules.reissue_before
            || !self.misread && timeouts.renewal_due(sealed.issued_at, as_of, rules.renew_after)
        {
            Some(SaveReason::Renewed)
        } else {
            None
        }
    }

    /// Returns the record, if its data comes back as it is.
    fn encode_readable(&self, ids: Ids) -> Option<Scratch> {
        let record = Scratch(self.head.encode(ids, &self.data).ok()?);
        // The dictionary has no name. Its encoding is ours, and holds values as bytes.
        if !T::NAME.is_empty() && !data::comes_back::<T>(Record::decode(&record.0).ok()?.data) {
            return None;
        }
        Some(record)
    }
}

/// Reads data that this version or an older one wrote.
pub(super) fn read_data<T: SessionData>(schema: u8, bytes: &[u8]) -> Result<T, Refusal> {
    match schema.cmp(&T::VERSION) {
        Ordering::Equal => data::decode(bytes).ok_or(Refusal::Unreadable),
        Ordering::Less => T::migrate(OldData::new(schema, bytes)).ok_or(Refusal::OlderSchema),
        Ordering::Greater => Err(Refusal::NewerSchema),
    }
}

mod changes;
#[cfg(feature = "unstable-device-bound")]
mod device;
mod refusal;
#[cfg(feature = "store")]
mod shared;
#[cfg(feature = "store")]
pub(crate) use shared::{OwnChange, read_record};
