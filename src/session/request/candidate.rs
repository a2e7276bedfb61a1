//! A cookie that could count, and why it does not.

use crate::{
    KeyId,
    session::{
        data::SessionData,
        events::Refusal,
        lifecycle::EndedLogin,
        manager::{Settings, SiteCookie},
        record::LoginId,
    },
};

/// Why a cookie does not count, and what it says of itself.
#[derive(Clone, Copy)]
pub(super) struct Refused {
    pub(super) reason: Refusal,
    pub(super) key: Option<KeyId>,
    pub(super) login: Option<EndedLogin>,
}

impl Refused {
    pub(super) fn unread(reason: Refusal) -> Refused {
        Refused {
            reason,
            key: None,
            login: None,
        }
    }

    /// Returns `true` if somebody with a key made the cookie.
    pub(super) fn is_authentic(&self) -> bool {
        !matches!(
            self.reason,
            Refusal::Incomplete
                | Refusal::TooLong
                | Refusal::Invalid
                | Refusal::UnknownVersion
                | Refusal::UnknownKey
        )
    }
}

/// A cookie that could count.
pub(super) struct Valid {
    pub(super) cookie: SiteCookie,
    key: KeyId,
    login: EndedLogin,
}

impl Valid {
    pub(super) fn new(cookie: SiteCookie, key: KeyId, login: EndedLogin) -> Valid {
        Valid { cookie, key, login }
    }

    pub(super) fn refused(&self, reason: Refusal) -> Refused {
        Refused {
            reason,
            key: Some(self.key),
            login: Some(self.login),
        }
    }
}

/// Returns two logins under one name that another domain can set.
pub(super) fn rivals<T: SessionData>(
    settings: &Settings<T>,
    valid: &[Valid],
) -> Option<(SiteCookie, [LoginId; 2])> {
    let mut rest = valid.iter();
    while let Some(one) = rest.next() {
        let cookie = settings.cookie_of(one.cookie);
        let rival = rest.clone().find(|other| {
            other.login.login != one.login.login
                && settings.cookie_of(other.cookie).name() == cookie.name()
        });
        if let Some(other) = rival.filter(|_| cookie.can_be_planted()) {
            return Some((one.cookie, [one.login.login, other.login.login]));
        }
    }
    None
}
