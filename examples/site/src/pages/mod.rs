//! Makes the pages. Maud escapes every value between tags or quotes.

mod layout;
mod words;

use crate::{
    Answer, Cart, Site, Ware,
    accounts::{MAX_NAME, Role},
    limits::FAILURES_OF_A_NAME,
    settings::keys_file,
};
use hardtack::{
    Timestamp,
    session::{Event, Listed, Session, SessionError},
};
use layout::{page, plain};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::{
    sync::PoisonError,
    time::{Duration, UNIX_EPOCH},
};
pub(crate) use words::Language;

/// The value in the session under `preferences`.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Preferences {
    theme: Theme,
    language: Language,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [(Theme, &str, &str); 3] = [
        (Theme::System, "system", "Same as the system"),
        (Theme::Light, "light", "Light"),
        (Theme::Dark, "dark", "Dark"),
    ];
}

impl Preferences {
    /// Reads the values of a form. An unknown value becomes the default.
    pub(crate) fn read(theme: &str, language: &str) -> Preferences {
        let theme = Theme::ALL.into_iter().find(|(_, name, _)| *name == theme);
        let mut languages = Language::ALL.into_iter();
        Preferences {
            theme: theme.map(|(theme, ..)| theme).unwrap_or_default(),
            language: languages
                .find(|each| each.words().tag == language)
                .unwrap_or_default(),
        }
    }
}

pub(crate) fn home(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    let preferences: Preferences = session.get("preferences")?.unwrap_or_default();
    let cart: Cart = session.get("cart")?.unwrap_or_default();
    let items: u64 = cart.into_values().map(u64::from).sum();
    let words = preferences.language.words();
    let body = html! {
        p.lead lang=(words.tag) { (words.greeting) }
        @if site.has_store {
            p { "Your session is stored on the server. Your cookie has only a ticket, and without it nobody can read the session, not even the server." }
        } @else {
            p { "Your session is stored in an encrypted cookie. You cannot read or change it, and the server stores no session." }
        }
        dl {
            dt { "Session" }
            dd { @if session.is_new()? { "none yet, because nothing was written" } @else { code { (session.id()?) } } }
            dt { "You" }
            dd { @if let Some(user) = session.get::<String>("user")? { (user) } @else { "not logged in" } }
            @if session.is_device_bound()? { dt { "Device" } dd #device { "This session is bound to your device." } }
            dt { "Server" }
            dd #server { (site.framework) }
            dt { "Cart" }
            dd #items { (items) @if items == 1 { " item" } @else { " items" } }
        }
        ul {
            li { a href="/visits" { "Count your visits" } " in plain text, from a handler of the framework" }
            li { a href="/ballast" { "Load ballast" } " until the session needs two cookies, or is too big" }
            @if site.binds_devices {
                li { a href="/safe" { "Open the safe" } ", which only a session that is bound to its device can do" }
            }
            li { a href="/operator" { "See what the operator sees" } ", and set the clock forward" }
        }
        form method="post" action="/forget" { button.quiet { "Forget me and my preferences" } }
    };
    page(site, session, "/", "hardtack", body)
}

pub(crate) fn login(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    let failed: u32 = session.get("failed logins")?.unwrap_or_default();
    let body = html! {
        p { "Log in as " code { "ada" } " with the password " code { "analytical engine" } ", or " a href="/register" { "register" } "." }
        @if site.has_store {
            p { "The administrator is " code { "captain" } " with the password " code { "permission to board" } "." }
        }
        (credentials(session, "/login", "current-password", "Log in")?)
        @if failed > 0 {
            p.note #failed {
                strong { (failed) " failed " @if failed == 1 { "attempt" } @else { "attempts" } "." }
                " This number is in your session, so it does not stop an attacker: anyone who deletes the cookie starts \
                  again at zero. It only informs you. The site counts attempts on the server too, by name and by address, \
                  and stops them after " (FAILURES_OF_A_NAME) " for one name."
            }
        }
    };
    page(site, session, "/login", "Log in", body)
}

pub(crate) fn register(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    let body = html! {
        p { "This is a demonstration. Accounts are kept in memory, with passwords hashed by Argon2id. They are lost when the server stops." }
        (credentials(session, "/register", "new-password", "Register")?)
    };
    page(site, session, "/register", "Register", body)
}

/// Makes the form, with the name of a failed attempt.
fn credentials(
    session: &Session,
    action: &str,
    password: &str,
    button: &str,
) -> Result<Markup, SessionError> {
    let name: Option<String> = session.take("typed name")?;
    Ok(html! {
        form.card method="post" action=(action) {
            label for="name" { "Name" }
            input #name name="name" value=[name] autocomplete="username" required maxlength=(MAX_NAME);
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete=(password) required minlength="8";
            label.check { input name="remember" type="checkbox"; " Keep me logged in when I close the browser" }
            button { (button) }
        }
    })
}

