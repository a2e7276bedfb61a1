//! Contains the parts that every page has.

use super::{Preferences, Theme};
use crate::{Answer, Site};
use hardtack::session::{Refusal, Session, SessionError};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const MENU: [&str; 5] = ["/cart", "/preferences", "/ballast", "/operator", DEVICES];

/// For people who are logged in, and only with a store.
const DEVICES: &str = "/devices";

const STYLE: &str = include_str!("style.css");

/// Makes the page at this path, with the preferences and the flash messages of the session. Each
/// message is shown once.
pub(super) fn page(
    site: &Site,
    session: &Session,
    path: &str,
    title: &str,
    body: Markup,
) -> Result<Answer, SessionError> {
    let Preferences { theme, language } = session.get("preferences")?.unwrap_or_default();
    let user: Option<String> = session.get("user")?;
    let words = language.words();
    let current = |entry: &str| (entry == path).then_some("page");
    let refused = match session.refused()? {
        Some(Refusal::IdleTimeout | Refusal::AbsoluteTimeout) => Some("Your session has expired."),
        Some(Refusal::Ended) => Some("You were logged out."),
        _ => None,
    };
    let inner = html! {
        header {
            nav lang=(words.tag) {
                a href="/" aria-current=[current("/")] { strong { "hardtack" } }
                @for (path, title) in MENU.into_iter().zip(words.menu) {
                    @if path != DEVICES || (site.has_store && user.is_some()) {
                        a href=(path) aria-current=[current(path)] { (title) }
                    }
                }
                span.end {
                    @if let Some(user) = user {
                        form method="post" action="/logout" { span #user { (user) } button.quiet { (words.log_out) } }
                    } @else {
                        a href="/login" aria-current=[current("/login")] { (words.log_in) }
                    }
                }
            }
        }
        main {
            div #flashes role="status" {
                // As long as the browser sends the old cookie: until something is written to a new session.
                @if let Some(refused) = refused { p.flash.warning { (refused) } }
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

#[cfg(test)]
mod tests {
    use super::STYLE;

    /// The contrast that WCAG 2 asks of text, level AA.
    const MIN_CONTRAST: f64 = 4.5;

    /// Returns the value of a property in the last rule that has exactly this selector.
    fn value(selector: &str, property: &str) -> &'static str {
        let rules = STYLE.split('}').filter_map(|rule| rule.split_once('{'));
        let mut values = rules
            .filter(|(found, _)| found.trim() == selector)
            .flat_map(|(_, body)| body.split(';'))
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.trim() == property);
        let (_, value) = values
            .next_back()
            .unwrap_or_else(|| panic!("{selector}: {property}"));
        value.trim()
    }

    /// Returns a colour in the light and in the dark theme.
    fn themes(colour: &str) -> [[f64; 3]; 2] {
        if let Some(name) = colour
            .strip_prefix("var(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return themes(value(":root", name));
        }
        let pair = colour
            .strip_prefix("light-dark(")
            .and_then(|rest| rest.strip_suffix(')'));
        let (light, dark) = pair
            .unwrap_or_else(|| panic!("{colour}"))
            .split_once(", ")
            .unwrap();
        [light, dark].map(|hex| [1, 3, 5].map(|at| channel(&hex[at..at + 2])))
    }

    fn channel(hex: &str) -> f64 {
        let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
        match value {
            _ if value <= 0.04045 => value / 12.92,
            _ => ((value + 0.055) / 1.055).powf(2.4),
        }
    }

    fn luminance([red, green, blue]: [f64; 3]) -> f64 {
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Returns the lower contrast of the two themes.
    fn contrast(one: &str, other: &str) -> f64 {
        let themes = themes(one).into_iter().zip(themes(other));
        let ratios = themes.map(|(one, other)| {
            let (one, other) = (luminance(one), luminance(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        });
        ratios.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn everything_stands_out_from_what_is_behind_it() {
        // A quiet button has no background of its own: the header's or the page's is behind it.
        assert_eq!(value("button.quiet", "background"), "none");
        let quiet = ["color", "border-color"].map(|property| value("button.quiet", property));
        let texts = ["var(--ink)", "var(--faint)", "var(--accent)"];
        for background in [value("body", "background"), value("header", "background")] {
            for colour in quiet.into_iter().chain(texts) {
                let found = contrast(colour, background);
                assert!(
                    found >= MIN_CONTRAST,
                    "{colour} on {background}: {found:.2}"
                );
            }
        }
        let (text, background) = (value("button", "color"), value("button", "background"));
        assert!(contrast(text, background) >= MIN_CONTRAST);
    }

    /// The ends of the scale, and a grey that is known to pass by a hair.
    #[test]
    fn the_contrast_is_that_of_wcag() {
        for (one, ratio) in [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54)] {
            let pair = format!("light-dark({one}, {one})");
            let found = contrast(&pair, "light-dark(#ffffff, #ffffff)");
            assert!((found - ratio).abs() < 0.01, "{one}: {found}");
        }
    }
}
