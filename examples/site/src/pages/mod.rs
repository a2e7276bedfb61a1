//! The pages. Maud escapes every value that is put between tags or quotes.

mod layout;
mod words;

use crate::{Answer, Cart, Site, Ware, settings::keys_file};
use hardtack::{
    Timestamp,
    session::{Event, Session, SessionError},
};
use layout::{page, plain};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::{
    sync::PoisonError,
    time::{Duration, UNIX_EPOCH},
};
pub(crate) use words::Language;

/// What the session keeps under `preferences`.
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
        (Theme::System, "system", "As the system has it"),
        (Theme::Light, "light", "Light"),
        (Theme::Dark, "dark", "Dark"),
    ];
}

impl Preferences {
    /// What a form says; the default for what is none of it.
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

pub(crate) fn home(session: &Session, framework: &str) -> Result<Answer, SessionError> {
    let preferences: Preferences = session.get("preferences")?.unwrap_or_default();
    let cart: Cart = session.get("cart")?.unwrap_or_default();
    let items: u64 = cart.into_values().map(u64::from).sum();
    let words = preferences.language.words();
    let body = html! {
        p.lead lang=(words.tag) { (words.greeting) }
        p { "Your session travels in a cookie that is sealed: you cannot read or change it, and the server keeps none." }
        dl {
            dt { "Session" }
            dd { @if session.is_new()? { "none yet: nothing has been written" } @else { code { (session.id()?) } } }
            dt { "You" }
            dd { @if let Some(user) = session.get::<String>("user")? { (user) } @else { "a stranger" } }
            dt { "Server" }
            dd #server { (framework) }
            dt { "Cart" }
            dd #items { (items) @if items == 1 { " item" } @else { " items" } }
        }
        ul {
            li { a href="/visits" { "Count your visits" } ", as plain text from a handler of the framework" }
            li { a href="/ballast" { "Load ballast" } " until the session needs two cookies, or sinks" }
            li { a href="/operator" { "See what the operator sees" } ", and let time pass" }
        }
        form method="post" action="/forget" { button.quiet { "Forget me, preferences and all" } }
    };
    page(session, "hardtack", body)
}

pub(crate) fn login(session: &Session) -> Result<Answer, SessionError> {
    let failed: u32 = session.get("failed logins")?.unwrap_or_default();
    let body = html! {
        p { "Be " code { "ada" } " with the password " code { "analytical engine" } ", or " a href="/register" { "register" } "." }
        (credentials("/login", "current-password", "Log in"))
        @if failed > 0 {
            p.note #failed {
                strong { (failed) " failed " @if failed == 1 { "attempt" } @else { "attempts" } "." }
                " This number is in your cookie, so it limits nobody: who deletes the cookie, or sends an older copy, \
                  starts again at zero. It is good for telling an honest person that somebody tried before her. Attempts are \
                  limited on the server, by account and by address."
            }
        }
    };
    page(session, "Log in", body)
}

pub(crate) fn register(session: &Session) -> Result<Answer, SessionError> {
    let body = html! {
        p { "For this demonstration. Accounts are in memory, passwords hashed with Argon2id; both are gone when the server stops." }
        (credentials("/register", "new-password", "Register"))
    };
    page(session, "Register", body)
}

fn credentials(action: &str, password: &str, button: &str) -> Markup {
    html! {
        form.card method="post" action=(action) {
            label for="name" { "Name" }
            input #name name="name" autocomplete="username" required maxlength="40";
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete=(password) required minlength="8";
            label.check { input name="remember" type="checkbox"; " Remember me when I close the browser" }
            button { (button) }
        }
    }
}

/// Asks nothing of the session, so this page opens none and sets none.
pub(crate) fn goodbye() -> Answer {
    let body = html! {
        p { "Your session and its cookies are gone." }
        p { a href="/" { "Begin anew" } }
    };
    Answer::Html(plain("Goodbye", body))
}

