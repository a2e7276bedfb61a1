//! Cookies for the tests of an application: what a browser does with a session between a response and
//! the next request.

use super::{Event, Refusal, SaveError, Session, SessionData, SessionManager, state::State};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use cookie::{Cookie, time};
use core::{error::Error, fmt};

/// Why a test has no session, or no cookie for one.
///
/// ```
/// use hardtack::{Key, Keyring, session::{NoSessionError, SessionManager}};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let error = sessions.read_set_cookie(["theme=dark; Path=/"]).unwrap_err();
/// assert_eq!(error, NoSessionError::NotSet);
/// assert_eq!(error.to_string(), "no cookie of the session is set");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoSessionError {
    /// No cookie of the session is set. A response sets none if the session did not change; a new session
    /// has none if it is empty, or if [`validate`](super::SessionManagerBuilder::validate) refuses it.
    NotSet,
    /// The cookie of the session is removed: it was [destroyed](Session::destroy).
    Removed,
    /// The cookie that is set does not open: made with other keys, another realm or another type.
    Refused(Refusal),
    /// The session cannot be saved.
    NotSaved(SaveError),
}

impl fmt::Display for NoSessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSessionError::NotSet => f.write_str("no cookie of the session is set"),
            NoSessionError::Removed => f.write_str("the cookie of the session is removed"),
            NoSessionError::Refused(reason) => {
                write!(f, "the cookie of the session is refused: {reason}")
            }
            NoSessionError::NotSaved(error) => error.fmt(f),
        }
    }
}

impl Error for NoSessionError {}

/// For the tests of an application: see [Tests of your own
/// handlers](crate::guide::sessions#tests-of-your-own-handlers).
impl<T: SessionData> SessionManager<T> {
    /// For tests: the session as a browser has it after a response with these `Set-Cookie` values, all
    /// of them, whatever else they set. Attributes are not looked at, but for the removal of a cookie.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::{NoSessionError, Refusal, SessionManager}};
    ///
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// // In a test of yours: response.headers().get_all("set-cookie")
    /// let response = |id: u64| {
    ///     let session = sessions.begin();
    ///     session.insert("user", &id)?;
    ///     Ok::<_, hardtack::session::SessionError>(session.finish([], []).set_cookie)
    /// };
    ///
    /// let session = sessions.read_set_cookie(response(7)?)?;
    /// assert_eq!(session.get("user")?, Some(7));
    ///
    /// // Never an empty session in place of one that is not there.
    /// let none: [&str; 0] = [];
    /// assert_eq!(sessions.read_set_cookie(none).unwrap_err(), NoSessionError::NotSet);
    /// let others = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// assert_eq!(
    ///     others.read_set_cookie(response(7)?).unwrap_err(),
    ///     NoSessionError::Refused(Refusal::UnknownKey),
    /// );
    /// session.destroy()?;
    /// let response = session.finish([], []).set_cookie;
    /// assert_eq!(sessions.read_set_cookie(response).unwrap_err(), NoSessionError::Removed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoSessionError`], but not [`NotSaved`](NoSessionError::NotSaved).
    pub fn read_set_cookie<V: AsRef<[u8]>>(
        &self,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Session<T>, NoSessionError> {
        let cookies = after(&self.config().cookie.name, &[], values)?;
        let session = self.begin();
        session.receive([cookies.as_bytes()]);
        // A new session is not in use by anybody, so that the call has no error of its own.
        let refused = session.call(|state, cx| Ok(state.is_new(cx)?.then(|| refusal(state))));
        match refused {
            Ok(None) => Ok(session),
            Ok(Some(reason)) => Err(NoSessionError::Refused(reason)),
            Err(_) => Err(NoSessionError::NotSet),
        }
    }
}

/// Why the cookie was refused that `state` has just tried to open.
fn refusal<T>(state: &State<T>) -> Refusal {
    let refused = |event: &Event| match event {
        Event::Refused { reason, .. } => Some(*reason),
        _ => None,
    };
    state
        .events
        .iter()
        .find_map(refused)
        .unwrap_or(Refusal::Invalid)
}

/// For the tests of an application: see [Tests of your own
/// handlers](crate::guide::sessions#tests-of-your-own-handlers).
impl<T: SessionData> Session<T> {
    /// For tests: the `Cookie` header with which a browser comes back, all chunks in it. Ends the session
    /// as [`finish`](Session::finish) does; one that was finished before has the cookies it came with.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::{NoSessionError, SessionManager}};
    ///
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let cookie = session.cookie_header()?;
    /// assert!(cookie.starts_with("__Host-session=h"));
    /// // let request = Request::get("/").header("cookie", cookie)
    ///
    /// // A session with nothing in it is no session for a browser.
    /// assert_eq!(sessions.begin().cookie_header(), Err(NoSessionError::NotSet));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoSessionError`], but not [`Refused`](NoSessionError::Refused).
    pub fn cookie_header(self) -> Result<String, NoSessionError> {
        let reply = self.finish([], []);
        if let Some(error) = reply.failed {
            return Err(NoSessionError::NotSaved(error));
        }
        let next = self.call(|state, cx| {
            Ok(after(
                &cx.config().cookie.name,
                &state.received,
                reply.set_cookie,
            ))
        });
        // Inside its own closure, the only error of the call, the session did not finish either.
        next.unwrap_or(Err(NoSessionError::NotSaved(SaveError::InUse)))
    }
}

/// The `Cookie` header that comes after the response: the session's cookies of `before`, the header
/// that came with the request, as `set_cookie` changes them.
fn after<V: AsRef<[u8]>>(
    name: &str,
    before: &[u8],
    set_cookie: impl IntoIterator<Item = V>,
) -> Result<String, NoSessionError> {
    let is_ours = |found: &str| match found.strip_prefix(name).map(str::as_bytes) {
        Some([]) => true,
        Some([b'.', k]) => (b'1'..=b'9').contains(k),
        _ => false,
    };
    let mut cookies: Vec<(String, String)> = before
        .split(|byte| *byte == b';')
        .filter_map(|pair| {
            core::str::from_utf8(pair)
                .ok()?
                .trim_matches([' ', '\t'])
                .split_once('=')
        })
        .map(|(found, value)| (found.to_owned(), value.to_owned()))
        .collect();
    let mut removed = false;
    for line in set_cookie {
        // What is no cookie for the parser is not the session's.
        let Some(cookie) = core::str::from_utf8(line.as_ref())
            .ok()
            .and_then(|line| Cookie::parse(line).ok())
        else {
            continue;
        };
        cookies.retain(|(found, _)| found != cookie.name());
        if cookie
            .max_age()
            .is_some_and(|age| age <= time::Duration::ZERO)
        {
            removed |= cookie.name() == name;
        } else {
            cookies.push((cookie.name().to_owned(), cookie.value().to_owned()));
        }
    }
    cookies.retain(|(found, _)| is_ours(found));
    if !cookies.iter().any(|(found, _)| found == name) {
        return Err(if removed {
            NoSessionError::Removed
        } else {
            NoSessionError::NotSet
        });
    }
    let pairs: Vec<String> = cookies
        .iter()
        .map(|(found, value)| format!("{found}={value}"))
        .collect();
    Ok(pairs.join("; "))
}

#[cfg(test)]
mod tests;
