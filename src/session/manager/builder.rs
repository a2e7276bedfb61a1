use super::{
    former::{self, FormerCookie},
    session_manager::SessionManager,
    settings::{Clock, OnEvent, Settings},
};
use crate::{
    Keyring, Timestamp,
    session::{
        cookie::{CookieAttributes, CookieLimits, SameSite, SessionCookie},
        data::{self, SessionData, SessionMap},
        endings::{Denylist, RecentEnds},
        error::WHY_UNREADABLE,
        events::{
            Event,
            log::{self, Topic},
        },
        head::{OriginRules, RequestLine},
        lifecycle::{Rules, SessionView, Timeouts, Validate},
    },
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::{error::Error, fmt, time::Duration};

#[cfg(feature = "store")]
use super::store_settings::StoreOptions;
#[cfg(feature = "unstable-device-bound")]
use crate::session::device::{DeviceBound, DeviceSettings};
#[cfg(feature = "store")]
use alloc::sync::Arc;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * MINUTE);
pub(crate) const ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(12 * HOUR);
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(MINUTE);
const REMEMBER_IDLE: Duration = Duration::from_secs(14 * DAY);
pub(crate) const REMEMBER_ABSOLUTE: Duration = Duration::from_secs(90 * DAY);

/// The length of an empty record with a present timestamp, in bytes.
pub(crate) const SMALLEST_RECORD: usize = 40;

impl SessionManager<SessionMap> {
    /// Starts a builder with this keyring and the default settings.
    ///
    /// By default, the cookie is `__Host-session` with Secure, HttpOnly, SameSite=Lax and Path=/. A
    /// session ends after 30 minutes without use, and after 12 hours in any case.
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
    #[doc(alias("config", "secret"))]
    pub fn builder(keyring: Keyring) -> SessionManagerBuilder<SessionMap> {
        SessionManagerBuilder::new(keyring)
    }
}

/// Builds a [`SessionManager`]. Start with [`SessionManager::builder`].
///
/// All durations are in whole seconds; fractions are dropped.
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
    formers: Vec<FormerCookie>,
    realm: String,
    idle_timeout: Option<Duration>,
    absolute_timeout: Duration,
    remember_idle_timeout: Option<Duration>,
    remember_absolute_timeout: Duration,
    remember_by_default: bool,
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
    #[cfg(feature = "store")]
    pub(super) store: StoreOptions,
    #[cfg(feature = "unstable-device-bound")]
    device: Option<DeviceBound>,
}

impl SessionManagerBuilder<SessionMap> {
    fn new(keyring: Keyring) -> SessionManagerBuilder<SessionMap> {
        SessionManagerBuilder {
            keyring,
            cookie: CookieAttributes::default(),
            formers: Vec::new(),
            realm: String::new(),
            idle_timeout: None,
            absolute_timeout: ABSOLUTE_TIMEOUT,
            remember_idle_timeout: None,
            remember_absolute_timeout: REMEMBER_ABSOLUTE,
            remember_by_default: false,
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
            skew: CLOCK_SKEW,
            reissue_before: Timestamp::MIN,
            denylist: None,
            origin: OriginRules::default(),
            origin_error: None,
            insecure_for_development: false,
            validate_lost: false,
            #[cfg(feature = "store")]
            store: StoreOptions::default(),
            #[cfg(feature = "unstable-device-bound")]
            device: None,
        }
    }

    /// Makes the sessions [typed](SessionData): handlers ask for `Session<T>`. Call this before
    /// [`validate`](SessionManagerBuilder::validate), because its closure takes the data.
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
    /// // In the other order, the closure of `validate` takes a dictionary.
    /// let builder = SessionManager::builder(keyring).validate(|session| session.data().is_empty());
    /// let error = builder.data::<Account>().build().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`validate` was set before `data`, which changes the type that it takes: set it afterwards",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "typed")]
    pub fn data<T: SessionData>(self) -> SessionManagerBuilder<T> {
        const { check_name(T::NAME) };
        SessionManagerBuilder {
            validate: None,
            validate_lost: self.validate.is_some(),
            keyring: self.keyring,
            cookie: self.cookie,
            formers: self.formers,
            realm: self.realm,
            idle_timeout: self.idle_timeout,
            absolute_timeout: self.absolute_timeout,
            remember_idle_timeout: self.remember_idle_timeout,
            remember_absolute_timeout: self.remember_absolute_timeout,
            remember_by_default: self.remember_by_default,
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
            #[cfg(feature = "store")]
            store: self.store,
            #[cfg(feature = "unstable-device-bound")]
            device: self.device,
        }
    }
}

