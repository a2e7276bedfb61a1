//! The work of the session layer: the same user in a dictionary and in a typed session.

use crate::{
    exchange::{NO_HEADERS, Reply, Request, ready},
    key, payload,
};
use hardtack::{
    Keyring,
    session::{
        Exchange, RequestHead, Session, SessionData, SessionManager, SessionManagerBuilder,
        SessionMap,
    },
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

/// The lines beside Cookie that Chromium sends with a form.
pub const BROWSER: [(&str, &str); 16] = [
    ("host", "shop.example"),
    ("content-length", "9"),
    ("cache-control", "max-age=0"),
    ("sec-ch-ua", r#""Chromium";v="142""#),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", r#""Linux""#),
    ("origin", "https://shop.example"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ("accept", "text/html"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://shop.example/cart"),
    ("accept-language", "en"),
];

/// A form that a browser sends, with these lines, to a handler that reads one value.
pub fn browser_reads(sessions: &SessionManager, lines: &[(&str, &str)]) -> bool {
    let exchange = Exchange::begin(sessions);
    let session = ready(exchange.session(RequestHead {
        method: "POST",
        path: "/cart",
        authority: None,
        headers: lines.iter().copied(),
    }));
    let read = session.get::<User>("user").is_ok_and(|user| user.is_some());
    let plan = ready(exchange.commit(exchange.close()));
    read && exchange.finish(plan, NO_HEADERS).status().is_none()
}
