//! Sequences of what handlers do with a session, over requests of two tabs of one browser, against a model: what the
//! rules say, kept in plain values and without a cookie.

mod act;
mod answer;

use crate::kit::{browser::Jar, clock::Clock, exchange::Request};
use crate::{NOW, key, read};
use arbitrary::Arbitrary;
use hardtack::session::{Event, FlashLevel, LoginId, SessionId, SessionManager};
use hardtack::{Keyring, Timestamp};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const DAY: u32 = 24 * 60 * 60;

#[derive(Arbitrary, Clone, Debug)]
enum Step {
    Number(u8, u32),
    /// A text of this length.
    Text(u8, u16),
    Remove(u8),
    Take(u8),
    Update(u8),
    Clear,
    Flash(u8, u8),
    TakeFlashes,
    Regenerate,
    Login,
    Destroy,
    Remember(bool),
    ExpireIn(u16),
    Look,
    /// Ends the request and begins the next one.
    Answer,
    /// Time goes on, or back.
    Seconds(i8),
    Minutes(i8),
    Hours(u8),
    /// Another key seals; the one before is accepted, retired now, or gone.
    Rotate(u8, Before),
    /// The browser's cookies are kept, and put back: by a thief, or by a backup.
    Copy,
    Restore,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Before {
    Accepted,
    Retired,
    Gone,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(u32),
    Text(usize),
}

/// A session, as its record says.
#[derive(Clone, Debug, PartialEq)]
struct Record {
    /// None for a new one that has not been saved.
    id: Option<SessionId>,
    login: Option<LoginId>,
    by_login: bool,
    created_at: u32,
    idle: u32,
    lifetime: u32,
    remembered: bool,
    flashes: Vec<(FlashLevel, String)>,
    values: BTreeMap<String, Value>,
}

impl Record {
    fn new(now: u32) -> Record {
        let (idle, lifetime) = limits(false);
        let (flashes, values) = (vec![], BTreeMap::new());
        Record {
            id: None,
            login: None,
            by_login: false,
            created_at: now,
            idle,
            lifetime,
            remembered: false,
            flashes,
            values,
        }
    }

    /// Bytes of what is in it, more or less.
    fn size(&self) -> usize {
        let value = |value: &Value| match value {
            Value::Number(_) => 5,
            Value::Text(len) => len + 5,
        };
        let values: usize = self.values.values().map(value).sum();
        values
            + self
                .flashes
                .iter()
                .map(|(_, text)| text.len() + 2)
                .sum::<usize>()
    }
}

/// The settings: idle and absolute timeout.
fn limits(remembered: bool) -> (u32, u32) {
    if remembered {
        (14 * DAY, 90 * DAY)
    } else {
        (30 * 60, DAY / 2)
    }
}

/// The cookie that a browser has.
#[derive(Clone, Debug)]
struct Cookie {
    record: Record,
    issued_at: u32,
    key: u8,
}

/// From the first use to the answer.
struct Current {
    record: Record,
    cookie: Option<(Cookie, bool)>,
    opened_at: u32,
    /// The login of an authentic cookie that does not count.
    other: Option<LoginId>,
    destroyed: bool,
    /// Whether the handler asked for a value as a type that it does not have: a page that fails for it must not
    /// keep the session alive.
    misread: bool,
    /// What this request called `remember` with.
    remember: Option<bool>,
    /// How many flashes came with the request.
    received_flashes: usize,
}

/// How a login ended in the last minute.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Ended {
    Replaced,
    Destroyed,
}

enum Due {
    Change,
    Renewal,
}

struct Tab {
    session: Request,
    /// Of the cookies that the request had.
    names: BTreeSet<String>,
    received: Option<Cookie>,
    /// When the request's head arrived.
    began_at: u32,
    current: Option<Current>,
}

struct World {
    clock: Clock,
    sessions: SessionManager,
    denied: Arc<Mutex<BTreeSet<SessionId>>>,
    ended: RefCell<BTreeMap<LoginId, (u32, Ended)>>,
    /// When sessions got another id.
    renamed: BTreeMap<SessionId, u32>,
    ring: Vec<(u8, Option<u32>)>,
    jar: Jar,
    cookie: Option<Cookie>,
    copy: (Jar, Option<Cookie>),
}

pub fn session_model(data: &[u8]) {
    let Some(steps) = read::<Vec<(bool, Step)>>(data) else {
        return;
    };
    let mut world = World::new();
    let mut tabs = [world.begin(), world.begin()];
    for (which, step) in steps {
        let tab = &mut tabs[usize::from(which)];
        match step {
            Step::Answer => {
                world.answer(tab);
                *tab = world.begin();
            }
            Step::Seconds(seconds) => world.pass(seconds.into()),
            Step::Minutes(minutes) => world.pass(i32::from(minutes) * 60),
            Step::Hours(hours) => world.pass(i32::from(hours) * 3600),
            Step::Rotate(n, before) => world.rotate(n % 6, before),
            Step::Copy => world.copy = (world.jar.clone(), world.cookie.clone()),
            Step::Restore => (world.jar, world.cookie) = world.copy.clone(),
            step => {
                world.open(tab);
                world.act(tab, &step);
                world.look(tab);
            }
        }
    }
    for mut tab in tabs {
        world.answer(&mut tab);
    }
}

