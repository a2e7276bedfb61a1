//! Contains the parts of the example site that do not depend on a framework.
//!
//! `examples/axum.rs`, `examples/actix.rs` and `examples/rocket.rs` serve the site. Each of them
//! converts the request of its framework into an [`Asked`], and the [`Answer`] into the response of
//! its framework.
//!
//! `--store sqlite` keeps the sessions on the server, in a file. `--help` prints the other stores.
//!
//! You can set these variables, and none of them is required:
//!
//! | variable | meaning |
//! |---|---|
//! | `HARDTACK_KEYS` | the keys, as [`hardtack::Keyring::from_env`] reads them |
//! | `HARDTACK_KEYS_FILE` | a file with the keys, which the operator can read again while the site runs |
//! | `HARDTACK_ADDR` | the address to listen on, by default `127.0.0.1:3000` |
//! | `HARDTACK_INSECURE` | makes the cookie without Secure, for Safari, which rejects Secure cookies from `http://localhost` |

#![cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]

mod accounts;
mod cart;
mod devices;
mod journal;
mod limits;
mod pages;
mod settings;
mod stores;

pub use cart::{Cart, Item, Ware};
pub use settings::{address, announce, open};

use accounts::{Accounts, MAX_NAME, Role};
use hardtack::session::{FlashLevel, Session, SessionError, SessionManager};
use journal::Journal;
use limits::Limits;
use pages::Preferences;
use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Holds the state of the site in memory. It is lost when the process ends.
pub struct Site {
    framework: &'static str,
    accounts: Accounts,
    limits: Limits,
    journal: Arc<Journal>,
    sessions: SessionManager,
    /// Whether sessions are in a store, and not in their cookies.
    has_store: bool,
    /// Whether a login offers to bind its session to the browser's device.
    binds_devices: bool,
    /// The ids and states of the keys.
    keys: Mutex<String>,
}

/// Holds the parts of a request that the pages need.
pub struct Asked<'r> {
    /// `GET` or `POST`.
    pub method: &'r str,
    /// The path without the query.
    pub path: &'r str,
    /// The address of the other end of the connection. Behind a proxy it is the proxy's: a site behind one
    /// takes the address that its own proxy writes into a header, and believes no other.
    pub address: IpAddr,
    /// The Cookie header, for the page that shows the lengths of the cookies.
    pub cookies: &'r str,
    /// The User-Agent header, for the list of devices.
    pub browser: &'r str,
    /// The body of a POST: a form as browsers encode it.
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

/// Says how to respond.
pub enum Answer {
    /// With 200 and this page.
    Html(String),
    /// With 303 See Other and this path.
    Redirect(&'static str),
    /// With 403 and this page.
    Forbidden(String),
    /// With 404 and this page.
    NotFound(String),
    /// With 429 Too Many Requests, this page, and a Retry-After header with these seconds.
    Wait(String, u64),
}

impl Site {
    /// Serves every page, except those that have a handler in each framework.
    pub async fn answer(
        &self,
        session: &Session,
        asked: &Asked<'_>,
    ) -> Result<Answer, SessionError> {
        match (asked.method, asked.path) {
            ("GET", "/") => pages::home(self, session),
            ("GET", "/login") => pages::login(self, session),
            ("POST", "/login") => self.log_in(session, asked),
            ("GET", "/register") => pages::register(self, session),
            ("POST", "/register") => self.register(session, asked),
            ("POST", "/logout") => log_out(session),
            ("POST", "/forget") => forget(session),
            ("GET", "/goodbye") => Ok(pages::goodbye()),
            ("GET", "/cart") => pages::cart(self, session),
            ("POST", "/cart/remove") => remove_from_cart(session, asked),
            ("GET", "/preferences") => pages::preferences(self, session),
            ("POST", "/preferences") => prefer(session, asked),
            ("GET", "/ballast") => pages::ballast(self, session, asked.cookies),
            ("POST", "/ballast") => load(session, asked),
            ("GET", "/operator") => self.operator(session),
            ("POST", "/operator/clock") => Ok(self.let_time_pass(asked)),
            ("POST", "/operator/keys") => {
                self.read_keys();
                Ok(Answer::Redirect("/operator"))
            }
            ("GET", "/safe") if self.binds_devices => pages::safe(self, session),
            ("GET", "/devices") if self.has_store => self.devices(session).await,
            ("POST", "/devices/end") if self.has_store => self.end_device(session, asked).await,
            ("POST", "/devices/others") if self.has_store => self.end_other_devices(session).await,
            ("POST", "/devices/person") if self.has_store => self.end_person(session, asked).await,
            _ => pages::not_found(self, session),
        }
    }

