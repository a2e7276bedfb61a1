use alloc::{
    format,
    string::{String, ToString as _},
};
use cookie::{Cookie, time};
use core::time::Duration;

/// Says when the browser sends the cookie with a request that another site started (RFC 6265bis,
/// section 5.6.7).
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager, SameSite, testing}};
/// # let keyring = Keyring::new(Key::generate()?);
/// let sessions = SessionManager::builder(keyring).same_site(SameSite::Strict).build()?;
/// let session = testing::new_session(&sessions);
/// session.insert("user", 7)?;
/// assert!(testing::set_cookie(&session)?[0].contains("; SameSite=Strict"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// The browser never sends it.
    Strict,
    /// The browser sends it if the user follows a link to this site. It does not send it with a
    /// form that another site posts, or with an image that another site loads.
    Lax,
    /// The browser always sends it. The cookie must be Secure.
    None,
}

/// Holds the name and the attributes of a cookie.
#[derive(Clone, Debug)]
pub(crate) struct CookieAttributes {
    pub(crate) name: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    pub(crate) path: String,
    pub(crate) domain: Option<String>,
    pub(crate) partitioned: bool,
}

impl Default for CookieAttributes {
    fn default() -> CookieAttributes {
        CookieAttributes {
            name: "__Host-session".into(),
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            path: "/".into(),
            domain: None,
            partitioned: false,
        }
    }
}

/// The longest that browsers keep a cookie: 400 days (RFC 6265bis, section 5.5).
const MAX_MAX_AGE: Duration = Duration::from_secs(34_560_000);

impl CookieAttributes {
    /// Makes a cookie for http, where browsers take neither Secure nor a name with a prefix.
    pub(crate) fn allow_http(&mut self) {
        self.secure = false;
        self.name = self.name_without_prefix().into();
    }

    pub(super) fn name_without_prefix(&self) -> &str {
        let prefix = PREFIXES
            .into_iter()
            .find(|prefix| has_prefix(&self.name, prefix));
        let rest = prefix.and_then(|prefix| self.name.get(prefix.len()..));
        rest.unwrap_or(&self.name)
    }

    /// Fails for attributes that a browser would silently drop. The domain is then as browsers compare it: in lower
    /// case and without a leading dot (RFC 6265, section 5.2.3), so that the cookie's own place is recognised.
    pub(super) fn checked(mut self) -> Result<CookieAttributes, String> {
        self.check()?;
        self.domain = self.domain.map(|domain| {
            let domain = domain.strip_prefix('.').unwrap_or(&domain);
            domain.to_ascii_lowercase()
        });
        Ok(self)
    }

