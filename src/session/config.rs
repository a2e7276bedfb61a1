//! What does not change while the server runs, and what follows from it.

use super::{
    Event, SessionData, SessionView,
    cookies::{self, TooLarge},
    set_cookie::Attributes,
    timeouts::Limits,
};
use crate::{Codec, Keyring, Timestamp, codec::token_len};
use alloc::{boxed::Box, string::String};
use core::time::Duration;

/// Separates the session's use of a master key from the codec's: the first part of HKDF's info.
const LABEL: &[u8] = b"cookie";

/// More than any set of chunks has. What a session may have when it is saved, `max_cookie_bytes` and
/// `max_chunks` say; a session saved under larger ones still opens.
const MAX_TOKEN_LEN: usize = 9 * 4096;

pub(super) type Validate<T> = Box<dyn Fn(&SessionView<'_, T>) -> bool + Send + Sync>;
pub(super) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
pub(super) type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// The settings, checked: see [`SessionManagerBuilder`](super::SessionManagerBuilder).
pub(super) struct Config<T> {
    pub(super) cookie: Attributes,
    /// What follows the value in a Set-Cookie line without Max-Age: the same each time, so written once.
    pub(super) attributes: String,
    /// The length of the longest attributes of a Set-Cookie line.
    pub(super) attributes_len: usize,
    pub(super) cookies: cookies::Limits,
    pub(super) normal: Limits,
    pub(super) remembered: Limits,
    pub(super) renew_after: Option<Duration>,
    pub(super) floor: Timestamp,
    pub(super) validate: Option<Validate<T>>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) clock: Clock,
    pub(super) realm: String,
    pub(super) pad_to: usize,
}

impl<T: SessionData> Config<T> {
    /// The codec of this cookie under a ring.
    pub(super) fn codec(&self, keyring: &Keyring) -> Codec {
        let (name, realm) = (self.cookie.name.as_bytes(), self.realm.as_bytes());
        // Every part is free of zero bytes (see `SessionManagerBuilder::build`), so no two cookies share a purpose.
        Codec::with_label(
            keyring,
            &[LABEL, &[0], name, &[0], realm, &[0], T::NAME.as_bytes()],
        )
        .max_age(Duration::MAX) // the record's limits judge the age
        .reject_issued_before(self.floor)
        .pad_to(self.pad_to)
        .max_token_len(MAX_TOKEN_LEN)
    }

    /// The Set-Cookie value for one cookie of the session.
    pub(super) fn set_cookie(&self, name: &str, value: &str, max_age: Option<Duration>) -> String {
        match max_age {
            None => [name, "=", value, &self.attributes].concat(),
            Some(_) => self.cookie.set(name, value, max_age),
        }
    }

    /// Whether a record of this length fits the cookies: on the final bytes, after sealing and encoding.
    pub(super) fn fits(&self, record: usize) -> Result<(), TooLarge> {
        let characters = token_len(record, self.pad_to);
        cookies::fits(
            characters,
            &self.cookie.name,
            self.attributes_len,
            self.cookies,
        )
    }

    pub(super) fn limits(&self, remembered: bool) -> Limits {
        if remembered {
            self.remembered
        } else {
            self.normal
        }
    }
}
