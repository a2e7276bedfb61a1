//! Holds the checked settings, which do not change while the server runs.

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

/// The first part of HKDF's info, which separates the keys of sessions from the keys of a codec.
const LABEL: &[u8] = b"cookie";

/// The maximum length of a token in characters, more than nine cookies hold. `max_cookie_bytes` and
/// `max_chunks` limit only what is saved, so a session that was saved under larger limits still
/// opens.
const MAX_TOKEN_LEN: usize = 9 * 4096;

pub(super) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
pub(super) type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Holds settings that [`SessionManagerBuilder`](crate::session::SessionManagerBuilder) has checked.
pub(crate) struct Settings<T> {
    pub(crate) cookie: SessionCookie,
    pub(crate) rules: Rules<T>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) clock: Clock,
    pub(super) realm: String,
    pub(super) pad_to: usize,
}

impl<T: SessionData> Settings<T> {
    /// Returns the codec of this cookie with the keys of a keyring.
    pub(super) fn codec(&self, keyring: &Keyring) -> Codec {
        let (name, realm) = (self.cookie.name().as_bytes(), self.realm.as_bytes());
        // `build` refuses zero bytes in every part, so two cookies never share a purpose.
        Codec::with_label(
            keyring,
            &[LABEL, &[0], name, &[0], realm, &[0], T::NAME.as_bytes()],
        )
        .max_age(Duration::MAX) // the timeouts in the record limit the age
        .reject_issued_before(self.rules.floor)
        .pad_to(self.pad_to)
        .max_token_len(MAX_TOKEN_LEN)
    }

    /// Fails if the token of a record of `len` bytes does not fit into the cookies.
    pub(crate) fn fits(&self, len: usize) -> Result<(), TooLarge> {
        self.cookie.fits(token_len(len, self.pad_to))
    }
}
