//! Sessions in the tests of an application: what a browser does with one between a response and the
//! next request. [Testing your handlers](crate::guide::sessions#testing-your-handlers) shows it.
//!
//! ```
//! use hardtack::{Key, Keyring, session::{SessionManager, testing}};
//!
//! let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
//!
//! // Into a request: the Cookie header of a user who has logged in.
//! let session = testing::new_session(&sessions);
//! session.insert("user", 7)?;
//! let cookie = testing::cookie_header(&session)?;
//!
//! // What a handler gets for it.
//! let session = testing::session_from_cookie(&sessions, &cookie);
//! assert_eq!(session.get("user")?, Some(7));
//!
//! // Out of a response: the session that its Set-Cookie lines leave in the browser.
//! let lines = testing::set_cookie(&session)?;
//! assert!(testing::session_from_set_cookie(&sessions, lines).is_err()); // nothing changed
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If the manager has a store, let it be a `MemoryStore` in these tests: it answers at once, and nothing
//! here waits. With a store that does not, every call of a session is
//! [`SessionError::NotLoaded`](super::SessionError::NotLoaded).

use super::{
    cookie::{Names, SessionCookie},
    data::SessionData,
    error::SaveError,
    events::Refusal,
    head::RequestHead,
    manager::SessionManager,
    request::{Answer, Handle},
    session::Session,
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use cookie::{Cookie, time};
use core::{error::Error, fmt, iter};
#[cfg(feature = "store")]
use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Returns a session as a handler gets it for a request without any cookie.
///
/// ```
/// use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
///
/// fn add(session: &Session, ware: u32) -> Result<usize, SessionError> {
///     session.update("cart", |cart: &mut Vec<u32>| {
///         cart.push(ware);
///         cart.len()
///     })
/// }
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let session = testing::new_session(&sessions);
/// assert_eq!(add(&session, 7)?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn new_session<T: SessionData>(manager: &SessionManager<T>) -> Session<T> {
    session_from_cookie(manager, "")
}

/// Returns a session as a handler gets it for a request with this `Cookie` header.
///
/// ```
/// use hardtack::{Key, Keyring, session::{SessionManager, testing}};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let session = testing::session_from_cookie(&sessions, "theme=dark; __Host-session=not-ours");
/// assert!(session.is_new()?); // it did not open, which is not an error
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn session_from_cookie<T: SessionData>(
    manager: &SessionManager<T>,
    cookie: &str,
) -> Session<T> {
    let handle = Handle::new(manager.clone());
    handle.receive(&RequestHead {
        method: "GET",
        path: "/",
        authority: None,
        headers: [("cookie", cookie)],
    });
    #[cfg(feature = "store")]
    if let Ok(load) = handle.load(()) {
        // Without an answer every call of the session says so.
        let _ = at_once(load);
    }
    Session::new(handle.give())
}

/// Returns the result of a future that needs no waiting.
#[cfg(feature = "store")]
fn at_once<R>(future: impl Future<Output = R>) -> Option<R> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// Returns the session as a browser has it after a response with these `Set-Cookie` values: give all of
/// them, whatever else they set. Attributes are not looked at, but for the removal of a cookie.
///
/// ```
/// use hardtack::{Key, Keyring, session::{Refusal, SessionManager, testing::{self, NoSessionError}}};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// // In a test of yours: response.headers().get_all("set-cookie")
/// let session = testing::new_session(&sessions);
/// session.insert("user", 7)?;
/// let lines = testing::set_cookie(&session)?;
///
/// let session = testing::session_from_set_cookie(&sessions, &lines)?;
/// assert_eq!(session.get("user")?, Some(7));
///
/// // A session that is not there is an error, and never an empty session.
/// let none: [&str; 0] = [];
/// let error = testing::session_from_set_cookie(&sessions, none).unwrap_err();
/// assert_eq!(error, NoSessionError::NotSet);
/// let others = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let error = testing::session_from_set_cookie(&others, &lines).unwrap_err();
/// assert_eq!(error, NoSessionError::Refused(Refusal::UnknownKey));
/// session.destroy()?;
/// let lines = testing::set_cookie(&session)?;
/// let error = testing::session_from_set_cookie(&sessions, lines).unwrap_err();
/// assert_eq!(error, NoSessionError::Removed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`NoSessionError`], but not [`Failed`](NoSessionError::Failed).
pub fn session_from_set_cookie<T: SessionData, V: AsRef<[u8]>>(
    manager: &SessionManager<T>,
    values: impl IntoIterator<Item = V>,
) -> Result<Session<T>, NoSessionError> {
    let cookie = next_cookie(manager, &[], values)?;
    let session = session_from_cookie(manager, &cookie);
    match session.refused() {
        Ok(None) => Ok(session),
        Ok(Some(reason)) => Err(NoSessionError::Refused(reason)),
        // A session that nobody uses yet has no error of its own.
        Err(_) => Err(NoSessionError::NotSet),
    }
}