/// Makes the page for an attempt that comes too soon.
pub(crate) fn wait(wait: Duration) -> Answer {
    let seconds = wait.as_secs().max(1);
    let body = html! {
        p { "Too many attempts to log in failed. Try again in " (seconds) @if seconds == 1 { " second." } @else { " seconds." } }
        p { a href="/login" { "Log in" } }
    };
    Answer::Wait(plain("Too many attempts", body), seconds)
}

/// Lists the sessions of a person. Descriptions are ours, and Maud escapes them all the same.
pub(crate) fn devices(
    site: &Site,
    session: &Session,
    devices: &[Listed],
) -> Result<Answer, SessionError> {
    let own = session.id()?;
    let body = html! {
        p { "You are logged in here:" }
        table {
            thead { tr { th { "Device" } th { span.hidden { "Log out" } } } }
            tbody #devices {
                @for device in devices {
                    tr {
                        td {
                            (device.description) @if device.id == own { " " strong #own { "(this device)" } }
                            br;
                            "since " (time(device.created_at))
                        }
                        td {
                            @if device.id != own {
                                form method="post" action="/devices/end" {
                                    button.quiet name="id" value=(device.id) { "Log out" span.hidden { " " (device.description) } }
                                }
                            }
                        }
                    }
                }
            }
        }
        form.row method="post" action="/devices/others" {
            button { "Log out everywhere else" }
        }
        @if session.get("role")? == Some(Role::Administrator) {
            h2 { "Administration" }
            form.card method="post" action="/devices/person" {
                label for="person" { "Log a person out everywhere" }
                input #person name="name" autocomplete="off" required maxlength=(MAX_NAME);
                button { "Log out" }
            }
        }
    };
    page(site, session, "/devices", "Your devices", body)
}

