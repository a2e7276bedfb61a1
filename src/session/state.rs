//! One session during one request: what the cookie said, what the handler made of it, and whether it
//! is saved. Time and randomness are parameters.

use super::{
    Event, NotSaved, Refusal, SaveError, SaveReason, SessionData, SessionError,
    config::Config,
    cookies::{self, TooLarge},
    record::{Flash, Record, RecordError, SessionId},
    timeouts::Limits,
};
use crate::{
    Codec, KeyId, KeyState, OpenError, SealError, Timestamp, codec::Scratch, time::whole_seconds,
    token,
};
use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

/// A renewal or a new seal that comes later than this after opening is left out: the session may have
/// been ended by another request meanwhile, and the late answer would bring it back.
const LATE: Duration = Duration::from_secs(5);

/// The most refused cookies of one request that are reported: their number is the sender's choice.
const MAX_REFUSALS: usize = 8;

/// What a request and its response have of a session.
pub(super) struct State<T> {
    /// The Cookie header.
    received: Vec<u8>,
    /// From the first use on.
    current: Option<Current<T>>,
    destroyed: bool,
    pub(super) panicked: bool,
    sent: bool,
    pub(super) events: Vec<Event>,
}

/// The session as the handler sees it.
struct Current<T> {
    opened_at: Timestamp,
    /// The cookie that counts, if one does.
    cookie: Option<Opened>,
    id: Option<SessionId>,
    created_at: Timestamp,
    limits: Limits,
    remembered: bool,
    flashes: Vec<Flash>,
    data: T,
    /// Whether a mutator has been here: what none touched is not encoded again.
    touched: bool,
}

struct Opened {
    /// The record, as the cookie has it: what a change is measured against.
    record: Scratch,
    issued_at: Timestamp,
    key_state: KeyState,
}

/// What [`Builder::validate`](super::Builder::validate) sees of a session.
pub struct View<'a, T = super::Map> {
    pub(super) id: SessionId,
    pub(super) created_at: Timestamp,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) data: &'a T,
}

impl<T> View<'_, T> {
    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// When it was created: [`regenerate_for_login`](super::Session::regenerate_for_login) sets it anew.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the cookie was sealed; before a save, now.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it ends if it is not used any more.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What is in it.
    #[must_use]
    pub fn data(&self) -> &T {
        self.data
    }
}

/// What the response is to carry for the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) set_cookie: Vec<String>,
    /// Whether the response depends on the Cookie header.
    pub(super) used: bool,
}

impl<T: SessionData> State<T> {
    pub(super) fn new() -> State<T> {
        State {
            received: Vec::new(),
            current: None,
            destroyed: false,
            panicked: false,
            sent: false,
            events: Vec::new(),
        }
    }

