use crate::session::cookie::{SessionCookie, is_below};
use alloc::{format, string::String, vec::Vec};
use core::{fmt::Write as _, ops::RangeInclusive, time::Duration};

/// What comes before the name of the session cookie in the endpoint's path.
const DEFAULT_FOLDER: &str = "/.hardtack/device/";

/// What follows the name of the session cookie in the name of the proof cookie.
const SUFFIX: &str = "-bound";

/// The length of a proof cookie's value.
const PROOF_LEN: usize = crate::codec::token_len(41, 1);

/// Shorter, and browsers run into their own limit of signatures. Longer, and a stolen cookie is worth too much.
const PROOF_LIFETIMES: RangeInclusive<Duration> =
    Duration::from_secs(5 * 60)..=Duration::from_secs(60 * 60);

/// Binds sessions to the device of their browser: see
/// [`SessionManagerBuilder::device_bound`](crate::session::SessionManagerBuilder::device_bound).
///
/// ```
/// use core::time::Duration;
/// use hardtack::{Key, Keyring, session::{DeviceBound, SessionManager}};
///
/// let keyring = Keyring::new(Key::generate()?);
/// let bound = DeviceBound::default().exclude("/assets/");
/// SessionManager::builder(keyring.clone()).device_bound(bound).build()?;
///
/// let short = DeviceBound::default().proof_lifetime(Duration::from_secs(30));
/// let error = SessionManager::builder(keyring).device_bound(short).build().unwrap_err();
/// assert_eq!(error.to_string(), "the `proof_lifetime` is 30 s, it must be 5 to 60 minutes");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until `device_bound`"]
pub struct DeviceBound {
    path: Option<String>,
    proof_lifetime: Duration,
    excluded: Vec<String>,
    also_from: Vec<String>,
    offers: bool,
    requires: bool,
}

impl Default for DeviceBound {
    fn default() -> DeviceBound {
        DeviceBound {
            path: None,
            proof_lifetime: Duration::from_secs(10 * 60),
            excluded: Vec::new(),
            also_from: Vec::new(),
            offers: true,
            requires: true,
        }
    }
}

impl DeviceBound {
    /// Sets the path of the endpoint that browsers prove their key to, as they see it: with the prefix of a
    /// proxy or of a nested router. The layer answers it before any route. The default is
    /// `/.hardtack/device/` and the cookie's name without `__Host-` or `__Secure-`.
    ///
    /// A layer that sees a path without its beginning takes it for the endpoint if at least three segments
    /// are left.
    ///
    /// Choose it before the first session is bound. Browsers keep the path that they were told. The former one
    /// would answer 404, which ends the session in the browser.
    pub fn path(mut self, path: &str) -> DeviceBound {
        self.path = Some(path.into());
        self
    }

    /// Sets how long a proof counts, 5 to 60 minutes. The default is 10 minutes. A stolen cookie jar is worth
    /// something for this long and two minutes more.
    pub fn proof_lifetime(mut self, lifetime: Duration) -> DeviceBound {
        self.proof_lifetime = lifetime;
        self
    }

    /// Leaves out the paths that begin with this one: the browser does not wait there for a new proof. A
    /// bound session without a proof is not read there. Name what needs no session, such as `/assets/`.
    ///
    /// Unlike [`path`](Self::path), it is compared with the whole path that the layer sees. If a proxy or a nested
    /// router takes the beginning away, name both: `.exclude("/app/assets/").exclude("/assets/")`.
    pub fn exclude(mut self, path: &str) -> DeviceBound {
        self.excluded.push(path.into());
        self
    }

    /// Lets the pages of another origin of your site, such as `https://www.example.org`, start requests that
    /// wait for a new proof. It must be of the same site: from elsewhere the session cookie does not come
    /// along, and the browser would take the session for ended.
    pub fn also_from(mut self, origin: &str) -> DeviceBound {
        self.also_from.push(origin.into());
        self
    }

    /// With `false`, no login offers to bind its session. Sessions that are bound stay so. This is the first step
    /// when you upgrade a fleet that runs, and the first step back.
    pub fn offer(mut self, offers: bool) -> DeviceBound {
        self.offers = offers;
        self
    }

    /// With `false`, a bound session counts without a proof too: the way out if proofs fail. A stolen cookie is
    /// then worth as much as without binding.
    pub fn required(mut self, requires: bool) -> DeviceBound {
        self.requires = requires;
        self
    }
}

/// The settings of device binding, checked.
pub(crate) struct DeviceSettings {
    /// Of the endpoint, as browsers see it. The first is the present one.
    paths: Vec<String>,
    pub(crate) proof_lifetime: Duration,
    excluded: Vec<String>,
    also_from: Vec<String>,
    pub(crate) offers: bool,
    pub(crate) requires: bool,
    /// The present proof cookie, then those of the former cookies in their order.
    cookies: Vec<SessionCookie>,
}