/// Returns the `Set-Cookie` values of the response. It closes the session, as the response does: from
/// here on it is read only, and a second call has nothing to say.
///
/// ```
/// use hardtack::{Key, Keyring, session::{SessionError, SessionManager, testing}};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let session = testing::new_session(&sessions);
/// session.insert("user", 7)?;
/// let lines = testing::set_cookie(&session)?;
/// assert!(lines[0].ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"));
///
/// assert_eq!(session.insert("user", 8), Err(SessionError::HeadersSent));
/// assert!(testing::set_cookie(&session)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`SaveError`], where a response would be a 500.
pub fn set_cookie<T: SessionData>(session: &Session<T>) -> Result<Vec<String>, SaveError> {
    let answer = session.handle().close();
    #[cfg(feature = "store")]
    let answer = match answer.map(|answer| session.handle().write_to_store(answer, |answer| answer))
    {
        Some(Ok(write)) => Some(at_once(write).ok_or(SaveError::Store)?),
        Some(Err(answer)) => Some(answer),
        None => None,
    };
    match answer {
        None => Ok(Vec::new()),
        Some(Answer {
            failed: None,
            set_cookie,
            ..
        }) => Ok(set_cookie),
        Some(Answer {
            failed: Some(error),
            ..
        }) => Err(error),
    }
}

/// Returns the `Cookie` header with which the browser comes back after the response, all chunks in it.
/// It closes the session as [`set_cookie`] does; one that was closed before has the cookies it came
/// with.
///
/// ```
/// use hardtack::{Key, Keyring, session::{SessionManager, testing::{self, NoSessionError}}};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let session = testing::new_session(&sessions);
/// session.insert("user", 7)?;
/// let cookie = testing::cookie_header(&session)?;
/// assert!(cookie.starts_with("__Host-session=h"));
/// // let request = Request::get("/").header("cookie", cookie)
///
/// // An empty session is never sent to the browser.
/// let empty = testing::new_session(&sessions);
/// assert_eq!(testing::cookie_header(&empty), Err(NoSessionError::NotSet));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`NoSessionError`], but not [`Refused`](NoSessionError::Refused).
pub fn cookie_header<T: SessionData>(session: &Session<T>) -> Result<String, NoSessionError> {
    let lines = set_cookie(session).map_err(NoSessionError::Failed)?;
    let handle = session.handle();
    let received = handle
        .received()
        .map_err(|_| NoSessionError::Failed(SaveError::InUse))?;
    next_cookie(handle.manager(), &received, lines)
}

/// The `Cookie` header that comes after the response: the session's cookies of `received`, the header
/// that came with the request, as `set_cookie` changes them.
fn next_cookie<T: SessionData, V: AsRef<[u8]>>(
    manager: &SessionManager<T>,
    received: &[u8],
    set_cookie: impl IntoIterator<Item = V>,
) -> Result<String, NoSessionError> {
    let mut cookies: Vec<(String, String)> = received
        .split(|byte| *byte == b';')
        .filter_map(|pair| text(pair)?.trim_matches([' ', '\t']).split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let settings = manager.settings();
    let formers = settings.formers.iter().map(|former| &former.cookie);
    let site: Vec<&SessionCookie> = iter::once(&settings.cookie).chain(formers).collect();
    let is_session = |name: &str| site.iter().any(|cookie| cookie.name() == name);
    let mut removed = false;
    for line in set_cookie {
        // A line that the parser refuses is not the session's.
        let Some(line) = text(line.as_ref()).and_then(|line| Cookie::parse(line).ok()) else {
            continue;
        };
        let (name, value) = line.name_value();
        cookies.retain(|(found, _)| found != name);
        if line
            .max_age()
            .is_some_and(|age| age <= time::Duration::ZERO)
        {
            removed |= is_session(name);
        } else {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }
    if cookies.iter().any(|(name, _)| is_session(name)) {
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let is_ours = |pair: &String| {
            let received = |cookie: &&SessionCookie| cookie.received(pair.as_bytes());
            site.iter()
                .any(|cookie| received(cookie) != Names::default())
        };
        let ours = pairs.filter(is_ours);
        Ok(ours.collect::<Vec<_>>().join("; "))
    } else if removed {
        Err(NoSessionError::Removed)
    } else {
        Err(NoSessionError::NotSet)
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

/// Why a test has no session, or no cookie for one.
///
/// ```
/// use hardtack::{Key, Keyring, session::{SessionManager, testing::{self, NoSessionError}}};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let lines = ["theme=dark; Path=/"];
/// let error = testing::session_from_set_cookie(&sessions, lines).unwrap_err();
/// assert_eq!(error, NoSessionError::NotSet);
/// assert_eq!(error.to_string(), "the response sets no session cookie");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoSessionError {
    /// No session cookie is set. A response sets none if the session did not change. A new session has
    /// none if it is empty, or if [`validate`](super::SessionManagerBuilder::validate) refuses it.
    NotSet,
    /// The session cookie is removed: the session was [destroyed](Session::destroy).
    Removed,
    /// The session cookie does not open.
    Refused(Refusal),
    /// The session cannot be saved.
    Failed(SaveError),
}

impl fmt::Display for NoSessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSessionError::NotSet => f.write_str("the response sets no session cookie"),
            NoSessionError::Removed => f.write_str("the response removes the session cookie"),
            NoSessionError::Refused(reason) => write!(f, "the session cookie is refused: {reason}"),
            NoSessionError::Failed(error) => error.fmt(f),
        }
    }
}

impl Error for NoSessionError {}

#[cfg(test)]
mod tests;