impl<T: SessionData> SessionManagerBuilder<T> {
    /// Sets the name of the cookie. The default is `__Host-session`.
    ///
    /// With the prefix `__Host-`, browsers require Secure, Path=/ and no Domain, so an attacker on
    /// a sibling domain cannot plant a cookie (RFC 6265bis, section 4.1.3.2).
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
    #[doc(alias = "name")]
    pub fn cookie_name(mut self, name: &str) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// Sets the audience of the sessions. The default is empty.
    ///
    /// A session of one realm does not open in another, even with the same keys. Use realms to
    /// separate tenants, or staging and production. Two applications with the same keys, cookie name and
    /// realm share their sessions: somebody who is logged in to one is logged in to the other.
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
    /// assert!(session.is_new()?); // the cookie of staging does not open
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("audience", "salt", "tenant"))]
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = realm.into();
        self
    }

    /// Sets whether the browser sends the cookie over https only. The default is `true`.
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

    /// Sets whether the cookie is hidden from scripts in the page. The default is `true`.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Sets whether the browser sends the cookie with requests that other sites start. The default
    /// is [`SameSite::Lax`].
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

    /// Sets the path below which the browser sends the cookie. The default is `/`. A browser does not
    /// send the cookie of `/shop/` to `/shop`, so leave the `/` at the end away. Do not rely on a path
    /// for security (RFC 6265bis, section 4.1.2.4).
    pub fn path(mut self, path: &str) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// Sets a domain, so that the browser sends the cookie to all of its hosts. By default, the
    /// browser sends it only to the host that set it. The domain must be the host of your site or a
    /// parent of it, and no public suffix such as `co.uk`: otherwise browsers drop the cookie. Capitals and a
    /// leading dot mean nothing.
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

    /// Sets whether an embedded page has a separate cookie for each site that embeds it (CHIPS).
    /// The default is `false`.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SameSite, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring)
    ///     .same_site(SameSite::None) // otherwise the embedded page gets no cookie
    ///     .partitioned(true)
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("user", 7)?;
    /// assert!(testing::set_cookie(&session)?[0].contains("; Partitioned"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "chips")]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self
    }

    /// Reads a cookie that the sessions had before, so that a change of the cookie's name, domain, path or
    /// partition, or of the realm or the type, logs nobody out. Call it once for each such cookie.
    ///
    /// A former cookie counts if no present one opens. The next save moves its session into the present
    /// cookie, with its ids and times, and removes the former ones. So do a login and
    /// [`destroy`](crate::session::Session::destroy), which ends the sessions of all of them.
    /// [`guide::cookies`](crate::guide::cookies) has the steps of the roll-out.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::SessionManager};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use hardtack::{Timestamp, session::FormerCookie};
    ///
    /// // The cookie was of this host alone, and now is of the whole domain.
    /// let sessions = SessionManager::builder(keyring)
    ///     .cookie_name("__Secure-session")
    ///     .domain("example.org")
    ///     .former_cookie(FormerCookie::new("__Secure-session").until(Timestamp::from_unix(1_765_000_000)))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("migrate", "rename"))]
    pub fn former_cookie(mut self, former: FormerCookie) -> Self {
        self.formers.push(former);
        self
    }

    /// Sets how long a session lives without use. The default is 30 minutes. A timeout that is longer
    /// than [`absolute_timeout`](SessionManagerBuilder::absolute_timeout) is refused.
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
    /// assert_eq!(error.to_string(), "`idle_timeout` is shorter than a second: every session would end at once");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("expiry", "max_age", "rolling", "ttl"))]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets how long a session lives in any case. The default is 12 hours.
    #[doc(alias("expiry", "lifetime", "max_age", "ttl"))]
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// Sets how long a [remembered](crate::session::Session::remember) session lives without use.
    /// The default is 14 days. Browsers keep a cookie for 400 days at most, so they end a session
    /// with a longer timeout earlier.
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
    #[doc(alias("max_age", "permanent"))]
    pub fn remember_idle_timeout(mut self, timeout: Duration) -> Self {
        self.remember_idle_timeout = Some(timeout);
        self
    }

    /// Sets how long a [remembered](crate::session::Session::remember) session lives in any case.
    /// The default is 90 days.
    #[doc(alias("max_age", "permanent"))]
    pub fn remember_absolute_timeout(mut self, timeout: Duration) -> Self {
        self.remember_absolute_timeout = timeout;
        self
    }

    /// Remembers every session that starts from now on, as if its handler had called
    /// [`remember(true)`](crate::session::Session::remember): the cookie outlives the browser. A handler
    /// that calls `remember(false)` still decides for its session.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).remember_by_default().build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("cart", [7])?;
    /// assert!(testing::set_cookie(&session)?[0].contains("; Max-Age=1209600")); // 14 days
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("max_age", "permanent", "persistent"))]
    pub fn remember_by_default(mut self) -> Self {
        self.remember_by_default = true;
        self
    }

    /// Sets the age from which a session is sealed again when it is read, which restarts its idle
    /// time. The default is a tenth of the idle timeout.
    ///
    /// The age counts from the last sealing. If it is not shorter than the idle timeout, reading
    /// does not extend a session.
    #[doc(alias("rolling", "touch"))]
    pub fn renew_after(mut self, age: Duration) -> Self {
        self.renew_after = Some(age);
        self
    }

    /// Refuses all sessions that were created or sealed before this time, which logs everybody out.
    /// By default, no session is refused.
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
    /// // Take the present time, and put it into the configuration of the next start.
    /// let floor = Timestamp::now().saturating_add(Duration::from_secs(1));
    /// let sessions = SessionManager::builder(keyring).reject_issued_before(floor).build()?;
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// assert!(session.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "revoke")]
    pub fn reject_issued_before(mut self, floor: Timestamp) -> Self {
        self.floor = floor;
        self
    }

    /// Pads each session to a multiple of `block` bytes before sealing, which hides its exact
    /// length: see [`Codec::pad_to`](crate::Codec::pad_to). By default, sessions are not padded.
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

    /// Sets the maximum number of cookies for one session, 1 to 9. The default is 2.
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
    /// assert_eq!(error.to_string(), "`max_chunks` is 10, it must be 1 to 9");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_chunks(mut self, chunks: usize) -> Self {
        self.cookie_limits.max_chunks = chunks;
        self
    }

    /// Sets the maximum size of the cookies of one session in bytes, for their names, `=` and
    /// values together. The default is 7,000 bytes, which hold about 5 KB of data: encryption and base64
    /// make a session a third longer.
    ///
    /// Common servers and proxies accept this much. nginx accepts 8 KB per header line
    /// (`large_client_header_buffers`), and hyper responds with 431 to more than 16 KB of headers
    /// over HTTP/2. Raise the limits of your servers first. For more than one chunk, nginx also
    /// needs a larger `proxy_buffer_size` for responses, because the default is 4 KB.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SessionError, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).max_cookie_bytes(2_000).build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("cart", [7, 8, 9])?;
    /// let error = session.insert("notes", &"#".repeat(2_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { max: 2_000, .. }));
    /// session.remove("notes")?; // otherwise the response is a 500
    /// session.insert("notes", "#".repeat(1_300))?; // fits
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "max_size")]
    pub fn max_cookie_bytes(mut self, bytes: usize) -> Self {
        self.cookie_limits.max_cookie_bytes = bytes;
        self
    }

    /// Sets a check that can refuse a session, for example by a denylist of ended sessions. `false`
    /// refuses it.
    ///
    /// The check runs when a session is opened, and again before every save. If the session is
    /// saved under a new id, it runs twice: for the session as it was opened, and for the session
    /// to save. It runs within the request, so it should only read memory.
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
    /// // An attacker has kept a copy of the cookie.
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// assert!(session.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("denylist", "revoke"))]
    pub fn validate(
        mut self,
        validate: impl Fn(&SessionView<'_, T>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(validate));
        self.validate_lost = false;
        self
    }

    /// Sets a function that receives every [`Event`]. No lock is held while it runs.
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
    /// let cookie = "__Host-session=from-another-library";
    /// let session = testing::session_from_cookie(&sessions, cookie);
    /// assert_eq!(session.get::<u64>("user")?, None);
    /// let [Event::Refused { reason, .. }] = log.lock().unwrap()[..] else { panic!() };
    /// assert_eq!(reason, Refusal::Invalid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("audit", "hook", "metrics"))]
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Box::new(on_event));
        self
    }

    /// Sets the clock, for tests. The default is [`Timestamp::now`].
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
    #[doc(alias("now", "time"))]
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
    /// posts a form to you. Browsers send no Lax cookie with such a request: without a session it may log in, and every
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

    /// Binds each login to a key in the browser's device, where the browser can do that: a copy of the cookies
    /// is worth minutes on another machine. See [the guide](crate::guide::devices).
    ///
    /// It follows Device Bound Session Credentials, a draft of the W3C that Chrome has, and is outside of the
    /// promises of semver until that is stable. Browsers without it notice nothing.
    ///
    /// [`build`](Self::build) refuses it with `domain`, with `partitioned` and without `secure`. With
    /// `insecure_for_development` no session is bound.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{DeviceBound, SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// SessionManager::builder(keyring.clone()).device_bound(DeviceBound::default()).build()?;
    ///
    /// let shared = SessionManager::builder(keyring).cookie_name("sid").domain("example.org");
    /// assert!(shared.device_bound(DeviceBound::default()).build().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    #[doc(alias("DBSC", "theft"))]
    pub fn device_bound(mut self, device: DeviceBound) -> Self {
        self.device = Some(device);
        self
    }

    /// Makes a cookie for http on a developer's machine. The cookie is not Secure, and its name loses a
    /// prefix such as `__Host-`, so the default name becomes `session`. The 500 of a session that could not
    /// be saved has the reason as its body.
    ///
    /// A warning about it goes to standard error, or to `tracing`, at every start.
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
    #[doc(alias("debug", "http", "localhost"))]
    pub fn insecure_for_development(mut self) -> Self {
        self.insecure_for_development = true;
        self
    }

    /// Checks the settings, derives the keys and makes the manager.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// assert!(SessionManager::builder(keyring.clone()).build().is_ok());
    ///
    /// let error = SessionManager::builder(keyring).max_cookie_bytes(50).build().unwrap_err();
    /// assert!(error.to_string().ends_with("the maximum is 50: no session could be saved"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a cookie that browsers would silently refuse, for sessions that would
    /// end at once, for settings that contradict each other or have no effect, and for a
    /// [type](SessionData) whose default value does not come back.
    pub fn build(mut self) -> Result<SessionManager<T>, ConfigError> {
        if self.insecure_for_development {
            self.cookie.allow_http();
            log::warn(
                Topic::Development,
                &"session cookies are sent over http: use `insecure_for_development` for development only",
            );
        }
        self.check()?;
        if let Some(denylist) = &self.denylist {
            denylist.allow_skew(self.skew);
        }
        let cookie = SessionCookie::new(self.cookie, self.cookie_limits).map_err(ConfigError)?;
        let is_development = self.insecure_for_development;
        let formers = former::check::<T>(self.formers, &cookie, &self.realm, is_development);
        let formers = formers.map_err(ConfigError)?;
        #[cfg(feature = "unstable-device-bound")]
        let (device, cookie) = {
            let formers = formers.iter().map(|former| &former.cookie);
            DeviceSettings::check(self.device, cookie, formers, is_development)
                .map_err(ConfigError)?
        };
        #[cfg(feature = "unstable-device-bound")]
        let binds_devices = device.is_some();
        #[cfg(not(feature = "unstable-device-bound"))]
        let binds_devices = false;
        let settings = Settings {
            formers,
            cookie,
            rules: Rules {
                normal: Timeouts::new(
                    self.idle_timeout.unwrap_or(IDLE_TIMEOUT),
                    self.absolute_timeout,
                ),
                remembered: Timeouts::new(
                    self.remember_idle_timeout.unwrap_or(REMEMBER_IDLE),
                    self.remember_absolute_timeout,
                ),
                remembers: self.remember_by_default,
                renew_after: self.renew_after,
                skew: self.skew,
                reissue_before: self.reissue_before,
                validate: self.validate,
                denylist: self.denylist,
                recent: RecentEnds::default(),
                renamed: RecentEnds::default(),
                binds_devices,
            },
            origin: self.origin,
            explains_failures: self.insecure_for_development,
            on_event: self.on_event,
            clock: self.clock,
            realm: self.realm,
            pad_to: self.pad_to,
            #[cfg(feature = "store")]
            store: self.store.check().map_err(ConfigError)?.map(Arc::new),
            #[cfg(feature = "unstable-device-bound")]
            device,
        };
        if let Err(error) = settings.fits_empty(SMALLEST_RECORD) {
            return Err(ConfigError(format!(
                "an empty session needs {} bytes once it is sealed, the maximum is {}: no session could be saved",
                error.len, error.max
            )));
        }
        Ok(SessionManager::new(settings, &self.keyring, self.floor))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let second = Duration::from_secs(1);
        for (setting, value) in [
            ("idle_timeout", self.idle_timeout),
            ("absolute_timeout", Some(self.absolute_timeout)),
            ("remember_idle_timeout", self.remember_idle_timeout),
            (
                "remember_absolute_timeout",
                Some(self.remember_absolute_timeout),
            ),
        ] {
            if value.is_some_and(|value| value < second) {
                return Err(ConfigError(format!(
                    "`{setting}` is shorter than a second: every session would end at once"
                )));
            }
        }
        for (prefix, idle, absolute) in [
            ("", self.idle_timeout, self.absolute_timeout),
            (
                "remember_",
                self.remember_idle_timeout,
                self.remember_absolute_timeout,
            ),
        ] {
            // Only one that somebody has chosen: the default follows a shorter absolute timeout.
            if idle.is_some_and(|idle| idle > absolute) {
                let (idle, absolute) = (
                    format!("{prefix}idle_timeout"),
                    format!("{prefix}absolute_timeout"),
                );
                return Err(ConfigError(format!(
                    "`{idle}` is longer than `{absolute}`, which ends the session first: raise `{absolute}`, or lower `{idle}`"
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
                "`validate` was set before `data`, which changes the type that it takes: set it afterwards"
                    .into(),
            ));
        }
        #[cfg(feature = "store")]
        if !T::NAME.is_empty() && !self.store.conflicts.is_empty() {
            return Err(ConfigError(
                "`on_conflict` is for a dictionary, and `data` makes the sessions typed: say it in `SessionData::merge`"
                    .into(),
            ));
        }
        let empty = postcard::to_allocvec(&T::default());
        if !empty.is_ok_and(|empty| data::comes_back::<T>(&empty)) {
            return Err(ConfigError(format!(
                "the default value of the session's type does not come back as it is: a field of `{}` {WHY_UNREADABLE}",
                core::any::type_name::<T>()
            )));
        }
        Ok(())
    }
}

/// Prints settings and key ids, and never a key.
impl<T> fmt::Debug for SessionManagerBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManagerBuilder")
            .field("keyring", &self.keyring)
            .field("cookie", &self.cookie)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Says why [`SessionManagerBuilder::build`] refused the settings, and how to mend them.
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
pub struct ConfigError(pub(crate) String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConfigError {}

/// Checks [`SessionData::NAME`] at compile time, because the name is part of the key's purpose. The
/// empty name belongs to the dictionary, and zero bytes separate the parts of the purpose.
#[allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time only"
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

#[cfg(test)]
mod tests {
    use super::check_name;

    /// A zero byte would let the sessions of one type open as those of another.
    #[test]
    fn a_name_that_is_empty_or_holds_a_zero_byte_does_not_compile() {
        check_name("a");
        check_name("account/1");
        for name in ["", "\0", "\0a", "a\0", "a\0b"] {
            let checked = std::panic::catch_unwind(|| check_name(name));
            assert!(checked.is_err(), "{name:?}");
        }
    }
}
