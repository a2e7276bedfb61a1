//! Contains the menu and the greeting in three languages.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    #[default]
    English,
    Deutsch,
    Francais,
}

pub(super) struct Words {
    /// The tag of the language (BCP 47).
    pub(super) tag: &'static str,
    pub(super) name: &'static str,
    pub(super) greeting: &'static str,
    /// The entries for cart, preferences, ballast, operator and devices.
    pub(super) menu: [&'static str; 5],
    pub(super) log_in: &'static str,
    pub(super) log_out: &'static str,
}

impl Language {
    pub(super) const ALL: [Language; 3] =
        [Language::English, Language::Deutsch, Language::Francais];

    pub(super) fn words(self) -> Words {
        match self {
            Language::English => Words {
                tag: "en",
                name: "English",
                greeting: "Sealed cookies that keep.",
                menu: ["Cart", "Preferences", "Ballast", "Operator", "Your devices"],
                log_in: "Log in",
                log_out: "Log out",
            },
            Language::Deutsch => Words {
                tag: "de",
                name: "Deutsch",
                greeting: "Versiegelte Kekse, die sich halten.",
                menu: [
                    "Warenkorb",
                    "Einstellungen",
                    "Ballast",
                    "Betrieb",
                    "Ihre Geräte",
                ],
                log_in: "Anmelden",
                log_out: "Abmelden",
            },
            Language::Francais => Words {
                tag: "fr",
                name: "Français",
                greeting: "Des biscuits scellés, qui se conservent.",
                menu: [
                    "Panier",
                    "Préférences",
                    "Lest",
                    "Exploitation",
                    "Vos appareils",
                ],
                log_in: "Se connecter",
                log_out: "Se déconnecter",
            },
        }
    }
}
