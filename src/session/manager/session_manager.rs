use super::settings::{Clock, Keys, OnEvent, Settings};
use crate::{
    Keyring, Timestamp,
    session::{
        cookie::{CookieAttributes, CookieLimits, SameSite, SessionCookie},
        data::{SessionData, SessionMap},
        endings::{Denied, Denylist, DenylistEntry, RecentEnd, RecentEnds},
        events::{
            self, Event,
            log::{self, Topic},
        },
        lifecycle::{EndedLogin, Now, Rules, SessionView, Timeouts, Validate},
        origin::{OriginRules, RequestLine},
    },
};
use alloc::{boxed::Box, format, string::String, sync::Arc};
use core::{error::Error, fmt, time::Duration};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * MINUTE);
const ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(12 * HOUR);
const REMEMBER_IDLE: Duration = Duration::from_secs(14 * DAY);
const REMEMBER_ABSOLUTE: Duration = Duration::from_secs(90 * DAY);

/// Bytes of a record with nothing in it, today.
pub(crate) const SMALLEST_RECORD: usize = 40;

/// Holds the settings and the keys of a site's sessions. It is a cheap handle; clones share both.
///
/// Made by [`SessionManager::builder`], given to a framework's layer, and kept to [rotate
/// keys](SessionManager::set_keyring).
///
/// ```
/// use hardtack::{Key, Keyring, session::SessionManager};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let for_the_layer = sessions.clone();
/// println!("{sessions:?}"); // key ids and settings
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("Sessions", "store", "config"))]
pub struct SessionManager<T: SessionData = SessionMap> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    settings: Settings<T>,
    keys: RwLock<Keys>,
}

impl SessionManager<SessionMap> {
    /// Starts the settings of sessions under this keyring. Without any, they are those of a session
    /// cookie `__Host-session` (Secure, HttpOnly, SameSite=Lax, Path=/) that ends after 30 minutes
    /// without use and after 12 hours in any case.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::{Key, Keyring, session::SessionManager};
    ///
    /// let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone())
    ///     .idle_timeout(Duration::from_secs(15 * 60))
    ///     .realm("staging")
    ///     .build()?;
    ///
    /// let error = SessionManager::builder(keyring).domain("example.org").build().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the cookie name `__Host-session` allows no domain: set another cookie name, such as `__Secure-session`",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(keyring: Keyring) -> SessionManagerBuilder<SessionMap> {
        SessionManagerBuilder::new(keyring)
    }
}

impl<T: SessionData> SessionManager<T> {
    fn new(settings: Settings<T>, keyring: &Keyring, floor: Timestamp) -> SessionManager<T> {
        let keys = RwLock::new(settings.keys(keyring, floor));
        SessionManager {
            shared: Arc::new(Shared { settings, keys }),
        }
    }

    /// Replaces the keys while the server runs, for all clones of this handle. A request that is under
    /// way is saved with the new ring.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::SessionManager};
    ///
    /// let old = Key::generate()?;
    /// let sessions = SessionManager::builder(Keyring::new(old.clone())).build()?;
    /// sessions.set_keyring(Keyring::new(Key::generate()?).accept(old)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_keyring(&self, keyring: Keyring) {
        let mut keys = self.write_keys();
        *keys = self.settings().keys(&keyring, keys.floor);
    }

    /// Refuses every session that was created or sealed before this time, from now on and for all clones
    /// of this handle: everybody logs in again. To end one login, or all of a person, use a
    /// [`Denylist`] or [`validate`](SessionManagerBuilder::validate).
    ///
    /// The time is not kept over a restart: set
    /// [`SessionManagerBuilder::reject_issued_before`] too. Sessions of the present second are refused as
    /// well if you pass [`Timestamp::now`] and one second more.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, Timestamp, session::{SessionManager, testing}};
    ///
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// let next_second = Timestamp::now().saturating_add(std::time::Duration::from_secs(1));
    /// sessions.reject_issued_before(next_second);
    /// assert!(testing::session_from_cookie(&sessions, &cookie).is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reject_issued_before(&self, floor: Timestamp) {
        self.write_keys().set_floor(floor);
    }

    fn write_keys(&self) -> RwLockWriteGuard<'_, Keys> {
        let lock = self.shared.keys.write();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> &Settings<T> {
        &self.shared.settings
    }

    /// Locks the keys of this moment. The lock must not be held while code of the application runs,
    /// which may set other keys.
    pub(crate) fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        let lock = self.shared.keys.read();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.settings().clock.wall()
    }

    pub(crate) fn ticks(&self) -> Duration {
        self.settings().clock.ticks()
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            wall: self.wall(),
            ticks: self.ticks(),
        }
    }

    /// Ends a login for the late answers of this process, and on the denylist for every copy. Returns
    /// the event if the list has no room.
    pub(crate) fn end(&self, login: EndedLogin, end: RecentEnd, now: Now) -> Option<Event> {
        let rules = &self.settings().rules;
        rules.recent.remember(login.login, end, now.ticks);
        let denied = match (end, login.by_login) {
            (RecentEnd::Ended, true) => Denied::Destroyed,
            (RecentEnd::Ended, false) => Denied::Anonymous,
            (RecentEnd::Replaced, true) => Denied::Replaced,
            // Nobody had logged in: what a copy of it opens is worth nothing.
            (RecentEnd::Replaced, false) => return None,
        };
        let entry = DenylistEntry {
            login_id: login.login,
            end: login.absolute_end,
            denied,
        };
        let full = rules.denylist.as_ref()?.deny(entry, now.wall).err()?;
        Some(Event::DenylistFull(full))
    }

    pub(crate) fn report(&self, event: &Event) {
        events::report(event);
        if let Some(on_event) = &self.settings().on_event {
            on_event(event);
        }
    }
}

