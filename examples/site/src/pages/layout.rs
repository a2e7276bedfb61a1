//! Contains the parts that every page has.

use super::{Preferences, Theme};
use crate::Answer;
use hardtack::session::{Session, SessionError};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const MENU: [&str; 4] = ["/cart", "/preferences", "/ballast", "/operator"];

const STYLE: &str = include_str!("style.css");

/// Makes a page with the preferences and the flash messages of the session. Each message is shown
/// once.
pub(super) fn page(session: &Session, title: &str, body: Markup) -> Result<Answer, SessionError> {
    let Preferences { theme, language } = session.get("preferences")?.unwrap_or_default();
    let user: Option<String> = session.get("user")?;
    let words = language.words();
    let inner = html! {
        header {
            nav lang=(words.tag) {
                a href="/" { strong { "hardtack" } }
                @for (path, title) in MENU.into_iter().zip(words.menu) { a href=(path) { (title) } }
                span.end {
                    @if let Some(user) = user {
                        form method="post" action="/logout" { span #user { (user) } button.quiet { (words.log_out) } }
                    } @else {
                        a href="/login" { (words.log_in) }
                    }
                }
            }
        }
        main {
            div #flashes role="status" {
                @for flash in session.take_flashes()? { p class={ "flash " (flash.level) } { (flash.text) } }
            }
            h1 { (title) }
            (body)
        }
    };
    Ok(Answer::Html(document(theme, title, inner)))
}

/// Makes a page without a session.
pub(super) fn plain(title: &str, body: Markup) -> String {
    document(
        Theme::System,
        title,
        html! { main { h1 { (title) } (body) } },
    )
}

fn document(theme: Theme, title: &str, inner: Markup) -> String {
    let theme = match theme {
        Theme::System => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    };
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'";
                link rel="icon" href="data:,";
                title { (title) @if title != "hardtack" { " · hardtack" } }
                style { (PreEscaped(STYLE)) }
            }
            body { (inner) }
        }
    }
    .into_string()
}
