//! The settings of a site, and what is refused.

use super::{
    Event, SessionData, SessionManager, SessionMap, SessionView,
    config::{Clock, Config, OnEvent, Validate},
    cookies,
    map::is_dictionary,
    set_cookie::{Attributes, SameSite},
    timeouts::Limits,
};
use crate::{Keyring, Timestamp};
use alloc::{boxed::Box, format, string::String};
use core::{error::Error, fmt, time::Duration};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * MINUTE);
const ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(12 * HOUR);
const REMEMBER_IDLE: Duration = Duration::from_secs(14 * DAY);
const REMEMBER_ABSOLUTE: Duration = Duration::from_secs(90 * DAY);

/// Bytes of a record with nothing in it, today.
pub(super) const SMALLEST_RECORD: usize = 28;

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
    cookie: Attributes,
    realm: String,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    remember_idle_timeout: Duration,
    remember_absolute_timeout: Duration,
    renew_after: Option<Duration>,
    floor: Timestamp,
    pad_to: usize,
    max_chunks: usize,
    max_cookie_bytes: usize,
    validate: Option<Validate<T>>,
    on_event: Option<OnEvent>,
    clock: Clock,
    insecure_for_development: bool,
    validate_lost: bool,
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
        SessionManagerBuilder {
            keyring,
            cookie: Attributes::default(),
            realm: String::new(),
            idle_timeout: IDLE_TIMEOUT,
            absolute_timeout: ABSOLUTE_TIMEOUT,
            remember_idle_timeout: REMEMBER_IDLE,
            remember_absolute_timeout: REMEMBER_ABSOLUTE,
            renew_after: None,
            floor: Timestamp::MIN,
            pad_to: 1,
            max_chunks: 2,
            max_cookie_bytes: 7_000,
            validate: None,
            on_event: None,
            clock: Box::new(Timestamp::now),
            insecure_for_development: false,
            validate_lost: false,
        }
    }
}