impl<T: SessionData> Clone for SessionManager<T> {
    fn clone(&self) -> SessionManager<T> {
        SessionManager {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Prints key ids and settings, and no key.
impl<T: SessionData> fmt::Debug for SessionManager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("codec", &self.keys().codec)
            .finish_non_exhaustive()
    }
}

/// Settings of [`SessionManager`]: see [`SessionManager::builder`]. Durations count in whole seconds, a fraction
/// is dropped.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager}};
/// # let keyring = Keyring::new(Key::generate()?);
/// use core::time::Duration;
///
/// let builder = SessionManager::builder(keyring)
///     .cookie_name("__Host-shop")
///     .idle_timeout(Duration::from_secs(10 * 60));
/// let sessions = builder.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "settings do nothing until `build`"]
pub struct SessionManagerBuilder<T = SessionMap> {
    keyring: Keyring,
    cookie: CookieAttributes,
    realm: String,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    remember_idle_timeout: Duration,
    remember_absolute_timeout: Duration,
    renew_after: Option<Duration>,
    floor: Timestamp,
    pad_to: usize,
    cookie_limits: CookieLimits,
    validate: Option<Validate<T>>,
    on_event: Option<OnEvent>,
    clock: Clock,
    skew: Duration,
    reissue_before: Timestamp,
    denylist: Option<Denylist>,
    origin: OriginRules,
    origin_error: Option<String>,
    insecure_for_development: bool,
    validate_lost: bool,
}

impl SessionManagerBuilder<SessionMap> {
    fn new(keyring: Keyring) -> SessionManagerBuilder<SessionMap> {
        SessionManagerBuilder {
            keyring,
            cookie: CookieAttributes::default(),
            realm: String::new(),
            idle_timeout: IDLE_TIMEOUT,
            absolute_timeout: ABSOLUTE_TIMEOUT,
            remember_idle_timeout: REMEMBER_IDLE,
            remember_absolute_timeout: REMEMBER_ABSOLUTE,
            renew_after: None,
            floor: Timestamp::MIN,
            pad_to: 1,
            cookie_limits: CookieLimits {
                max_chunks: 2,
                max_cookie_bytes: 7_000,
            },
            validate: None,
            on_event: None,
            clock: Clock::System,
            skew: Duration::from_secs(MINUTE),
            reissue_before: Timestamp::MIN,
            denylist: None,
            origin: OriginRules::default(),
            origin_error: None,
            insecure_for_development: false,
            validate_lost: false,
        }
    }

