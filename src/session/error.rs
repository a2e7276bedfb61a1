use super::{
    cookie::TooLarge,
    record::{MAX_FLASH_BYTES, MAX_FLASHES},
};
use crate::SealError;
use alloc::string::String;
use core::{error::Error, fmt};

/// Says why a method of a session failed. The contents of the session are not lost. The text names
/// keys and types, and never a value.
///
/// Handlers can use `?`. Axum and Actix Web respond with an empty 500, Rocket with its page for
/// 500. The text goes to the log.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = testing::new_session(&sessions);
/// session.insert("user", "ada")?;
/// let error = session.get::<u64>("user").unwrap_err();
/// assert!(matches!(&error, SessionError::WrongType { key, .. } if key == "user"));
/// assert!(error.to_string().starts_with("the value under `user` has another type"));
///
/// let error = session.update("user", |_: &mut String| session.clear().unwrap_err())?;
/// assert_eq!(error, SessionError::InUse);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionError {
    /// The session was used inside a closure that was passed to it.
    InUse,
    /// The response headers were sent. A write can no longer reach the browser. A first read is
    /// refused too, because the headers did not tell caches that the response is private.
    HeadersSent,
    /// The value under this key has another type than the caller asked for.
    WrongType {
        /// The key.
        key: String,
        /// The kind of value that was found, and the type that the caller asked for.
        reason: String,
    },
    /// The value cannot be stored under this key: it does not serialize, or (for
    /// [`update`](super::Session::update)) its encoding is read as something else.
    Unstorable {
        /// The key.
        key: String,
        /// The type, and the possible reasons.
        reason: String,
    },
    /// The session is too big for its cookies, or for its store. It keeps what was written. Remove
    /// something, otherwise the response is a 500 and the browser keeps the previous session. Sealing
    /// makes a session in cookies a third longer: 7,000 bytes hold about 5 KB of data.
    TooBig {
        /// The size in bytes: of the names, `=` and values of the cookies, or of the sealed record.
        len: usize,
        /// The maximum in bytes, set by `max_cookie_bytes` or `max_chunks`, or by `max_record_bytes`.
        max: usize,
    },
    /// The session would hold more than 16 flash messages or 1,024 bytes of their text. The message
    /// was not added.
    TooManyFlashes,
    /// The request comes from another origin (cross-site request forgery), so it has no session to
    /// change. The log names the setting that would let it pass. Answered by 403.
    CrossOrigin,
    /// The request brought sessions of two logins under one cookie name, and neither counts: this
    /// response removes what was planted, and the next request works. Answered by 503.
    Rivals,
    /// The session is bound to a device, and the request has no fresh proof from it although the browser
    /// may have the key. The session is not lost. Answered by 503.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    NoDeviceProof,
    /// The store of the sessions failed, or holds a record that this version of the application cannot
    /// read. The session is not lost: nothing was overwritten and no cookie removed. Answered by 503.
    Store,
    /// The session has ended since the request came, or another request has given it another id, which may be another
    /// tab's or a thief's. [`end_others`](super::Session::end_others) goes no further then. Answered by 503: a second try
    /// has the cookie of now.
    Ended,
    /// The session was used before it was loaded from its store: a session of
    /// [`testing`](super::testing) whose store does not answer at once.
    NotLoaded,
    /// The operating system returned no random bytes for a session id.
    Randomness,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::InUse => f.write_str(
                "the session was used inside its own closure: use the argument of the closure, or use the session after it",
            ),
            SessionError::HeadersSent => f.write_str(
                "the session was used after the headers were sent: use it in the handler, before the body",
            ),
            SessionError::WrongType { key, reason } => {
                write!(f, "the value under `{}` has another type: {reason}", key.escape_debug())
            }
            SessionError::Unstorable { key, reason } => {
                write!(f, "the value for `{}` cannot be stored: {reason}", key.escape_debug())
            }
            SessionError::TooBig { len, max } => {
                write!(f, "the session needs {len} bytes once it is sealed, the maximum is {max}: remove something")
            }
            SessionError::TooManyFlashes => write!(
                f,
                "more than {MAX_FLASHES} flash messages or {MAX_FLASH_BYTES} bytes of them: take some first"
            ),
            SessionError::CrossOrigin => f.write_str(
                "a request from another origin cannot change the session: see the log for the setting",
            ),
            SessionError::Rivals => f.write_str(
                "two logins came under one session cookie name, and neither counts: send the request again",
            ),
            #[cfg(feature = "unstable-device-bound")]
            SessionError::NoDeviceProof => f.write_str(
                "the session is bound to a device, and the browser has sent no fresh proof: send the request again",
            ),
            SessionError::Store => f.write_str(
                "the session store failed, or holds a record that cannot be read: the log says which",
            ),
            SessionError::Ended => f.write_str(
                "the session has ended or got another id since the request came: send the request again",
            ),
            SessionError::NotLoaded => f.write_str(
                "the session was used before it was loaded from its store: take it from the extractor",
            ),
            SessionError::Randomness => {
                f.write_str("the operating system returned no random bytes for a session id")
            }
        }
    }
}