impl SessionManagerBuilder<SessionMap> {
    /// Makes the sessions typed: `Session<T>` instead of the dictionary. Call it before
    /// [`validate`](SessionManagerBuilder::validate), whose closure sees the data.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionData, SessionError, SessionManager}};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, PartialEq, Debug)]
    /// # struct Account { user: Option<u64>, theme: String }
    /// # impl SessionData for Account { const NAME: &'static str = "account"; const VERSION: u8 = 1; }
    /// let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone())
    ///     .data::<Account>()
    ///     .validate(|session| session.data().user != Some(13))
    ///     .build()?;
    /// let session = sessions.begin();
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
            max_chunks: self.max_chunks,
            max_cookie_bytes: self.max_cookie_bytes,
            on_event: self.on_event,
            clock: self.clock,
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let staging = SessionManager::builder(keyring.clone()).realm("staging").build()?;
    /// let production = SessionManager::builder(keyring).realm("production").build()?;
    ///
    /// let session = staging.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// let cookie = reply.set_cookie[0].split(';').next().unwrap();
    ///
    /// let session = production.begin();
    /// session.receive([cookie.as_bytes()]);
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).http_only(false).build()?;
    /// let session = sessions.begin();
    /// session.insert("theme", "dark")?;
    /// assert!(!session.finish([], []).set_cookie[0].contains("HttpOnly"));
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let builder = SessionManager::builder(keyring).path("/shop");
    /// let sessions = builder.cookie_name("__Secure-shop").build()?;
    /// let session = sessions.begin();
    /// session.insert("cart", &[7])?;
    /// assert!(session.finish([], []).set_cookie[0].contains("; Path=/shop"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(mut self, path: &str) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// The domain whose hosts all get the cookie. Default none: the host that set it, alone.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let builder = SessionManager::builder(keyring).domain("example.org");
    /// let sessions = builder.cookie_name("__Secure-session").build()?;
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// assert!(session.finish([], []).set_cookie[0].contains("; Domain=example.org"));
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SameSite}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring)
    ///     .same_site(SameSite::None) // sent to the embedded page at all
    ///     .partitioned(true)
    ///     .build()?;
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// assert!(session.finish([], []).set_cookie[0].contains("; Partitioned"));
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

    /// How long a [remembered](super::Session::remember) session lives without use. Default 14 days.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    ///
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// let sessions = SessionManager::builder(keyring).remember_idle_timeout(week).build()?;
    /// let session = sessions.begin();
    /// session.remember(true)?;
    /// session.insert("user", &7)?;
    /// assert!(session.finish([], []).set_cookie[0].contains("; Max-Age=604800"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember_idle_timeout(mut self, timeout: Duration) -> Self {
        self.remember_idle_timeout = timeout;
        self
    }

    /// How long a [remembered](super::Session::remember) session lives in any case. Default 90 days.
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// let sessions = SessionManager::builder(keyring.clone()).build()?;
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// let cookie = reply.set_cookie[0].split(';').next().unwrap();
    ///
    /// // In the configuration of the next start: the time of `date +%s`.
    /// let floor = Timestamp::now().saturating_add(Duration::from_secs(1));
    /// let sessions = SessionManager::builder(keyring).reject_issued_before(floor).build()?;
    /// let session = sessions.begin();
    /// session.receive([cookie.as_bytes()]);
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).pad_to(128).build()?;
    /// let length = |user: &str| {
    ///     let session = sessions.begin();
    ///     session.insert("user", user)?;
    ///     Ok::<_, hardtack::session::SessionError>(session.finish([], []).set_cookie[0].len())
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SessionError}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring.clone()).max_chunks(1).build()?;
    /// let session = sessions.begin();
    /// let error = session.insert("notes", &"#".repeat(4000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { .. }));
    ///
    /// let error = SessionManager::builder(keyring).max_chunks(10).build().unwrap_err();
    /// assert_eq!(error.to_string(), "`max_chunks` is 10: 1 to 9 cookies are possible");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_chunks(mut self, chunks: usize) -> Self {
        self.max_chunks = chunks;
        self
    }

    /// The most bytes of names and values that the cookies of a session may have together. Default
    /// 7,000, which common servers and proxies take in a request's headers: nginx has 8 KB for a line
    /// (`large_client_header_buffers`), hyper answers 431 to more than 16 KB over HTTP/2. Raise theirs
    /// before this one. In front of more than one chunk nginx needs a larger `proxy_buffer_size` too,
    /// for responses: its default is 4 KB.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SessionError}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).max_cookie_bytes(2_000).build()?;
    /// let session = sessions.begin();
    /// session.insert("cart", &[7, 8, 9])?;
    /// let error = session.insert("notes", &"#".repeat(2_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { max: 2_000, .. }));
    /// session.remove("notes")?; // or the response will be a 500
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_cookie_bytes(mut self, bytes: usize) -> Self {
        self.max_cookie_bytes = bytes;
        self
    }

    /// Is asked at opening and again before every save; `false` refuses the session. Of a session that
    /// goes out under a new id, it is asked twice: as it was opened, and as it is to be saved. For a denylist of
    /// ended sessions and the like; it runs within the request, so let it look into memory only.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, Event}};
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
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// let cookie = reply.set_cookie[0].split(';').next().unwrap();
    ///
    /// let session = sessions.begin();
    /// session.receive([cookie.as_bytes()]);
    /// session.destroy()?;
    /// let _ = session.finish([], []);
    ///
    /// let session = sessions.begin(); // somebody has kept the cookie
    /// session.receive([cookie.as_bytes()]);
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager, Event, Refusal}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use std::sync::{Arc, Mutex};
    ///
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let events = Arc::clone(&log);
    /// let sessions = SessionManager::builder(keyring)
    ///     .on_event(move |event| events.lock().unwrap().push(event.clone()))
    ///     .build()?;
    /// let session = sessions.begin();
    /// session.receive([&b"__Host-session=hardly-one-of-ours"[..]]);
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
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
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
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// let cookie = reply.set_cookie[0].split(';').next().unwrap();
    ///
    /// time.fetch_add(31 * 60, Ordering::Relaxed); // the idle timeout is 30 minutes
    /// let session = sessions.begin();
    /// session.receive([cookie.as_bytes()]);
    /// assert!(session.is_new()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// A cookie for http on a developer's machine: named `session` unless it has another name than
    /// the default, and not Secure. Says so on standard error, or through `tracing`, at every start.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring).insecure_for_development().build()?;
    /// let session = sessions.begin();
    /// session.insert("user", &7)?;
    /// let reply = session.finish([], []);
    /// assert!(reply.set_cookie[0].starts_with("session=h") && !reply.set_cookie[0].contains("Secure"));
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
            if self.cookie.name == Attributes::default().name {
                self.cookie.name = "session".into();
            }
            super::report::warn(
                "session cookies are sent over http: insecure_for_development is for development",
            );
        }
        self.check()?;
        let config = Config {
            attributes: self.cookie.tail(),
            attributes_len: self.cookie.attributes_len(),
            cookies: cookies::Limits {
                max_chunks: self.max_chunks,
                max_cookie_bytes: self.max_cookie_bytes,
            },
            normal: Limits::new(self.idle_timeout, self.absolute_timeout),
            remembered: Limits::new(self.remember_idle_timeout, self.remember_absolute_timeout),
            cookie: self.cookie,
            renew_after: self.renew_after,
            floor: self.floor,
            validate: self.validate,
            on_event: self.on_event,
            clock: self.clock,
            realm: self.realm,
            pad_to: self.pad_to,
        };
        let codec = config.codec(&self.keyring);
        if let Err(error) = config.fits(SMALLEST_RECORD) {
            return Err(ConfigError(format!(
                "an empty session needs {} bytes of cookies, the limit is {}: no session would be saved",
                error.length, error.limit
            )));
        }
        Ok(SessionManager::new(config, codec))
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.cookie.check()?;
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
        let typed = !is_dictionary::<T>();
        if typed && (T::NAME.is_empty() || T::NAME.contains('\0')) {
            return Err(ConfigError(format!(
                "the session type's NAME {:?} is empty or contains a zero byte",
                T::NAME
            )));
        }
        if !(1..=cookies::MAX_CHUNKS).contains(&self.max_chunks) {
            return Err(ConfigError(format!(
                "`max_chunks` is {}: 1 to {} cookies are possible",
                self.max_chunks,
                cookies::MAX_CHUNKS
            )));
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
