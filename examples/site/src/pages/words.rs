//! The menu and the greeting in three languages.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    #[default]
    English,
    Deutsch,
    Francais,
}

pub(super) struct Words {
    pub(super) greeting: &'static str,
    pub(super) cart: &'static str,
    pub(super) preferences: &'static str,
    pub(super) ballast: &'static str,
    pub(super) operator: &'static str,
    pub(super) log_in: &'static str,
    pub(super) log_out: &'static str,
}

impl Language {
    pub(super) const ALL: [(Language, &str, &str); 3] = [
        (Language::English, "en", "English"),
        (Language::Deutsch, "de", "Deutsch"),
        (Language::Francais, "fr", "Français"),
    ];

    pub(super) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Deutsch => "de",
            Language::Francais => "fr",
        }
    }

    pub(super) fn words(self) -> Words {
        match self {
            Language::English => Words {
                greeting: "Sealed cookies that keep.",
                cart: "Cart",
                preferences: "Preferences",
                ballast: "Ballast",
                operator: "Operator",
                log_in: "Log in",
                log_out: "Log out",
            },
            Language::Deutsch => Words {
                greeting: "Versiegelte Kekse, die sich halten.",
                cart: "Warenkorb",
                preferences: "Einstellungen",
                ballast: "Ballast",
                operator: "Betrieb",
                log_in: "Anmelden",
                log_out: "Abmelden",
            },
            Language::Francais => Words {
                greeting: "Des biscuits scellés, qui se conservent.",
                cart: "Panier",
                preferences: "Préférences",
                ballast: "Lest",
                operator: "Exploitation",
                log_in: "Se connecter",
                log_out: "Se déconnecter",
            },
        }
    }
}