    /// Takes the request's Cookie headers, once.
    pub(super) fn receive<'h>(&mut self, headers: impl IntoIterator<Item = &'h [u8]>) {
        if !self.received.is_empty() {
            return;
        }
        for header in headers {
            if !self.received.is_empty() {
                self.received.push(b';');
            }
            self.received.extend_from_slice(header);
        }
    }

    /// Opens the session at its first use.
    fn current(&mut self, cx: &Context<'_, T>) -> Result<&mut Current<T>, SessionError> {
        if self.current.is_none() {
            if self.sent {
                return Err(SessionError::HeadersSent);
            }
            let opened = self.open(cx);
            self.current = Some(opened.unwrap_or_else(|| Current::new(cx)));
        }
        self.current.as_mut().ok_or(SessionError::HeadersSent)
    }

    /// The session for a call that changes it.
    fn touch(&mut self, cx: &Context<'_, T>) -> Result<&mut Current<T>, SessionError> {
        if self.sent {
            return Err(SessionError::HeadersSent);
        }
        let current = self.current(cx)?;
        current.touched = true;
        Ok(current)
    }

    pub(super) fn data(&mut self, cx: &Context<'_, T>) -> Result<&T, SessionError> {
        Ok(&self.current(cx)?.data)
    }

    /// Changes the data. Whether it still fits its cookies is said at once.
    pub(super) fn change<R>(
        &mut self,
        cx: &Context<'_, T>,
        f: impl FnOnce(&mut T) -> R,
    ) -> Result<R, SessionError> {
        let current = self.touch(cx)?;
        let result = f(&mut current.data);
        current.check_size(cx)?;
        Ok(result)
    }

    /// Changes the data so that it needs less room.
    pub(super) fn shrink<R>(
        &mut self,
        cx: &Context<'_, T>,
        f: impl FnOnce(&mut T) -> R,
    ) -> Result<R, SessionError> {
        Ok(f(&mut self.touch(cx)?.data))
    }

    pub(super) fn flash(&mut self, cx: &Context<'_, T>, flash: Flash) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        let bytes = current
            .flashes
            .iter()
            .map(|flash| flash.text.len())
            .sum::<usize>();
        if current.flashes.len() >= super::error::MAX_FLASHES
            || bytes.saturating_add(flash.text.len()) > super::error::MAX_FLASH_BYTES
        {
            return Err(SessionError::TooManyFlashes);
        }
        current.flashes.push(flash);
        current.check_size(cx)
    }

    pub(super) fn take_flashes(&mut self, cx: &Context<'_, T>) -> Result<Vec<Flash>, SessionError> {
        if self.current(cx)?.flashes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(core::mem::take(&mut self.touch(cx)?.flashes))
    }

    pub(super) fn id<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<SessionId, SessionError> {
        let current = self.current(cx)?;
        current.id_or_new(rng).map_err(|_| SessionError::Randomness)
    }

    pub(super) fn created_at(&mut self, cx: &Context<'_, T>) -> Result<Timestamp, SessionError> {
        Ok(self.current(cx)?.created_at)
    }

    pub(super) fn expires_at(&mut self, cx: &Context<'_, T>) -> Result<Timestamp, SessionError> {
        let current = self.current(cx)?;
        let issued_at = match &current.cookie {
            Some(cookie) if !current.touched => cookie.issued_at,
            _ => cx.now,
        };
        Ok(current.limits(cx).end(current.created_at, issued_at))
    }

    pub(super) fn is_new(&mut self, cx: &Context<'_, T>) -> Result<bool, SessionError> {
        Ok(self.current(cx)?.cookie.is_none())
    }

    pub(super) fn is_remembered(&mut self, cx: &Context<'_, T>) -> Result<bool, SessionError> {
        Ok(self.current(cx)?.remembered)
    }

    /// Another id; with `login`, another lifetime too.
    pub(super) fn regenerate<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        login: bool,
        rng: &mut R,
    ) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        let to = new_id(rng).map_err(|_| SessionError::Randomness)?;
        let from = current.id.replace(to);
        let absolute_end = current.limits(cx).absolute_end(current.created_at);
        if login {
            current.created_at = cx.now;
            current.limits = cx.config.limits(current.remembered);
        }
        if let Some(from) = from {
            self.events.push(Event::Regenerated {
                from,
                to,
                absolute_end,
            });
        }
        Ok(())
    }

    /// The session ends `after` from now at the latest.
    pub(super) fn expire_in(
        &mut self,
        cx: &Context<'_, T>,
        after: Duration,
    ) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        let end = cx.now.saturating_add(after);
        let lifetime = whole_seconds(end.saturating_duration_since(current.created_at));
        // Not beyond the settings, or raising them would bring back what should be over.
        current.limits.lifetime = lifetime.min(cx.config.limits(current.remembered).lifetime);
        Ok(())
    }

    pub(super) fn remember(
        &mut self,
        cx: &Context<'_, T>,
        remembered: bool,
    ) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        if current.remembered != remembered {
            current.remembered = remembered;
            current.limits = cx.config.limits(remembered);
        }
        Ok(())
    }

    pub(super) fn destroy(&mut self, cx: &Context<'_, T>) -> Result<(), SessionError> {
        let ended = self.touch(cx)?;
        let absolute_end = ended.limits(cx).absolute_end(ended.created_at);
        // A session that never was in a cookie has nobody who could come back with it.
        if let (Some(id), Some(_)) = (ended.id, &ended.cookie) {
            self.events.push(Event::Destroyed { id, absolute_end });
        }
        self.destroyed = true;
        self.current = Some(Current::new(cx));
        Ok(())
    }

    // ---- opening -------------------------------------------------------------------------------

    /// The session of the cookie that counts: of those that open, the one that was sealed last, the
    /// first of equals. So a sibling domain's cookie of the same name, older or forged, hides nothing.
    fn open(&mut self, cx: &Context<'_, T>) -> Option<Current<T>> {
        let headers = [self.received.as_slice()];
        let mut newest: Option<(Record, Opened, KeyId)> = None;
        let mut refusals = 0;
        for candidate in cookies::candidates(headers.iter().copied(), &cx.config.cookie.name) {
            let token = candidate.map_err(|_incomplete| (Refusal::Incomplete, None, None));
            match token.and_then(|token| open_one(cx, &token)) {
                Ok(found) => {
                    if newest
                        .as_ref()
                        .is_none_or(|(_, newest, _)| found.1.issued_at > newest.issued_at)
                    {
                        newest = Some(found);
                    }
                }
                Err((reason, key, id)) if refusals < MAX_REFUSALS => {
                    refusals += 1;
                    self.events.push(Event::Refused { reason, key, id });
                }
                Err(_) => {}
            }
        }
        let (record, opened, key) = newest?;
        let id = record.id;
        match Current::from_record(cx, record, opened) {
            Ok(current) => {
                let key_state = current
                    .cookie
                    .as_ref()
                    .map_or(KeyState::Primary, |cookie| cookie.key_state);
                self.events.push(Event::Opened { id, key, key_state });
                Some(current)
            }
            Err(reason) => {
                self.events.push(Event::Refused {
                    reason,
                    key: Some(key),
                    id: Some(id),
                });
                None
            }
        }
    }

    // ---- saving --------------------------------------------------------------------------------

    /// Ends the session's part in this exchange: decides what the response carries. Called once; a
    /// second time it has nothing to say.
    pub(super) fn finish<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<Outcome, (Outcome, SaveError)> {
        let first = !core::mem::replace(&mut self.sent, true);
        let Some(current) = self.current.as_mut().filter(|_| first) else {
            return Ok(Outcome::default());
        };
        let mut outcome = Outcome {
            set_cookie: Vec::new(),
            used: true,
        };
        if self.panicked {
            self.events.push(Event::NotSaved {
                id: current.id,
                reason: NotSaved::Panicked,
            });
            return Ok(outcome);
        }
        let headers = [self.received.as_slice()];
        let name = &cx.config.cookie.name;
        let mut stale = cookies::received(headers.iter().copied(), name);
        let saved = match current.save(cx, rng) {
            Ok(Some(saved)) => {
                // Parts of a longer session before: of no use, and every request would carry them.
                stale.retain(|received| !saved.cookies.iter().any(|(name, _)| name == received));
                self.events.push(saved.event);
                for (name, value) in &saved.cookies {
                    outcome
                        .set_cookie
                        .push(cx.config.cookie.set(name, value, saved.max_age));
                }
                Ok(())
            }
            // Only `destroy` removes what it does not replace.
            not_saved => {
                if !self.destroyed {
                    stale.clear();
                } else if !stale.contains(name) {
                    stale.push(name.clone());
                }
                match not_saved {
                    Err(NoCookie::Not(reason)) => {
                        self.events.push(Event::NotSaved {
                            id: current.id,
                            reason,
                        });
                        Ok(())
                    }
                    Err(NoCookie::Failed(error)) => {
                        self.events.push(Event::Failed {
                            id: current.id,
                            error,
                        });
                        Err(error)
                    }
                    Ok(_) => Ok(()),
                }
            }
        };
        outcome
            .set_cookie
            .extend(stale.iter().map(|name| cx.config.cookie.remove(name)));
        match saved {
            Ok(()) => Ok(outcome),
            Err(error) => Err((outcome, error)),
        }
    }
}

