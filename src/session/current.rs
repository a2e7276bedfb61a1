//! The session as the handler sees it.

use super::{
    Flash, Refusal, SaveError, SessionData, SessionError, SessionId, SessionView,
    map::is_dictionary, record::Record, state::Context, timeouts::Limits,
};
use crate::{KeyId, KeyState, Timestamp, secret::Scratch};
use alloc::vec::Vec;
use core::cmp::Ordering;
use rand_core::TryCryptoRng;

/// The session as the handler sees it.
pub(super) struct Current<T> {
    pub(super) opened_at: Timestamp,
    /// The cookie that counts, if one does.
    pub(super) cookie: Option<Opened>,
    pub(super) id: Option<SessionId>,
    pub(super) created_at: Timestamp,
    pub(super) limits: Limits,
    pub(super) remembered: bool,
    pub(super) flashes: Vec<Flash>,
    pub(super) data: T,
    /// Whether a mutator has been here: what none touched is not encoded again.
    pub(super) touched: bool,
}

pub(super) struct Opened {
    /// The record, as the cookie has it: what a change is measured against.
    pub(super) record: Scratch,
    pub(super) id: SessionId,
    /// Until when a copy of the cookie opens at the latest, whatever the settings will be.
    pub(super) absolute_end: Timestamp,
    pub(super) issued_at: Timestamp,
    pub(super) key: KeyId,
    pub(super) key_state: KeyState,
}

/// Where in the record the data begins.
pub(super) struct DataAt(pub(super) usize);

impl<T: SessionData> Current<T> {
    /// A session that nobody has seen yet.
    pub(super) fn new(cx: &Context<'_, T>) -> Current<T> {
        Current {
            opened_at: cx.now(),
            cookie: None,
            id: None,
            created_at: cx.now(),
            limits: cx.config().limits(false),
            remembered: false,
            flashes: Vec::new(),
            data: T::default(),
            touched: false,
        }
    }

    pub(super) fn from_record(
        cx: &Context<'_, T>,
        record: Record<DataAt>,
        mut cookie: Opened,
    ) -> Result<Current<T>, Refusal> {
        let DataAt(data_at) = record.data;
        let bytes = cookie.record.0.get(data_at..).ok_or(Refusal::Unreadable)?;
        let data = match record.schema.cmp(&T::VERSION) {
            Ordering::Equal => decode(bytes).ok_or(Refusal::Unreadable)?,
            Ordering::Less => T::migrate(record.schema, bytes).ok_or(Refusal::OlderSchema)?,
            Ordering::Greater => return Err(Refusal::NewerSchema),
        };
        let migrated = record.schema != T::VERSION;
        let id = record.id;
        let mut current = Current::of(cx, record.with_data(data));
        if migrated {
            // What the handler changes is measured against the session as it was handed to it.
            cookie.record = Scratch(current.encode_checked(id).ok_or(Refusal::Unreadable)?);
        }
        if !current.is_valid(cx, id, cookie.issued_at) {
            return Err(Refusal::NotValidated);
        }
        current.cookie = Some(cookie);
        Ok(current)
    }

    fn of(cx: &Context<'_, T>, record: Record<T>) -> Current<T> {
        Current {
            opened_at: cx.now(),
            cookie: None,
            id: Some(record.id),
            created_at: record.created_at,
            limits: Limits::of(&record),
            remembered: record.remembered,
            flashes: record.flashes,
            data: record.data,
            touched: false,
        }
    }

    /// The record's limits and those of the settings.
    pub(super) fn limits(&self, cx: &Context<'_, T>) -> Limits {
        self.limits.and(cx.config().limits(self.remembered))
    }

    pub(super) fn id_or_new<R: TryCryptoRng + ?Sized>(
        &mut self,
        rng: &mut R,
    ) -> Result<SessionId, SaveError> {
        match self.id {
            Some(id) => Ok(id),
            None => Ok(*self.id.insert(new_id(rng)?)),
        }
    }

    /// The id, or one of the same length, for what does not depend on it.
    pub(super) fn any_id(&self) -> SessionId {
        self.id.unwrap_or(SessionId::from_bytes([0; 16]))
    }

    /// The cookie of the session that this one replaces: the same under another id.
    pub(super) fn replaces(&self) -> Option<&Opened> {
        let cookie = self.cookie.as_ref();
        cookie.filter(|cookie| self.id.is_some_and(|id| id != cookie.id))
    }

    /// Whether `validate` still takes the session that this one replaces, as it was opened: a new id
    /// is no way around a denylist.
    pub(super) fn replaces_valid(&self, cx: &Context<'_, T>) -> bool {
        let Some(cookie) = self.replaces().filter(|_| cx.config().validate.is_some()) else {
            return true;
        };
        let Ok(record) = Record::decode(&cookie.record.0) else {
            return false;
        };
        decode(record.data).is_some_and(|data| {
            Current::of(cx, record.with_data(data)).is_valid(cx, cookie.id, cookie.issued_at)
        })
    }

    pub(super) fn is_valid(
        &self,
        cx: &Context<'_, T>,
        id: SessionId,
        issued_at: Timestamp,
    ) -> bool {
        let Some(validate) = &cx.config().validate else {
            return true;
        };
        validate(&SessionView {
            id,
            created_at: self.created_at,
            issued_at,
            expires_at: self.limits(cx).end(self.created_at, issued_at),
            data: &self.data,
        })
    }

    fn record(&self, id: SessionId) -> Record<&T> {
        Record {
            schema: T::VERSION,
            id,
            created_at: self.created_at,
            idle_limit: self.limits.idle,
            lifetime: self.limits.lifetime,
            remembered: self.remembered,
            flashes: self.flashes.clone(),
            data: &self.data,
        }
    }

    /// The record, if its data can be read back: better a 500 today than a broken session tomorrow.
    pub(super) fn encode_checked(&self, id: SessionId) -> Option<Vec<u8>> {
        let record = self.record(id).encode().ok()?;
        // The dictionary's own encoding is ours; that its values can be read back, `insert` sees to.
        if !is_dictionary::<T>() {
            decode::<T>(Record::decode(&record).ok()?.data)?;
        }
        Some(record)
    }

    pub(super) fn check_size(&self, cx: &Context<'_, T>) -> Result<(), SessionError> {
        let len =
            self.record(self.any_id())
                .encoded_len()
                .map_err(|_| SessionError::Unstorable {
                    key: T::NAME.into(),
                    reason: "it does not serialize".into(),
                })?;
        Ok(cx.config().fits(len)?)
    }
}

/// The data of a record; `None` if it is not all of it.
pub(super) fn decode<T: SessionData>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((data, [])) => Some(data),
        _ => None,
    }
}

pub(super) fn new_id<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<SessionId, SaveError> {
    let mut bytes = [0; 16];
    rng.try_fill_bytes(&mut bytes)
        .map_err(|_| SaveError::Randomness)?;
    Ok(SessionId::from_bytes(bytes))
}