    /// RFC 6265bis, sections 4.1.3 and 5.6.
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let refuse = |why: &str| Err(format!("the cookie name `{name}` {why}"));
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return refuse("is not a token: use letters, digits and !#$%&'*+-.^_`|~");
        }
        if name.rsplit_once('.').is_some_and(|(_, end)| {
            !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit())
        }) {
            return refuse("ends like the name of a chunk: it must not end in a dot and digits");
        }
        let prefixed = |prefix: &str| has_prefix(name, prefix);
        let host = prefixed("__Host-") || prefixed("__Host-Http-");
        if host && self.domain.is_some() {
            return refuse("allows no domain: set another cookie name, such as `__Secure-session`");
        }
        if host && self.path != "/" {
            return refuse(
                "allows no path but `/`: set another cookie name, such as `__Secure-session`",
            );
        }
        if (host || prefixed("__Secure-") || prefixed("__Http-")) && !self.secure {
            return refuse(
                "needs `secure`: set another cookie name, or `insecure_for_development`",
            );
        }
        if (prefixed("__Http-") || prefixed("__Host-Http-")) && !self.http_only {
            return refuse("needs `http_only`");
        }
        if self.same_site == SameSite::None && !self.secure {
            return Err("`SameSite::None` needs `secure`".into());
        }
        if self.partitioned && !self.secure {
            return Err("`partitioned` needs `secure`".into());
        }
        if !is_path(&self.path) {
            return Err(format!(
                "the path {:?} is not valid: begin with `/`, use printable ASCII without `;` and at most 1,024 bytes",
                self.path
            ));
        }
        if let Some(domain) = &self.domain {
            if !is_domain(domain) {
                return Err(format!("the domain {domain:?} is not a domain name"));
            }
            if !domain.trim_start_matches('.').contains('.') {
                return Err(format!(
                    "the domain {domain:?} has no dot: browsers set no cookie for all of its hosts"
                ));
            }
        }
        Ok(())
    }

    /// Returns those of a cookie that the site had before: what tells it from others is its own, and the rest
    /// as today. A name with a prefix is removed only by a line that has what the prefix demands.
    pub(super) fn of_former(
        &self,
        name: &str,
        domain: Option<String>,
        path: String,
        partitioned: bool,
    ) -> CookieAttributes {
        let prefixed = |prefixes: &[&str]| prefixes.iter().any(|prefix| has_prefix(name, prefix));
        CookieAttributes {
            secure: self.secure || partitioned || prefixed(&["__Host-", "__Secure-", "__Http-"]),
            http_only: self.http_only || prefixed(&["__Host-Http-", "__Http-"]),
            same_site: self.same_site,
            name: name.into(),
            path,
            domain,
            partitioned,
        }
    }

    /// Returns what a browser tells cookies apart by.
    pub(super) fn place(&self) -> (&str, Option<&str>, &str, bool) {
        let domain = self.domain.as_deref();
        (&self.name, domain, &self.path, self.partitioned)
    }

    /// Returns the Set-Cookie value for one cookie of the session. Only remembered sessions have a
    /// Max-Age.
    pub(super) fn set(&self, name: &str, value: &str, max_age: Option<Duration>) -> String {
        let mut cookie = self.cookie(name, value);
        let seconds = |age: Duration| age.min(MAX_MAX_AGE).as_secs().cast_signed();
        cookie.set_max_age(max_age.map(|age| time::Duration::seconds(seconds(age))));
        cookie.to_string()
    }

    /// Returns the Set-Cookie value that removes one cookie: its name, path, domain, Secure and
    /// Partitioned are the setter's, or the browser would keep it.
    pub(super) fn remove(&self, name: &str) -> String {
        self.remove_from(name, self.domain.as_deref(), &self.path)
    }

    /// The same for a cookie of this name that was set with another domain or path.
    pub(super) fn remove_from(&self, name: &str, domain: Option<&str>, path: &str) -> String {
        let mut cookie = self.removal(name, domain, path);
        cookie.set_expires(time::OffsetDateTime::UNIX_EPOCH);
        cookie.to_string()
    }

    fn removal<'c>(&'c self, name: &'c str, domain: Option<&'c str>, path: &'c str) -> Cookie<'c> {
        let mut cookie = self.cookie(name, "");
        cookie.set_path(path);
        match domain {
            Some(domain) => cookie.set_domain(domain),
            None => cookie.unset_domain(),
        }
        cookie.set_max_age(time::Duration::ZERO);
        cookie
    }

    /// Returns the Set-Cookie value that removes what was planted at this place. It has only what a browser must have:
    /// a response needs many of these lines, and room is short.
    pub(super) fn remove_planted(
        &self,
        domain: Option<&str>,
        path: &str,
        partitioned: bool,
    ) -> String {
        let mut cookie = self.removal(&self.name, domain, path);
        cookie.set_partitioned(partitioned);
        // A prefix can demand it, and nothing else does.
        let prefixes = ["__Host-Http-", "__Http-"];
        cookie.set_http_only(prefixes.iter().any(|prefix| has_prefix(&self.name, prefix)));
        // Without it, a page that another site embeds could not remove its cookie.
        if self.same_site != SameSite::None {
            cookie.set_same_site(None);
        }
        cookie.to_string()
    }

    /// Returns `true` if no other domain can set a cookie of this name (RFC 6265bis, 4.1.3.2).
    pub(super) fn is_host_only(&self) -> bool {
        // Not in another case: some browsers protect only this one.
        self.name.starts_with("__Host-")
    }

    fn cookie<'c>(&'c self, name: &'c str, value: &'c str) -> Cookie<'c> {
        let mut cookie = Cookie::build((name, value))
            .path(&self.path)
            .secure(self.secure)
            .http_only(self.http_only)
            .same_site(match self.same_site {
                SameSite::Strict => cookie::SameSite::Strict,
                SameSite::Lax => cookie::SameSite::Lax,
                SameSite::None => cookie::SameSite::None,
            })
            .partitioned(self.partitioned)
            .build();
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain);
        }
        cookie
    }
}

/// A prefix that begins another one comes after it.
const PREFIXES: [&str; 4] = ["__Host-Http-", "__Host-", "__Secure-", "__Http-"];

/// Browsers compare the prefixes without regard to case.
fn has_prefix(name: &str, prefix: &str) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A byte of a token (RFC 9110, 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns `true` for a byte of an attribute's value (RFC 6265, section 4.1.1).
fn is_attribute_byte(byte: u8) -> bool {
    (b' '..0x7f).contains(&byte) && byte != b';'
}

/// Begins with `/`, and has only what a cookie's path may have, in at most 1,024 bytes.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && path_len(path) == path.len()
}

/// Returns how many bytes of this path a cookie's path may have.
pub(super) fn path_len(path: &str) -> usize {
    let bytes = path.bytes().take(1024);
    bytes.take_while(|byte| is_attribute_byte(*byte)).count()
}

/// Letters, digits, hyphens and dots; a leading dot is of an older standard and means nothing.
fn is_domain(domain: &str) -> bool {
    let labels = domain.strip_prefix('.').unwrap_or(domain);
    labels.len() <= 253
        && labels.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// Returns `true` for a path that is this one, or begins with it and a slash (RFC 6265, section 5.1.4).
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| folder.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}
