use super::{SaveError, record::SessionId};
use crate::{KeyId, KeyState, Timestamp};
use core::fmt;

/// What was decided about a session, and why: for the operator. No event carries a value.
///
/// Events reach [`SessionManagerBuilder::on_event`](super::SessionManagerBuilder::on_event) and, with the feature `tracing`, the
/// subscriber; no lock is held meanwhile. The key id of a refused cookie is the sender's choice: do
/// not make it the label of a metric.
///
/// ```
/// use hardtack::session::{Event, Refusal};
///
/// fn alert(event: &Event) {
///     match event {
///         Event::Refused { reason: Refusal::UnknownKey, key, .. } => {
///             eprintln!("a cookie under key {key:?}: has an instance an old ring?");
///         }
///         Event::Failed { error, .. } => eprintln!("a response was lost: {error}"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A cookie was opened and counts.
    Opened {
        /// The session.
        id: SessionId,
        /// The key that sealed it.
        key: KeyId,
        /// What this key is for now.
        key_state: KeyState,
    },
    /// A cookie does not count, and stays in the browser.
    Refused {
        /// Why.
        reason: Refusal,
        /// The key that it names: if `id` is `None`, whatever its sender wrote there.
        key: Option<KeyId>,
        /// The session, if the cookie was authentic.
        id: Option<SessionId>,
    },
    /// The session goes out in a cookie.
    Saved {
        /// The session.
        id: SessionId,
        /// The key that sealed it.
        key: KeyId,
        /// Why.
        reason: SaveReason,
        /// Bytes of cookie names and values.
        len: usize,
    },
    /// What could have been saved was not, and nothing was lost by it but what is said here.
    NotSaved {
        /// The session, if it has an id yet.
        id: Option<SessionId>,
        /// Why.
        reason: NotSaved,
    },
    /// The session could not be saved: the answer is a 500.
    Failed {
        /// The session, if it has an id yet.
        id: Option<SessionId>,
        /// Why.
        error: SaveError,
    },
    /// The session went out under a new id. A copy of the old cookie opens until `absolute_end`, unless
    /// `validate` refuses the id. Comes after the [`Saved`](Event::Saved) that it explains: a session
    /// that could not be saved keeps its id.
    Regenerated {
        /// The id before.
        from: SessionId,
        /// The id now.
        to: SessionId,
        /// When the old session ends at the latest.
        absolute_end: Timestamp,
    },
    /// The session was ended by [`destroy`](super::Session::destroy). A copy of its cookie opens until
    /// `absolute_end`, unless `validate` refuses the id: keep the pair until then.
    Destroyed {
        /// The session.
        id: SessionId,
        /// When it ends at the latest.
        absolute_end: Timestamp,
    },
    /// The handler's own `Cache-Control` would have let a cache keep a session: it is now `no-store`.
    CacheControlReplaced,
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Why a session was saved.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager, Event, SaveReason}};
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
/// let session = sessions.begin();
/// session.insert("user", &7)?;
/// let _ = session.finish([], []);
/// assert_eq!(*log.lock().unwrap(), [SaveReason::Created]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
/// use hardtack::session::{Event, NotSaved};
///
/// fn alert(event: &Event) {
///     if let Event::NotSaved { reason: NotSaved::RenewalFailed(error), .. } = event {
///         eprintln!("sessions will end early: {error}");
///     }
/// }
///
/// alert(&Event::NotSaved { id: None, reason: NotSaved::TooLate });
/// assert_eq!(NotSaved::TooLate.to_string(), "too late for a renewal");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSaved {
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

impl fmt::Display for NotSaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotSaved::RenewalFailed(error) => return write!(f, "the renewal failed: {error}"),
            NotSaved::Panicked => "the handler panicked",
            NotSaved::TooLate => "too late for a renewal",
            NotSaved::NotValidated => "not validated",
            NotSaved::Ended => "ended meanwhile",
        })
    }
}