    /// Makes the sessions typed: `Session<T>` instead of the dictionary. Call it before
    /// [`validate`](SessionManagerBuilder::validate), whose closure sees the data.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager, testing}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone())
    ///     .data::<Account>()
    ///     .validate(|session| session.data().user != Some(13))
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// session.modify(|account| account.user = Some(7))?;
    ///
    /// // The other way round, `validate` would have asked a dictionary.
    /// let builder = SessionManager::builder(keyring).validate(|session| session.data().is_empty());
    /// let error = builder.data::<Account>().build().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`validate` was set before `data`, whose type it cannot see: set it afterwards",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn data<T: SessionData>(self) -> SessionManagerBuilder<T> {
        const { check_name(T::NAME) };
        SessionManagerBuilder {
            validate: None,
            validate_lost: self.validate.is_some(),
            keyring: self.keyring,
            cookie: self.cookie,
            realm: self.realm,
            idle_timeout: self.idle_timeout,
            absolute_timeout: self.absolute_timeout,
            remember_idle_timeout: self.remember_idle_timeout,
            remember_absolute_timeout: self.remember_absolute_timeout,
            renew_after: self.renew_after,
            floor: self.floor,
            pad_to: self.pad_to,
            cookie_limits: self.cookie_limits,
            on_event: self.on_event,
            clock: self.clock,
            skew: self.skew,
            reissue_before: self.reissue_before,
            denylist: self.denylist,
            origin: self.origin,
            origin_error: self.origin_error,
            insecure_for_development: self.insecure_for_development,
        }
    }
}