/// What stays the same for the length of one call.
pub(super) struct Context<'c, T> {
    pub(super) config: &'c Config<T>,
    pub(super) codec: &'c Codec,
    pub(super) now: Timestamp,
}

impl<T: SessionData> Context<'_, T> {
    /// Whether this record fits the cookies: on the final bytes, after sealing and encoding.
    fn check_size(&self, record: &[u8]) -> Result<(), TooLarge> {
        let characters = self.codec.token_len(record.len());
        let Config {
            cookie,
            attributes_len,
            cookies,
            ..
        } = self.config;
        cookies::fits(characters, &cookie.name, *attributes_len, *cookies)
    }
}

/// Why a cookie does not count, and what it says of itself.
type Refused = (Refusal, Option<KeyId>, Option<SessionId>);

/// Opens one token, down to the session's times.
fn open_one<T: SessionData>(
    cx: &Context<'_, T>,
    token: &str,
) -> Result<(Record, Opened, KeyId), Refused> {
    let named_key = || Codec::inspect(token).map(|header| header.key);
    let mut scratch = Scratch(vec![0; token::body_len(token.len())]);
    let opened = match cx.codec.open_payload(&[], token, cx.now, &mut scratch.0) {
        Ok(opened) => opened,
        Err(error) => return Err((refusal(error), named_key(), None)),
    };
    let (issued_at, key, key_state) = (opened.issued_at, opened.key, opened.key_state);
    let len = opened.value.len();
    let record = match Record::decode(opened.value) {
        Ok(record) => record,
        Err(RecordError::UnknownLayout(_)) => {
            return Err((Refusal::UnknownLayout, Some(key), None));
        }
        Err(RecordError::Malformed) => return Err((Refusal::Unreadable, Some(key), None)),
    };
    let limits = record_limits(&record).and(cx.config.limits(record.remembered));
    let mut times = limits.check(record.created_at, issued_at, cx.now);
    if record.created_at < cx.config.floor {
        times = Err(Refusal::Revoked);
    }
    times.map_err(|reason| (reason, Some(key), Some(record.id)))?;
    scratch.0.truncate(len);
    Ok((
        record,
        Opened {
            record: scratch,
            issued_at,
            key_state,
        },
        key,
    ))
}

