//! A site without a framework, and the browsers that visit it.

use super::{
    browser::Jar,
    clock::Clock,
    exchange::{Reply, Request},
    keys::ring,
};
use hardtack::{
    Keyring,
    session::{Event, Session, SessionData, SessionManager, SessionManagerBuilder, SessionMap},
};
use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

pub const NAME: &str = "__Host-session";

/// Sessions with their clock and the events that they reported.
pub struct Site<T: SessionData = SessionMap> {
    pub sessions: SessionManager<T>,
    pub clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Site {
    pub fn new() -> Site {
        Site::with(&Clock::new(), |builder| builder)
    }
}

impl<T: SessionData> Site<T> {
    pub fn with(
        clock: &Clock,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder<T>,
    ) -> Site<T> {
        Site::under(ring(1), clock, configure)
    }

    pub fn under(
        ring: Keyring,
        clock: &Clock,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder<T>,
    ) -> Site<T> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let (log, time) = (Arc::clone(&events), clock.clone());
        let builder = SessionManager::builder(ring)
            .clock(move || time.now())
            .on_event(move |event| log.lock().unwrap().push(event.clone()));
        Site {
            sessions: configure(builder).build().unwrap(),
            clock: clock.clone(),
            events,
        }
    }

    /// The events since the last call.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// A request with this Cookie header, up to the handler.
    pub fn request(&self, cookie: &str) -> Request<T> {
        Request::new(&self.sessions, [cookie.as_bytes()])
    }
}

/// A browser that visits a [`Site`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Browser {
    pub jar: Jar,
}

impl Deref for Browser {
    type Target = Jar;

    fn deref(&self) -> &Jar {
        &self.jar
    }
}

impl Browser {
    /// A browser to which somebody gave these cookies.
    pub fn with<'a>(cookies: impl IntoIterator<Item = (&'a str, &'a str)>) -> Browser {
        let pairs = cookies.into_iter();
        let cookies = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Browser {
            jar: Jar(cookies.collect()),
        }
    }

    pub fn take(&mut self, reply: &Reply) {
        for line in &reply.set_cookie {
            self.jar.store(line);
        }
    }

    /// One request, whose answer this browser takes.
    pub fn visit<T: SessionData, R>(
        &mut self,
        site: &Site<T>,
        handler: impl FnOnce(&Session<T>) -> R,
    ) -> (R, Reply) {
        let session = site.request(&self.header());
        let result = handler(&session);
        let reply = finish(&session);
        self.take(&reply);
        (result, reply)
    }

    /// Sends one request and keeps only the cookies of its response.
    pub fn send<T: SessionData, R>(
        &mut self,
        site: &Site<T>,
        handler: impl FnOnce(&Session<T>) -> R,
    ) {
        let _ = self.visit(site, handler);
    }

    /// What a request reads; its answer is lost.
    pub fn peek<T: SessionData, R>(
        &self,
        site: &Site<T>,
        handler: impl FnOnce(&Session<T>) -> R,
    ) -> R {
        handler(&site.request(&self.header()))
    }

    /// The text under `user`, as these tests have it.
    pub fn user(&self, site: &Site) -> Option<String> {
        self.peek(site, |session| session.get("user").unwrap())
    }
}

/// Somebody who has just logged in.
pub fn logged_in(site: &Site, user: &str) -> Browser {
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(site, |session| session.insert("user", user).unwrap());
    assert_eq!(reply.set_cookie.len(), 1);
    site.events();
    browser
}

pub fn finish<T: SessionData>(session: &Request<T>) -> Reply {
    session.finish()
}

/// Somebody logs in, and the key that their browser registers is not the one that signed.
#[cfg(feature = "unstable-device-bound")]
pub fn foreign_registration(site: &Site) {
    use super::{device::Device, exchange::ready};
    use hardtack::session::{Exchange, HeaderEdit, RequestHead};

    let login = |session: &Session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "hunter2").unwrap();
    };
    let session = site.request("");
    login(&session);
    let mut browser = Browser::default();
    let mut challenge = String::new();
    for edit in session.edits(&[], &[]) {
        match edit {
            HeaderEdit::Append("set-cookie", line) => browser.jar.store(&line),
            HeaderEdit::Append("secure-session-registration", offer) => {
                let (_, behind) = offer.split_once("challenge=\"").unwrap();
                challenge = behind.trim_end_matches('"').to_owned();
            }
            _ => {}
        }
    }
    let [proof, foreign] = [1, 2].map(|number| Device::new(number).register(&challenge));
    let (signed, _) = proof.rsplit_once('.').unwrap();
    let (_, signature) = foreign.rsplit_once('.').unwrap();
    let proof = format!("{signed}.{signature}");
    let cookies = browser.header();
    let head = RequestHead {
        method: "POST",
        path: "/.hardtack/device/session",
        authority: None,
        headers: [
            ("cookie", cookies.as_str()),
            ("secure-session-response", proof.as_str()),
        ],
    };
    let answer = Exchange::begin(&site.sessions).endpoint(&head);
    assert_eq!(ready(answer.unwrap()).status(), Some(400));
}
