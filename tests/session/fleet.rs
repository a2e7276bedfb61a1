//! A fleet in virtual time: instances whose clocks drift and jump, rolling rotations and restarts,
//! visitors with several tabs, lost and late answers, and a thief with a copy of every cookie.
//!
//! Every decision comes from a seed. `FLEET_SEED` and `FLEET_STEPS` choose another run:
//!
//! ```sh
//! FLEET_STEPS=1000000 cargo test --release --features session --test session fleet
//! ```

use crate::kit::{
    clock::{Clock, HOUR, MINUTE, T0, seconds},
    exchange::Request,
    keys::key,
    site::{Browser, Site, finish},
};
use hardtack::{
    Keyring, Timestamp,
    session::{Denylist, LoginId, Refusal},
};
use std::{
    collections::{BTreeSet, VecDeque},
    env, mem,
    sync::{Arc, Mutex},
};

const IDLE: u32 = 30 * MINUTE;
const ABSOLUTE: u32 = 12 * HOUR;
const REMEMBER_IDLE: u32 = 2 * HOUR;
const REMEMBER_ABSOLUTE: u32 = 24 * HOUR;
/// How wrong a clock may be, in seconds either way: two of them differ by less than the clock skew.
const DRIFT: i64 = 25;
/// A session is renewed when a tenth of the idle limit is over, and clocks differ.
const MARGIN: u32 = REMEMBER_IDLE / 10 + 2 * MINUTE;
const INSTANCES: usize = 12;
const VISITORS: usize = 8;
const COPIES: usize = 64;

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.roll(len as u64)).unwrap()
    }
}

/// What a handler does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Read,
    Write,
    Remember,
    Regenerate,
    LogIn(u32),
    LogOut,
}

impl Act {
    /// Says whether the handler did what it should. The session of a late request refuses some of it.
    fn run(self, session: &Request) -> bool {
        let done = match self {
            Act::Read => session.get::<u32>("user").map(drop),
            Act::Write => session
                .get::<u32>("user")
                .and_then(|user| session.insert("owner", user)),
            Act::Remember => session.remember(true),
            Act::Regenerate => session.regenerate(),
            Act::LogIn(person) => session.regenerate_for_login().and_then(|()| {
                session.insert("owner", Some(person))?;
                session.insert("user", person)
            }),
            Act::LogOut => session.destroy(),
        };
        done.is_ok()
    }
}

/// The person that a browser is logged in as, as far as a bystander can know.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Nobody,
    Person(u32),
    /// Two requests overlapped whose order decides, or an answer was lost, or a clock was wrong.
    Unclear,
}

struct Visitor {
    browser: Browser,
    expected: Expected,
    /// Until when the last answer has promised to know the person.
    promised: u32,
    /// Until when any answer may have meant to.
    at_most: u32,
    /// When a login or a logout was last answered.
    changed: u32,
    /// When a session without a login last began.
    started: u32,
    /// When a login was last answered that overlapped with another one: both are good.
    forked: u32,
    home: usize,
}

/// A request whose handler is at work.
struct Tab {
    visitor: usize,
    instance: usize,
    request: Request,
    act: Act,
    began: u32,
    ends: u32,
    /// The browser had no cookie yet, or one from a clock that was ahead: its login is not known.
    is_bare: bool,
    /// It had none that counts.
    was_new: bool,
    is_lost: bool,
}

struct Instance {
    site: Site,
    drift: i64,
    /// Set while the clock is far away from the truth.
    jump: i64,
    /// How far the rotation of keys has come here: see `ring`.
    ring: u32,
}

struct Fleet {
    dice: Dice,
    now: u32,
    instances: Vec<Instance>,
    denylist: Denylist,
    ended: Arc<Mutex<BTreeSet<LoginId>>>,
    visitors: Vec<Visitor>,
    tabs: Vec<Tab>,
    copies: VecDeque<String>,
    /// When the last instance took the present step of the rotation.
    rotated: u32,
    /// How often a promise was checked, and how often a copy opened.
    kept: u64,
    stolen: u64,
}

/// The keyring at a step of the rotation: one key, stage, switch, retire, and again.
fn ring(step: u32, retired: u32) -> Keyring {
    let number = u8::try_from(step / 4 % 100).unwrap();
    let (old, new) = (key(number + 1), key(number + 2));
    match step % 4 {
        0 => Keyring::new(old),
        1 => Keyring::new(old).accept(new).unwrap(),
        2 => Keyring::new(new).accept(old).unwrap(),
        _ => Keyring::new(new)
            .accept_retired(old, Timestamp::from_unix(retired))
            .unwrap(),
    }
}

