//! A fleet in virtual time: instances whose clocks drift and jump and that crash, changes that roll through them,
//! visitors with several tabs, lost and late answers, a thief with a copy of every cookie, and an attacker on a
//! sibling domain. With the feature `store`, the fleet also moves to a store and back, whose calls fail, lose their
//! answers, and come between those of other requests.
//!
//! What must hold:
//!
//! 1. **Nobody is logged out by mistake.** A browser whose last answer named a person, and that has not been
//!    idle for too long, is known as that person: at every instance, and at every step of a change of keys, cookie
//!    or place. A store that is down is an error, and not a logout.
//! 2. **No ended login comes back.** With a shared denylist no copy of a login opens after its end. In a store the
//!    same holds without one, for logins that were never in a cookie, and for each id that an instance with the store
//!    has ended. No session outlives its limits.
//! 3. **No write is lost in a store.** What parallel requests write under keys of their own is there, at whatever
//!    instances they were. In a cookie this holds for one request after the other.
//! 4. **People are never mixed.** What a visitor sees is their own, or what a sibling domain has planted in a browser
//!    without a session.
//!
//! Within one process, no late answer undoes a login or a logout for a minute. Between instances nobody promises that for
//! a mere renewal, and a model says so: see `visitor.rs`. It knows nothing of how the library works.
//!
//! Every decision comes from a seed. `FLEET_SEED` and `FLEET_STEPS` choose another run:
//!
//! ```sh
//! FLEET_STEPS=1000000 cargo test --release --features store --test session fleet
//! ```

mod dice;
mod ends;
mod instance;
mod request;
mod rollout;
#[cfg(feature = "store")]
mod store;
mod strangers;
mod visitor;

use crate::kit::clock::{HOUR, MINUTE, T0};
#[cfg(feature = "store")]
use crate::kit::{
    clock::Clock,
    store::{Fault, Scripted},
};
use dice::Dice;
use ends::Ends;
use hardtack::session::{Denylist, Refusal};
use instance::{Instance, Shared, Steps};
use request::{Act, Moment, News, SLOTS, Serving, Stage, Tab};
use rollout::{CHANGES, Change, Rollout};
use std::{
    collections::VecDeque,
    env, mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use strangers::Sibling;
use visitor::{Visitor, cookies_of};

const IDLE: u32 = 30 * MINUTE;
const ABSOLUTE: u32 = 12 * HOUR;
const REMEMBER_IDLE: u32 = 2 * HOUR;
const REMEMBER_ABSOLUTE: u32 = 24 * HOUR;
/// How wrong a clock may be, in seconds either way: two of them differ by less than the clock skew.
const DRIFT: i64 = 25;
/// A session is renewed when a tenth of the idle limit is over, and clocks differ.
const MARGIN: u32 = REMEMBER_IDLE / 10 + 2 * MINUTE;
/// How long a store takes at most, in seconds.
const DEADLINE: u32 = 2;
const INSTANCES: usize = 12;
const VISITORS: usize = 8;
/// The account of the attacker. Visitor `n` has the accounts `2 n` and `2 n + 1`.
const MALLORY: u32 = 2 * VISITORS as u32;

/// What is so from the first step of a run to the last.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    has_denylist: bool,
    has_store: bool,
    /// The store is an engine without transactions over two keys.
    #[cfg(feature = "store")]
    renames_in_two_steps: bool,
    /// The store keeps nothing over a restart.
    #[cfg(feature = "store")]
    forgets: bool,
    /// The step at which each change begins.
    starts_at: [u32; 3],
}

struct Fleet {
    dice: Dice,
    now: u32,
    order: Arc<AtomicU64>,
    shared: Shared,
    instances: Vec<Instance>,
    rollouts: [Rollout; 3],
    ends: Arc<Mutex<Ends>>,
    visitors: Vec<Visitor>,
    tabs: Vec<Tab>,
    copies: VecDeque<String>,
    sibling: Sibling,
    last_number: u64,
    #[cfg(feature = "store")]
    clock_of_store: Clock,
    /// How often a promise was checked, a copy opened, and a cookie was planted.
    kept: u64,
    stolen: u64,
    planted: u64,
}

