//! Session cookies outside a request, whatever type their data has: for tools.

use super::{
    cookie::{CandidateBudget, CookieAttributes, CookieLimits, SessionCookie, candidates},
    data::{OldData, SessionMap},
    error::SaveError,
    events::Refusal,
    lifecycle::{Timeouts, new_login_id, new_session_id},
    manager::{
        ABSOLUTE_TIMEOUT, CLOCK_SKEW, ConfigError, IDLE_TIMEOUT, REMEMBER_ABSOLUTE, cookie_codec,
    },
    record::{Flash, Ids, LoginId, Record, RecordError, RecordHead, SessionId},
};
use crate::{
    Codec, Keyring, Opened, Timestamp, secret::Scratch, system_random::SystemRandom,
    timestamp::whole_seconds, token,
};
use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};
use memchr::memmem::Finder;
use serde::{Serialize, Serializer, ser::SerializeTuple as _};

/// Opens and seals session cookies outside a request, without the type of their data: for tools, such as the command
/// `hardtack`. A handler uses [`Session`](super::Session).
///
/// It applies no settings of a site. [`SessionRecord::check`] judges the limits that are in the record.
///
/// ```
/// use hardtack::{Key, Keyring, Timestamp, session::{SessionCodec, SessionManager, testing}};
///
/// let keyring = Keyring::new(Key::generate()?);
/// let sessions = SessionManager::builder(keyring.clone()).realm("shop").build()?;
/// let session = testing::new_session(&sessions);
/// session.insert("user", "ada")?;
/// let cookie = testing::cookie_header(&session)?;
///
/// let codec = SessionCodec::new(&keyring, "__Host-session", "shop", "")?;
/// let token = SessionCodec::tokens(cookie.as_bytes(), "__Host-session").remove(0).ok_or("a chunk is missing")?;
/// let mut record = codec.open(&token, Timestamp::now())?.value;
/// assert_eq!(record.id, session.id()?);
///
/// let mut values = record.values().ok_or("not a dictionary")?;
/// values.insert("user", "grace")?;
/// record.set_values(&values);
/// let cookie = codec.seal(&record, Timestamp::now())?;
/// let session = testing::session_from_cookie(&sessions, &cookie);
/// assert_eq!(session.get::<String>("user")?.as_deref(), Some("grace"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionCodec {
    codec: Codec,
    cookie: SessionCookie,
}

impl SessionCodec {
    /// Makes a codec for the sessions under one cookie name, of one realm, and of one type by its
    /// [`NAME`](super::SessionData::NAME). The name of a dictionary is empty.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a cookie name that no browser keeps, and for a zero byte in the realm or the type.
    pub fn new(
        keyring: &Keyring,
        cookie_name: &str,
        realm: &str,
        type_name: &str,
    ) -> Result<SessionCodec, ConfigError> {
        if realm.contains('\0') || type_name.contains('\0') {
            return Err(ConfigError(
                "the realm or the type contains a zero byte".into(),
            ));
        }
        let attributes = CookieAttributes {
            name: cookie_name.into(),
            ..CookieAttributes::default()
        };
        let limits = CookieLimits {
            max_chunks: 9,
            max_cookie_bytes: usize::MAX,
        };
        Ok(SessionCodec {
            cookie: SessionCookie::new(attributes, limits).map_err(ConfigError)?,
            codec: cookie_codec(keyring, cookie_name, realm, type_name).skew(CLOCK_SKEW),
        })
    }

    /// Returns the tokens under a cookie name in a Cookie header, in the order received. `None` stands for a token
    /// that lacks a chunk. It takes at most as many as a request may bring.
    #[must_use]
    pub fn tokens(cookie_header: &[u8], cookie_name: &str) -> Vec<Option<String>> {
        candidates(
            cookie_header,
            &Finder::new(cookie_name),
            &mut CandidateBudget::default(),
        )
        .map(|token| String::from_utf8(token.ok()?.into_owned()).ok())
        .collect()
    }

    /// Opens a token and reads its record. Whether the session is over, [`SessionRecord::check`] tells.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for a token that does not open, and for a record that cannot be read. A session in a
    /// store is [`UnknownLayout`](Refusal::UnknownLayout): its record is not in the cookie.
    pub fn open(&self, token: &str, now: Timestamp) -> Result<Opened<SessionRecord>, Refusal> {
        let mut scratch = Scratch::zeroed(token::body_len(token.len()));
        let opened = self
            .codec
            .open_payload(None, token.as_bytes(), now, &mut scratch.0)
            .map_err(Refusal::of)?;
        let record = Record::decode(opened.value).map_err(|error| match error {
            RecordError::UnknownLayout => Refusal::UnknownLayout,
            RecordError::Malformed => Refusal::Unreadable,
        })?;
        Ok(Opened {
            value: SessionRecord::of(record),
            issued_at: opened.issued_at,
            key: opened.key,
            key_state: opened.key_state,
        })
    }

    /// Seals a record under the first key, and returns the Cookie header of a browser that has it. A long session takes
    /// several cookies.
    ///
    /// # Errors
    ///
    /// [`SaveError::Unreadable`] for a record that could not be read again, such as one with an empty subject;
    /// [`SaveError::Clock`] for one that begins in the future; [`SaveError::TooBig`]; [`SaveError::Randomness`].
    pub fn seal(&self, record: &SessionRecord, now: Timestamp) -> Result<String, SaveError> {
        if record.begins_after(now) {
            return Err(SaveError::Clock);
        }
        let bytes = Scratch(
            record
                .encode()
                .ok_or(SaveError::unreadable::<SessionRecord>())?,
        );
        if Record::decode(&bytes.0).map(SessionRecord::of).as_ref() != Ok(record) {
            return Err(SaveError::unreadable::<SessionRecord>());
        }
        self.cookie.fits(self.codec.token_len(bytes.0.len()))?;
        let sealed = self.codec.seal_with(&Raw(&bytes.0), now, &mut SystemRandom);
        let token = sealed.map_err(SaveError::of::<SessionRecord>)?;
        let (lines, _) = self.cookie.set(&token, None)?;
        let pairs = lines
            .iter()
            .map(|line| line.split(';').next().unwrap_or_default());
        Ok(pairs.collect::<Vec<_>>().join("; "))
    }
}