impl World {
    fn new() -> World {
        let clock = Clock::new();
        let denied = Arc::new(Mutex::new(BTreeSet::new()));
        let (hands, deny, list) = (clock.clone(), denied.clone(), denied.clone());
        let sessions = SessionManager::builder(Keyring::new(key(0)))
            .clock(move || hands.now())
            .validate(move |view| !list.lock().unwrap().contains(&view.id()))
            .on_event(move |event| {
                if let Event::Destroyed { id, .. } = event {
                    deny.lock().unwrap().insert(*id);
                }
            })
            .build()
            .unwrap();
        let (ring, copy) = (vec![(0, None)], (Jar::default(), None));
        World {
            clock,
            sessions,
            denied,
            ended: RefCell::default(),
            renamed: BTreeMap::new(),
            ring,
            jar: Jar::default(),
            cookie: None,
            copy,
        }
    }

    fn now(&self) -> u32 {
        self.clock.unix()
    }

    fn pass(&mut self, seconds: i32) {
        let now = self.now().saturating_add_signed(seconds);
        // Two years of it, so that the clock stays far from the ends of its range.
        self.clock.set(now.clamp(NOW - 365 * DAY, NOW + 365 * DAY));
    }

    fn rotate(&mut self, n: u8, before: Before) {
        let now = self.now();
        let (first, _) = self.ring.remove(0);
        self.ring.retain(|(other, _)| *other != n);
        if first != n {
            match before {
                Before::Accepted => self.ring.insert(0, (first, None)),
                Before::Retired => self.ring.insert(0, (first, Some(now))),
                Before::Gone => {}
            }
        }
        self.ring.insert(0, (n, None));
        let mut ring = Keyring::new(key(n));
        for (other, retired) in &self.ring[1..] {
            ring = match retired {
                None => ring.accept(key(*other)),
                Some(at) => ring.accept_retired(key(*other), Timestamp::from_unix(*at)),
            }
            .unwrap();
        }
        self.sessions.set_keyring(ring);
    }

    fn begin(&self) -> Tab {
        let session = Request::new(&self.sessions, [self.jar.header().as_bytes()]);
        Tab {
            session,
            names: self.jar.0.keys().cloned().collect(),
            received: self.cookie.clone(),
            began_at: self.now(),
            current: None,
        }
    }

    fn is_denied(&self, id: Option<SessionId>) -> bool {
        id.is_some_and(|id| self.denied.lock().unwrap().contains(&id))
    }

    fn end(&self, login: Option<LoginId>, end: Ended) {
        let (Some(login), now) = (login, self.now()) else {
            return;
        };
        let mut ended = self.ended.borrow_mut();
        let (at, end) = match ended.get(&login) {
            Some((at, was)) if now.saturating_sub(*at) <= 60 => {
                (now.max(*at), if *was > end { *was } else { end })
            }
            _ => (now, end),
        };
        ended.insert(login, (at, end));
    }

    fn end_of(&self, login: Option<LoginId>) -> Option<Ended> {
        let (at, end) = *self.ended.borrow().get(&login?)?;
        (self.now().saturating_sub(at) <= 60).then_some(end)
    }

    fn rename(&mut self, id: SessionId) {
        let (before, now) = (self.renamed.get(&id).copied(), self.now());
        let recent = before.filter(|before| now.saturating_sub(*before) <= 60);
        self.renamed
            .insert(id, recent.map_or(now, |before| before.max(now)));
    }

    fn was_renamed(&self, id: Option<SessionId>) -> bool {
        let at = id.and_then(|id| self.renamed.get(&id));
        at.is_some_and(|at| self.now().saturating_sub(*at) <= 60)
    }

    /// Whether the token of a cookie opens, whatever its record says.
    fn is_authentic(&self, cookie: &Cookie) -> bool {
        let ring = self.ring.iter().find(|(n, _)| *n == cookie.key);
        let at = cookie.issued_at;
        at <= self.now() + 60
            && ring.is_some_and(|(_, retired)| retired.is_none_or(|retired| at <= retired + 60))
    }

    /// Whether its login is known, though its time may be refused.
    fn names_its_login(&self, cookie: &Cookie) -> bool {
        self.ring.iter().any(|(n, _)| *n == cookie.key)
    }

    /// The session at its first use.
    fn open(&self, tab: &mut Tab) {
        if tab.current.is_some() {
            return;
        }
        let now = self.now();
        let good = tab.received.clone().and_then(|cookie| {
            let (_, retired) = self.ring.iter().find(|(n, _)| *n == cookie.key)?;
            let (record, at) = (&cookie.record, cookie.issued_at);
            let (idle, lifetime) = limits(record.remembered);
            let good = self.is_authentic(&cookie)
                && record.created_at <= at + 60
                && self.end_of(record.login) != Some(Ended::Destroyed)
                && now.saturating_sub(record.created_at) <= lifetime.min(record.lifetime)
                && now.saturating_sub(at) <= idle.min(record.idle)
                && !self.is_denied(record.id);
            good.then_some((cookie, retired.is_some()))
        });
        let record = good
            .as_ref()
            .map_or(Record::new(now), |(cookie, _)| cookie.record.clone());
        let other = tab.received.as_ref().filter(|_| good.is_none());
        let other = other.filter(|cookie| self.names_its_login(cookie));
        tab.current = Some(Current {
            other: other.and_then(|cookie| cookie.record.login),
            received_flashes: record.flashes.len(),
            record,
            cookie: good,
            opened_at: now,
            destroyed: false,
            misread: false,
            remember: None,
        });
    }
}
