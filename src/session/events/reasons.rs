use crate::session::error::SaveError;
use core::fmt;

/// Why a cookie does not count.
///
/// ```
/// use hardtack::session::{Event, Refusal};
///
/// /// What is to be counted: timeouts are everyday life.
/// fn is_odd(event: &Event) -> bool {
///     let Event::Refused { reason, .. } = event else {
///         return false;
///     };
///     !matches!(reason, Refusal::IdleTimeout | Refusal::AbsoluteTimeout)
/// }
///
/// assert!(!is_odd(&Event::CacheControlReplaced));
/// assert_eq!(Refusal::UnknownKey.to_string(), "unknown key");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Parts of it are missing.
    Incomplete,
    /// Longer than any session.
    TooLong,
    /// Not one of ours, or changed.
    Invalid,
    /// A version of the token that this hardtack does not know.
    UnknownVersion,
    /// No key of the ring has its id.
    UnknownKey,
    /// A layout of the record that this hardtack does not know.
    UnknownLayout,
    /// Authentic, but not readable as a session of this type.
    Unreadable,
    /// Of an older schema that `migrate` does not take.
    OlderSchema,
    /// Of a newer schema: another version of the application wrote it.
    NewerSchema,
    /// Sealed in the future, beyond the skew.
    NotYetValid,
    /// Before the floor, or under a key after its retirement.
    Revoked,
    /// Not used for longer than the idle timeout.
    IdleTimeout,
    /// Older than the absolute timeout.
    AbsoluteTimeout,
    /// `validate` said no.
    NotValidated,
    /// Its login ended: by [`destroy`](crate::session::Session::destroy) in this process in the last minute,
    /// or it is on the [`Denylist`](crate::session::Denylist).
    Ended,
    /// Another session of the same cookie name has another login: see [`Event::Rivals`](crate::session::Event::Rivals).
    Rival,
    /// The request comes from another origin: see [`Event::CrossOrigin`](crate::session::Event::CrossOrigin).
    CrossOrigin,
}

/// Why a session was saved.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager, Event, SaveReason, testing}};
/// # let keyring = Keyring::new(Key::generate()?);
/// use std::sync::{Arc, Mutex};
///
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let events = Arc::clone(&log);
/// let sessions = SessionManager::builder(keyring)
///     .on_event(move |event| {
///         if let Event::Saved { reason, .. } = event {
///             events.lock().unwrap().push(*reason);
///         }
///     })
///     .build()?;
/// let session = testing::new_session(&sessions);
/// session.insert("user", 7)?;
/// testing::set_cookie(&session)?;
/// assert_eq!(*log.lock().unwrap(), [SaveReason::Created]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaveReason {
    /// It is new.
    Created,
    /// Its value changed.
    Changed,
    /// Its idle time was to be counted anew.
    Renewed,
    /// A retired key had sealed it.
    Resealed,
}

/// Why a session was not saved.
///
/// ```
/// use hardtack::session::{Event, SkipReason};
///
/// fn alert(event: &Event) {
///     if let Event::NotSaved { reason: SkipReason::RenewalFailed(error), .. } = event {
///         eprintln!("sessions will end early: {error}");
///     }
/// }
///
/// alert(&Event::NotSaved { id: None, reason: SkipReason::TooLate });
/// assert_eq!(SkipReason::TooLate.to_string(), "too late for a renewal");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// The handler panicked.
    Panicked,
    /// The renewal came too late: it could have brought back a session that was ended meanwhile.
    TooLate,
    /// `validate` said no: the session was ended meanwhile.
    NotValidated,
    /// The session has reached its end meanwhile.
    Ended,
    /// The renewal failed. The cookie that the browser has is as good as it was, so the answer goes
    /// out; but the session ends if this does not.
    RenewalFailed(SaveError),
    /// Its login was ended or replaced while the request was under way.
    LoginEnded,
    /// It was created in the future: a clock was wrong, and it would live that much longer.
    NotYetValid,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Incomplete => "parts of it are missing",
            Refusal::TooLong => "too long",
            Refusal::Invalid => "not valid",
            Refusal::UnknownVersion => "unknown version",
            Refusal::UnknownKey => "unknown key",
            Refusal::UnknownLayout => "unknown layout",
            Refusal::Unreadable => "not readable",
            Refusal::OlderSchema => "older schema",
            Refusal::NewerSchema => "newer schema",
            Refusal::NotYetValid => "from the future",
            Refusal::Revoked => "revoked",
            Refusal::IdleTimeout => "idle timeout",
            Refusal::AbsoluteTimeout => "absolute timeout",
            Refusal::NotValidated => "not validated",
            Refusal::Ended => "its login ended",
            Refusal::Rival => "another login has the same cookie name",
            Refusal::CrossOrigin => "from another origin",
        })
    }
}

impl fmt::Display for SaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SaveReason::Created => "created",
            SaveReason::Changed => "changed",
            SaveReason::Renewed => "renewed",
            SaveReason::Resealed => "sealed anew under the primary key",
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SkipReason::RenewalFailed(error) => return write!(f, "the renewal failed: {error}"),
            SkipReason::Panicked => "the handler panicked",
            SkipReason::TooLate => "too late for a renewal",
            SkipReason::NotValidated => "not validated",
            SkipReason::LoginEnded => "its login ended meanwhile",
            SkipReason::NotYetValid => "created in the future",
            SkipReason::Ended => "ended meanwhile",
        })
    }
}