fn record_limits(record: &Record) -> Limits {
    Limits {
        idle: record.idle_limit,
        lifetime: record.lifetime,
    }
}

fn refusal(error: OpenError) -> Refusal {
    match error {
        OpenError::TooLong => Refusal::TooLong,
        OpenError::UnknownVersion => Refusal::UnknownVersion,
        OpenError::UnknownKey(_) => Refusal::UnknownKey,
        OpenError::NotYetValid => Refusal::NotYetValid,
        OpenError::Revoked => Refusal::Revoked,
        OpenError::Expired => Refusal::AbsoluteTimeout,
        OpenError::Payload => Refusal::Unreadable,
        OpenError::Invalid
        | OpenError::BufferTooSmall { .. }
        | OpenError::AssociatedDataTooLong => Refusal::Invalid,
    }
}

/// A session on its way into cookies.
struct Saved {
    cookies: Vec<(String, String)>,
    max_age: Option<Duration>,
    event: Event,
}

/// Why there is no cookie.
enum NoCookie {
    Not(NotSaved),
    Failed(SaveError),
}

impl<T: SessionData> Current<T> {
    /// A session that nobody has seen yet.
    fn new(cx: &Context<'_, T>) -> Current<T> {
        Current {
            opened_at: cx.now,
            cookie: None,
            id: None,
            created_at: cx.now,
            limits: cx.config.limits(false),
            remembered: false,
            flashes: Vec::new(),
            data: T::default(),
            touched: false,
        }
    }