    fn log_in(&self, session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
        let name = asked.field("name");
        if let Err(wait) = self.limits.attempt(&name, asked.address) {
            return Ok(pages::wait(wait));
        }
        let Some(role) = self.accounts.verify(&name, &asked.field("password")) else {
            session.update("failed logins", |failed: &mut u32| {
                *failed = failed.saturating_add(1);
            })?;
            keep_name(session, &name)?;
            session.flash(FlashLevel::Error, "The name or the password is wrong.")?;
            return Ok(Answer::Redirect("/login"));
        };
        self.limits.succeeded(&name, asked.address);
        self.enter(session, &name, role, asked)
    }

    fn register(&self, session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
        let name = asked.field("name");
        if let Err(refused) = self.accounts.add(&name, &asked.field("password")) {
            keep_name(session, &name)?;
            session.flash(FlashLevel::Error, refused)?;
            return Ok(Answer::Redirect("/register"));
        }
        self.enter(session, &name, Role::Customer, asked)
    }

    /// Logs the user in. The cart and the preferences stay. The id changes, because an attacker may
    /// have planted the session before the login (session fixation).
    fn enter(
        &self,
        session: &Session,
        name: &str,
        role: Role,
        asked: &Asked<'_>,
    ) -> Result<Answer, SessionError> {
        session.remember(asked.field("remember") == "on")?;
        session.regenerate_for_login()?;
        session.remove("failed logins")?;
        session.remove("typed name")?;
        session.insert("user", name)?;
        session.insert("role", role)?;
        if self.has_store {
            // The names of this site are never given again. If yours are, use the id of the account: otherwise
            // the next owner of a name sees the sessions of the last one.
            session.set_subject(Some(name))?;
            session.describe(&devices::description(asked.browser))?;
        }
        session.flash(FlashLevel::Success, format!("Welcome aboard, {name}."))?;
        Ok(Answer::Redirect("/"))
    }

    /// Sets the clock forward. It does not use the session: a flash message would save the session
    /// and restart its idle time.
    fn let_time_pass(&self, asked: &Asked<'_>) -> Answer {
        let minutes = asked.field("minutes").parse::<u16>().unwrap_or_default();
        self.journal
            .advance(Duration::from_secs(u64::from(minutes) * 60));
        Answer::Redirect("/operator")
    }
}

/// Keeps the name for the next form, so that nobody has to type it again. A longer one belongs to nobody,
/// and might not fit into the session.
fn keep_name(session: &Session, name: &str) -> Result<(), SessionError> {
    if name.len() <= MAX_NAME {
        session.insert("typed name", name)?;
    }
    Ok(())
}

/// Takes one of a ware out of the cart. An unknown ware, or one that is not there, changes nothing.
fn remove_from_cart(session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
    if let Some(ware) = Ware::from_name(&asked.field("ware")) {
        session.update("cart", |cart: &mut Cart| {
            if let Some(count) = cart.get_mut(&ware) {
                *count = count.saturating_sub(1);
            }
            cart.retain(|_, count| *count > 0);
        })?;
        session.flash(FlashLevel::Info, "It was taken out of your cart.")?;
    }
    Ok(Answer::Redirect("/cart"))
}

/// Ends the session. The writes after that start a new session with only the preferences.
fn log_out(session: &Session) -> Result<Answer, SessionError> {
    let preferences: Option<Preferences> = session.get("preferences")?;
    session.destroy()?;
    if let Some(preferences) = preferences {
        session.insert("preferences", preferences)?;
    }
    session.flash(FlashLevel::Info, "You are logged out.")?;
    Ok(Answer::Redirect("/"))
}

/// Ends the session and removes its cookie.
fn forget(session: &Session) -> Result<Answer, SessionError> {
    session.destroy()?;
    Ok(Answer::Redirect("/goodbye"))
}

fn prefer(session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
    let preferences = Preferences::read(&asked.field("theme"), &asked.field("language"));
    session.insert("preferences", preferences)?;
    session.flash(FlashLevel::Success, "Your preferences are saved.")?;
    Ok(Answer::Redirect("/preferences"))
}

/// Fills the session until it needs several cookies, or is too big.
fn load(session: &Session, asked: &Asked<'_>) -> Result<Answer, SessionError> {
    let kilobytes = asked.field("kilobytes").parse::<u8>().unwrap_or_default();
    match session.insert("ballast", "#".repeat(usize::from(kilobytes) * 1024)) {
        Ok(()) => session.flash(FlashLevel::Success, format!("{kilobytes} KB loaded."))?,
        Err(too_big @ SessionError::TooBig { .. }) => {
            session.remove("ballast")?;
            session.flash(FlashLevel::Error, format!("Not loaded: {too_big}."))?;
        }
        Err(error) => return Err(error),
    }
    Ok(Answer::Redirect("/ballast"))
}
