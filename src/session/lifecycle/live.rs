use super::{rules::Rules, timeouts::Timeouts, view::SessionView};
use crate::{
    KeyId, KeyState, Timestamp,
    secret::Scratch,
    session::{
        data::{OldData, SessionData},
        error::{SaveError, SessionError},
        events::{Refusal, SaveReason, SkipReason},
        record::{Flash, MAX_FLASH_BYTES, MAX_FLASHES, Record, RecordError, RecordHead, SessionId},
    },
    timestamp::whole_seconds,
};
use alloc::vec::Vec;
use core::{cmp::Ordering, time::Duration};
use rand_core::TryCryptoRng;

/// A renewal or a new seal that comes later than this after opening is left out. Another request may
/// have ended the session meanwhile, and the late answer would bring it back.
const LATE: Duration = Duration::from_secs(5);

/// A record as it was sealed, with what its token says.
pub(crate) struct Sealed {
    /// What a change is measured against.
    record: Scratch,
    /// Where in the record the data begins.
    data_at: usize,
    pub(crate) id: SessionId,
    pub(crate) issued_at: Timestamp,
    pub(crate) key: KeyId,
    pub(crate) key_state: KeyState,
    /// The end of every copy, whatever the settings will be.
    absolute_end: Timestamp,
}

/// A session that is over for the browser, and the end of its copies.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) id: SessionId,
    pub(crate) absolute_end: Timestamp,
}

impl Sealed {
    fn ended(&self) -> Ended {
        Ended {
            id: self.id,
            absolute_end: self.absolute_end,
        }
    }

    /// Reads a record and judges its times, before anything of its data is decoded. Of a record that
    /// is refused, tells the id if it could be read.
    pub(crate) fn read<T>(
        rules: &Rules<T>,
        now: Timestamp,
        record: Scratch,
        (issued_at, key, key_state): (Timestamp, KeyId, KeyState),
    ) -> Result<(RecordHead, Sealed), (Refusal, Option<SessionId>)> {
        let decoded = Record::decode(&record.0).map_err(|error| match error {
            RecordError::UnknownLayout(_) => (Refusal::UnknownLayout, None),
            RecordError::Malformed => (Refusal::Unreadable, None),
        })?;
        let Record { id, head, data } = decoded;
        let data_at = record.0.len().saturating_sub(data.len());
        let own = Timeouts::of(&head);
        if head.created_at < rules.floor {
            return Err((Refusal::Revoked, Some(id)));
        }
        own.and(rules.timeouts(head.remembered))
            .check(head.created_at, issued_at, now)
            .map_err(|refusal| (refusal, Some(id)))?;
        let sealed = Sealed {
            data_at,
            id,
            issued_at,
            key,
            key_state,
            absolute_end: own.absolute_end(head.created_at),
            record,
        };
        Ok((head, sealed))
    }
}

/// What the browser had of this session before this request changed it.
enum Before {
    Nothing,
    Sealed(Sealed),
    /// This request destroyed it.
    Destroyed,
}

/// A session as the handler sees it.
pub(crate) struct LiveSession<T> {
    opened_at: Timestamp,
    before: Before,
    /// Drawn when it is first needed.
    id: Option<SessionId>,
    head: RecordHead,
    data: T,
    /// Set by every call that can change something: only then is it encoded again.
    touched: bool,
}

/// What becomes of a session when its response is due.
pub(crate) enum Decision {
    /// There is nothing to save.
    Keep,
    /// There was something to save, and it must not be.
    Skip(SkipReason),
    Save(Save),
    /// There was something to save, and it cannot be: the response must not look as if it was.
    Fail(SaveError),
}

pub(crate) struct Save {
    pub(crate) reason: SaveReason,
    pub(crate) id: SessionId,
    pub(crate) record: Vec<u8>,
    /// How long the browser keeps the cookie; `None` ends it with the browser's session.
    pub(crate) max_age: Option<Duration>,
    /// The session that this one replaces.
    pub(crate) replaces: Option<Ended>,
}