pub(crate) fn cart(session: &Session) -> Result<Answer, SessionError> {
    let cart: Cart = session.get("cart")?.unwrap_or_default();
    let body = html! {
        table {
            thead { tr { th { "Ware" } th.number { "In your cart" } th { span.hidden { "Add" } } } }
            tbody {
                @for ware in Ware::ALL {
                    tr {
                        td { (ware.title()) }
                        td.number id={ "count-" (format!("{ware:?}")) } { (cart.get(&ware).copied().unwrap_or_default()) }
                        td {
                            form method="post" action="/cart" {
                                button name="ware" value=(format!("{ware:?}")) { "Add " span.hidden { (ware.title()) } }
                            }
                        }
                    }
                }
            }
        }
    };
    page(session, "Cart", body)
}

pub(crate) fn preferences(session: &Session) -> Result<Answer, SessionError> {
    let Preferences { theme, language } = session.get("preferences")?.unwrap_or_default();
    let body = html! {
        p { "These survive login and logout: what logout writes after " code { "destroy" } " begins the next session." }
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
    page(session, "Preferences", body)
}

pub(crate) fn ballast(session: &Session, cookies: &str) -> Result<Answer, SessionError> {
    let loaded = session.get::<String>("ballast")?.unwrap_or_default().len() / 1024;
    let cookies = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let body = html! {
        p { "A browser drops a cookie of more than 4,096 bytes, so a longer session is cut into chunks. "
            "It may have 7,000 bytes by default; what is beyond is refused when it is put in." }
        form.card method="post" action="/ballast" {
            label for="kilobytes" { "Ballast" }
            select #kilobytes name="kilobytes" {
                @for size in [0, 1, 2, 3, 4, 8] { option value=(size) selected[size == loaded] { (size) " KB" } }
            }
            button { "Load" }
        }
        h2 { "Cookies that came with this request" }
        table {
            thead { tr { th { "Name" } th.number { "Bytes of the value" } } }
            tbody #cookies { @for (name, value) in cookies { tr { td { code { (name) } } td.number { (value.len()) } } } }
        }
    };
    page(session, "Ballast", body)
}

pub(crate) fn not_found(session: &Session) -> Result<Answer, SessionError> {
    let body = html! { p { "There is no such page. " a href="/" { "Home" } } };
    Ok(match page(session, "Not found", body)? {
        Answer::Html(html) => Answer::NotFound(html),
        other => other,
    })
}

impl Site {
    pub(crate) fn operator(&self, session: &Session) -> Result<Answer, SessionError> {
        let body = html! {
            p.note { "Anybody may look at this demonstration. An operator's page belongs behind an operator's login." }
            dl {
                dt { "Your session" } dd #session { code { (session.id()?) } }
                dt { "Created" } dd { (time(session.created_at()?)) }
                dt { "Ends if not used" } dd #expires { (time(session.expires_at()?)) }
                dt { "Remembered" } dd { @if session.is_remembered()? { "yes" } @else { "no" } }
                dt { "Keys" } dd { code #keys { (self.keys.lock().unwrap_or_else(PoisonError::into_inner)) } }
                dt { "The site's clock" } dd { (time(self.journal.now())) }
            }
            form.row method="post" action="/operator/clock" {
                span { "Let time pass, for everybody:" }
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
            h2 { "Events, the latest first" }
            table.dense {
                thead { tr { th { "Time" } th { "Event" } } }
                tbody #events {
                    @for (at, event) in self.journal.events() {
                        tr { td { (time(at)) } (described(&event)) }
                    }
                }
            }
        };
        page(session, "Operator", body)
    }
}

/// What happened in bold, then the details.
fn described(event: &Event) -> Markup {
    let event = format!("{event:?}");
    let (what, details) = event.split_once(' ').unwrap_or((&event, ""));
    html! { td { strong { (what) } " " code { (details.trim_matches(['{', '}', ' '])) } } }
}

fn time(at: Timestamp) -> Markup {
    let at = UNIX_EPOCH + Duration::from_secs(at.to_unix().into());
    html! { time { (httpdate::fmt_http_date(at)) } }
}
