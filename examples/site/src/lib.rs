//! The example site: everything about it that is not about a framework.
//!
//! `examples/axum.rs`, `examples/actix.rs` and `examples/rocket.rs` serve it. Each of them turns its
//! framework's request into an [`Asked`], and the [`Answer`] into its framework's response.
//!
//! Nothing has to be set. `HARDTACK_KEYS` are the keys, as [`hardtack::Keyring::from_env`] reads them, or
//! `HARDTACK_KEYS_FILE` is a file that has them, to be read again whenever the operator says so;
//! `HARDTACK_ADDR` is where to listen, by default `127.0.0.1:3000`; `HARDTACK_INSECURE` gives up the
//! cookie's Secure, for Safari, which keeps no such cookie for http://localhost.

#![cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]

mod accounts;
mod cart;
mod journal;
mod pages;
mod settings;

pub use cart::{Cart, Item, Ware};
pub use settings::{address, announce, open};

use accounts::Accounts;
use hardtack::session::{FlashLevel, Session, SessionError, SessionManager};
use journal::Journal;
use pages::Preferences;
use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What the servers of one process share: in memory, gone when it stops.
pub struct Site {
    framework: &'static str,
    accounts: Accounts,
    journal: Arc<Journal>,
    sessions: SessionManager,
    /// Ids and states of the keys.
    keys: Mutex<String>,
}

/// A request, as far as the pages need it.
pub struct Asked<'r> {
    /// `GET` or `POST`.
    pub method: &'r str,
    /// Without the query.
    pub path: &'r str,
    /// The Cookie header, for the page that shows how long the cookies are.
    pub cookies: &'r str,
    /// The body of a POST, as a browser encodes a form.
    pub form: &'r [u8],
}

impl<'r> Asked<'r> {
    fn field(&self, name: &str) -> Cow<'r, str> {
        form_urlencoded::parse(self.form)
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
            .unwrap_or_default()
    }
}

/// A response: a page, or where to go next.
pub enum Answer {
    /// 200 and this page.
    Html(String),
    /// 303 See Other.
    Redirect(&'static str),
    /// 404 and this page.
    NotFound(String),
}

/// Whether a request may change something without coming from a page of this site. `SameSite=Lax` is
/// not enough: a sibling domain is the same site, and a forged login sends no cookie at all.
///
/// The frameworks ask this before every handler and answer 403.
pub fn is_cross_origin<'h>(method: &str, header: impl Fn(&'static str) -> Option<&'h str>) -> bool {
    if matches!(method, "GET" | "HEAD" | "OPTIONS") {
        return false;
    }
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin
            .split_once("://")
            .is_none_or(|(_, host)| header("host") != Some(host)),
        // Browsers say at least one of the two with every POST.
        (None, None) => true,
    }
}

impl Site {
    /// Serves every page but what the frameworks' own handlers do.
    pub fn answer(&self, session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
        match (asked.method, asked.path) {
            ("GET", "/") => pages::home(session, self.framework),
            ("GET", "/login") => pages::login(session),
            ("POST", "/login") => self.log_in(session, asked),
            ("GET", "/register") => pages::register(session),
            ("POST", "/register") => self.register(session, asked),
            ("POST", "/logout") => log_out(session),
            ("POST", "/forget") => forget(session),
            ("GET", "/goodbye") => Ok(pages::goodbye()),
            ("GET", "/cart") => pages::cart(session),
            ("GET", "/preferences") => pages::preferences(session),
            ("POST", "/preferences") => prefer(session, asked),
            ("GET", "/ballast") => pages::ballast(session, asked.cookies),
            ("POST", "/ballast") => load(session, asked),
            ("GET", "/operator") => self.operator(session),
            ("POST", "/operator/clock") => Ok(self.let_time_pass(asked)),
            ("POST", "/operator/keys") => {
                self.read_keys();
                Ok(Answer::Redirect("/operator"))
            }
            _ => pages::not_found(session),
        }
    }

    fn log_in(&self, session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
        let name = asked.field("name");
        if !self.accounts.verify(&name, &asked.field("password")) {
            session.update("failed logins", |failed: &mut u32| {
                *failed = failed.saturating_add(1);
            })?;
            session.flash(FlashLevel::Error, "The name or the password is wrong.")?;
            return Ok(Answer::Redirect("/login"));
        }
        enter(session, &name, asked)
    }