impl Fleet {
    fn new(seed: u64, scenario: Scenario) -> Fleet {
        let ends = Arc::new(Mutex::new(Ends::default()));
        let order = Arc::new(AtomicU64::new(0));
        let denylist = scenario.has_denylist.then(|| {
            let (ends, order) = (Arc::clone(&ends), Arc::clone(&order));
            Denylist::new().on_insert(move |entry| {
                let order = order.load(Ordering::Relaxed);
                ends.lock().unwrap().end_login(entry.login_id, order);
            })
        });
        #[cfg(feature = "store")]
        let clock_of_store = Clock::new();
        let shared = Shared {
            scenario,
            denylist,
            #[cfg(feature = "store")]
            store: Scripted::new(&clock_of_store),
        };
        #[cfg(feature = "store")]
        shared.store.give_way();
        let rollouts =
            CHANGES.map(|change| Rollout::new(change, scenario.starts_at[change as usize], T0));
        let steps = Steps::of(&rollouts);
        let instances = (0..INSTANCES).map(|n| {
            let drift = n as i64 % (2 * DRIFT) - DRIFT;
            Instance::start(&shared, &rollouts, T0, drift, steps)
        });
        Fleet {
            dice: Dice(seed),
            now: T0,
            order,
            instances: instances.collect(),
            shared,
            rollouts,
            ends,
            visitors: (0..VISITORS).map(|n| Visitor::new(n % INSTANCES)).collect(),
            tabs: Vec::new(),
            copies: VecDeque::new(),
            sibling: Sibling::default(),
            last_number: 0,
            #[cfg(feature = "store")]
            clock_of_store,
            kept: 0,
            stolen: 0,
            planted: 0,
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            order: self.order.fetch_add(1, Ordering::Relaxed) + 1,
            time: self.now,
        }
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn step(&mut self) {
        match self.dice.roll(100) {
            0..50 => self.visit(),
            50..69 => self.go_on(),
            69..77 => self.steal(),
            77..80 => self.attack(),
            80..88 => self.pass(),
            88..91 => self.disturb_a_clock(),
            91..95 => self.roll_out(),
            95 => self.restart(),
            96..98 => self.move_a_visitor(),
            _ => self.disturb_the_store(),
        }
    }

    // Requests.

    fn visit(&mut self) {
        let n = self.dice.index(VISITORS);
        let others = |tab: &&mut Tab| tab.visitor == n;
        let busy: Vec<usize> = self
            .tabs
            .iter_mut()
            .filter(others)
            .filter_map(slot)
            .collect();
        let free = (0..SLOTS).find(|slot| !busy.contains(slot));
        let person = u32::try_from(2 * n).unwrap() + self.dice.seconds(2);
        let act = match (self.dice.roll(20), free) {
            (0..8, _) => Act::Read,
            (8..13, Some(slot)) => Act::Write {
                slot,
                number: self.number(),
            },
            (8..13, None) => Act::Read,
            (13, _) => Act::Remember,
            (14, _) => Act::Regenerate,
            (15..18, _) => Act::LogIn(person),
            _ => Act::LogOut,
        };
        let lasts = match self.dice.roll(20) {
            0..14 => 0,
            14..18 => self.dice.seconds(5),
            _ => self.dice.seconds(10 * 60),
        };
        // A store knows at every instance what others have ended.
        let all_store = self.instances.iter().all(|it| it.place().is_store());
        let instance = match all_store {
            true => self.dice.index(INSTANCES),
            false => self.visitors[n].home,
        };
        let began = self.moment();
        let at = &self.instances[instance];
        let mut tab = Tab {
            visitor: n,
            instance,
            place: at.place(),
            present: rollout::cookies(at.steps.get(Change::Cookie)).0,
            act,
            began,
            promised: self.visitors[n].promised,
            ends: self.now + lasts,
            is_instant: lasts == 0,
            is_alone: true,
            is_mixed: false,
            is_jumped: at.jump != 0,
            is_bare: self.visitors[n].own_cookies() == 0,
            seen: None,
            is_lost: self.dice.is_one_in(50),
            stage: Stage::Serving(Serving::new(at, self.visitors[n].header(), act)),
        };
        for other in self.tabs.iter_mut().filter(|other| other.visitor == n) {
            (other.is_alone, tab.is_alone) = (false, false);
            let is_mixed = !tab.place.is_store() || !other.place.is_store();
            other.is_mixed |= is_mixed;
            tab.is_mixed |= is_mixed;
        }
        self.tabs.push(tab);
        let tab = self.tabs.len() - 1;
        match lasts {
            0 => self.go_on_to_the_end(tab),
            _ => drop(self.go_on_with(tab)),
        }
    }

    fn go_on(&mut self) {
        if !self.tabs.is_empty() {
            let tab = self.dice.index(self.tabs.len());
            self.go_on_with(tab);
        }
    }

    fn go_on_to_the_end(&mut self, tab: usize) {
        while self.go_on_with(tab) {}
    }

    /// Lets a request go on to its next stop. Returns `false` if that was its last.
    fn go_on_with(&mut self, at: usize) -> bool {
        let moment = self.moment();
        let tab = &mut self.tabs[at];
        let Stage::Serving(serving) = &mut tab.stage else {
            self.arrive(at);
            return false;
        };
        match serving.go_on() {
            News::Nothing => true,
            News::Seen(seen) => {
                let refused = seen.as_ref().ok().and_then(|seen| seen.refused);
                tab.is_bare |= refused == Some(Refusal::NotYetValid);
                if let Ok(seen) = &seen {
                    let ends = self.ends.lock().unwrap();
                    ends.judge(seen, tab.began.order, tab.place, tab.is_jumped);
                    if ends.know(seen) {
                        self.visitors[tab.visitor].session_may_end();
                    }
                }
                tab.seen = Some(seen);
                let kept = self.visitors[tab.visitor].judge(tab.visitor, tab, self.now);
                self.kept += u64::from(kept);
                true
            }
            News::Done(outcome) => {
                let others = self.tabs.iter().enumerate();
                let others: Vec<&Tab> = others
                    .filter(|(n, _)| *n != at)
                    .map(|(_, tab)| tab)
                    .collect();
                let mut ends = self.ends.lock().unwrap();
                ends.note(&self.shared, &self.tabs[at], &outcome, &others, moment);
                drop(ends);
                let tab = &mut self.tabs[at];
                for cookie in cookies_of(&outcome.reply) {
                    strangers::keep(&mut self.copies, cookie);
                }
                tab.stage = Stage::Answered(outcome, moment);
                // Most responses are there at once.
                if tab.is_instant || !self.dice.is_one_in(4) {
                    self.arrive(at);
                    return false;
                }
                true
            }
        }
    }

    /// The response to a request arrives, or never does.
    fn arrive(&mut self, at: usize) {
        let tab = self.tabs.swap_remove(at);
        let Stage::Answered(outcome, finished) = &tab.stage else {
            return;
        };
        let now = self.moment();
        let others = self
            .tabs
            .iter()
            .filter(|other| other.visitor == tab.visitor);
        self.visitors[tab.visitor].answered(&tab, (outcome, *finished), others, now);
    }

    // Time.

    fn pass(&mut self) {
        let until = self.now
            + match self.dice.roll(40) {
                0..20 => self.dice.seconds(3),
                20..36 => self.dice.seconds(5 * 60),
                36..39 => self.dice.seconds(40 * 60),
                _ => self.dice.seconds(14 * 60 * 60),
            };
        while let Some(soonest) = self.tabs.iter().map(|tab| tab.ends).min()
            && soonest <= until
        {
            self.advance(self.now.max(soonest));
            // Those that are due go on in any order.
            let due = |tab: &Tab| tab.ends <= self.now;
            let due: Vec<usize> = (0..self.tabs.len())
                .filter(|tab| due(&self.tabs[*tab]))
                .collect();
            if !due.is_empty() {
                let tab = self.dice.pick(&due);
                self.go_on_with(tab);
            }
        }
        self.advance(until);
    }

    /// Moves the time on. No call of the store takes longer than its deadline.
    fn advance(&mut self, to: u32) {
        if to - self.now > DEADLINE {
            let waits = |tab: &Tab| match &tab.stage {
                Stage::Serving(serving) => serving.waits_for_store(),
                Stage::Answered(..) => false,
            };
            loop {
                let waiting: Vec<usize> = (0..self.tabs.len())
                    .filter(|tab| waits(&self.tabs[*tab]))
                    .collect();
                if waiting.is_empty() {
                    break;
                }
                let tab = self.dice.pick(&waiting);
                self.go_on_with(tab);
            }
        }
        self.now = to;
        self.set_clocks();
    }

    fn set_clocks(&mut self) {
        #[cfg(feature = "store")]
        self.clock_of_store.set(self.now);
        for instance in &self.instances {
            instance.set_clock(self.now);
        }
    }

    fn disturb_a_clock(&mut self) {
        let n = self.dice.index(INSTANCES);
        let drift = self.dice.roll(3) as i64 - 1;
        let jumps = self.dice.is_one_in(10);
        let hour = i64::from(HOUR);
        let to = self.dice.pick(&[-hour, hour, hour]);
        let instance = &mut self.instances[n];
        instance.drift = (instance.drift + drift).clamp(-DRIFT, DRIFT);
        // A clock that jumped is put right at the next disturbance.
        let before = instance.jump;
        instance.jump = if jumps && before == 0 { to } else { 0 };
        if instance.jump != before {
            for tab in self.tabs.iter_mut().filter(|tab| tab.instance == n) {
                tab.is_jumped = true;
            }
        }
        self.set_clocks();
    }

    // Instances.

    /// A change reaches a few more instances.
    fn roll_out(&mut self) {
        let change = self.dice.pick(&CHANGES);
        if change == Change::Place && !self.shared.scenario.has_store {
            return;
        }
        for _ in 0..=self.dice.roll(4) {
            let steps = self.instances.iter().map(|it| it.steps.get(change));
            let steps: Vec<u32> = steps.collect();
            let rollout = &mut self.rollouts[change as usize];
            let Some(n) = rollout.next(self.now, &steps) else {
                return;
            };
            let (step, begun) = (rollout.step, rollout.begun);
            self.instances[n].steps.set(change, step);
            match change {
                Change::Keys => {
                    let sessions = &self.instances[n].site.sessions;
                    sessions.set_keyring(rollout::keyring(step, begun));
                }
                // Other settings come with another process.
                Change::Cookie | Change::Place => self.replace(n),
            }
        }
    }

    fn restart(&mut self) {
        let n = self.dice.index(INSTANCES);
        self.replace(n);
    }

    /// A process ends with its requests at work, and another one takes its place.
    fn replace(&mut self, n: usize) {
        let now = self.moment();
        let tabs = mem::take(&mut self.tabs).into_iter();
        let (dead, alive): (Vec<Tab>, _) = tabs.partition(|tab| tab.instance == n);
        self.tabs = alive;
        for tab in dead {
            self.visitors[tab.visitor].crashed(&tab, now);
            if let (true, Some(Ok(seen))) = (tab.changes_id(), &tab.seen)
                && let Some(login) = seen.login()
            {
                let mut ends = self.ends.lock().unwrap();
                ends.may_have_moved(login, now.order);
            }
        }
        let Instance { drift, steps, .. } = self.instances[n];
        self.instances[n] = Instance::start(&self.shared, &self.rollouts, self.now, drift, steps);
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

    #[cfg(not(feature = "store"))]
    fn disturb_the_store(&mut self) {}

    /// The store goes away or comes back, or some of its next calls fail, done or not.
    #[cfg(feature = "store")]
    fn disturb_the_store(&mut self) {
        let store = self.shared.store.clone();
        store.calls();
        match self.dice.roll(20) {
            0 => store.set_down(true),
            1 if self.shared.scenario.forgets => {
                store.forget();
                let now = self.moment();
                self.ends.lock().unwrap().forget_ids(now.order);
                let visitors = self.visitors.iter_mut();
                visitors.for_each(|visitor| visitor.becomes_unclear(now));
            }
            2..10 => {
                let fault = |dice: &mut Dice| {
                    dice.pick(&[
                        None,
                        Some(Fault::Before),
                        Some(Fault::After),
                        Some(Fault::After),
                    ])
                };
                let faults: [_; 4] = std::array::from_fn(|_| fault(&mut self.dice));
                store.fail(&faults);
            }
            _ => store.set_down(false),
        }
    }
}

/// The key that a request writes under.
fn slot(tab: &mut Tab) -> Option<usize> {
    match tab.act {
        Act::Write { slot, .. } => Some(slot),
        _ => None,
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Runs `FLEET_STEPS` steps, divided among the seeds.
fn run(seeds: std::ops::Range<u64>, steps: u64, scenario: impl Fn(u64) -> Scenario) {
    let steps = number("FLEET_STEPS").unwrap_or(steps);
    let seeds = match number("FLEET_SEED") {
        Some(seed) => seed..seed + 1,
        None => seeds,
    };
    for seed in seeds.clone() {
        let steps = steps / (seeds.end - seeds.start);
        let mut fleet = Fleet::new(seed, scenario(seed));
        for step in 0..steps {
            let _guard = OnPanic((seed, step));
            fleet.step();
        }
        // A simulation in which nothing opens proves nothing.
        let ended = fleet.ends.lock().unwrap().len() as u64;
        let told = (fleet.kept, fleet.stolen, fleet.planted, ended);
        println!("{seed}: {told:?} of {steps}");
        assert!(fleet.kept > steps / 200, "{told:?}");
        assert!(fleet.stolen > steps / 400, "{told:?}");
        assert!(fleet.planted > steps / 2000, "{told:?}");
        assert!(ended > steps / 400, "{told:?}");
    }
}

#[test]
fn nobody_loses_a_session_and_nothing_that_ended_opens() {
    run(1..5, 20_000, |seed| Scenario {
        has_denylist: true,
        has_store: false,
        #[cfg(feature = "store")]
        renames_in_two_steps: false,
        #[cfg(feature = "store")]
        forgets: false,
        starts_at: [0, u32::try_from(seed).unwrap() * 3, 0],
    });
}

#[cfg(feature = "store")]
#[test]
fn nothing_is_lost_on_the_way_to_a_store_and_back() {
    run(1..6, 25_000, |seed| Scenario {
        has_denylist: seed % 4 == 0,
        has_store: true,
        renames_in_two_steps: seed % 2 == 0,
        forgets: seed % 5 == 0,
        starts_at: [
            0,
            u32::try_from(seed).unwrap(),
            u32::try_from(seed).unwrap(),
        ],
    });
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
