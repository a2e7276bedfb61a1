use super::{
    data::{SessionData, SessionMap},
    error::{SaveError, SessionError},
    events::Refusal,
    record::{Flash, FlashLevel, LoginId, SessionId},
    request::{Handle, Write},
};
use crate::Timestamp;
use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};
use getrandom::SysRng;
use serde::{Serialize, de::DeserializeOwned};

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
    handle: Handle<T>,
}

impl<T: SessionData> Session<T> {
    pub(super) fn new(handle: Handle<T>) -> Session<T> {
        Session { handle }
    }

    pub(super) fn handle(&self) -> &Handle<T> {
        &self.handle
    }

    /// The session's id: for logs and for a list of ended sessions. It changes with
    /// [`regenerate`](Session::regenerate). A new session that stays empty has one, but is never saved.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
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
        self.handle
            .read(|session| session.ids(&mut SysRng))?
            .map(|ids| ids.session)
            .map_err(no_randomness)
    }

    /// When the session was created. Neither saving nor [`regenerate`](Session::regenerate) changes it.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// let created = session.created_at()?;
    /// session.regenerate()?;
    /// assert_eq!(session.created_at()?, created);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn created_at(&self) -> Result<Timestamp, SessionError> {
        self.handle.read(|session| session.created_at())
    }

    /// When the session ends if it is not used any more.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// use core::time::Duration;
    ///
    /// let left = session.expires_at()?.saturating_duration_since(session.created_at()?);
    /// assert_eq!(left, Duration::from_secs(30 * 60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn expires_at(&self) -> Result<Timestamp, SessionError> {
        let now = self.handle.now();
        let rules = self.handle.rules();
        self.handle.read(|session| session.expires_at(rules, now))
    }

    /// Returns the login's id: for a [`Denylist`](super::Denylist), and for logs. It is new with
    /// [`regenerate_for_login`](Session::regenerate_for_login) and stays with
    /// [`regenerate`](Session::regenerate), so it names every copy of the login's cookies.
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`] for a new session.
    pub fn login_id(&self) -> Result<LoginId, SessionError> {
        self.handle
            .read(|session| session.ids(&mut SysRng))?
            .map(|ids| ids.login)
            .map_err(no_randomness)
    }

    /// Returns `true` if the response will carry another session than the browser has.
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn is_changed(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.is_changed())
    }

    /// Takes back all that this request has written: for a handler that fails half way and answers all the
    /// same. A login that this request has [destroyed](Session::destroy) stays ended.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("order", 7)?;
    /// // The payment fails:
    /// session.discard_changes()?;
    /// assert_eq!(session.get::<u64>("order")?, None);
    /// assert!(!session.is_changed()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn discard_changes(&self) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle
            .write(|session| session.discard_changes(rules, now))
    }

    /// Starts the idle time again with this response, whether a renewal is due or not.
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn touch(&self) -> Result<(), SessionError> {
        self.handle.write(|session| session.touch())
    }

    /// Returns why the request's session cookie was refused. `None` if the request had no session cookie,
    /// or one that counts.
    ///
    /// ```
    /// use hardtack::session::{Refusal, Session, SessionError};
    ///
    /// fn notice(session: &Session) -> Result<&'static str, SessionError> {
    ///     Ok(match session.refused()? {
    ///         Some(Refusal::IdleTimeout | Refusal::AbsoluteTimeout) => "Your session has expired.",
    ///         _ => "Please log in.",
    ///     })
    /// }
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # assert_eq!(notice(&testing::new_session(&sessions))?, "Please log in.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn refused(&self) -> Result<Option<Refusal>, SessionError> {
        self.handle.refused()
    }

    /// Whether the request came without a session that counts.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// assert!(session.is_new()?);
    /// session.insert("user", 7)?;
    ///
    /// let next = testing::session_from_cookie(&sessions, &testing::cookie_header(&session)?);
    /// assert!(!next.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn is_new(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.is_new())
    }

    /// Whether the browser keeps the session when it is closed: see [`remember`](Session::remember).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// assert!(!session.is_remembered()?);
    /// session.remember(true)?;
    /// assert!(session.is_remembered()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn is_remembered(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.is_remembered())
    }

    /// Gives the session a new id; creation time, absolute end and data stay. For every change of
    /// privilege but a login: see [`regenerate_for_login`](Session::regenerate_for_login).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
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
        self.handle
            .write(|session| session.regenerate(&mut SysRng))?
            .map_err(no_randomness)
    }

    /// Gives the session a new id and a new lifetime: call it at login, or an attacker who planted a
    /// session of his before (session fixation, CWE-384) is logged in with it. What was in the session
    /// stays, such as a cart: decide about it, and [`clear`](Session::clear) it if in doubt.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("cart", [7, 8])?;
    /// let planted = session.id()?;
    ///
    /// session.regenerate_for_login()?;
    /// session.insert("user", 7)?;
    /// assert_ne!(session.id()?, planted);
    /// assert_eq!(session.get("cart")?, Some([7, 8])); // stays: is that right here?
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`].
    pub fn regenerate_for_login(&self) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle
            .log_in(|session| session.regenerate_for_login(rules, now, &mut SysRng))?
            .map_err(no_randomness)
    }

    /// Ends the session and removes its cookies. A write after this makes a fresh one.
    ///
    /// No server keeps a list of sessions, so a copy of the cookie opens until its timeouts: where that
    /// is too long, keep the ids of [`Event::Destroyed`](super::Event::Destroyed) and refuse them in
    /// [`validate`](super::SessionManagerBuilder::validate).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    ///
    /// let session = testing::session_from_cookie(&sessions, &testing::cookie_header(&session)?);
    /// session.destroy()?;
    /// assert_eq!(session.get::<u64>("user")?, None);
    /// let lines = testing::set_cookie(&session)?;
    /// assert!(lines[0].starts_with("__Host-session=;") && lines[0].contains("Max-Age=0"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.handle.keep_or_destroy(Write::Destroy, |_| false)
    }

    /// Ends the session `after` from now at the latest: earlier than it would have ended, never later.
    /// In whole seconds. [`remember`](Session::remember), [`regenerate_for_login`](Session::regenerate_for_login)
    /// give the settings' limits back, so call this after them.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
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
    /// See [Errors](Session#errors).
    pub fn expire_in(&self, after: Duration) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle
            .write(|session| session.expire_in(rules, now, after))
    }

    /// Whether the browser is to keep the session when it is closed. A remembered session has the
    /// limits `remember_idle_timeout` and `remember_absolute_timeout`, counted from its creation, and its cookie a
    /// Max-Age. Taken back when it is older than `absolute_timeout`, it is [destroyed](Session::destroy).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.remember(true)?; // the box under the password is ticked
    /// session.regenerate_for_login()?;
    /// session.insert("user", 7)?;
    /// assert!(testing::set_cookie(&session)?[0].contains("Max-Age=1209600")); // 14 days
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn remember(&self, remembered: bool) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle.keep_or_destroy(Write::Change, |session| {
            session.remember(rules, now, remembered)
        })
    }

    /// Leaves a message for the next page that asks for it, at most 16 of them and 1,024 bytes of text
    /// in all.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
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
        self.handle.grow(|session| session.flash(flash))
    }

    /// The messages that were left, oldest first. Each comes once.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
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
        self.handle.take_flashes()
    }

    /// Empties the data and keeps the session, with its id, times and flash messages.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let id = session.id()?;
    /// session.clear()?;
    /// assert!(session.is_empty()?);
    /// assert_eq!(session.id()?, id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn clear(&self) -> Result<(), SessionError> {
        self.replace(T::default()).map(drop)
    }
}

/// Calls of a typed session.
impl<T: SessionData> Session<T> {
    /// Shows the data to the closure and returns what it does.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager, testing}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).data::<Account>().build()?;
    /// # let session = testing::new_session(&sessions);
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
    /// See [Errors](Session#errors).
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, SessionError> {
        self.handle.read(|session| f(session.data()))
    }

    /// Lets the closure change the data and returns what it does. The session is saved if its encoding
    /// is another one afterwards.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager, testing}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).data::<Account>().build()?;
    /// # let session = testing::new_session(&sessions);
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
        self.handle.grow(|session| Ok(f(session.data_mut())))
    }

    /// Puts other data in place of what is there, and returns that.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager, testing}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).data::<Account>().build()?;
    /// # let session = testing::new_session(&sessions);
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

/// Calls of the dictionary.
impl Session<SessionMap> {
    /// The value under this key; `None` if there is none.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("visits", 3)?;
    /// assert_eq!(session.get("visits")?, Some(3));
    /// assert_eq!(session.get::<u32>("absent")?, None);
    ///
    /// let error = session.get::<String>("visits").unwrap_err();
    /// assert!(matches!(error, SessionError::WrongType { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if it is not of this type.
    pub fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        self.handle.read(|session| session.data().get(key))?
    }

    /// Puts a value under this key, in place of one that is there.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("cart", [7, 8])?;
    ///
    /// let error = session.insert("notes", &"#".repeat(10_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { max: 7_000, .. }));
    /// session.remove("notes")?; // else the response is a 500
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Unstorable`], what was there stays; [`SessionError::TooBig`], the value is there.
    pub fn insert(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        self.handle
            .grow(|session| session.data_mut().insert(key, value))
    }

    /// Removes a value and says whether there was one.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// assert!(session.remove("user")?);
    /// assert!(!session.remove("user")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn remove(&self, key: &str) -> Result<bool, SessionError> {
        self.handle.write(|session| session.data_mut().remove(key))
    }

    /// Removes a value and returns it.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("return to", "/cart")?;
    /// assert!(session.take::<u64>("return to").is_err()); // it stays
    /// assert_eq!(session.take("return to")?, Some("/cart".to_string()));
    /// assert_eq!(session.take::<String>("return to")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if it is not of this type; it stays then.
    pub fn take<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        self.handle.write(|session| {
            let value = session.data().get(key)?;
            session.data_mut().remove(key);
            Ok(value)
        })?
    }

    /// Changes the value under this key, which is its type's default if there is none, and returns what
    /// the closure does.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// let visits = session.update("visits", |visits: &mut u32| {
    ///     *visits += 1;
    ///     *visits
    /// })?;
    /// assert_eq!(visits, 1);
    ///
    /// session.insert("user", "ada")?;
    /// assert!(session.update("user", |user: &mut u64| *user = 7).is_err());
    /// assert_eq!(session.get::<String>("user")?.as_deref(), Some("ada"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Session::get) and [`insert`](Session::insert).
    pub fn update<V, R>(&self, key: &str, f: impl FnOnce(&mut V) -> R) -> Result<R, SessionError>
    where
        V: Serialize + DeserializeOwned + Default,
    {
        self.handle.grow(|session| {
            let mut value = session.data().get(key)?.unwrap_or_default();
            let result = f(&mut value);
            session.data_mut().insert(key, &value)?;
            Ok(result)
        })
    }

    /// Whether there is a value under this key.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// assert!(session.contains_key("user")?);
    /// assert!(!session.contains_key("cart")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn contains_key(&self, key: &str) -> Result<bool, SessionError> {
        self.handle.read(|session| session.data().contains_key(key))
    }

    /// The keys, in ascending byte order.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// session.insert("cart", [7])?;
    /// assert_eq!(session.keys()?, ["cart", "user"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn keys(&self) -> Result<Vec<String>, SessionError> {
        self.handle
            .read(|session| session.data().keys().map(String::from).collect())
    }

    /// The number of values.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// assert_eq!(session.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn len(&self) -> Result<usize, SessionError> {
        self.handle.read(|session| session.data().len())
    }

    /// Whether there is no value.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// assert!(session.is_empty()?);
    /// session.insert("user", 7)?;
    /// assert!(!session.is_empty()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [Errors](Session#errors).
    pub fn is_empty(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.data().is_empty())
    }
}

impl<T: SessionData> Clone for Session<T> {
    fn clone(&self) -> Session<T> {
        Session {
            handle: self.handle.clone(),
        }
    }
}

/// Prints nothing of what is in the session.
impl<T: SessionData> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// The one thing that can go wrong with an id.
fn no_randomness(_: SaveError) -> SessionError {
    SessionError::Randomness
}
