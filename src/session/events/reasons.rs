use crate::{OpenError, session::error::SaveError};
use alloc::string::String;
use core::{error::Error, fmt};

/// Says why a session cookie was refused.
///
/// ```
/// use hardtack::session::{Event, Refusal};
///
/// /// Returns `true` for a refusal to look into. Timeouts are normal.
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
    /// The cookie was split into chunks, and at least one chunk is missing.
    Incomplete,
    /// The cookie is longer than any session.
    TooLong,
    /// The cookie was not sealed by hardtack, or it was changed, or it belongs to another cookie
    /// name, realm or type.
    Invalid,
    /// The version of the token is not known to this version of hardtack.
    UnknownVersion,
    /// No key of the keyring has the key id of the cookie.
    UnknownKey,
    /// The layout of the record is not known to this version of hardtack.
    UnknownLayout,
    /// The cookie is authentic, but its data is not a session of this type.
    Unreadable,
    /// The session has an older schema, and `migrate` returned `None`.
    OlderSchema,
    /// The session has a newer schema, because a newer version of the application saved it.
    NewerSchema,
    /// The cookie was sealed in the future, by more than the clock skew, or began later than it
    /// was sealed: a clock was wrong.
    NotYetValid,
    /// The session is older than `reject_issued_before`, or it was sealed with a key after the
    /// retirement of that key.
    Revoked,
    /// The session was not used for longer than its idle timeout.
    IdleTimeout,
    /// The session is older than its absolute timeout.
    AbsoluteTimeout,
    /// `validate` returned `false`.
    NotValidated,
    /// Its login ended: by [`destroy`](crate::session::Session::destroy) in this process in the last minute,
    /// or it is on the [`Denylist`](crate::session::Denylist).
    Ended,
    /// Another session of the same cookie name has another login: see [`Event::Rivals`](crate::session::Event::Rivals).
    Rival,
    /// The request comes from another origin: see [`Event::CrossOrigin`](crate::session::Event::CrossOrigin).
    CrossOrigin,
    /// The store has nothing of this session, although its time is not over. It ended more than a minute ago, or
    /// nobody had logged in to it and its ticket came back after ten minutes. Look into a rise: the engine evicts
    /// records, or lost them.
    Missing,
    /// The session is in its cookie, and `only_tickets` refuses those.
    NotATicket,
    /// The session is bound to a device, and the request has no fresh proof from it: a stolen cookie, or a
    /// browser that could not fetch a proof. See [`DeviceBound`](crate::session::DeviceBound).
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    NoDeviceProof,
    /// The login was bound to a device more than a minute ago, and the cookie is a copy of before.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    BoundSince,
}

/// Says why a session was saved.
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
    /// The session is new.
    Created,
    /// The contents of the session changed.
    Changed,
    /// The session was used, and its idle time starts again.
    Renewed,
    /// The session was sealed with a retired key, and is now sealed with the primary key.
    Resealed,
    /// The session came without the key of its device, and the browser has a proof of it: a response of
    /// before the registration was the last one.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    Adopted,
}

/// Says why a session was not saved.
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
    /// The response came more than 1 second after the request's head, or 30 seconds once half of the
    /// idle timeout was gone. A renewal this late could bring back a session that another request has
    /// ended.
    TooLate,
    /// `validate` returned `false`, for example because another request has ended the session.
    NotValidated,
    /// The session reached its end during the request.
    Ended,
    /// The renewal failed. The browser keeps its cookie and the response is sent, because nothing was
    /// lost. If renewals keep failing, the session ends at its idle timeout.
    RenewalFailed(SaveError),
    /// Its login was ended or replaced while the request was under way, or that of a cookie which had
    /// timed out: a session of the request's own would throw out the new login.
    LoginEnded,
    /// The store has nothing of this session any more, although its time is not over. Look into a rise:
    /// the engine evicts records, or lost them.
    Missing,
    /// It was created in the future: a clock was wrong, and it would live that much longer.
    NotYetValid,
    /// Two devices registered for it at once, and the other was faster.
    #[cfg(feature = "unstable-device-bound")]
    Bound,
}

