//! A session that is bound to a key in the browser's device.

use super::LiveSession;
use crate::{
    KeyId,
    session::{data::SessionData, record::LoginId},
};

impl<T: SessionData> LiveSession<T> {
    /// Returns the key that sealed the cookie, if the session came in one.
    pub(crate) fn sealing_key(&self) -> Option<KeyId> {
        self.sealed().map(|sealed| sealed.key)
    }

    /// Returns the login as it stands, if its id was drawn.
    pub(crate) fn known_login(&self) -> Option<LoginId> {
        self.ids.map(|ids| ids.login)
    }

    pub(crate) fn device_key(&self) -> Option<[u8; 33]> {
        self.head.device_key
    }

    /// Takes the key that the browser has a proof of, and that the record has lost to a response of before.
    /// This request has not changed it.
    pub(crate) fn adopt(&mut self, key: [u8; 33]) {
        self.head.device_key = Some(key);
        self.adopted = true;
    }

    /// Binds the session. Only a login unbinds it.
    pub(crate) fn bind(&mut self, key: [u8; 33]) {
        self.head.device_key = Some(key);
        self.touched = true;
    }
}