impl Fleet {
    fn new(seed: u64) -> Fleet {
        let ended = Arc::new(Mutex::new(BTreeSet::new()));
        let told = Arc::clone(&ended);
        let denylist = Denylist::new().on_insert(move |entry| {
            told.lock().unwrap().insert(entry.login_id);
        });
        let mut fleet = Fleet {
            dice: Dice(seed),
            now: T0,
            instances: Vec::new(),
            denylist,
            ended,
            visitors: Vec::new(),
            tabs: Vec::new(),
            copies: VecDeque::new(),
            rotated: T0,
            kept: 0,
            stolen: 0,
        };
        for n in 0..INSTANCES {
            let instance = fleet.instance(n as i64 % (2 * DRIFT) - DRIFT, 0);
            fleet.instances.push(instance);
        }
        for n in 0..VISITORS {
            fleet.visitors.push(Visitor {
                browser: Browser::default(),
                expected: Expected::Nobody,
                promised: 0,
                at_most: 0,
                changed: 0,
                started: 0,
                forked: 0,
                home: n % INSTANCES,
            });
        }
        fleet
    }

    /// A process that has just started.
    fn instance(&self, drift: i64, step: u32) -> Instance {
        let clock = Clock::at(self.now.checked_add_signed(drift as i32).unwrap());
        let site = Site::under(ring(step, self.rotated), &clock, |builder| {
            builder
                .denylist(self.denylist.clone())
                .idle_timeout(seconds(IDLE))
                .absolute_timeout(seconds(ABSOLUTE))
                .remember_idle_timeout(seconds(REMEMBER_IDLE))
                .remember_absolute_timeout(seconds(REMEMBER_ABSOLUTE))
        });
        Instance {
            site,
            drift,
            jump: 0,
            ring: step,
        }
    }

    fn step(&mut self) {
        match self.dice.roll(100) {
            0..60 => self.visit(),
            60..72 => self.answer_one(),
            72..80 => self.steal(),
            80..90 => self.pass(),
            90..94 => self.disturb_a_clock(),
            94..97 => self.rotate(),
            97 => self.restart(),
            _ => self.move_a_visitor(),
        }
    }

    fn visit(&mut self) {
        let visitor = self.dice.index(VISITORS);
        let person = u32::try_from(2 * visitor).unwrap() + u32::from(self.dice.roll(2) == 0);
        let act = match self.dice.roll(20) {
            0..8 => Act::Read,
            8..13 => Act::Write,
            13 => Act::Remember,
            14 => Act::Regenerate,
            15..18 => Act::LogIn(person),
            _ => Act::LogOut,
        };
        let lasts = match self.dice.roll(20) {
            0..14 => 0,
            14..18 => self.dice.roll(5),
            _ => self.dice.roll(10 * 60),
        };
        let instance = self.visitors[visitor].home;
        let site = &self.instances[instance].site;
        let request = site.request(&self.visitors[visitor].browser.header());
        self.judge(visitor, instance, &request);
        let is_bare = self.visitors[visitor].browser.jar.names().is_empty()
            || request.refused().unwrap() == Some(Refusal::NotYetValid);
        self.tabs.push(Tab {
            visitor,
            instance,
            was_new: request.is_new().unwrap(),
            request,
            act,
            began: self.now,
            ends: self.now + u32::try_from(lasts).unwrap(),
            is_bare,
            is_lost: self.dice.roll(50) == 0,
        });
        if lasts == 0 {
            self.answer(self.tabs.len() - 1);
        }
    }

