use super::{
    cookie::TooLarge,
    record::{MAX_FLASH_BYTES, MAX_FLASHES},
};
use alloc::string::String;
use core::{error::Error, fmt};

/// Why a call on a session failed. Nothing is lost: what was in the session is still there. The text
/// has keys and types, never a value.
///
/// Every adapter makes it an empty 500, so that handlers can use `?`; the text goes to the log.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = testing::new_session(&sessions);
/// session.insert("user", "ada")?;
/// let error = session.get::<u64>("user").unwrap_err();
/// assert!(matches!(&error, SessionError::WrongType { key, .. } if key == "user"));
/// assert!(error.to_string().starts_with("the value under `user` is not of this type"));
///
/// let error = session.update("user", |_: &mut String| session.clear().unwrap_err())?;
/// assert_eq!(error, SessionError::InUse);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionError {
    /// The session was used inside a closure that was given to the session.
    InUse,
    /// The response's headers are out: what is written now reaches nobody, and what is read for the
    /// first time now would not have told caches to keep the response private.
    HeadersSent,
    /// The value under this key is not of the type that was asked for.
    WrongType {
        /// The key.
        key: String,
        /// What kind of value was found, and the type that was asked for.
        reason: String,
    },
    /// The value cannot be stored under this key: it does not serialize, or not to something that can be read back.
    Unstorable {
        /// The key.
        key: String,
        /// The type, and what can be wrong with a value of it.
        reason: String,
    },
    /// The session has become too big for its cookies. It keeps what was written: remove something,
    /// or the response will be a 500 and the previous cookie stays.
    TooBig {
        /// Bytes of cookie names and values that are needed.
        len: usize,
        /// The limit, by `max_cookie_bytes` or `max_chunks`.
        max: usize,
    },
    /// More flash messages, or longer ones, than a session keeps. The message was not added.
    TooManyFlashes,
    /// The request comes from another origin (cross-site request forgery), so it has no session to
    /// change. The log names the setting that would let it pass. Answered by 403.
    CrossOrigin,
    /// The request brought sessions of two logins under one cookie name, and neither counts: this
    /// response removes what was planted, and the next request works. Answered by 503.
    Rivals,
    /// The operating system gave no randomness for a session id.
    Randomness,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::InUse => f.write_str(
                "the session was used inside its own closure: use what the closure was given, or the session after it",
            ),
            SessionError::HeadersSent => f.write_str(
                "the session was used after the headers were sent: do it in the handler, before the body",
            ),
            SessionError::WrongType { key, reason } => {
                write!(f, "the value under `{key}` is not of this type: {reason}")
            }
            SessionError::Unstorable { key, reason } => {
                write!(f, "the value for `{key}` cannot be stored: {reason}")
            }
            SessionError::TooBig { len, max } => {
                write!(f, "the session needs {len} bytes of cookies, the limit is {max}: remove something")
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
            SessionError::Randomness => {
                f.write_str("the operating system gave no randomness for a session id")
            }
        }
    }
}

impl SessionError {
    /// Returns the HTTP status that a response with this error has: 403 for
    /// [`CrossOrigin`](SessionError::CrossOrigin), 503 for [`Rivals`](SessionError::Rivals), else 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            SessionError::CrossOrigin => 403,
            SessionError::Rivals => 503,
            _ => 500,
        }
    }
}

impl Error for SessionError {}

/// Why a session was not saved. The answer is an empty 500; the cookie that the browser has stays.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = testing::new_session(&sessions);
/// use hardtack::session::SaveError;
///
/// let _ = session.insert("notes", &"#".repeat(10_000)); // an error that is not looked at
/// let error = testing::set_cookie(&session).unwrap_err();
/// assert!(matches!(error, SaveError::TooBig { max: 7_000, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaveError {
    /// Too big for its cookies.
    TooBig {
        /// Bytes of cookie names and values that are needed.
        len: usize,
        /// The limit, by `max_cookie_bytes` or `max_chunks`.
        max: usize,
    },
    /// What was written cannot be read back, or does not serialize.
    Unreadable,
    /// The operating system gave no randomness.
    Randomness,
    /// The clock stands at the end of its range.
    Clock,
    /// [`finish`](super::Exchange::close) was called inside a closure of this session.
    InUse,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaveError::TooBig { len, max } => {
                write!(
                    f,
                    "the session needs {len} bytes of cookies, the limit is {max}"
                )
            }
            SaveError::Unreadable => f.write_str("the session as written cannot be read back"),
            SaveError::Randomness => f.write_str("the operating system gave no randomness"),
            SaveError::Clock => f.write_str("the clock stands at the end of its range"),
            SaveError::InUse => f.write_str("the session was finished inside its own closure"),
        }
    }
}

impl Error for SaveError {}

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