impl SessionError {
    /// Returns the HTTP status that a response with this error has: 403 for
    /// [`CrossOrigin`](SessionError::CrossOrigin), 503 for [`Rivals`](SessionError::Rivals),
    /// [`Store`](SessionError::Store) and [`Ended`](SessionError::Ended), else 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            SessionError::CrossOrigin => 403,
            SessionError::Rivals | SessionError::Store | SessionError::Ended => 503,
            #[cfg(feature = "unstable-device-bound")]
            SessionError::NoDeviceProof => 503,
            _ => 500,
        }
    }
}

impl Error for SessionError {}

/// Says why a session could not be saved. The response becomes an empty one with the
/// [status](SaveError::status) of the error, and the browser keeps its previous cookie.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = testing::new_session(&sessions);
/// use hardtack::session::SaveError;
///
/// let _ = session.insert("notes", &"#".repeat(10_000)); // the error is ignored
/// let error = testing::set_cookie(&session).unwrap_err();
/// assert!(matches!(error, SaveError::TooBig { max: 7_000, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaveError {
    /// The session is too big for its cookies, or for its store.
    TooBig {
        /// The size in bytes: of the names, `=` and values of the cookies, or of the sealed record.
        len: usize,
        /// The maximum in bytes, set by `max_cookie_bytes` or `max_chunks`, or by `max_record_bytes`.
        max: usize,
    },
    /// The data of the session does not serialize, or its encoding is read as something else: see
    /// [`SessionData`](super::SessionData).
    Unreadable {
        /// The name of the type.
        type_name: &'static str,
    },
    /// The operating system returned no random bytes.
    Randomness,
    /// The clock is at the end of its range, in 2106.
    Clock,
    /// The store of the sessions failed, or holds a record that this version of the application cannot
    /// read. Whether the session was saved may be unknown. Answered by 503.
    Store,
    /// Other requests saved the same session so often meanwhile that this one found no gap. Or another request gave
    /// a session in a store another id, and a second try has the new cookie. Or another request ended
    /// the session while this one logged in over it: in a cookie, or with typed data that it did not
    /// [`replace`](super::Session::replace), which may be another person's. A new login works. Answered by 503.
    Contended,
    /// [`close`](super::Exchange::close) was called inside a closure that was passed to this session.
    InUse,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaveError::TooBig { len, max } => {
                write!(
                    f,
                    "the session needs {len} bytes once it is sealed, the maximum is {max}"
                )
            }
            SaveError::Unreadable { type_name } => write!(
                f,
                "the data of the session does not come back as it is: a field of `{type_name}` {WHY_UNREADABLE}"
            ),
            SaveError::Randomness => f.write_str("the operating system returned no random bytes"),
            SaveError::Clock => f.write_str("the clock is at the end of its range"),
            SaveError::Store => {
                f.write_str("the session store failed, or its record cannot be read")
            }
            SaveError::Contended => {
                f.write_str("other requests changed the same session meanwhile")
            }
            SaveError::InUse => {
                f.write_str("the response was finished inside a closure of its session")
            }
        }
    }
}

impl SaveError {
    /// Returns the HTTP status of the response: 503 for [`Store`](SaveError::Store) and
    /// [`Contended`](SaveError::Contended), else 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            SaveError::Store | SaveError::Contended => 503,
            _ => 500,
        }
    }
}

impl Error for SaveError {}

impl SaveError {
    pub(crate) fn unreadable<T>() -> SaveError {
        SaveError::Unreadable {
            type_name: core::any::type_name::<T>(),
        }
    }

    /// Returns why data of this type was not sealed.
    pub(crate) fn of<T>(error: SealError) -> SaveError {
        match error {
            SealError::Randomness => SaveError::Randomness,
            SealError::Time => SaveError::Clock,
            _ => SaveError::unreadable::<T>(),
        }
    }
}

/// Why the data of a typed session does not come back, in most cases.
pub(crate) const WHY_UNREADABLE: &str = "may have `flatten`, `tag`, `untagged`, `skip_serializing_if` or a variant with `skip`, or read any kind of value, as `serde_json::Value` and `Decimal` do";

impl From<TooLarge> for SaveError {
    fn from(TooLarge { len, max }: TooLarge) -> SaveError {
        SaveError::TooBig { len, max }
    }
}

impl From<TooLarge> for SessionError {
    fn from(TooLarge { len, max }: TooLarge) -> SessionError {
        SessionError::TooBig { len, max }
    }
}