/// Says what a save lost because another request saved the same session meanwhile.
///
/// ```
/// use hardtack::session::{Event, Lost};
///
/// /// Counts what is lost under a key: it should have a key for each writer.
/// fn is_lost(event: &Event, wanted: &str) -> bool {
///     matches!(event, Event::Conflict { lost: Lost::Key(key), .. } if key == wanted)
/// }
///
/// assert!(!is_lost(&Event::CacheControlReplaced, "cart"));
/// assert_eq!(Lost::Key("cart".into()).to_string(), "the value under `cart`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lost {
    /// A value of this key: that of the earlier save, or one beside which the other request removed the key.
    Key(String),
    /// The typed data of the other request:
    /// [`SessionData::merge`](crate::session::SessionData::merge) kept none of it.
    Data,
    /// The oldest flash messages, over the limit.
    Flashes,
}

/// Says why a browser's key was not bound, or not proven.
///
/// ```
/// use hardtack::session::{DeviceRefusal, Event};
///
/// /// Somebody has the cookie and not the device.
/// fn is_alarming(event: &Event) -> bool {
///     matches!(event, Event::DeviceRefused { reason: DeviceRefusal::ForeignKey, .. })
/// }
///
/// assert_eq!(DeviceRefusal::ForeignKey.to_string(), "signed by another key");
/// ```
#[cfg(feature = "unstable-device-bound")]
#[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceRefusal {
    /// A script of a page sent the request, and not the browser.
    Script,
    /// The request has no session that could be bound.
    NoSession,
    /// The session is bound already.
    Bound,
    /// There is no proof, or it is not one of a P-256 key.
    NoProof,
    /// The challenge was not made for this, or is too old.
    Challenge,
    /// The challenge is good, and another key has signed it. Alert if it happens twice for one login.
    ForeignKey,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Key(key) => write!(f, "the value under `{}`", key.escape_debug()),
            Lost::Data => f.write_str("the data"),
            Lost::Flashes => f.write_str("the oldest flash messages"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Incomplete => "parts are missing",
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
            Refusal::Missing => "missing from the store",
            Refusal::NotATicket => "not a ticket of the store",
            #[cfg(feature = "unstable-device-bound")]
            Refusal::NoDeviceProof => "no proof of its device",
            #[cfg(feature = "unstable-device-bound")]
            Refusal::BoundSince => "from before its login was bound to a device",
        })
    }
}

impl Refusal {
    /// Names the refusal of a cookie whose token does not open.
    pub(crate) fn of(error: OpenError) -> Refusal {
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
}

impl Error for Refusal {}

impl fmt::Display for SaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SaveReason::Created => "created",
            SaveReason::Changed => "changed",
            SaveReason::Renewed => "renewed",
            SaveReason::Resealed => "sealed again with the primary key",
            #[cfg(feature = "unstable-device-bound")]
            SaveReason::Adopted => "adopted the key of its device",
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
            SkipReason::Missing => "missing from the store",
            SkipReason::NotYetValid => "created in the future",
            #[cfg(feature = "unstable-device-bound")]
            SkipReason::Bound => "bound to another device meanwhile",
            SkipReason::Ended => "the session has ended",
        })
    }
}

#[cfg(feature = "unstable-device-bound")]
impl fmt::Display for DeviceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceRefusal::Script => "sent by a script",
            DeviceRefusal::NoSession => "no session",
            DeviceRefusal::Bound => "bound already",
            DeviceRefusal::NoProof => "no proof that can be read",
            DeviceRefusal::Challenge => "the challenge is not good",
            DeviceRefusal::ForeignKey => "signed by another key",
        })
    }
}

#[cfg(feature = "unstable-device-bound")]
impl Error for DeviceRefusal {}