/// Shows what is too valuable for a session that a thief could have copied.
pub(crate) fn safe(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    if session.get::<String>("user")?.is_none() || !session.is_device_bound()? {
        let why = "Only a session that is bound to its device may open the safe. Log in with Chrome, over https.";
        return forbidden(site, session, why);
    }
    let body = html! { p #safe { "Here is the recipe. Nobody reads it with a copy of your cookies alone." } };
    page(site, session, "/safe", "The safe", body)
}

pub(crate) fn forbidden(site: &Site, session: &Session, why: &str) -> Result<Answer, SessionError> {
    let body = html! { p { (why) " " a href="/" { "Home" } } };
    Ok(match page(site, session, "", "Not allowed", body)? {
        Answer::Html(html) => Answer::Forbidden(html),
        other => other,
    })
}

/// Makes a page that does not use the session, so no session is opened and no cookie is set.
pub(crate) fn goodbye() -> Answer {
    let body = html! {
        p { "Your session has ended, and its cookies were removed." }
        p { a href="/" { "Start again" } }
    };
    Answer::Html(plain("Goodbye", body))
}

pub(crate) fn cart(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    let cart: Cart = session.get("cart")?.unwrap_or_default();
    let body = html! {
        table {
            thead { tr { th { "Ware" } th.number { "In your cart" } th { span.hidden { "Add or remove" } } } }
            tbody {
                @for ware in Ware::ALL {
                    @let count = cart.get(&ware).copied().unwrap_or_default();
                    tr {
                        td { (ware.title()) }
                        td.number id={ "count-" (ware.name()) } { (count) }
                        td {
                            div.row {
                                form method="post" action="/cart" {
                                    button name="ware" value=(ware.name()) { "Add" span.hidden { " " (ware.title()) } }
                                }
                                @if count > 0 {
                                    form method="post" action="/cart/remove" {
                                        button.quiet name="ware" value=(ware.name()) { "Remove" span.hidden { " " (ware.title()) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    page(site, session, "/cart", "Cart", body)
}

pub(crate) fn preferences(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    let Preferences { theme, language } = session.get("preferences")?.unwrap_or_default();
    let body = html! {
        p { "Preferences survive login and logout. After " code { "destroy" } ", logout writes them into a new session." }
        form.card method="post" action="/preferences" {
            label for="theme" { "Theme" }
            select #theme name="theme" {
                @for (each, name, title) in Theme::ALL { option value=(name) selected[each == theme] { (title) } }
            }
            label for="language" { "Language of the menu" }
            select #language name="language" {
                @for each in Language::ALL {
                    @let words = each.words();
                    option value=(words.tag) lang=(words.tag) selected[each == language] { (words.name) }
                }
            }
            button { "Save" }
        }
    };
    page(site, session, "/preferences", "Preferences", body)
}

pub(crate) fn ballast(
    site: &Site,
    session: &Session,
    cookies: &str,
) -> Result<Answer, SessionError> {
    let loaded = session.get::<String>("ballast")?.unwrap_or_default().len() / 1024;
    let cookies = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let body = html! {
        p { "Browsers drop a cookie of more than 4,096 bytes, so a larger session is split into chunks. "
            "The default maximum is 7,000 bytes. A value that exceeds it is refused when it is stored." }
        form.card method="post" action="/ballast" {
            label for="kilobytes" { "Ballast" }
            select #kilobytes name="kilobytes" {
                @for size in [0, 1, 2, 3, 4, 8] { option value=(size) selected[size == loaded] { (size) " KB" } }
            }
            button { "Load" }
        }
        h2 { "Cookies of this request" }
        table {
            thead { tr { th { "Name" } th.number { "Bytes in the value" } } }
            tbody #cookies { @for (name, value) in cookies { tr { td { code { (name) } } td.number { (value.len()) } } } }
        }
    };
    page(site, session, "/ballast", "Ballast", body)
}

pub(crate) fn not_found(site: &Site, session: &Session) -> Result<Answer, SessionError> {
    let body = html! { p { "This page does not exist. " a href="/" { "Home" } } };
    Ok(match page(site, session, "", "Not found", body)? {
        Answer::Html(html) => Answer::NotFound(html),
        other => other,
    })
}

impl Site {
    pub(crate) fn operator(&self, session: &Session) -> Result<Answer, SessionError> {
        let body = html! {
            p.note { "This is a demonstration, and everybody can see this page. On a real site, only operators may see it, after they logged in." }
            dl {
                dt { "Your session" } dd #session { code { (session.id()?) } }
                dt { "Created" } dd { (time(session.created_at()?)) }
                dt { "Ends without use" } dd #expires { (time(session.expires_at()?)) }
                dt { "Remembered" } dd { @if session.is_remembered()? { "yes" } @else { "no" } }
                dt { "Keys" } dd { code #keys { (self.keys.lock().unwrap_or_else(PoisonError::into_inner)) } }
                dt { "The site's clock" } dd { (time(self.journal.now())) }
            }
            form.row method="post" action="/operator/clock" {
                span { "Set the clock forward, for everybody:" }
                @for (minutes, title) in [(10, "10 minutes"), (31, "31 minutes"), (721, "12 hours")] {
                    button name="minutes" value=(minutes) { (title) }
                }
            }
            @if keys_file().is_some() {
                form.row method="post" action="/operator/keys" {
                    span { "The keys are in a file:" }
                    button { "Read it again" }
                }
            }
            h2 { "Events, latest first" }
            table.dense {
                thead { tr { th { "Time" } th { "Event" } th { "Details" } th.wide { "Session" } } }
                tbody #events {
                    @for (at, event) in self.journal.events() { (row(at, &event)) }
                }
            }
        };
        page(self, session, "/operator", "Operator", body)
    }
}

/// Makes the table's row of one event.
fn row(at: Timestamp, event: &Event) -> Markup {
    let debug = format!("{event:?}");
    let name: &str = debug.split([' ', '(']).next().unwrap_or(&debug);
    let details = match event {
        Event::Refused { reason, .. } => format!("{reason:?}"),
        Event::Saved { reason, len, .. } => format!("{reason:?}, {len} bytes"),
        Event::NotSaved { reason, .. } => format!("{reason:?}"),
        Event::Failed { error, .. } => error.to_string(),
        Event::Opened { key, key_state, .. } => format!("key {key}, {key_state}"),
        Event::CrossOrigin(request) => request.to_string(),
        Event::DeviceRefused { reason, .. } => format!("{reason:?}"),
        _ => String::new(),
    };
    let session = match event {
        Event::Opened { id, .. }
        | Event::Saved { id, .. }
        | Event::Destroyed { id, .. }
        | Event::DeviceBound { id, .. }
        | Event::DeviceProven { id, .. } => Some(*id),
        Event::Refused { id, .. }
        | Event::NotSaved { id, .. }
        | Event::Failed { id, .. }
        | Event::DeviceRefused { id, .. } => *id,
        Event::Regenerated { to, .. } => Some(*to),
        _ => None,
    };
    html! {
        tr {
            td { (time_of_day(at)) }
            td { strong { (name) } }
            td { (details) }
            td.wide { @if let Some(id) = session { code { (id.to_string().get(..8).unwrap_or_default()) } } }
        }
    }
}

fn date(at: Timestamp) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.to_unix().into()))
}

fn time(at: Timestamp) -> Markup {
    html! { time { (date(at)) } }
}

/// Shows the time without the date, which the page has above.
fn time_of_day(at: Timestamp) -> Markup {
    let date = date(at);
    html! { time title=(date) { (date.split(' ').nth(4).unwrap_or(&date)) } }
}
