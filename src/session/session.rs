use super::{
    data::{SessionData, SessionMap},
    error::{SaveError, SessionError},
    events::Refusal,
    record::{Flash, FlashLevel, LoginId, SessionId},
    request::{Handle, Write},
};
use crate::Timestamp;
use crate::system_random::SystemRandom;
use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};
use serde::{Serialize, de::DeserializeOwned};

/// Gives a handler the session of its request: a dictionary, or a [typed session](SessionData).
///
/// The session is opened when it is first used, and saved after the handler if it changed. Clones are
/// handles to the same session. No handle holds a lock across an await.
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
/// These errors apply to every method; a method lists only the others.
///
/// - [`SessionError::InUse`] inside a closure that was passed to this session, on the same thread. A
///   closure that waits for another thread waits forever if that thread uses the session.
/// - [`SessionError::HeadersSent`] after the response headers were sent, for a method that writes and
///   for the first method that is called.
/// - [`SessionError::TooBig`] for a method that adds to the session, if its cookies become too large.
///   The new value is then in the session, and you can remove it.
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

    /// Returns the id of the session, for logs and for a list of ended sessions.
    /// [`regenerate`](Session::regenerate) changes it.
    ///
    /// A new session has an id too, but it is saved only if something is written to it.
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
            .read(|session| session.ids(&mut SystemRandom))?
            .map(|ids| ids.session)
            .map_err(no_randomness)
    }

    /// Returns the time when the session was created.
    /// [`regenerate_for_login`](Session::regenerate_for_login) sets it to the present time. Saving
    /// and [`regenerate`](Session::regenerate) do not change it.
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
    pub fn created_at(&self) -> Result<Timestamp, SessionError> {
        self.handle.read(|session| session.created_at())
    }

    /// Returns the time when the session ends if it is not used again.
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
    #[doc(alias("ttl", "expiry"))]
    pub fn expires_at(&self) -> Result<Timestamp, SessionError> {
        self.handle.expires_at()
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
            .read(|session| session.ids(&mut SystemRandom))?
            .map(|ids| ids.login)
            .map_err(no_randomness)
    }

    /// Returns `true` if the response will carry another session than the browser has.
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
    pub fn discard_changes(&self) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle
            .write(|session| session.discard_changes(rules, now))
    }

    /// Starts the idle time again with this response, whether a renewal is due or not.
    pub fn touch(&self) -> Result<(), SessionError> {
        self.handle.write(|session| session.touch())
    }

    /// Fails if the request comes from another origin. Every call that writes to the session checks that by
    /// itself. A handler that changes something else calls this first. The extractor `SameOrigin` of each
    /// framework does so for a handler that has no session.
    ///
    /// # Errors
    ///
    /// [`SessionError::CrossOrigin`]. See also [Errors](Session#errors).
    pub fn check_origin(&self) -> Result<(), SessionError> {
        self.handle.check_origin()
    }

    /// Returns why the session cookie of the request was refused, or `None` if the request carried
    /// no session cookie or a valid one.
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
    pub fn refused(&self) -> Result<Option<Refusal>, SessionError> {
        self.handle.refused()
    }

    /// Returns `true` if the request carried no valid session, or if the session was
    /// [destroyed](Session::destroy).
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
    pub fn is_new(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.is_new())
    }

    /// Returns `true` if the browser keeps the session after it is closed: see
    /// [`remember`](Session::remember).
    pub fn is_remembered(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.is_remembered())
    }

    /// Returns `true` if the session is bound to a key in the browser's device, and the request has a proof of
    /// it: see [`DeviceBound`](super::DeviceBound).
    ///
    /// It is worth as much as the request in which the binding was offered: see
    /// [`offer_device_binding`](Session::offer_device_binding).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// if !session.is_device_bound()? {
    ///     // Ask for the password before the salary is shown.
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    pub fn is_device_bound(&self) -> Result<bool, SessionError> {
        self.handle.read(|session| session.device_key().is_some())
    }

    /// Offers to bind a session to the browser's device with this response, as every login does: for those who
    /// had logged in before the site used [`DeviceBound`](super::DeviceBound). Returns `false` if there is
    /// nothing to offer: the session is new or bound, or the site offers no binding.
    ///
    /// Call it only in a request that has just checked a credential, such as a password that was asked for again. A
    /// thief with a copy of an unbound session can send any other request too. They would register a key of their
    /// own, and [`is_device_bound`](Session::is_device_bound) would be `true` for them.
    ///
    /// Each offer costs the browser a key and a signature, so offer it once a session.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    pub fn offer_device_binding(&self) -> Result<bool, SessionError> {
        self.handle.offer_device_binding()
    }

    /// Gives the session a new id. The data, the creation time and the absolute end stay.
    ///
    /// Call it after every change of privilege, such as a second factor. At login, call
    /// [`regenerate_for_login`](Session::regenerate_for_login) instead.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let before = session.id()?;
    /// session.regenerate()?; // the user passed the second factor
    /// session.insert("verified", &true)?;
    /// assert_ne!(session.id()?, before);
    /// assert_eq!(session.get("user")?, Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`] if the operating system returned no random bytes.
    #[doc(alias("cycle_id", "renew", "rotate"))]
    pub fn regenerate(&self) -> Result<(), SessionError> {
        self.handle
            .write(|session| session.regenerate(&mut SystemRandom))?
            .map_err(no_randomness)
    }

    /// Gives the session a new id and a new lifetime. Call it at login.
    ///
    /// Otherwise an attacker who planted their own session in the browser before the login is
    /// logged in with it (session fixation, CWE-384). The data stays, for example a cart. If you
    /// are in doubt about it, call [`clear`](Session::clear) too. The flash messages that came with
    /// the request go, and the session is remembered only if this request calls
    /// [`remember`](Session::remember), before this call or after it. With a store, the same holds for
    /// `set_subject`: without it, the new login is in nobody's list.
    ///
    /// Write to the session whose login it is. A new session that has neither data, nor messages, nor a subject is not
    /// saved, as ever.
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
    /// assert_eq!(session.get("cart")?, Some([7, 8])); // stays
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Randomness`] if the operating system returned no random bytes.
    #[doc(alias("cycle_id", "login", "renew"))]
    pub fn regenerate_for_login(&self) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle
            .log_in(|session| session.regenerate_for_login(rules, now, &mut SystemRandom))?
            .map_err(no_randomness)
    }

    /// Ends the session and every other one whose cookie came with the request, and removes their cookies.
    /// A later write starts a new session.
    ///
    /// This process remembers the end for 60 seconds. After that, and on other instances, a copy of the
    /// cookie works until its timeouts, unless a [`Denylist`](super::Denylist) refuses it.
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
    #[doc(alias("flush", "invalidate", "logout", "purge"))]
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.handle.keep_or_destroy(Write::Destroy, |_, _| false)
    }

    /// Sets the end of the session to `after` from now, if it would end later. The time is in whole
    /// seconds; fractions are dropped.
    ///
    /// [`remember`](Session::remember) and [`regenerate_for_login`](Session::regenerate_for_login)
    /// restore the timeouts of the settings, so call `expire_in` after them.
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
    /// session.expire_in(Duration::MAX)?; // never later than before
    /// assert!(session.expires_at()?.saturating_duration_since(session.created_at()?) <= left);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("expiry", "max_age", "ttl"))]
    pub fn expire_in(&self, after: Duration) -> Result<(), SessionError> {
        let (rules, now) = (self.handle.rules(), self.handle.now());
        self.handle
            .write(|session| session.expire_in(rules, now, after))
    }

    /// Sets whether the browser keeps the session after it is closed. The default is `false`.
    ///
    /// A remembered session has the timeouts `remember_idle_timeout` and
    /// `remember_absolute_timeout`, counted from its creation, and its cookie has a Max-Age. If you
    /// pass `false` and the session is older than `absolute_timeout`, it is
    /// [destroyed](Session::destroy).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.remember(true)?; // the checkbox is ticked
    /// session.regenerate_for_login()?;
    /// session.insert("user", 7)?;
    /// assert!(testing::set_cookie(&session)?[0].contains("Max-Age=1209600")); // 14 days
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("max_age", "permanent", "persistent"))]
    pub fn remember(&self, remembered: bool) -> Result<(), SessionError> {
        let rules = self.handle.rules();
        self.handle.keep_or_destroy(Write::Change, |session, now| {
            session.remember(rules, now, remembered)
        })
    }

    /// Says whose session this is, so that [`SessionManager::list`] and [`SessionManager::end_all`] find it.
    /// Call it at every login, with [`regenerate_for_login`](Session::regenerate_for_login), which drops the
    /// subject of the person before; `None` takes it back. It takes a new id, like [`regenerate`](Session::regenerate): a session that somebody planted
    /// must not be listed as the visitor's.
    ///
    /// Use a name that is never given to another person, such as the id in your table of users.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}, store::MemoryStore};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).store(MemoryStore::new(1 << 20)).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.regenerate_for_login()?;
    /// session.set_subject(Some("user-7"))?;
    /// session.describe("Firefox on Linux")?;
    /// session.insert("user", 7)?;
    /// assert!(!testing::set_cookie(&session)?.is_empty());
    /// # async fn devices(sessions: SessionManager) -> Result<(), Box<dyn std::error::Error>> {
    /// for device in sessions.list("user-7").await? {
    ///     println!("{} since {}", device.description, device.created_at);
    /// }
    /// # Ok(())
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`SessionManager::list`]: super::SessionManager::list
    /// [`SessionManager::end_all`]: super::SessionManager::end_all
    ///
    /// # Errors
    ///
    /// [`SessionError::Unstorable`] if the subject has no or more than 255 bytes, or if there is no store
    /// that keeps lists of owners: a session whose subject no list knows would survive `end_all`. Only this
    /// call knows that a site has subjects, so `build` cannot refuse such a store. Also
    /// [`SessionError::Randomness`].
    #[cfg(feature = "store")]
    pub fn set_subject(&self, subject: Option<&str>) -> Result<(), SessionError> {
        if let Some(subject) = subject {
            self.can_be_listed("the subject", subject, 1)?;
        }
        let subject = subject.map(String::from);
        self.handle
            .write(|session| session.set_subject(subject, &mut SystemRandom))?
            .map_err(no_randomness)
    }

    /// Sets what [`SessionManager::list`](super::SessionManager::list) shows of this session, such as the
    /// browser. A new id keeps it. It needs a [subject](Session::set_subject).
    ///
    /// # Errors
    ///
    /// [`SessionError::Unstorable`] if the text has more than 255 bytes, or if there is no store that keeps
    /// lists of owners.
    #[cfg(feature = "store")]
    pub fn describe(&self, text: &str) -> Result<(), SessionError> {
        self.can_be_listed("the description", text, 0)?;
        self.handle.write(|session| session.describe(text.into()))
    }

    #[cfg(feature = "store")]
    fn can_be_listed(&self, what: &str, text: &str, min: usize) -> Result<(), SessionError> {
        let reason = if !self.handle.manager().lists_owners() {
            "the sessions have no store that keeps lists of owners"
        } else if !(min..=255).contains(&text.len()) {
            "it has more than 255 bytes, or none"
        } else {
            return Ok(());
        };
        Err(SessionError::Unstorable {
            key: what.into(),
            reason: reason.into(),
        })
    }

    /// Ends every other session of this session's [subject](Session::set_subject), and returns their
    /// number: "log out on all other devices". Without a subject there is none.
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store fails. [`SessionError::Ended`] if this session has ended since the request
    /// came, or another request has given it another id, unless this request logs somebody in. With either, some of the
    /// other sessions may have ended.
    #[cfg(feature = "store")]
    pub async fn end_others(&self) -> Result<u32, SessionError> {
        self.handle.end_others().await
    }

    /// Stores a message for the next page that calls [`take_flashes`](Session::take_flashes). A
    /// session holds at most 16 messages with 1,024 bytes of text in total.
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
    /// [`SessionError::TooManyFlashes`] if the session would hold more; [`SessionError::TooBig`].
    #[doc(alias = "message")]
    pub fn flash(&self, level: FlashLevel, text: impl Into<String>) -> Result<(), SessionError> {
        let flash = Flash {
            level,
            text: text.into(),
        };
        self.handle.grow(|session| session.flash(flash))
    }

    /// Removes the stored messages and returns them, oldest first. Each message is returned once.
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
    /// [`SessionError::HeadersSent`] even if no message is stored, because this method writes.
    #[doc(alias = "messages")]
    pub fn take_flashes(&self) -> Result<Vec<Flash>, SessionError> {
        self.handle.take_flashes()
    }

    /// Empties the data. The session keeps its id, its times and its flash messages.
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
    pub fn clear(&self) -> Result<(), SessionError> {
        self.replace(T::default()).map(drop)
    }
}

/// Methods for a typed session.
impl<T: SessionData> Session<T> {
    /// Passes the data to a closure and returns its result.
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
    /// // The closure cannot hold the data across an await. It must not use the session.
    /// let inside = session.with(|_| session.id())?;
    /// assert_eq!(inside, Err(SessionError::InUse));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, SessionError> {
        self.handle.read(|session| f(session.data()))
    }

    /// Passes the data to a closure that may change it, and returns the closure's result. The
    /// session is saved if the encoding of the data changed.
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
    #[doc(alias = "with_mut")]
    pub fn modify<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, SessionError> {
        self.handle.grow(|session| Ok(f(session.data_mut())))
    }

    /// Replaces the data and returns the previous data.
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
    /// The same as [`modify`](Session::modify).
    pub fn replace(&self, data: T) -> Result<T, SessionError> {
        self.handle.grow(|session| Ok(session.replace(data)))
    }
}

/// Methods for a dictionary.
impl Session<SessionMap> {
    /// Returns the value under this key, or `None` if the key is absent.
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
    /// [`SessionError::WrongType`] if the value has another type: see
    /// [`get_or_remove`](Session::get_or_remove). This response does not renew the session then.
    pub fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        self.tell(self.handle.read(|session| session.data().get(key))?)
    }

    /// Returns the value under this key. Removes a value that has another type and returns `None`, so
    /// that a session from before you changed the type works again.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("theme", 2)?; // what an earlier version of the site wrote
    /// assert!(session.get::<String>("theme").is_err());
    ///
    /// assert_eq!(session.get_or_remove::<String>("theme")?, None);
    /// assert!(!session.contains_key("theme")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_remove<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        match self.handle.read(|session| session.data().get(key))? {
            Err(SessionError::WrongType { key, reason }) => {
                self.remove(&key)?;
                self.handle.tell_wrong_type(&key, &reason, true);
                Ok(None)
            }
            result => result,
        }
    }

    /// Tells the operator of a value with another type.
    fn tell<R>(&self, result: Result<R, SessionError>) -> Result<R, SessionError> {
        if let Err(SessionError::WrongType { key, reason }) = &result {
            self.handle.tell_wrong_type(key, reason, false);
        }
        result
    }

    /// Stores a value under this key and replaces a previous value.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("cart", [7, 8])?;
    ///
    /// let error = session.insert("notes", &"#".repeat(10_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { max: 7_000, .. }));
    /// session.remove("notes")?; // otherwise the response is a 500
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::Unstorable`] if the value does not serialize, and the previous value stays;
    /// [`SessionError::TooBig`], and the new value is stored. [`SessionMap::insert`] names the values
    /// that are stored and cannot be read.
    #[doc(alias("put", "set"))]
    pub fn insert(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        self.handle
            .grow(|session| session.data_mut().insert(key, value))
    }

    /// Removes a value. Returns `true` if there was one.
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
    #[doc(alias = "delete")]
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
    /// assert!(session.take::<u64>("return to").is_err()); // the value stays
    /// assert_eq!(session.take("return to")?, Some("/cart".to_string()));
    /// assert_eq!(session.take::<String>("return to")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if the value has another type; it stays in the session.
    #[doc(alias = "pop")]
    pub fn take<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        self.tell(self.handle.write(|session| {
            let value = session.data().get(key)?;
            session.data_mut().remove(key);
            Ok(value)
        })?)
    }

    /// Passes the value under this key to a closure that may change it, and returns the closure's
    /// result. If the key is absent, the closure gets the default value of the type.
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
    /// The same as [`get`](Session::get) and [`insert`](Session::insert). Also
    /// [`SessionError::Unstorable`] if the value is read as something else, and the previous value stays.
    pub fn update<V, R>(&self, key: &str, f: impl FnOnce(&mut V) -> R) -> Result<R, SessionError>
    where
        V: Serialize + DeserializeOwned + Default,
    {
        self.tell(self.handle.grow(|session| {
            let mut value = session.data().get(key)?.unwrap_or_default();
            let result = f(&mut value);
            session.data_mut().insert_readable(key, &value)?;
            Ok(result)
        }))
    }

    /// Returns `true` if there is a value under this key.
    #[doc(alias = "has")]
    pub fn contains_key(&self, key: &str) -> Result<bool, SessionError> {
        self.handle.read(|session| session.data().contains_key(key))
    }

    /// Returns the value under this key. If the key is absent, stores the value that the closure makes, and
    /// returns that.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// let theme = session.get_or_insert_with("theme", || "light".to_string())?;
    /// assert_eq!(theme, "light");
    /// assert_eq!(session.get_or_insert_with("theme", || "dark".to_string())?, "light");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`update`](Session::update). If the key is there, the same as [`get`](Session::get).
    #[doc(alias("or_insert", "setdefault"))]
    pub fn get_or_insert_with<V>(&self, key: &str, f: impl FnOnce() -> V) -> Result<V, SessionError>
    where
        V: Serialize + DeserializeOwned,
    {
        if let Some(value) = self.get(key)? {
            return Ok(value);
        }
        // The closure may use the session.
        let value = f();
        self.handle
            .grow(|session| session.data_mut().insert_readable(key, &value))?;
        Ok(value)
    }

    /// Stores several values of one type. If one of them does not serialize, none is stored.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.extend([("apples", 3), ("pears", 4)])?;
    /// assert_eq!(session.entries::<u32>()?, [("apples".into(), 3), ("pears".into(), 4)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`insert`](Session::insert).
    #[doc(alias = "insert_all")]
    pub fn extend<K: AsRef<str>, V: Serialize>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), SessionError> {
        self.handle
            .grow(|session| session.data_mut().extend(entries))
    }

    /// Returns all keys and values, in ascending byte order of the keys. If the values have different types,
    /// read them as a type that takes all of them, such as `serde_json::Value`.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
    /// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// # let session = testing::new_session(&sessions);
    /// session.insert("user", "ada")?;
    /// session.insert("visits", 7)?;
    /// let entries = session.entries::<serde_json::Value>()?;
    /// assert_eq!(entries[1], ("visits".into(), 7.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`get`](Session::get).
    #[doc(alias("all", "iter"))]
    pub fn entries<V: DeserializeOwned>(&self) -> Result<Vec<(String, V)>, SessionError> {
        self.tell(self.handle.read(|session| session.data().entries())?)
    }

    /// Returns the keys in ascending byte order.
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
    pub fn keys(&self) -> Result<Vec<String>, SessionError> {
        self.handle
            .read(|session| session.data().keys().map(String::from).collect())
    }

    /// Returns the number of values.
    pub fn len(&self) -> Result<usize, SessionError> {
        self.handle.read(|session| session.data().len())
    }

    /// Returns `true` if there are no values.
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

/// Prints no contents, which may be personal data.
impl<T: SessionData> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Converts the only error that a new id can have.
fn no_randomness(_: SaveError) -> SessionError {
    SessionError::Randomness
}
