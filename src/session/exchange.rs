//! What an adapter does with a session: begin, hand the Cookie header in, write the fields out.

use super::{
    Event, SaveError, Session, SessionData, SessionManager,
    caching::{self, CacheControl},
    state::State,
};
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;
use getrandom::SysRng;

/// What the response is to carry for the session: see [`Session::finish`].
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = sessions.begin();
/// session.insert("user", &7)?;
/// let reply = session.finish([&b"public"[..]], [&b"Accept"[..]]);
/// assert_eq!(reply.set_cookie.len(), 1);
/// assert_eq!(reply.vary.as_deref(), Some("Accept, Cookie"));
/// assert_eq!(reply.cache_control, Some("no-store")); // in place of the handler's
/// assert_eq!(reply.failed, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a session that is not written to the response is lost"]
pub struct HeaderEdits {
    /// `Set-Cookie` fields to add.
    pub set_cookie: Vec<String>,
    /// What the `Vary` field is to be, in place of the handler's own, whose members it has too.
    pub vary: Option<Cow<'static, str>>,
    /// What the `Cache-Control` field is to be, in place of the handler's own.
    pub cache_control: Option<&'static str>,
    /// The session could not be saved: the response is to be an empty 500, with the fields above.
    pub failed: Option<SaveError>,
}

/// The names of the cookies: their values are as good as the session.
impl fmt::Debug for HeaderEdits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |line: &String| line.split('=').next().map(String::from);
        let names: Vec<_> = self.set_cookie.iter().filter_map(name).collect();
        f.debug_struct("HeaderEdits")
            .field("set_cookie", &names)
            .field("vary", &self.vary)
            .field("cache_control", &self.cache_control)
            .field("failed", &self.failed)
            .finish()
    }
}

impl<T: SessionData> SessionManager<T> {
    /// A session for one request, for an adapter to a framework that hardtack has none for, and for
    /// tests: hand the Cookie header to [`receive`](Session::receive), the session to the handler, and
    /// write to the response what [`finish`](Session::finish) says.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::SessionManager};
    ///
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    ///
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// let [set_cookie] = reply.set_cookie.as_slice() else { panic!() };
    /// assert!(set_cookie.starts_with("__Host-session=h"));
    /// assert_eq!((reply.vary.as_deref(), reply.cache_control), (Some("Cookie"), Some("no-store")));
    ///
    /// let cookie = set_cookie.split(';').next().unwrap();
    /// let session = sessions.begin();
    /// session.receive([cookie.as_bytes()]);
    /// assert_eq!(session.get("user")?, Some(7));
    /// assert!(session.get::<String>("user").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn begin(&self) -> Session<T> {
        Session::new(self.clone())
    }
}

impl<T: SessionData> Session<T> {
    /// Takes the values of the request's Cookie fields, all of them, once; later calls do nothing.
    /// Nothing is opened yet.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.receive([&b"theme=dark; __Host-session=not-ours"[..]]);
    /// assert!(session.is_new()?); // it did not open, which is no error
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receive<'h>(&self, cookie_fields: impl IntoIterator<Item = &'h [u8]>) {
        // Within its own closure, the only error, the session has been received long since.
        let _ = self.locked(|state| state.receive(cookie_fields));
    }

    /// Ends the session's part in the exchange, given the `Cache-Control` and `Vary` fields that the
    /// response has: what it is to carry. From here on the session is read only. A second call has
    /// nothing to say.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// assert!(reply.set_cookie[0].starts_with("__Host-session=h"));
    ///
    /// assert_eq!(session.insert("user", &8), Err(SessionError::HeadersSent));
    /// assert_eq!(session.finish([], []), Default::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish<'h>(
        &self,
        cache_control: impl IntoIterator<Item = &'h [u8]>,
        vary: impl IntoIterator<Item = &'h [u8]>,
    ) -> HeaderEdits {
        if self.locked(State::close_unused) == Ok(true) {
            return HeaderEdits::default();
        }
        let reply = self.call(|state, cx| {
            let (outcome, failed) = match state.finish(cx, &mut SysRng) {
                Ok(outcome) => (outcome, None),
                Err((outcome, error)) => (outcome, Some(error)),
            };
            if !outcome.used {
                return Ok(HeaderEdits::default());
            }
            let set_cookie = outcome.set_cookie;
            if failed.is_some() {
                // Of the handler's response nothing is left, its fields neither.
                let (vary, cache_control) = (caching::vary([]), Some("no-store"));
                return Ok(HeaderEdits {
                    set_cookie,
                    vary,
                    cache_control,
                    failed,
                });
            }
            let cache_control = match caching::cache_control(cache_control, !set_cookie.is_empty())
            {
                CacheControl::Keep => None,
                CacheControl::Set(value) => Some(value),
                CacheControl::Replace(value) => {
                    state.events.push(Event::CacheControlReplaced);
                    Some(value)
                }
            };
            let vary = caching::vary(vary);
            Ok(HeaderEdits {
                set_cookie,
                vary,
                cache_control,
                failed,
            })
        });
        match reply {
            Ok(reply) => reply,
            // Called from within a closure of this session: nothing can be saved.
            Err(_) => HeaderEdits {
                failed: Some(SaveError::InUse),
                ..HeaderEdits::default()
            },
        }
    }
}
