//! The handle that a handler gets, one type in every framework.

use super::{
    Flash, FlashLevel, SessionData, SessionError, SessionId, SessionManager, SessionMap,
    state::{Context, State},
};
use crate::Timestamp;
use alloc::{string::String, sync::Arc, vec::Vec};
use core::{
    cell::OnceCell,
    fmt,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};
use getrandom::SysRng;
use std::sync::{Mutex, PoisonError};

/// The session of one request: a dictionary, or typed ([`Session<T>`](SessionData)).
///
/// It is opened at its first use and saved after the handler, if it changed. Clones are handles to
/// the same session; none of them holds a lock across an await.
///
/// ```
/// use hardtack::session::{FlashLevel, Session, SessionError};
///
/// async fn add(session: Session) -> Result<String, SessionError> {
///     let mut items: Vec<u32> = session.get("cart")?.unwrap_or_default();
///     items.push(7);
///     session.insert("cart", &items)?;
///     session.flash(FlashLevel::Success, "Added")?;
///     Ok(format!("{} items", items.len()))
/// }
/// ```
///
/// # Errors
///
/// Every call fails with [`SessionError::InUse`] inside a closure that was given to this session (on
/// its thread: a closure that waits for another thread which uses the session waits for ever), and
/// every call that writes, or that is the session's first, with [`SessionError::HeadersSent`] once the
/// response's headers are out. Calls that say nothing else of errors have no other. Calls that add to
/// the session fail with [`SessionError::TooBig`] when its cookies would get too long; what was added
/// is then still there, to be removed.
pub struct Session<T: SessionData = SessionMap> {
    exchange: Arc<Exchange<T>>,
}

/// What the clones of a handle share.
struct Exchange<T: SessionData> {
    sessions: SessionManager<T>,
    state: Mutex<State<T>>,
    /// The thread that is inside a call now, or 0.
    inside: AtomicUsize,
    /// Whether a handle was dropped by a panic.
    panicked: AtomicBool,
}

impl<T: SessionData> Session<T> {
    pub(super) fn new(sessions: SessionManager<T>) -> Session<T> {
        Session {
            exchange: Arc::new(Exchange {
                sessions,
                state: Mutex::new(State::new()),
                inside: AtomicUsize::new(0),
                panicked: AtomicBool::new(false),
            }),
        }
    }