impl Save {
    /// Returns `true` if the cookie that the browser has says the same.
    pub(crate) fn is_renewal(&self) -> bool {
        matches!(self.reason, SaveReason::Renewed | SaveReason::Resealed)
    }
}

impl<T: SessionData> LiveSession<T> {
    /// Starts a session that nobody has seen yet.
    pub(crate) fn new(rules: &Rules<T>, now: Timestamp) -> LiveSession<T> {
        let Timeouts { idle, lifetime } = rules.timeouts(false);
        LiveSession {
            opened_at: now,
            before: Before::Nothing,
            id: None,
            head: RecordHead {
                schema: T::VERSION,
                created_at: now,
                idle_limit: idle,
                lifetime,
                remembered: false,
                flashes: Vec::new(),
            },
            data: T::default(),
            touched: false,
        }
    }

    /// Opens a session whose times hold: reads its data and asks `validate`.
    pub(crate) fn open(
        rules: &Rules<T>,
        now: Timestamp,
        mut head: RecordHead,
        mut sealed: Sealed,
    ) -> Result<LiveSession<T>, Refusal> {
        let bytes = sealed.record.0.get(sealed.data_at..);
        let bytes = bytes.ok_or(Refusal::Unreadable)?;
        let data = match head.schema.cmp(&T::VERSION) {
            Ordering::Equal => decode_data(bytes).ok_or(Refusal::Unreadable)?,
            Ordering::Less => {
                T::migrate(OldData::new(head.schema, bytes)).ok_or(Refusal::OlderSchema)?
            }
            Ordering::Greater => return Err(Refusal::NewerSchema),
        };
        let migrated = head.schema != T::VERSION;
        head.schema = T::VERSION;
        let mut session = LiveSession {
            opened_at: now,
            before: Before::Nothing,
            id: Some(sealed.id),
            head,
            data,
            touched: false,
        };
        if migrated {
            // What the handler changes is measured against the session as it was handed to it.
            let record = session.encode_readable(sealed.id);
            sealed.record = Scratch(record.ok_or(Refusal::Unreadable)?);
        }
        if !session.is_valid(rules, sealed.id, sealed.issued_at) {
            return Err(Refusal::NotValidated);
        }
        session.before = Before::Sealed(sealed);
        Ok(session)
    }

