//! What does not change while the server runs, and what follows from it.

use crate::{
    Codec, Keyring, Timestamp,
    codec::token_len,
    session::{
        cookie::{SessionCookie, TooLarge},
        data::SessionData,
        events::Event,
        lifecycle::Rules,
    },
};
use alloc::{boxed::Box, string::String};
use core::time::Duration;

/// Separates the session's use of a master key from the codec's: the first part of HKDF's info.
const LABEL: &[u8] = b"cookie";

/// More than any set of chunks has. `max_cookie_bytes` and `max_chunks` limit what is saved; a session
/// that was saved under larger ones still opens.
const MAX_TOKEN_LEN: usize = 9 * 4096;

pub(super) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
pub(super) type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// The settings, checked: see [`SessionManagerBuilder`](crate::session::SessionManagerBuilder).
pub(crate) struct Settings<T> {
    pub(crate) cookie: SessionCookie,
    pub(crate) rules: Rules<T>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) clock: Clock,
    pub(super) realm: String,
    pub(super) pad_to: usize,
}

impl<T: SessionData> Settings<T> {
    /// Returns the codec of this cookie under a ring.
    pub(super) fn codec(&self, keyring: &Keyring) -> Codec {
        let (name, realm) = (self.cookie.name().as_bytes(), self.realm.as_bytes());
        // `build` refuses zero bytes in every part, so no two cookies share a purpose.
        Codec::with_label(
            keyring,
            &[LABEL, &[0], name, &[0], realm, &[0], T::NAME.as_bytes()],
        )
        .max_age(Duration::MAX) // the record's limits judge the age
        .reject_issued_before(self.rules.floor)
        .pad_to(self.pad_to)
        .max_token_len(MAX_TOKEN_LEN)
    }

    /// Refuses a record of `len` bytes whose token does not fit the cookies.
    pub(crate) fn fits(&self, len: usize) -> Result<(), TooLarge> {
        self.cookie.fits(token_len(len, self.pad_to))
    }
}
