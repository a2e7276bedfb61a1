//! The cookies that could count, and why one does not.

use crate::{
    KeyId,
    session::{
        data::SessionData,
        events::Refusal,
        lifecycle::{EndedLogin, Sealed},
        manager::{Settings, SiteCookie},
        record::LoginId,
    },
};
use alloc::{boxed::Box, vec::Vec};
use core::cmp::Reverse;

#[cfg(feature = "store")]
use crate::session::lifecycle::SealedTicket;

/// The candidates for the present cookie, or for the former ones.
#[derive(Default)]
pub(super) struct Candidates {
    pub(super) opened: Openable,
    /// Those whose sessions are in a store.
    #[cfg(feature = "store")]
    pub(super) tickets: Vec<(SiteCookie, Box<SealedTicket>)>,
    /// Those that the store was not asked for, under a name that another domain can set.
    #[cfg(feature = "store")]
    pub(super) unasked: Vec<(SiteCookie, KeyId, EndedLogin)>,
    pub(super) refused: Vec<Refused>,
}

/// The candidates that open. Most requests have one, which needs no list.
#[derive(Default)]
pub(super) struct Openable {
    first: Option<Opened>,
    others: Vec<Opened>,
}

impl Openable {
    pub(super) fn len(&self) -> usize {
        self.first.iter().len().saturating_add(self.others.len())
    }

    pub(super) fn push(&mut self, opened: Opened) {
        match self.first {
            None => self.first = Some(opened),
            Some(_) => self.others.push(opened),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Opened> {
        self.first.iter().chain(&self.others)
    }

    /// Returns those that were sealed last first, and equals in the order received.
    pub(super) fn newest_first(mut self) -> impl Iterator<Item = Opened> {
        if !self.others.is_empty() {
            self.others.splice(..0, self.first.take());
            self.others
                .sort_by_key(|opened| Reverse(opened.sealed.issued_at));
        }
        self.first.into_iter().chain(self.others)
    }
}

pub(super) struct Opened {
    pub(super) cookie: SiteCookie,
    pub(super) sealed: Box<Sealed>,
}

/// One token that opened.
pub(super) enum Token {
    Session(Box<Sealed>),
    #[cfg(feature = "store")]
    Ticket(Box<SealedTicket>),
}

impl Token {
    pub(super) fn login(&self) -> EndedLogin {
        match self {
            Token::Session(sealed) => sealed.login,
            #[cfg(feature = "store")]
            Token::Ticket(ticket) => ticket.login,
        }
    }
}

pub(super) enum Candidate {
    Session(Opened),
    #[cfg(feature = "store")]
    Ticket(SiteCookie, Box<SealedTicket>),
}

impl Candidate {
    pub(super) fn of(cookie: SiteCookie, token: Token) -> Candidate {
        match token {
            Token::Session(sealed) => Candidate::Session(Opened { cookie, sealed }),
            #[cfg(feature = "store")]
            Token::Ticket(ticket) => Candidate::Ticket(cookie, ticket),
        }
    }

    pub(super) fn cookie(&self) -> SiteCookie {
        match self {
            Candidate::Session(opened) => opened.cookie,
            #[cfg(feature = "store")]
            Candidate::Ticket(cookie, _) => *cookie,
        }
    }
}

impl Candidates {
    /// Returns `true` if no token opened.
    pub(super) fn is_empty(&self) -> bool {
        #[cfg(feature = "store")]
        if !self.tickets.is_empty() {
            return false;
        }
        self.opened.len() == 0
    }

    /// Returns `true` if somebody with a key made one of them.
    pub(super) fn is_authentic(&self) -> bool {
        !self.is_empty() || self.refused.iter().any(Refused::is_authentic)
    }

    pub(super) fn push(&mut self, candidate: Candidate) {
        match candidate {
            Candidate::Session(opened) => self.opened.push(opened),
            #[cfg(feature = "store")]
            Candidate::Ticket(cookie, ticket) => self.tickets.push((cookie, ticket)),
        }
    }
}

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