    /// Runs `f` on the state, then reports what happened with no lock held.
    pub(super) fn call<R>(
        &self,
        f: impl FnOnce(&mut State<T>, &Context<'_, T>) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let sessions = &self.exchange.sessions;
        let (result, events) = self.locked(|state| {
            let now = OnceCell::new();
            let context = Context { sessions, now };
            let result = f(state, &context);
            (result, core::mem::take(&mut state.events))
        })?;
        for event in &events {
            sessions.report(event);
        }
        result
    }

    /// Runs `f` on the state, without a look at the clock and the keys.
    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut State<T>) -> R) -> Result<R, SessionError> {
        let Exchange {
            state: lock,
            inside,
            panicked,
            ..
        } = &*self.exchange;
        let me = this_thread();
        // A second call from within a closure would wait for itself.
        if inside.load(Ordering::Relaxed) == me {
            return Err(SessionError::InUse);
        }
        let mut state = lock.lock().unwrap_or_else(PoisonError::into_inner);
        // A closure that panicked half way poisoned the lock: what it left is not to be saved.
        state.panicked |= lock.is_poisoned() || panicked.load(Ordering::Relaxed);
        inside.store(me, Ordering::Relaxed);
        let leave = Leave(inside);
        let result = f(&mut state);
        drop(leave);
        Ok(result)
    }

    /// The session's id: for logs and for a list of ended sessions. It changes with
    /// [`regenerate`](Session::regenerate). A new session that stays empty has one, but is never saved.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// let before = session.id()?;
    /// assert_eq!(session.id()?, before);
    /// session.regenerate()?;
    /// assert_ne!(session.id()?, before);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`] for a new session.
    pub fn id(&self) -> Result<SessionId, SessionError> {
        self.call(|state, cx| state.id(cx, &mut SysRng))
    }

    /// When the session was created. Neither saving nor [`regenerate`](Session::regenerate) changes it.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// let created = session.created_at()?;
    /// session.regenerate()?;
    /// assert_eq!(session.created_at()?, created);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn created_at(&self) -> Result<Timestamp, SessionError> {
        self.call(|state, cx| state.created_at(cx))
    }

    /// When the session ends if it is not used any more.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// use core::time::Duration;
    ///
    /// let left = session.expires_at()?.saturating_duration_since(session.created_at()?);
    /// assert_eq!(left, Duration::from_secs(30 * 60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn expires_at(&self) -> Result<Timestamp, SessionError> {
        self.call(|state, cx| state.expires_at(cx))
    }

    /// Whether the request came without a session that counts.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// assert!(session.is_new()?);
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    ///
    /// let next = sessions.begin();
    /// next.receive([reply.set_cookie[0].split(';').next().unwrap().as_bytes()]);
    /// assert!(!next.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn is_new(&self) -> Result<bool, SessionError> {
        self.call(|state, cx| state.is_new(cx))
    }

    /// Whether the browser keeps the session when it is closed: see [`remember`](Session::remember).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// assert!(!session.is_remembered()?);
    /// session.remember(true)?;
    /// assert!(session.is_remembered()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn is_remembered(&self) -> Result<bool, SessionError> {
        self.call(|state, cx| state.is_remembered(cx))
    }

    /// Gives the session a new id; creation time, absolute end and data stay. For every change of
    /// privilege but a login: see [`regenerate_for_login`](Session::regenerate_for_login).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let before = session.id()?;
    /// session.regenerate()?; // she has given her second factor
    /// session.insert("verified", &true)?;
    /// assert_ne!(session.id()?, before);
    /// assert_eq!(session.get("user")?, Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`].
    pub fn regenerate(&self) -> Result<(), SessionError> {
        self.call(|state, cx| state.regenerate(cx, false, &mut SysRng))
    }

    /// Gives the session a new id and a new lifetime: call it at login, or an attacker who planted a
    /// session of his before (session fixation, CWE-384) is logged in with it. What was in the session
    /// stays, such as a cart: decide about it, and [`clear`](Session::clear) it if in doubt.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.insert("cart", &[7, 8])?;
    /// let planted = session.id()?;
    ///
    /// session.regenerate_for_login()?;
    /// session.insert("user", &7)?;
    /// assert_ne!(session.id()?, planted);
    /// assert_eq!(session.get("cart")?, Some([7, 8])); // stays: is that right here?
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`].
    pub fn regenerate_for_login(&self) -> Result<(), SessionError> {
        self.call(|state, cx| state.regenerate(cx, true, &mut SysRng))
    }

    /// Ends the session and removes its cookies. A write after this makes a fresh one.
    ///
    /// No server keeps a list of sessions, so a copy of the cookie opens until its timeouts: where that
    /// is too long, keep the ids of [`Event::Destroyed`](super::Event::Destroyed) and refuse them in
    /// [`validate`](super::SessionManagerBuilder::validate).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    ///
    /// let session = sessions.begin();
    /// session.receive([reply.set_cookie[0].split(';').next().unwrap().as_bytes()]);
    /// session.destroy()?;
    /// assert_eq!(session.get::<u64>("user")?, None);
    /// let reply = session.finish([], []);
    /// assert!(reply.set_cookie[0].starts_with("__Host-session=;"));
    /// assert!(reply.set_cookie[0].contains("Max-Age=0"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.call(|state, cx| state.destroy(cx))
    }

    /// Ends the session `after` from now at the latest: earlier than it would have ended, never later.
    /// In whole seconds. [`remember`](Session::remember), [`regenerate_for_login`](Session::regenerate_for_login)
    /// give the settings' limits back, so call this after them.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// use core::time::Duration;
    ///
    /// session.expire_in(Duration::from_secs(60))?;
    /// let left = session.expires_at()?.saturating_duration_since(session.created_at()?);
    /// assert!(left <= Duration::from_secs(61));
    ///
    /// session.expire_in(Duration::MAX)?; // never later than it would have ended
    /// assert!(session.expires_at()?.saturating_duration_since(session.created_at()?) <= left);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn expire_in(&self, after: Duration) -> Result<(), SessionError> {
        self.call(|state, cx| state.expire_in(cx, after))
    }

    /// Whether the browser is to keep the session when it is closed. A remembered session has the
    /// limits `remember_idle_timeout` and `remember_absolute_timeout`, counted from its creation, and its cookie a
    /// Max-Age. Taken back when it is older than `absolute_timeout`, it is [destroyed](Session::destroy).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.remember(true)?; // the box under the password is ticked
    /// session.regenerate_for_login()?;
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// assert!(reply.set_cookie[0].contains("Max-Age=1209600")); // 14 days
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn remember(&self, remembered: bool) -> Result<(), SessionError> {
        self.call(|state, cx| state.remember(cx, remembered))
    }

    /// Leaves a message for the next page that asks for it, at most 16 of them and 1,024 bytes of text
    /// in all.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// use hardtack::session::FlashLevel;
    ///
    /// session.flash(FlashLevel::Success, "It is in your cart.")?;
    ///
    /// let error = session.flash(FlashLevel::Info, "#".repeat(1_025)).unwrap_err();
    /// assert_eq!(error, SessionError::TooManyFlashes);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::TooManyFlashes`], [`SessionError::TooBig`].
    pub fn flash(&self, level: FlashLevel, text: impl Into<String>) -> Result<(), SessionError> {
        let flash = Flash {
            level,
            text: text.into(),
        };
        self.call(|state, cx| state.flash(cx, flash))
    }

    /// The messages that were left, oldest first. Each comes once.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// use hardtack::session::FlashLevel;
    ///
    /// session.flash(FlashLevel::Success, "It is in your cart.")?;
    /// for flash in session.take_flashes()? {
    ///     println!("<p class={}>{}</p>", flash.level, flash.text); // escape the text
    /// }
    /// assert!(session.take_flashes()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::HeadersSent`] also if there are none: taking is writing.
    pub fn take_flashes(&self) -> Result<Vec<Flash>, SessionError> {
        self.call(|state, cx| state.take_flashes(cx))
    }

    /// Empties the data and keeps the session, with its id, times and flash messages.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let id = session.id()?;
    /// session.clear()?;
    /// assert!(session.is_empty()?);
    /// assert_eq!(session.id()?, id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn clear(&self) -> Result<(), SessionError> {
        self.replace(T::default()).map(drop)
    }
}