/// Prints the rules and the key ids, and never a key.
impl fmt::Debug for SessionCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCodec")
            .field("cookie_name", &self.cookie.name())
            .field("codec", &self.codec)
            .finish()
    }
}

/// Holds what a session cookie holds, for a [`SessionCodec`]. [The format](crate::guide::format#session-record) explains
/// each field.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The [`VERSION`](super::SessionData::VERSION) of the type, 0 for a dictionary.
    pub version: u8,
    /// The id of the session.
    pub id: SessionId,
    /// The id of the login.
    pub login_id: LoginId,
    /// Whether the browser keeps the session after it is closed.
    pub remembered: bool,
    /// Whether a login made the session.
    pub by_login: bool,
    /// The time when the session was created.
    pub created_at: Timestamp,
    /// How long the session lives without use, in whole seconds.
    pub idle_timeout: Duration,
    /// How long the session lives in any case, in whole seconds.
    pub absolute_timeout: Duration,
    /// What no setting makes the absolute timeout exceed, in whole seconds.
    pub longest: Duration,
    /// The public key of the device that the session is bound to.
    pub device_key: Option<[u8; 33]>,
    /// The user, for server-side storage.
    pub subject: Option<String>,
    /// The flash messages, the oldest first.
    pub flashes: Vec<Flash>,
    /// The data as it is encoded: [`values`](Self::values) reads that of a dictionary.
    pub data: Vec<u8>,
}

impl SessionRecord {
    /// Makes the record of an empty dictionary that begins now, with new ids and the default timeouts.
    ///
    /// # Errors
    ///
    /// [`SaveError::Randomness`] if the operating system returned no random bytes.
    pub fn new(now: Timestamp) -> Result<SessionRecord, SaveError> {
        let mut record = SessionRecord {
            version: 0,
            id: new_session_id(&mut SystemRandom)?,
            login_id: new_login_id(&mut SystemRandom)?,
            remembered: false,
            by_login: false,
            created_at: now,
            idle_timeout: IDLE_TIMEOUT,
            absolute_timeout: ABSOLUTE_TIMEOUT,
            longest: REMEMBER_ABSOLUTE,
            device_key: None,
            subject: None,
            flashes: Vec::new(),
            data: Vec::new(),
        };
        record.set_values(&SessionMap::default());
        Ok(record)
    }

    /// Returns the values of a dictionary, or `None` if the data is not one.
    #[must_use]
    pub fn values(&self) -> Option<SessionMap> {
        OldData::new(self.version, &self.data).read()
    }

    /// Replaces the data by these values.
    pub fn set_values(&mut self, values: &SessionMap) {
        // A map of bytes always serializes.
        self.data = postcard::to_allocvec(values).unwrap_or_default();
    }

    /// Tells whether the session is good at this time, by the limits that it was saved with. `issued_at` is the time of
    /// its token.
    ///
    /// # Errors
    ///
    /// [`Refusal::IdleTimeout`], [`Refusal::AbsoluteTimeout`], or [`Refusal::NotYetValid`] if the session began after it
    /// was sealed.
    pub fn check(&self, issued_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        if self.begins_after(issued_at) {
            return Err(Refusal::NotYetValid);
        }
        Timeouts::of(&self.head()).check(self.created_at, issued_at, now)
    }

    /// Returns the time when the session ends if it is not used after `issued_at`, the time of its token.
    #[must_use]
    pub fn expires_at(&self, issued_at: Timestamp) -> Timestamp {
        Timeouts::of(&self.head()).end(self.created_at, issued_at)
    }

    fn begins_after(&self, time: Timestamp) -> bool {
        self.created_at > time.saturating_add(CLOCK_SKEW)
    }

    fn of(record: Record<'_>) -> SessionRecord {
        let Record { ids, head, data } = record;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        SessionRecord {
            version: head.schema,
            id: ids.session,
            login_id: ids.login,
            remembered: head.remembered,
            by_login: head.by_login,
            created_at: head.created_at,
            idle_timeout: seconds(head.idle_limit),
            absolute_timeout: seconds(head.lifetime),
            longest: seconds(head.longest),
            device_key: head.device_key,
            subject: head.subject,
            flashes: head.flashes,
            data: data.into(),
        }
    }

    fn head(&self) -> RecordHead {
        RecordHead {
            schema: self.version,
            remembered: self.remembered,
            by_login: self.by_login,
            created_at: self.created_at,
            idle_limit: whole_seconds(self.idle_timeout),
            lifetime: whole_seconds(self.absolute_timeout),
            longest: whole_seconds(self.longest),
            device_key: self.device_key,
            subject: self.subject.clone(),
            flashes: self.flashes.clone(),
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let ids = Ids {
            session: self.id,
            login: self.login_id,
        };
        self.head().encode(ids, &Raw(&self.data)).ok()
    }
}

/// Prints ids and times, and never a value.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("id", &self.id)
            .field("login_id", &self.login_id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Encodes bytes as they are.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for byte in self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

#[cfg(test)]
mod tests;
