//! Cookies that a site's sessions had before their settings changed.

use crate::{
    Timestamp,
    session::{cookie::SessionCookie, data::SessionData},
};
use alloc::{format, string::String, vec::Vec};

/// A cookie that your sessions had before you changed its name, domain, path or partition, or the realm or
/// the type of the sessions: nobody is logged out by the change, and nothing old logs in again afterwards.
/// See [`SessionManagerBuilder::former_cookie`](crate::session::SessionManagerBuilder::former_cookie).
///
/// Say what the cookie was: its path is `/`, it has no domain and is not partitioned, and its realm and
/// type are the present ones, unless you say otherwise.
///
/// ```
/// use core::time::Duration;
/// use hardtack::{Key, Keyring, Timestamp, session::{FormerCookie, SessionManager, testing}};
///
/// let keyring = Keyring::new(Key::generate()?);
/// let before = SessionManager::builder(keyring.clone()).cookie_name("sid").build()?;
/// let session = testing::new_session(&before);
/// session.insert("user", 7)?;
/// let cookie = testing::cookie_header(&session)?;
///
/// let until = Timestamp::now().saturating_add(Duration::from_secs(14 * 24 * 3600));
/// let sessions = SessionManager::builder(keyring)
///     .former_cookie(FormerCookie::new("sid").until(until)) // now it is `__Host-session`
///     .build()?;
/// let session = testing::session_from_cookie(&sessions, &cookie);
/// assert_eq!(session.get("user")?, Some(7));
///
/// // The next save moves it.
/// session.insert("theme", "dark")?;
/// let [removal, line] = &testing::set_cookie(&session)?[..] else { unreachable!() };
/// assert!(removal.starts_with("sid=; ") && line.starts_with("__Host-session=h"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until `former_cookie`"]
pub struct FormerCookie {
    name: String,
    domain: Option<String>,
    path: String,
    partitioned: bool,
    realm: Option<String>,
    type_name: Option<String>,
    until: Option<Timestamp>,
}

impl FormerCookie {
    /// Starts with the name that the cookie had. If it was not the name that changed, give the present one.
    pub fn new(name: &str) -> FormerCookie {
        FormerCookie {
            name: name.into(),
            domain: None,
            path: "/".into(),
            partitioned: false,
            realm: None,
            type_name: None,
            until: None,
        }
    }

    /// Sets the domain that the cookie had.
    pub fn domain(mut self, domain: &str) -> FormerCookie {
        self.domain = Some(domain.into());
        self
    }

    /// Sets the path that the cookie had.
    pub fn path(mut self, path: &str) -> FormerCookie {
        self.path = path.into();
        self
    }

    /// Says that the cookie was partitioned.
    pub fn partitioned(mut self) -> FormerCookie {
        self.partitioned = true;
        self
    }

    /// Sets the realm that its sessions had.
    pub fn realm(mut self, realm: &str) -> FormerCookie {
        self.realm = Some(realm.into());
        self
    }

    /// Sets the [`NAME`](crate::session::SessionData::NAME) that the type of its sessions had; empty for the
    /// dictionary, which has version 0. Its data is read as data of an earlier version of the present type is:
    /// as it is if the version is the same, and otherwise by
    /// [`migrate`](crate::session::SessionData::migrate). So count the versions on from those of the former type.
    pub fn type_name(mut self, type_name: &str) -> FormerCookie {
        self.type_name = Some(type_name.into());
        self
    }

    /// Sets the time from which the cookie does not count any more. It must be set: until then, anyone who can
    /// set the old cookie can plant a session of their own from before the change. Choose the end of the
    /// change plus the longest idle timeout (14 days by default): everybody who came back meanwhile has the new cookie.
    pub fn until(mut self, until: Timestamp) -> FormerCookie {
        self.until = Some(until);
        self
    }
}

/// A former cookie whose settings were checked.
pub(crate) struct Former {
    pub(crate) cookie: SessionCookie,
    pub(super) realm: String,
    pub(super) type_name: String,
    /// It has the name and the purpose of the present cookie, and so nobody can tell their tokens apart.
    pub(crate) opens_as_present: bool,
    until: Timestamp,
}

/// One of the site's cookies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SiteCookie {
    Present,
    /// By its place in the settings.
    Former(usize),
}

impl Former {
    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        now <= self.until
    }

    /// Returns the Set-Cookie lines that remove the cookie. It goes even if the request did not bring it, for
    /// its path may have hidden it; its chunks go if they were received.
    pub(crate) fn removal(&self, header: &[u8]) -> Vec<String> {
        let names = self.cookie.received(header).with(0);
        self.cookie.remove(names, 0)
    }

    fn is_same_as(&self, other: &Former) -> bool {
        self.cookie.is_in_place_of(&other.cookie)
            && (&self.realm, &self.type_name) == (&other.realm, &other.type_name)
    }
}

/// Checks the former cookies of sessions in this cookie and realm. The error is a sentence for the
/// developer.
///
/// One that is the present cookie is left out on a developer's machine, where the present one may have
/// another name than in production.
pub(super) fn check<T: SessionData>(
    formers: Vec<FormerCookie>,
    present: &SessionCookie,
    realm: &str,
    is_development: bool,
) -> Result<Vec<Former>, String> {
    let mut checked: Vec<Former> = Vec::new();
    for FormerCookie {
        name,
        domain,
        path,
        partitioned,
        realm: former_realm,
        type_name,
        until,
    } in formers
    {
        let refuse = |why: &str| Err(format!("the former cookie `{name}` {why}"));
        let Some(until) = until else {
            return refuse(
                "has no end: set `until`, to the end of the change plus the longest idle timeout",
            );
        };
        let former_realm = former_realm.unwrap_or_else(|| realm.into());
        let type_name = type_name.unwrap_or_else(|| T::NAME.into());
        if former_realm.contains('\0') || type_name.contains('\0') {
            return refuse("has a zero byte in its realm or type name");
        }
        // A dictionary has version 0 and no `migrate`.
        if T::NAME.is_empty() && !type_name.is_empty() {
            return refuse("had a type, and a dictionary cannot read it");
        }
        if !T::NAME.is_empty() && type_name.is_empty() && T::VERSION == 0 {
            return refuse(
                "had a dictionary, which has version 0: raise `VERSION`, and read the dictionary in `migrate`",
            );
        }
        let cookie = match present.former(&name, domain, path, partitioned) {
            Ok(cookie) => cookie,
            Err(error) => return refuse(&format!("is not possible: {error}")),
        };
        let former = Former {
            opens_as_present: name == present.name()
                && former_realm == realm
                && type_name == T::NAME,
            cookie,
            realm: former_realm,
            type_name,
            until,
        };
        if former.opens_as_present && former.cookie.is_in_place_of(present) {
            if is_development {
                continue;
            }
            return refuse("is the present one: say what was different");
        }
        if checked.iter().any(|earlier| earlier.is_same_as(&former)) {
            return refuse("is given twice");
        }
        checked.push(former);
    }
    Ok(checked)
}