    /// Compares what the request sees with what it should.
    fn judge(&mut self, n: usize, instance: usize, request: &Request) {
        let seen: Option<u32> = request.get("user").unwrap();
        let owner: Option<Option<u32>> = request.get("owner").unwrap();
        let visitor = &mut self.visitors[n];
        if let Some(person) = seen {
            assert_eq!(person as usize / 2, n, "a visitor is taken for another");
            assert_eq!(owner, Some(Some(person)), "two people's data are mixed");
            let login_id = request.login_id().unwrap();
            let ended = self.ended.lock().unwrap();
            assert!(!ended.contains(&login_id), "{login_id} opens after its end");
        }
        let at_work = self.tabs.iter().any(|tab| tab.visitor == n);
        if at_work || self.instances[instance].jump != 0 {
            return;
        }
        match visitor.expected {
            Expected::Nobody => assert_eq!(seen, None, "nobody has logged in"),
            Expected::Person(person) if self.now + MARGIN < visitor.promised => {
                assert_eq!(seen, Some(person), "a live session is gone");
                self.kept += 1;
            }
            Expected::Person(_) if self.now > visitor.at_most + 2 * MINUTE => {
                assert_eq!(seen, None, "a session outlives its limits");
            }
            Expected::Person(_) | Expected::Unclear => {}
        }
        // From here on what was seen is what holds.
        visitor.expected = match (seen, visitor.expected) {
            // Until the time comes from which a clock that was ahead has dated it.
            (None, _) if request.refused().unwrap() == Some(Refusal::NotYetValid) => {
                Expected::Unclear
            }
            (None, _) => Expected::Nobody,
            (Some(person), Expected::Unclear) => {
                let ends = request.expires_at().unwrap().to_unix();
                (visitor.promised, visitor.at_most) = (0, visitor.at_most.max(ends));
                Expected::Person(person)
            }
            (Some(_), known) => known,
        };
    }

    fn answer_one(&mut self) {
        if !self.tabs.is_empty() {
            let tab = self.dice.index(self.tabs.len());
            self.answer(tab);
        }
    }

    fn answer(&mut self, tab: usize) {
        let tab = self.tabs.swap_remove(tab);
        let was_done = tab.act.run(&tab.request);
        let ends = tab.request.expires_at().map_or(0, Timestamp::to_unix);
        let reply = finish(&tab.request);
        let ours = |other: &&Tab| other.visitor == tab.visitor;
        let overlaps = self
            .tabs
            .iter()
            .filter(ours)
            .any(|other| matches!(other.act, Act::LogIn(_) | Act::LogOut));
        let visitor = &mut self.visitors[tab.visitor];
        for line in &reply.set_cookie {
            let pair = line.split("; ").next().unwrap();
            if !pair.ends_with('=') {
                self.copies.push_back(pair.to_owned());
            }
        }
        while self.copies.len() > COPIES {
            self.copies.pop_front();
        }
        if !tab.is_lost {
            visitor.browser.take(&reply);
        }

        // What nobody promises: an answer later than a minute, or of a stranger whose request knows nothing
        // of the session that another tab has begun, and then logged in with.
        let is_stranger = tab.is_bare
            || tab.began <= visitor.forked
            || (tab.was_new && tab.began <= visitor.started);
        let undoes = !reply.set_cookie.is_empty()
            && tab.began <= visitor.changed
            && (is_stranger || self.now - tab.began > 60);
        // Without a cookie there is nothing to end.
        let changes = match tab.act {
            Act::LogIn(_) => true,
            Act::LogOut => !tab.is_bare,
            _ => false,
        };
        let is_clear = was_done
            && !tab.is_lost
            && !overlaps
            && tab.began == self.now
            && self.instances[tab.instance].jump == 0;
        visitor.at_most = visitor.at_most.max(ends);
        match tab.act {
            Act::LogOut if changes && is_clear => visitor.expected = Expected::Nobody,
            // A logout of another tab may have ended what this login stands on.
            Act::LogIn(_) if reply.set_cookie.is_empty() => {
                assert!(tab.began <= visitor.changed, "a login is not saved");
                visitor.expected = Expected::Unclear;
            }
            Act::LogIn(person) if is_clear => {
                visitor.expected = Expected::Person(person);
                visitor.promised = ends;
                visitor.at_most = ends;
            }
            _ if changes || undoes => visitor.expected = Expected::Unclear,
            _ if self.instances[tab.instance].jump != 0 => visitor.expected = Expected::Unclear,
            _ if reply.set_cookie.is_empty() => {}
            Act::Write | Act::Remember if is_clear => visitor.promised = ends,
            // Of two answers the later counts, with what it knows of the limits.
            _ => visitor.promised = visitor.promised.min(ends),
        }
        if changes {
            if tab.began <= visitor.changed {
                visitor.forked = self.now;
            }
            visitor.changed = self.now;
        } else if tab.was_new && !reply.set_cookie.is_empty() {
            visitor.started = self.now;
        }
    }

    /// The thief sends a copy to any instance, and writes with it.
    fn steal(&mut self) {
        if self.copies.is_empty() {
            return;
        }
        let copy = self.dice.index(self.copies.len());
        let instance = self.dice.index(INSTANCES);
        let request = self.instances[instance].site.request(&self.copies[copy]);
        if request.is_new().unwrap() {
            return;
        }
        let login_id = request.login_id().unwrap();
        let ended = self.ended.lock().unwrap().contains(&login_id);
        assert!(!ended, "{login_id} opens for a thief");
        self.stolen += 1;
        let act = [Act::Read, Act::Write, Act::Remember, Act::Regenerate][self.dice.index(4)];
        act.run(&request);
        for line in finish(&request).set_cookie {
            self.copies
                .push_back(line.split("; ").next().unwrap().to_owned());
        }
    }

