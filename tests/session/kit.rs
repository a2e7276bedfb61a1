//! A browser, a clock and a site.

#[path = "../kit/exchange.rs"]
pub mod exchange;

pub use exchange::{Reply, Request};
use hardtack::{
    Key, Keyring, Timestamp,
    session::{Event, Session, SessionData, SessionManager, SessionManagerBuilder, SessionMap},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

pub const T0: u32 = 1_700_000_000;
pub const MINUTE: u32 = 60;
pub const HOUR: u32 = 60 * MINUTE;
pub const DAY: u32 = 24 * HOUR;
pub const NAME: &str = "__Host-session";

/// A time that tests set, shared by all the sites that have it.
#[derive(Clone)]
pub struct Clock(Arc<AtomicU32>);

impl Clock {
    pub fn new() -> Clock {
        Clock(Arc::new(AtomicU32::new(T0)))
    }

    pub fn set(&self, unix: u32) {
        self.0.store(unix, Ordering::SeqCst);
    }

    pub fn pass(&self, seconds: u32) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.unix())
    }

    pub fn unix(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

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

/// Name and value of each cookie, in the order in which they were first set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Browser(pub Vec<(String, String)>);

impl Browser {
    pub fn header(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub fn take(&mut self, reply: &Reply) {
        for line in &reply.set_cookie {
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let gone = attributes.split("; ").any(|one| one == "Max-Age=0");
            let place = self.0.iter().position(|(known, _)| known == name);
            match (place, gone) {
                (Some(place), true) => drop(self.0.remove(place)),
                (Some(place), false) => self.0[place].1 = value.into(),
                (None, true) => {}
                (None, false) => self.0.push((name.into(), value.into())),
            }
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

    /// One request of which nothing but the cookies matters.
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

pub fn key(n: u8) -> Key {
    let byte = |i: usize| ((i * i * 31) as u8).wrapping_add(n.wrapping_mul(17)) ^ 0xb7;
    Key::from_bytes(std::array::from_fn(byte)).unwrap()
}

pub fn ring(n: u8) -> Keyring {
    Keyring::new(key(n))
}

pub fn seconds(seconds: u32) -> std::time::Duration {
    std::time::Duration::from_secs(seconds.into())
}
