//! The work of the session layer: the same user in a dictionary and in a typed session.

use crate::{
    exchange::{Reply, Request},
    key, payload,
};
use hardtack::{
    Keyring,
    session::{Session, SessionData, SessionManager, SessionManagerBuilder, SessionMap},
};
use serde::{Deserialize, Serialize};

/// A [`payload`] with names for its fields, as an application has it. Postcard writes the same bytes.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct User {
    pub id: u32,
    pub admin: bool,
    pub name: String,
}

impl User {
    /// A user that postcard encodes in so many bytes.
    pub fn of_len(len: usize) -> User {
        let (id, admin, name) = payload(len);
        User { id, admin, name }
    }

    /// Another user of the same length.
    #[must_use]
    pub fn changed(&self) -> User {
        User {
            admin: !self.admin,
            ..self.clone()
        }
    }
}

impl SessionData for User {
    const NAME: &'static str = "user";
    const VERSION: u8 = 1;
}

/// The settings of sessions in a dictionary: all at their defaults.
pub fn builder() -> SessionManagerBuilder<SessionMap> {
    SessionManager::builder(Keyring::new(key(1)))
}

/// One exchange, as an adapter drives it when the handler asks for the session: what `handle`
/// returns, and what the response is to carry.
pub fn exchange<T: SessionData, R>(
    sessions: &SessionManager<T>,
    cookies: &str,
    handle: impl FnOnce(&Session<T>) -> R,
) -> (R, Reply) {
    let session = Request::new(sessions, [cookies.as_bytes()]);
    let handled = handle(&session);
    (handled, session.finish())
}

/// The Cookie header of a browser that got this reply.
pub fn cookie_header(reply: &Reply) -> String {
    let pairs: Vec<&str> = reply
        .set_cookie
        .iter()
        .filter_map(|line| line.split(';').next())
        .collect();
    pairs.join("; ")
}