    fn pass(&mut self) {
        self.now += u32::try_from(match self.dice.roll(40) {
            0..20 => self.dice.roll(3),
            20..36 => self.dice.roll(5 * 60),
            36..39 => self.dice.roll(40 * 60),
            _ => self.dice.roll(14 * 60 * 60),
        })
        .unwrap();
        self.set_clocks();
        while let Some(tab) = self.tabs.iter().position(|tab| tab.ends <= self.now) {
            self.answer(tab);
        }
    }

    fn set_clocks(&self) {
        for instance in &self.instances {
            let time = i64::from(self.now) + instance.drift + instance.jump;
            instance.site.clock.set(u32::try_from(time).unwrap());
        }
    }

    fn disturb_a_clock(&mut self) {
        let n = self.dice.index(INSTANCES);
        let drift = self.dice.roll(3) as i64 - 1;
        let jumps = self.dice.roll(10) == 0;
        let to = [-(i64::from(HOUR)), i64::from(HOUR), i64::from(HOUR)];
        let to = to[self.dice.index(3)];
        let instance = &mut self.instances[n];
        instance.drift = (instance.drift + drift).clamp(-DRIFT, DRIFT);
        // A clock that jumped is put right at the next disturbance.
        instance.jump = if jumps && instance.jump == 0 { to } else { 0 };
        self.set_clocks();
    }

    /// One more instance takes the present step of the rotation, or all have, and the next one begins.
    fn rotate(&mut self) {
        let first = self.instances.iter().map(|instance| instance.ring).max();
        let last = self.instances.iter().map(|instance| instance.ring).min();
        let (first, last) = (first.unwrap(), last.unwrap());
        let step = if first == last { first + 1 } else { first };
        // The old key goes when no session can be under it any more.
        let waits = if step % 4 == 0 {
            REMEMBER_ABSOLUTE + HOUR
        } else {
            2 * MINUTE
        };
        if first == last && self.now < self.rotated + waits {
            return;
        }
        if first == last {
            self.rotated = self.now;
        }
        let behind = self
            .instances
            .iter_mut()
            .find(|instance| instance.ring < step);
        let behind = behind.unwrap();
        behind.ring = step;
        behind.site.sessions.set_keyring(ring(step, self.rotated));
        if step % 4 != 3 {
            self.rotated = self.now;
        }
    }

    /// A process ends with its requests at work, and another one takes its place.
    fn restart(&mut self) {
        let n = self.dice.index(INSTANCES);
        let (dead, alive) = mem::take(&mut self.tabs)
            .into_iter()
            .partition(|tab| tab.instance == n);
        self.tabs = alive;
        drop::<Vec<Tab>>(dead);
        let (drift, step) = (self.instances[n].drift, self.instances[n].ring);
        self.instances[n] = self.instance(drift, step);
    }

    /// A load balancer sends a visitor elsewhere: with nothing at work, for a process remembers for itself
    /// what late answers must not do.
    fn move_a_visitor(&mut self) {
        let n = self.dice.index(VISITORS);
        let at_work = self.tabs.iter().any(|tab| tab.visitor == n);
        if !at_work {
            self.visitors[n].home = self.dice.index(INSTANCES);
        }
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn nobody_loses_a_session_and_nothing_that_ended_opens() {
    let steps = number("FLEET_STEPS").unwrap_or(20_000);
    let seeds = match number("FLEET_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..5,
    };
    for seed in seeds.clone() {
        let mut fleet = Fleet::new(seed);
        for step in 0..steps / (seeds.end - seeds.start) {
            let told = (seed, step);
            let _guard = OnPanic(told);
            fleet.step();
        }
        // A simulation in which nothing opens proves nothing.
        assert!(fleet.kept > steps / 200, "{} promises", fleet.kept);
        assert!(fleet.stolen > steps / 400, "{} copies", fleet.stolen);
        assert!(fleet.ended.lock().unwrap().len() as u64 > steps / 400);
    }
}

/// Names the seed and the step of a failure.
struct OnPanic((u64, u64));

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (seed, step) = self.0;
            eprintln!("FLEET_SEED={seed} fails at step {step}");
        }
    }
}