impl DeviceSettings {
    /// Checks the settings of a site, if it has any, and leaves room for the proof beside its cookie. The error
    /// is a sentence for the developer.
    pub(crate) fn check<'c>(
        settings: Option<DeviceBound>,
        mut cookie: SessionCookie,
        formers: impl Iterator<Item = &'c SessionCookie>,
        is_development: bool,
    ) -> Result<(Option<DeviceSettings>, SessionCookie), String> {
        let Some(settings) = settings else {
            return Ok((None, cookie));
        };
        let settings = DeviceSettings::new(settings, &cookie, formers, is_development)?;
        let name = cookie.name().len().saturating_add(SUFFIX.len());
        cookie.leave_room(name.saturating_add(1).saturating_add(PROOF_LEN));
        Ok((Some(settings), cookie))
    }

    pub(super) fn new<'c>(
        settings: DeviceBound,
        cookie: &SessionCookie,
        formers: impl Iterator<Item = &'c SessionCookie>,
        is_development: bool,
    ) -> Result<DeviceSettings, String> {
        if !PROOF_LIFETIMES.contains(&settings.proof_lifetime) {
            return Err(format!(
                "the `proof_lifetime` is {} s, it must be 5 to 60 minutes",
                settings.proof_lifetime.as_secs()
            ));
        }
        // No browser binds a session over http.
        let offers = settings.offers && !is_development;
        if offers {
            cookie.check_for_device()?;
        }
        let mut paths = Vec::from([settings.path.unwrap_or_else(|| default_path(cookie))]);
        let mut cookies = Vec::from([cookie.companion(SUFFIX)?]);
        for former in formers {
            let path = default_path(former);
            if !paths.contains(&path) {
                paths.push(path);
            }
            cookies.push(former.companion(SUFFIX)?);
        }
        for path in paths.iter().chain(&settings.excluded) {
            if !is_url_path(path) {
                return Err(format!(
                    "the path {path:?} of device binding is not one of a URL: begin with `/`, and percent-encode what is special"
                ));
            }
        }
        if let Some(outside) = paths.iter().find(|path| !cookie.goes_to(path)) {
            return Err(format!(
                "the session cookie does not go to the path {outside:?} of device binding: choose one below the cookie's"
            ));
        }
        for origin in &settings.also_from {
            if !host(origin).is_some_and(is_host) {
                return Err(format!(
                    "{origin:?} in `also_from` is not an origin such as `https://www.example.org`"
                ));
            }
        }
        Ok(DeviceSettings {
            paths,
            proof_lifetime: settings.proof_lifetime,
            excluded: settings.excluded,
            also_from: settings.also_from,
            offers,
            requires: settings.requires,
            cookies,
        })
    }

    pub(crate) fn path(&self) -> &str {
        self.paths.first().map_or("", String::as_str)
    }

    /// Returns `true` for the endpoint, also for one whose beginning a router or a proxy took away.
    pub(crate) fn is_endpoint(&self, path: &str) -> bool {
        let is_tail = |whole: &String| {
            whole.strip_suffix(path).is_some_and(|beginning| {
                beginning.is_empty() || path.starts_with('/') && path.matches('/').count() >= 3
            })
        };
        self.paths.iter().any(is_tail)
    }

    /// Returns `true` if browsers do not wait for a proof before a request for this path.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let mut excluded = self.excluded.iter();
        excluded.any(|excluded| is_below(path, excluded))
    }

    pub(super) fn excluded(&self) -> &[String] {
        &self.excluded
    }

    pub(super) fn hosts_also_from(&self) -> impl Iterator<Item = &str> {
        let hosts = self.also_from.iter();
        hosts.filter_map(|origin| host(origin))
    }

    /// Returns the present proof cookie, then those of the former cookies in their order.
    pub(crate) fn cookies(&self) -> &[SessionCookie] {
        &self.cookies
    }

    /// Returns the present proof cookie.
    pub(crate) fn cookie(&self) -> Option<&SessionCookie> {
        self.cookies.first()
    }
}

fn default_path(cookie: &SessionCookie) -> String {
    let mut path = String::from(DEFAULT_FOLDER);
    for byte in cookie.name_without_prefix().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// A path (RFC 3986, 3.3) that needs no escapes in a header or in JSON either.
fn is_url_path(path: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte);
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 1024
        && path.bytes().all(is_fit)
}

/// Returns the host of an origin over https.
fn host(origin: &str) -> Option<&str> {
    origin.strip_prefix("https:")?.strip_prefix("//")
}

fn is_host(host: &str) -> bool {
    let is_fit =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !host.is_empty() && host.bytes().all(is_fit)
}