    pub(crate) fn data(&self) -> &T {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut T {
        self.touched = true;
        &mut self.data
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

    pub(crate) fn is_remembered(&self) -> bool {
        self.head.remembered
    }

    /// Returns the id if one was drawn.
    pub(crate) fn known_id(&self) -> Option<SessionId> {
        self.id
    }

    pub(crate) fn id<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
    ) -> Result<SessionId, SaveError> {
        match self.id {
            Some(id) => Ok(id),
            None => Ok(*self.id.insert(new_id(rng)?)),
        }
    }

    /// Returns the end of the session if it is not used any more, as it stands: one that will be
    /// saved counts from now.
    pub(crate) fn expires_at(&self, rules: &Rules<T>, now: Timestamp) -> Timestamp {
        let issued_at = match self.sealed() {
            Some(sealed)
                if !self.is_changed(sealed) && self.renewal(rules, now, sealed).is_none() =>
            {
                sealed.issued_at
            }
            _ => now,
        };
        self.timeouts(rules).end(self.head.created_at, issued_at)
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

    pub(crate) fn take_flashes(&mut self) -> Vec<Flash> {
        self.touched = true;
        core::mem::take(&mut self.head.flashes)
    }

    /// Gives the session another id, so that a planted one (session fixation) is worth nothing.
    pub(crate) fn regenerate<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
    ) -> Result<(), SaveError> {
        self.touched = true;
        self.id = Some(new_id(rng)?);
        Ok(())
    }

    /// Gives the session another id and a new lifetime.
    pub(crate) fn regenerate_for_login<R: TryCryptoRng + ?Sized>(
        &mut self,
        rules: &Rules<T>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(), SaveError> {
        self.regenerate(rng)?;
        self.head.created_at = now;
        self.set_timeouts(rules.timeouts(self.head.remembered));
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

    /// Returns what it ended, if a session that is remembered no longer would be over by now.
    pub(crate) fn remember(
        &mut self,
        rules: &Rules<T>,
        now: Timestamp,
        remembered: bool,
    ) -> Option<Ended> {
        self.touched = true;
        if self.head.remembered == remembered {
            return None;
        }
        let timeouts = rules.timeouts(remembered);
        let over = timeouts.check(self.head.created_at, now, now).is_err();
        // A new session has nothing to end: a clock that jumped makes it old, and a cookie that was
        // refused stays.
        if over && !self.is_new() {
            // Not saved, it would stay in the browser as it is: remembered.
            return self.destroy(rules, now);
        }
        self.head.remembered = remembered;
        self.set_timeouts(timeouts);
        None
    }

    /// Ends the session and starts an empty one in its place. Returns what it ended, if the browser
    /// had it: as it was sealed, for nobody can come back with a session that never was in a cookie.
    pub(crate) fn destroy(&mut self, rules: &Rules<T>, now: Timestamp) -> Option<Ended> {
        let ended = core::mem::replace(self, LiveSession::new(rules, now));
        self.touched = true;
        self.before = Before::Destroyed;
        match ended.before {
            Before::Sealed(sealed) => Some(sealed.ended()),
            Before::Nothing | Before::Destroyed => None,
        }
    }

    /// Decides what becomes of the session, given the time at which the response is due.
    pub(crate) fn decide<R: TryCryptoRng + ?Sized>(
        &mut self,
        rules: &Rules<T>,
        now: Timestamp,
        rng: &mut R,
    ) -> Decision {
        if self.is_blank() {
            return Decision::Keep;
        }
        let id = match self.id(rng) {
            Ok(id) => id,
            Err(error) => return Decision::Fail(error),
        };
        let (reason, record) = match self.to_save(rules, now, id) {
            Ok(Some(to_save)) => to_save,
            Ok(None) => return Decision::Keep,
            Err(error) => return Decision::Fail(error),
        };
        let max_age = self.head.remembered.then(|| {
            let end = self.timeouts(rules).end(self.head.created_at, now);
            end.saturating_duration_since(now)
        });
        let save = Save {
            reason,
            id,
            record,
            max_age,
            replaces: self.replaced().map(Sealed::ended),
        };
        if save.is_renewal() && now.saturating_duration_since(self.opened_at) > LATE {
            return Decision::Skip(SkipReason::TooLate);
        }
        let timeouts = self.timeouts(rules);
        if timeouts.check(self.head.created_at, now, now).is_err() {
            return Decision::Skip(SkipReason::Ended);
        }
        if !self.replaces_valid(rules) || !self.is_valid(rules, id, now) {
            return Decision::Skip(SkipReason::NotValidated);
        }
        Decision::Save(save)
    }

    /// Returns the length of the record as it stands.
    pub(crate) fn record_len(&self) -> Result<usize, SessionError> {
        let len = self.head.encoded_len(&self.data);
        len.map_err(|_| SessionError::Unstorable {
            key: T::NAME.into(),
            reason: "it does not serialize".into(),
        })
    }

    fn sealed(&self) -> Option<&Sealed> {
        match &self.before {
            Before::Sealed(sealed) => Some(sealed),
            Before::Nothing | Before::Destroyed => None,
        }
    }

    /// The record's limits and those of the settings.
    fn timeouts(&self, rules: &Rules<T>) -> Timeouts {
        Timeouts::of(&self.head).and(rules.timeouts(self.head.remembered))
    }

    fn set_timeouts(&mut self, Timeouts { idle, lifetime }: Timeouts) {
        self.head.idle_limit = idle;
        self.head.lifetime = lifetime;
    }

    /// Returns the sealed session that this one replaces: the same under another id.
    fn replaced(&self) -> Option<&Sealed> {
        let sealed = self.sealed();
        sealed.filter(|sealed| self.id.is_some_and(|id| id != sealed.id))
    }

    /// Asks `validate` about the session that this one replaces, as it was sealed: a new id does
    /// not evade a denylist.
    fn replaces_valid(&self, rules: &Rules<T>) -> bool {
        let Some(sealed) = self.replaced().filter(|_| rules.validate.is_some()) else {
            return true;
        };
        let Ok(Record { id, head, data }) = Record::decode(&sealed.record.0) else {
            return false;
        };
        decode_data(data).is_some_and(|data| {
            let replaced = LiveSession {
                head,
                data,
                ..LiveSession::new(rules, self.opened_at)
            };
            replaced.is_valid(rules, id, sealed.issued_at)
        })
    }

    fn is_valid(&self, rules: &Rules<T>, id: SessionId, issued_at: Timestamp) -> bool {
        let Some(validate) = &rules.validate else {
            return true;
        };
        validate(&SessionView {
            id,
            created_at: self.head.created_at,
            issued_at,
            expires_at: self.timeouts(rules).end(self.head.created_at, issued_at),
            data: &self.data,
        })
    }

    /// Returns `true` if the session says something else than it did when it was sealed.
    fn is_changed(&self, sealed: &Sealed) -> bool {
        self.touched
            && self.id.and_then(|id| self.encode_readable(id)).as_deref()
                != Some(sealed.record.0.as_slice())
    }

    /// Returns `true` if nobody would miss this session.
    fn is_blank(&self) -> bool {
        let encoded = |data: &T| postcard::to_allocvec(data);
        self.is_new()
            && self.head.flashes.is_empty()
            && (!self.touched
                || encoded(&self.data)
                    .is_ok_and(|data| encoded(&T::default()).is_ok_and(|empty| data == empty)))
    }

    /// Returns why the session should be saved, and its record.
    fn to_save(
        &self,
        rules: &Rules<T>,
        now: Timestamp,
        id: SessionId,
    ) -> Result<Option<(SaveReason, Vec<u8>)>, SaveError> {
        let Some(sealed) = self.sealed() else {
            let record = self.encode_readable(id).ok_or(SaveError::Unreadable)?;
            return Ok(Some((SaveReason::Created, record)));
        };
        if self.touched {
            let record = self.encode_readable(id).ok_or(SaveError::Unreadable)?;
            if record != sealed.record.0 {
                return Ok(Some((SaveReason::Changed, record)));
            }
        }
        let renewal = self.renewal(rules, now, sealed);
        Ok(renewal.map(|reason| (reason, sealed.record.0.clone())))
    }

    /// Returns why an unchanged session should be sealed anew.
    fn renewal(&self, rules: &Rules<T>, now: Timestamp, sealed: &Sealed) -> Option<SaveReason> {
        let timeouts = self.timeouts(rules);
        if matches!(sealed.key_state, KeyState::Retired(_)) {
            Some(SaveReason::Resealed)
        } else if timeouts.renewal_due(sealed.issued_at, now, rules.renew_after) {
            Some(SaveReason::Renewed)
        } else {
            None
        }
    }

    /// Returns the record, if its data can be read back: a 500 today is better than a broken session
    /// tomorrow.
    fn encode_readable(&self, id: SessionId) -> Option<Vec<u8>> {
        let record = self.head.encode(id, &self.data).ok()?;
        // The dictionary has no name. Its encoding is ours, and `insert` reads its values back.
        if !T::NAME.is_empty() {
            decode_data::<T>(Record::decode(&record).ok()?.data)?;
        }
        Some(record)
    }
}

/// Reads the data of a record; `None` if bytes are left over.
fn decode_data<T: SessionData>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((data, [])) => Some(data),
        _ => None,
    }
}

fn new_id<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<SessionId, SaveError> {
    let mut bytes = [0; 16];
    rng.try_fill_bytes(&mut bytes)
        .map_err(|_| SaveError::Randomness)?;
    Ok(SessionId::from_bytes(bytes))
}