impl<T: SessionData> SessionManagerBuilder<T> {
    /// The name of the cookie. Default `__Host-session`: the prefix makes the browser insist on
    /// Secure, Path=/ and no Domain, so that no sibling domain can plant one (RFC 6265bis, 4.1.3.2).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone()).cookie_name("__Host-shop").build()?;
    ///
    /// let error = SessionManager::builder(keyring).cookie_name("my session").build().unwrap_err();
    /// assert!(error.to_string().starts_with("the cookie name `my session` is not a token"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cookie_name(mut self, name: &str) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// The audience: a session of one realm does not open in another, whatever the keys. For tenants,
    /// or staging and production. Default empty.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let staging = SessionManager::builder(keyring.clone()).realm("staging").build()?;
    /// let production = SessionManager::builder(keyring).realm("production").build()?;
    ///
    /// let session = testing::new_session(&staging);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// let session = testing::session_from_cookie(&production, &cookie);
    /// assert!(session.is_new()?); // staging's cookie does not open
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = realm.into();
        self
    }

    /// Whether the browser sends the cookie over https only. Default true.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let error = SessionManager::builder(keyring.clone()).secure(false).build().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the cookie name `__Host-session` needs `secure`: set another cookie name, or `insecure_for_development`",
    /// );
    /// let sessions = SessionManager::builder(keyring).cookie_name("session").secure(false).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Whether scripts of the page do not see the cookie. Default true.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).http_only(false).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("theme", "dark")?;
    /// assert!(!testing::set_cookie(&session)?[0].contains("HttpOnly"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Whether the browser sends the cookie with requests that other sites start. Default
    /// [`SameSite::Lax`].
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SameSite}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone()).same_site(SameSite::Strict).build()?;
    ///
    /// let insecure = SessionManager::builder(keyring).cookie_name("session").secure(false);
    /// let error = insecure.same_site(SameSite::None).build().unwrap_err();
    /// assert_eq!(error.to_string(), "`SameSite::None` needs `secure`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// The path below which the browser sends the cookie. Default `/`.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let builder = SessionManager::builder(keyring).path("/shop");
    /// let sessions = builder.cookie_name("__Secure-shop").build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("cart", [7])?;
    /// assert!(testing::set_cookie(&session)?[0].contains("; Path=/shop"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(mut self, path: &str) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// The domain whose hosts all get the cookie. Default none: the host that set it, alone.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let builder = SessionManager::builder(keyring).domain("example.org");
    /// let sessions = builder.cookie_name("__Secure-session").build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// assert!(testing::set_cookie(&session)?[0].contains("; Domain=example.org"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn domain(mut self, domain: &str) -> Self {
        self.cookie.domain = Some(domain.into());
        self
    }

    /// Whether an embedded page has a cookie of its own under each embedding site (CHIPS). Default
    /// false.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SameSite, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring)
    ///     .same_site(SameSite::None) // sent to the embedded page at all
    ///     .partitioned(true)
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// assert!(testing::set_cookie(&session)?[0].contains("; Partitioned"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self
    }

    /// How long a session lives without use. Default 30 minutes.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    ///
    /// let five_minutes = Duration::from_secs(5 * 60);
    /// let sessions = SessionManager::builder(keyring.clone()).idle_timeout(five_minutes).build()?;
    ///
    /// let error = SessionManager::builder(keyring).idle_timeout(Duration::ZERO).build().unwrap_err();
    /// assert_eq!(error.to_string(), "`idle_timeout` is less than a second: no session would live");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a session lives in any case. Default 12 hours.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    ///
    /// let shift = Duration::from_secs(8 * 3600);
    /// let sessions = SessionManager::builder(keyring).absolute_timeout(shift).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// How long a [remembered](crate::session::Session::remember) session lives without use. Default 14 days.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    ///
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// let sessions = SessionManager::builder(keyring).remember_idle_timeout(week).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.remember(true)?;
    /// session.insert("user", 7)?;
    /// assert!(testing::set_cookie(&session)?[0].contains("; Max-Age=604800"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember_idle_timeout(mut self, timeout: Duration) -> Self {
        self.remember_idle_timeout = timeout;
        self
    }

    /// How long a [remembered](crate::session::Session::remember) session lives in any case. Default 90 days.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    ///
    /// let month = Duration::from_secs(30 * 24 * 3600);
    /// let sessions = SessionManager::builder(keyring).remember_absolute_timeout(month).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember_absolute_timeout(mut self, timeout: Duration) -> Self {
        self.remember_absolute_timeout = timeout;
        self
    }

    /// How long after its last sealing a session that is read is sealed anew, which starts its idle
    /// time again. Default a tenth of the idle timeout. As long as that or longer, and reading alone
    /// keeps no session.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let sessions = SessionManager::builder(keyring).renew_after(minute).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn renew_after(mut self, age: Duration) -> Self {
        self.renew_after = Some(age);
        self
    }

    /// Refuses all sessions created or sealed earlier: logs everybody out.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// let sessions = SessionManager::builder(keyring.clone()).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// // In the configuration of the next start: the time of `date +%s`.
    /// let floor = Timestamp::now().saturating_add(Duration::from_secs(1));
    /// let sessions = SessionManager::builder(keyring).reject_issued_before(floor).build()?;
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// assert!(session.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reject_issued_before(mut self, floor: Timestamp) -> Self {
        self.floor = floor;
        self
    }

    /// Pads the session to a multiple of `block` bytes before it is sealed: see
    /// [`Codec::pad_to`](crate::Codec::pad_to). Default none.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).pad_to(128).build()?;
    /// let length = |user: &str| {
    ///     let session = testing::new_session(&sessions);
    ///     session.insert("user", user)?;
    ///     Ok::<_, Box<dyn std::error::Error>>(testing::set_cookie(&session)?[0].len())
    /// };
    /// assert_eq!(length("ada")?, length("a longer name")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pad_to(mut self, block: usize) -> Self {
        self.pad_to = block;
        self
    }

    /// The most cookies that a session is cut into, 1 to 9. Default 2.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SessionError, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone()).max_chunks(1).build()?;
    /// let session = testing::new_session(&sessions);
    /// let error = session.insert("notes", &"#".repeat(4000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { .. }));
    ///
    /// let error = SessionManager::builder(keyring).max_chunks(10).build().unwrap_err();
    /// assert_eq!(error.to_string(), "`max_chunks` is 10: 1 to 9 cookies are possible");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_chunks(mut self, chunks: usize) -> Self {
        self.cookie_limits.max_chunks = chunks;
        self
    }

    /// The most bytes of names and values that the cookies of a session may have together. Default
    /// 7,000, which common servers and proxies take in a request's headers: nginx has 8 KB for a line
    /// (`large_client_header_buffers`), hyper answers 431 to more than 16 KB over HTTP/2. Raise theirs
    /// before this one. In front of more than one chunk nginx needs a larger `proxy_buffer_size` too,
    /// for responses: its default is 4 KB.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SessionError, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).max_cookie_bytes(2_000).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("cart", [7, 8, 9])?;
    /// let error = session.insert("notes", &"#".repeat(2_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { max: 2_000, .. }));
    /// session.remove("notes")?; // or the response will be a 500
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_cookie_bytes(mut self, bytes: usize) -> Self {
        self.cookie_limits.max_cookie_bytes = bytes;
        self
    }

    /// Is asked at opening and again before every save; `false` refuses the session. Of a session that
    /// goes out under a new id, it is asked twice: as it was opened, and as it is to be saved. For a denylist of
    /// ended sessions and the like; it runs within the request, so let it look into memory only.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, Event, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use std::{collections::BTreeSet, sync::{Arc, Mutex}};
    ///
    /// let ended = Arc::new(Mutex::new(BTreeSet::new()));
    /// let (list, new) = (Arc::clone(&ended), Arc::clone(&ended));
    /// let sessions = SessionManager::builder(keyring)
    ///     .validate(move |session| !list.lock().unwrap().contains(&session.id()))
    ///     .on_event(move |event| {
    ///         if let Event::Destroyed { id, .. } = event {
    ///             new.lock().unwrap().insert(*id);
    ///         }
    ///     })
    ///     .build()?;
    ///
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// session.destroy()?;
    /// testing::set_cookie(&session)?;
    ///
    /// // An attacker has kept the cookie.
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// assert!(session.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validate(
        mut self,
        validate: impl Fn(&SessionView<'_, T>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(validate));
        self.validate_lost = false;
        self
    }

    /// Gets every [`Event`], with no lock held.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, Event, Refusal, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use std::sync::{Arc, Mutex};
    ///
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let events = Arc::clone(&log);
    /// let sessions = SessionManager::builder(keyring)
    ///     .on_event(move |event| events.lock().unwrap().push(event.clone()))
    ///     .build()?;
    /// let cookie = "__Host-session=hardly-one-of-ours";
    /// let session = testing::session_from_cookie(&sessions, cookie);
    /// assert_eq!(session.get::<u64>("user")?, None);
    /// let [Event::Refused { reason, .. }] = log.lock().unwrap()[..] else { panic!() };
    /// assert_eq!(reason, Refusal::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Box::new(on_event));
        self
    }

    /// The clock. Default [`Timestamp::now`]. For tests.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::{sync::atomic::{AtomicU32, Ordering}, time::Duration};
    /// use hardtack::Timestamp;
    /// use std::sync::Arc;
    ///
    /// let time = Arc::new(AtomicU32::new(1_700_000_000));
    /// let hand = Arc::clone(&time);
    /// let sessions = SessionManager::builder(keyring)
    ///     .clock(move || Timestamp::from_unix(hand.load(Ordering::Relaxed)))
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// time.fetch_add(31 * 60, Ordering::Relaxed); // the idle timeout is 30 minutes
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// assert!(session.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Clock::Own(Box::new(clock));
        self
    }

    /// Sets how far the clocks of your servers may be apart. Default one minute. A session from further in
    /// the future is refused; a retired key and `created_at` are judged with the same leeway.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Seals every session anew at its next use that was sealed before this time: so stricter cookie
    /// attributes reach the sessions of today. Default none.
    pub fn reissue_before(mut self, time: Timestamp) -> Self {
        self.reissue_before = time;
        self
    }

    /// Asks this list, at opening and before every save, whether a login has ended, and tells it every
    /// login that is destroyed or replaced.
    ///
    /// ```
    /// use hardtack::{Key, Keyring, session::{Denylist, SessionManager, testing}};
    ///
    /// let denylist = Denylist::new();
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?))
    ///     .denylist(denylist.clone())
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// session.regenerate_for_login()?;
    /// session.insert("user", 7)?;
    /// let cookie = testing::cookie_header(&session)?;
    ///
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// session.destroy()?;
    /// testing::set_cookie(&session)?;
    ///
    /// // An attacker has kept the cookie.
    /// assert!(testing::session_from_cookie(&sessions, &cookie).is_new()?);
    /// assert_eq!(denylist.entries().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// Lets pages of this origin use the session as your own pages do: an application on another domain,
    /// or in an app (`capacitor://localhost`). Give it as browsers send it: scheme, host, and a port only
    /// if it is not the scheme's own; no path and no `/` at the end. Call it once for each origin.
    ///
    /// Requests with another method than GET, HEAD, OPTIONS or TRACE, and WebSocket handshakes, have no
    /// session if they come from another origin (cross-site request forgery): see
    /// [`SessionError::CrossOrigin`](crate::session::SessionError::CrossOrigin).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::SessionManager};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone())
    ///     .trust_origin("https://app.example.org")
    ///     .build()?;
    ///
    /// let error = SessionManager::builder(keyring).trust_origin("https://app.example.org/").build();
    /// assert!(error.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trust_origin(mut self, origin: &str) -> Self {
        if let Err(error) = self.origin.trusted.trust(origin) {
            self.origin_error.get_or_insert_with(|| format!("{error}"));
        }
        self
    }

    /// Lets requests pass that come from other origins: a payment provider or an identity provider that
    /// posts a form to you. Browsers send no Lax cookie with such a request: it may log in, and every
    /// other write is [`SessionError::CrossOrigin`](crate::session::SessionError::CrossOrigin), because it
    /// would replace a login that the browser withheld.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::SessionManager};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring)
    ///     .allow_cross_origin(|request| request.path() == "/saml/acs")
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allow_cross_origin(
        mut self,
        allow: impl Fn(&RequestLine<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.origin.allow = Some(Box::new(allow));
        self
    }

    /// A cookie for http on a developer's machine: named `session` unless it has another name than
    /// the default, and not Secure. Says so on standard error, or through `tracing`, at every start.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).insecure_for_development().build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// let lines = testing::set_cookie(&session)?;
    /// assert!(lines[0].starts_with("session=h") && !lines[0].contains("Secure"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insecure_for_development(mut self) -> Self {
        self.insecure_for_development = true;
        self
    }

    /// Checks the settings and derives the keys.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// assert!(SessionManager::builder(keyring.clone()).build().is_ok());
    ///
    /// let error = SessionManager::builder(keyring).max_cookie_bytes(50).build().unwrap_err();
    /// assert!(error.to_string().ends_with("the limit is 50: no session would be saved"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a name or a combination of settings that a browser would refuse silently,
    /// or that would make a session end before it began.
    pub fn build(mut self) -> Result<SessionManager<T>, ConfigError> {
        if self.insecure_for_development {
            self.cookie.secure = false;
            if self.cookie.name == CookieAttributes::DEFAULT_NAME {
                self.cookie.name = "session".into();
            }
            log::warn(
                Topic::Development,
                &"session cookies are sent over http: insecure_for_development is for development",
            );
        }
        self.check()?;
        if let Some(denylist) = &self.denylist {
            denylist.allow_skew(self.skew);
        }
        let settings = Settings {
            cookie: SessionCookie::new(self.cookie, self.cookie_limits).map_err(ConfigError)?,
            rules: Rules {
                normal: Timeouts::new(self.idle_timeout, self.absolute_timeout),
                remembered: Timeouts::new(
                    self.remember_idle_timeout,
                    self.remember_absolute_timeout,
                ),
                renew_after: self.renew_after,
                skew: self.skew,
                reissue_before: self.reissue_before,
                validate: self.validate,
                denylist: self.denylist,
                recent: RecentEnds::default(),
            },
            origin: self.origin,
            on_event: self.on_event,
            clock: self.clock,
            realm: self.realm,
            pad_to: self.pad_to,
        };
        if let Err(error) = settings.fits(SMALLEST_RECORD) {
            return Err(ConfigError(format!(
                "an empty session needs {} bytes of cookies, the limit is {}: no session would be saved",
                error.len, error.max
            )));
        }
        Ok(SessionManager::new(settings, &self.keyring, self.floor))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let second = Duration::from_secs(1);
        for (setting, value) in [
            ("idle_timeout", self.idle_timeout),
            ("absolute_timeout", self.absolute_timeout),
            ("remember_idle_timeout", self.remember_idle_timeout),
            ("remember_absolute_timeout", self.remember_absolute_timeout),
        ] {
            if value < second {
                return Err(ConfigError(format!(
                    "`{setting}` is less than a second: no session would live"
                )));
            }
        }
        if self.realm.contains('\0') {
            return Err(ConfigError("the realm contains a zero byte".into()));
        }
        if let Some(error) = &self.origin_error {
            return Err(ConfigError(error.clone()));
        }
        if self.validate_lost {
            return Err(ConfigError(
                "`validate` was set before `data`, whose type it cannot see: set it afterwards"
                    .into(),
            ));
        }
        Ok(())
    }
}

/// The settings' names and values, no key.
impl<T> fmt::Debug for SessionManagerBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManagerBuilder")
            .field("keyring", &self.keyring)
            .field("cookie", &self.cookie)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Why [`SessionManagerBuilder::build`] refused the settings: a sentence for whoever set them.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager}};
/// # let keyring = Keyring::new(Key::generate()?);
/// let error = SessionManager::builder(keyring).path("/shop").build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the cookie name `__Host-session` allows no path but `/`: \
///      set another cookie name, such as `__Secure-session`",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(super) String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConfigError {}

/// Holds [`SessionData::NAME`] to what the key's purpose takes, at compile time: an empty name is the
/// dictionary's, and a zero byte would end it.
#[allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "while compiling"
)]
const fn check_name(name: &str) {
    let name = name.as_bytes();
    assert!(!name.is_empty(), "the session type's NAME is empty");
    let mut at = 0;
    while at < name.len() {
        assert!(
            name[at] != 0,
            "the session type's NAME contains a zero byte"
        );
        at += 1;
    }
}