    fn register(&self, session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
        let name = asked.field("name");
        if let Err(refused) = self.accounts.add(&name, &asked.field("password")) {
            session.flash(FlashLevel::Error, refused)?;
            return Ok(Answer::Redirect("/register"));
        }
        enter(session, &name, asked)
    }

    /// Leaves the session alone: a message would save it, and begin its idle time anew.
    fn let_time_pass(&self, asked: &Asked<'_>) -> Answer {
        let minutes = asked.field("minutes").parse::<u16>().unwrap_or_default();
        self.journal
            .advance(Duration::from_secs(u64::from(minutes) * 60));
        Answer::Redirect("/operator")
    }
}

/// Logs in. What was in the session stays, here the cart and the preferences; the id changes, for
/// somebody else may have planted the one before.
fn enter(session: &Session, name: &str, asked: &Asked<'_>) -> Result<Answer, SessionError> {
    session.remember(asked.field("remember") == "on")?;
    session.regenerate_for_login()?;
    session.remove("failed logins")?;
    session.insert("user", name)?;
    session.flash(FlashLevel::Success, format!("Welcome aboard, {name}."))?;
    Ok(Answer::Redirect("/"))
}

/// Ends the session. What is written after that begins another one, with the preferences alone.
fn log_out(session: &Session) -> Result<Answer, SessionError> {
    let preferences: Option<Preferences> = session.get("preferences")?;
    session.destroy()?;
    if let Some(preferences) = preferences {
        session.insert("preferences", &preferences)?;
    }
    session.flash(FlashLevel::Info, "You are logged out.")?;
    Ok(Answer::Redirect("/"))
}

/// Ends the session and leaves no cookie.
fn forget(session: &Session) -> Result<Answer, SessionError> {
    session.destroy()?;
    Ok(Answer::Redirect("/goodbye"))
}

fn prefer(session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
    let preferences = Preferences::read(&asked.field("theme"), &asked.field("language"));
    session.insert("preferences", &preferences)?;
    session.flash(FlashLevel::Success, "Your preferences are saved.")?;
    Ok(Answer::Redirect("/preferences"))
}

/// Fills the session, to be cut into chunks, or to be too big.
fn load(session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
    let kilobytes = asked.field("kilobytes").parse::<u8>().unwrap_or_default();
    match session.insert("ballast", &"#".repeat(usize::from(kilobytes) * 1024)) {
        Ok(()) => session.flash(FlashLevel::Success, format!("{kilobytes} KB are aboard."))?,
        Err(too_big @ SessionError::TooBig { .. }) => {
            session.remove("ballast")?;
            session.flash(FlashLevel::Error, format!("Overboard: {too_big}."))?;
        }
        Err(error) => return Err(error),
    }
    Ok(Answer::Redirect("/ballast"))
}

#[cfg(test)]
mod tests {
    use super::is_cross_origin;

    #[test]
    fn who_changes_something_comes_from_a_page_of_this_site() {
        let host = ("host", "localhost:3000");
        for (method, headers, crossed) in [
            ("POST", vec![host, ("sec-fetch-site", "same-origin")], false),
            // Typed or bookmarked: no page sent it.
            ("POST", vec![host, ("sec-fetch-site", "none")], false),
            ("POST", vec![host, ("sec-fetch-site", "same-site")], true),
            ("POST", vec![host, ("sec-fetch-site", "cross-site")], true),
            (
                "POST",
                vec![host, ("origin", "http://localhost:3000")],
                false,
            ),
            (
                "POST",
                vec![host, ("origin", "http://localhost:3001")],
                true,
            ),
            ("POST", vec![host, ("origin", "http://localhost")], true),
            ("POST", vec![host, ("origin", "null")], true),
            ("POST", vec![("origin", "null")], true),
            ("POST", vec![host], true),
            ("DELETE", vec![host], true),
            ("GET", vec![host, ("sec-fetch-site", "cross-site")], false),
        ] {
            let header = |name| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            let found = is_cross_origin(method, header);
            assert_eq!(found, crossed, "{method} {headers:?}");
        }
    }
}
