//! Changes that reach one instance after the other, in the steps that the guide gives.

use super::{
    ABSOLUTE, IDLE, REMEMBER_ABSOLUTE, REMEMBER_IDLE,
    visitor::{DOMAIN, Pair},
};
use crate::kit::{
    clock::{DAY, HOUR, MINUTE, at, seconds},
    keys::key,
};
use hardtack::{
    Keyring,
    session::{FormerCookie, SessionManagerBuilder},
};

/// What changes step by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// One key, the next one staged, switched, the old one retired, and again.
    Keys,
    /// One cookie, the next one prepared, swapped, the old one dropped, and again.
    Cookie,
    /// No store, one that is read, one that is written, tickets alone, and the same way back.
    Place,
}

pub const CHANGES: [Change; 3] = [Change::Keys, Change::Cookie, Change::Place];

impl Change {
    /// How long all instances stay at the step before this one.
    fn wait(self, step: u32) -> u32 {
        let longest = REMEMBER_ABSOLUTE + 2 * HOUR;
        match (self, step) {
            // The old key goes when no session can be under it any more.
            (Change::Keys, step) if step % 4 == 0 => longest,
            // Browsers that came back have the new cookie by now, and other sessions are over.
            (Change::Cookie, step) if step % 3 == 0 => REMEMBER_IDLE + 15 * MINUTE,
            // "After the longest timeout".
            (Change::Place, step) if step % 6 == 3 || step % 6 == 0 => longest,
            _ => 2 * MINUTE,
        }
    }
}

/// One change on its way through the fleet.
pub struct Rollout {
    pub change: Change,
    /// The step that the instances are to take.
    pub step: u32,
    /// When the first of them could.
    pub begun: u32,
    /// When the last of them did.
    taken: u32,
}

impl Rollout {
    pub fn new(change: Change, step: u32, now: u32) -> Rollout {
        Rollout {
            change,
            step,
            begun: now,
            taken: now,
        }
    }

    /// The instance that takes the present step now. If all have taken it, the next one begins.
    pub fn next(&mut self, now: u32, steps: &[u32]) -> Option<usize> {
        if steps.iter().all(|step| *step == self.step) {
            if now < self.taken + self.change.wait(self.step + 1) {
                return None;
            }
            self.step += 1;
            self.begun = now;
        }
        self.taken = now;
        steps.iter().position(|step| *step < self.step)
    }
}

/// The keyring at a step.
pub fn keyring(step: u32, retired: u32) -> Keyring {
    // After a hundred changes the first key comes again, when nothing that it sealed is good any more.
    let nth = |n: u32| key(1 + u8::try_from(n % 100).unwrap());
    let (old, new) = (nth(step / 4), nth(step / 4 + 1));
    match step % 4 {
        0 => Keyring::new(old),
        1 => Keyring::new(old).accept(new).unwrap(),
        2 => Keyring::new(new).accept(old).unwrap(),
        _ => Keyring::new(new).accept_retired(old, at(retired)).unwrap(),
    }
}

/// The settings of a cookie.
#[derive(Clone, Copy)]
pub struct Cookie {
    pub name: &'static str,
    pub domain: Option<&'static str>,
    pub path: &'static str,
}

impl Cookie {
    /// Says whether a browser keeps the cookie under this name and place.
    pub fn is_at(self, (name, place): &Pair) -> bool {
        let domain = self.domain.map(|domain| format!("domain={domain}"));
        let path = format!("path={}", self.path);
        name == self.name && place.iter().eq(domain.iter().chain([&path]))
    }
}

/// One after the other: another name, a domain, another path, and only for the host again.
const COOKIES: [Cookie; 4] = [
    Cookie {
        name: "sid",
        domain: None,
        path: "/",
    },
    Cookie {
        name: "__Host-session",
        domain: None,
        path: "/",
    },
    Cookie {
        name: "sid",
        domain: Some(DOMAIN),
        path: "/",
    },
    Cookie {
        name: "sid",
        domain: None,
        path: "/shop",
    },
];

/// The present cookie at a step, and the former one.
pub fn cookies(step: u32) -> (Cookie, Option<Cookie>) {
    let nth = |n: u32| COOKIES[n as usize % COOKIES.len()];
    let (old, new) = (nth(step / 3), nth(step / 3 + 1));
    match step % 3 {
        0 => (old, None),
        1 => (old, Some(new)),
        _ => (new, Some(old)),
    }
}

/// The settings at these steps, without a store.
pub fn settings(builder: SessionManagerBuilder, step: u32, begun: u32) -> SessionManagerBuilder {
    let (present, former) = cookies(step);
    let mut builder = builder
        .cookie_name(present.name)
        .path(present.path)
        .idle_timeout(seconds(IDLE))
        .absolute_timeout(seconds(ABSOLUTE))
        .remember_idle_timeout(seconds(REMEMBER_IDLE))
        .remember_absolute_timeout(seconds(REMEMBER_ABSOLUTE));
    if let Some(domain) = present.domain {
        builder = builder.domain(domain);
    }
    if let Some(Cookie { name, domain, path }) = former {
        let mut former = FormerCookie::new(name)
            .path(path)
            .until(at(begun + 30 * DAY));
        if let Some(domain) = domain {
            former = former.domain(domain);
        }
        builder = builder.former_cookie(former);
    }
    builder
}

/// Says what an instance does with a store at a step of the move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    NoStore,
    /// It reads the store and saves in the cookie.
    Cookie,
    Store,
    OnlyTickets,
}

impl Place {
    pub fn at(step: u32) -> Place {
        match step % 6 {
            0 => Place::NoStore,
            1 | 5 => Place::Cookie,
            2 | 4 => Place::Store,
            _ => Place::OnlyTickets,
        }
    }

    pub fn reads_store(self) -> bool {
        self != Place::NoStore
    }

    /// Says whether sessions are saved in the store.
    pub fn is_store(self) -> bool {
        matches!(self, Place::Store | Place::OnlyTickets)
    }
}