    fn from_record(
        cx: &Context<'_, T>,
        record: Record,
        cookie: Opened,
    ) -> Result<Current<T>, Refusal> {
        let (data, migrated) = if record.schema == T::VERSION {
            (decode(&record.data).ok_or(Refusal::Unreadable)?, false)
        } else if record.schema < T::VERSION {
            (
                T::migrate(record.schema, &record.data).ok_or(Refusal::OlderSchema)?,
                true,
            )
        } else {
            return Err(Refusal::NewerSchema);
        };
        let issued_at = cookie.issued_at;
        let mut current = Current {
            opened_at: cx.now,
            id: Some(record.id),
            created_at: record.created_at,
            limits: record_limits(&record),
            remembered: record.remembered,
            flashes: record.flashes,
            data,
            touched: false,
            cookie: Some(cookie),
        };
        if migrated {
            // What the handler changes is measured against the session as it was handed to it.
            let record = current.encode(record.id).ok_or(Refusal::Unreadable)?;
            if let Some(cookie) = &mut current.cookie {
                cookie.record = Scratch(record);
            }
        }
        if !current.is_valid(cx, record.id, issued_at) {
            return Err(Refusal::NotValidated);
        }
        Ok(current)
    }

    /// The record's limits and those of the settings.
    fn limits(&self, cx: &Context<'_, T>) -> Limits {
        self.limits.and(cx.config.limits(self.remembered))
    }

    fn id_or_new<R: TryCryptoRng + ?Sized>(&mut self, rng: &mut R) -> Result<SessionId, SaveError> {
        match self.id {
            Some(id) => Ok(id),
            None => Ok(*self.id.insert(new_id(rng)?)),
        }
    }

    fn is_valid(&self, cx: &Context<'_, T>, id: SessionId, issued_at: Timestamp) -> bool {
        let Some(validate) = &cx.config.validate else {
            return true;
        };
        validate(&View {
            id,
            created_at: self.created_at,
            issued_at,
            expires_at: self.limits(cx).end(self.created_at, issued_at),
            data: &self.data,
        })
    }

    fn encode(&self, id: SessionId) -> Option<Vec<u8>> {
        let record = Record {
            schema: T::VERSION,
            id,
            created_at: self.created_at,
            idle_limit: self.limits.idle,
            lifetime: self.limits.lifetime,
            remembered: self.remembered,
            flashes: self.flashes.clone(),
            data: postcard::to_allocvec(&self.data).ok()?,
        };
        Some(record.encode())
    }

    fn check_size(&self, cx: &Context<'_, T>) -> Result<(), SessionError> {
        let any_id = self.id.unwrap_or(SessionId::from_bytes([0; 16]));
        let record = self
            .encode(any_id)
            .ok_or_else(|| SessionError::Unstorable {
                key: T::NAME.into(),
                reason: "it does not serialize".into(),
            })?;
        cx.check_size(&record)
            .map_err(|error| SessionError::TooBig {
                len: error.length,
                max: error.limit,
            })
    }

    fn is_blank(&self) -> bool {
        let encoded = |data: &T| postcard::to_allocvec(data).ok();
        self.flashes.is_empty() && (!self.touched || encoded(&self.data) == encoded(&T::default()))
    }