/// Calls of a typed session.
impl<T: SessionData> Session<T> {
    /// Shows the data to the closure and returns what it does.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).data::<Account>().build()?;
    /// # let session = sessions.begin();
    /// let theme = session.with(|account| account.theme.clone())?;
    /// assert_eq!(theme, "");
    ///
    /// // A guard that lives across an await cannot be, and to use the session inside is an error.
    /// let inside = session.with(|_| session.id())?;
    /// assert_eq!(inside, Err(SessionError::InUse));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every call.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, SessionError> {
        self.call(|state, cx| Ok(f(state.data(cx)?)))
    }

    /// Lets the closure change the data and returns what it does. The session is saved if its encoding
    /// is another one afterwards.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).data::<Account>().build()?;
    /// # let session = sessions.begin();
    /// let before = session.modify(|account| account.user.replace(7))?;
    /// assert_eq!(before, None);
    /// assert_eq!(session.with(|account| account.user)?, Some(7));
    ///
    /// let error = session.modify(|account| account.theme = "#".repeat(10_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::TooBig`]; [`SessionError::Unstorable`] if the data does not serialize.
    pub fn modify<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, SessionError> {
        self.call(|state, cx| state.change(cx, |data| Ok(f(data))))
    }

    /// Puts other data in place of what is there, and returns that.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).data::<Account>().build()?;
    /// # let session = sessions.begin();
    /// let ada = Account { user: Some(7), theme: "dark".into() };
    /// assert_eq!(session.replace(ada)?, Account::default());
    /// assert_eq!(session.with(|account| account.user)?, Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`modify`](Session::modify).
    pub fn replace(&self, data: T) -> Result<T, SessionError> {
        self.modify(|present| core::mem::replace(present, data))
    }
}

impl<T: SessionData> Clone for Session<T> {
    fn clone(&self) -> Session<T> {
        Session {
            exchange: Arc::clone(&self.exchange),
        }
    }
}

/// A handle that is dropped by a panic marks the session: a framework that catches the panic answers
/// all the same, and what the handler left half done is not to be saved.
impl<T: SessionData> Drop for Session<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Without the lock: another thread may be inside, and this one may be itself.
            self.exchange.panicked.store(true, Ordering::Relaxed);
        }
    }
}

/// Nothing of what is in the session.
impl<T: SessionData> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Marks the call as left, also when it panics.
struct Leave<'e>(&'e AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A number for this thread while it lives, never 0.
fn this_thread() -> usize {
    std::thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| core::ptr::from_ref(here).addr())
}