    /// Seals the session, if there is a reason to.
    fn save<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<Option<Saved>, NoCookie> {
        let Some((reason, id, record)) = self.to_save(cx, rng)? else {
            return Ok(None);
        };
        if self
            .limits(cx)
            .check(self.created_at, cx.now, cx.now)
            .is_err()
        {
            return Err(NoCookie::Not(NotSaved::Ended));
        }
        if !self.is_valid(cx, id, cx.now) {
            return Err(NoCookie::Not(NotSaved::NotValidated));
        }
        let too_big = |error: TooLarge| {
            NoCookie::Failed(SaveError::TooBig {
                len: error.length,
                max: error.limit,
            })
        };
        cx.check_size(&record).map_err(too_big)?;
        let (token, key) = seal(cx, &record, rng).map_err(NoCookie::Failed)?;
        let name = &cx.config.cookie.name;
        let cookies = cookies::cut(token, name, cx.config.attributes_len, cx.config.cookies)
            .map_err(too_big)?;
        let len = cookies
            .iter()
            .map(|(name, value)| name.len() + 1 + value.len())
            .sum();
        let end = self.limits(cx).end(self.created_at, cx.now);
        Ok(Some(Saved {
            cookies,
            max_age: self
                .remembered
                .then(|| end.saturating_duration_since(cx.now)),
            event: Event::Saved {
                id,
                key,
                reason,
                len,
            },
        }))
    }

    /// Why this session is to be saved, and the record to save; `None` if there is no reason.
    fn to_save<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<Option<(SaveReason, SessionId, Vec<u8>)>, NoCookie> {
        let unreadable = NoCookie::Failed(SaveError::Unreadable);
        if self.cookie.is_none() {
            if self.is_blank() {
                return Ok(None);
            }
            let id = self.id_or_new(rng).map_err(NoCookie::Failed)?;
            let record = self.encode_checked(id).ok_or(unreadable)?;
            return Ok(Some((SaveReason::Created, id, record)));
        }
        let id = self.id_or_new(rng).map_err(NoCookie::Failed)?;
        if self.touched {
            let record = self.encode_checked(id);
            let before = self.cookie.as_ref().map(|cookie| &cookie.record.0);
            if record.as_ref() != before {
                return Ok(Some((SaveReason::Changed, id, record.ok_or(unreadable)?)));
            }
        }
        let Some(cookie) = &self.cookie else {
            return Ok(None);
        };
        let reason = if matches!(cookie.key_state, KeyState::Retired(_)) {
            SaveReason::Resealed
        } else if self
            .limits(cx)
            .renewal_due(cookie.issued_at, cx.now, cx.config.renew_after)
        {
            SaveReason::Renewed
        } else {
            return Ok(None);
        };
        if cx.now.saturating_duration_since(self.opened_at) > LATE {
            return Err(NoCookie::Not(NotSaved::TooLate));
        }
        Ok(Some((reason, id, cookie.record.0.clone())))
    }

    /// The record, if its data can be read back: better a 500 today than a broken session tomorrow.
    fn encode_checked(&self, id: SessionId) -> Option<Vec<u8>> {
        let record = self.encode(id)?;
        decode::<T>(&Record::decode(&record).ok()?.data)?;
        Some(record)
    }
}

/// The data of a record; `None` if it is not all of it.
fn decode<T: SessionData>(bytes: &[u8]) -> Option<T> {
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

/// The token of a record under the primary key, and that key's id.
fn seal<T: SessionData, R: TryCryptoRng + ?Sized>(
    cx: &Context<'_, T>,
    record: &[u8],
    rng: &mut R,
) -> Result<(String, KeyId), SaveError> {
    let mut text = vec![0; cx.codec.token_len(record.len())];
    let write = |buf: &mut [u8]| {
        let needed = record.len();
        buf.get_mut(..needed)
            .ok_or(SealError::BufferTooSmall { needed })?
            .copy_from_slice(record);
        Ok(needed)
    };
    let len = cx
        .codec
        .seal_payload(&[], cx.now, rng, &mut text, write)
        .map_err(|error| match error {
            SealError::Randomness => SaveError::Randomness,
            SealError::Time => SaveError::Clock,
            SealError::TooLong { len, max } => SaveError::TooBig { len, max },
            _ => SaveError::Unreadable,
        })?;
    text.truncate(len);
    let token = String::from_utf8(text).map_err(|_| SaveError::Unreadable)?;
    let key = Codec::inspect(&token).ok_or(SaveError::Unreadable)?.key;
    Ok((token, key))
}
