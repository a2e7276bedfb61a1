//! Copies of cookies, in the hands of somebody who keeps every one: a login that was ended never comes
//! back, on no instance, under no setting and no name of the cookie, however late an answer is.

use crate::kit::{
    browser::Shelf,
    clock::{Clock, DAY, HOUR, MINUTE, T0, at, seconds},
    exchange::Request,
    keys::key,
    site::{Browser, Site, finish},
};
use hardtack::{
    Keyring,
    session::{Denylist, Event, FormerCookie, LoginId, Session, SessionManagerBuilder},
};
use proptest::{collection::vec, prelude::*};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

/// What an instance has as its cookie, and as former ones: the steps from one cookie to another of another
/// name, domain and realm, and of a third that differs by its domain alone. Sibling domains can set all of
/// them.
type Layout = fn(SessionManagerBuilder) -> SessionManagerBuilder;

const LAYOUTS: [Layout; 6] = [
    |builder| builder.cookie_name("sid"),
    |builder| builder.cookie_name("sid").former_cookie(site()),
    |builder| site_wide(builder).former_cookie(former("sid").realm("")),
    site_wide,
    |builder| {
        let builder = builder.cookie_name("sid").domain("shop.example");
        builder.former_cookie(former("sid"))
    },
    |builder| {
        let other = former("sid").domain("shop.example").realm("");
        let builder = site_wide(builder).former_cookie(other);
        builder.former_cookie(former("sid").realm(""))
    },
];

fn site_wide(builder: SessionManagerBuilder) -> SessionManagerBuilder {
    let builder = builder.cookie_name("site").domain("shop.example");
    builder.realm("two")
}

/// The cookie of `site_wide`.
fn site() -> FormerCookie {
    former("site").domain("shop.example").realm("two")
}

fn former(name: &str) -> FormerCookie {
    FormerCookie::new(name).until(at(T0 + 10 * DAY))
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Read,
    Insert(u8),
    Remember(bool),
    ExpireIn(u32),
    Touch,
    Regenerate,
    LogIn,
    Destroy,
    DestroyAndWrite,
}

impl Act {
    /// Does it, as far as it can be done: rivals and the late refuse writes.
    fn run(self, session: &Session) {
        let _ = match self {
            Act::Read => session.len().map(drop),
            Act::Insert(value) => session.insert("value", value),
            Act::Remember(remembered) => session.remember(remembered),
            Act::ExpireIn(after) => session.expire_in(seconds(after)),
            Act::Touch => session.touch(),
            Act::Regenerate => session.regenerate(),
            Act::LogIn => session.regenerate_for_login(),
            Act::Destroy => session.destroy(),
            Act::DestroyAndWrite => session.destroy().and_then(|()| session.insert("value", 0)),
        };
    }
}

/// Which instance answers: see `World`.
type Instance = usize;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// One of the two browsers makes a request.
    Visit(usize, Instance, Act),
    /// The sibling domain plants a copy in a browser, where it stays beside the browser's own cookie or in its
    /// place.
    Plant(usize, usize),
    /// The thief uses a copy. A password is what thieves do not have, so they never log in.
    Stolen(usize, Instance, Act),
    /// A request whose handler is at work until `Answer`.
    Begin(usize, Instance, Act),
    Answer(usize),
    Pass(u32),
    /// The clock of an instance is wrong for one step.
    Wrong(Instance, u32),
    /// Others log in and out, so that the list prunes what it may.
    Others(Instance),
    Rotate,
    /// An instance starts again, with another layout.
    Deploy(Instance, usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Read),
        2 => any::<u8>().prop_map(Act::Insert),
        2 => any::<bool>().prop_map(Act::Remember),
        1 => (0..2 * HOUR).prop_map(Act::ExpireIn),
        1 => Just(Act::Touch),
        2 => Just(Act::Regenerate),
        3 => Just(Act::LogIn),
        2 => Just(Act::Destroy),
        1 => Just(Act::DestroyAndWrite),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (browser, instance, copy) = (0..2_usize, 0..3_usize, any::<usize>());
    prop_oneof![
        8 => (browser.clone(), instance.clone(), act())
            .prop_map(|(browser, instance, act)| Step::Visit(browser, instance, act)),
        2 => (browser.clone(), copy).prop_map(|(browser, copy)| Step::Plant(browser, copy)),
        3 => (copy, instance.clone(), act())
            .prop_map(|(copy, instance, act)| Step::Stolen(copy, instance, act)),
        2 => (browser, instance.clone(), act())
            .prop_map(|(browser, instance, act)| Step::Begin(browser, instance, act)),
        2 => copy.prop_map(Step::Answer),
        3 => prop_oneof![0..3_u32, 0..10 * MINUTE, 0..3 * HOUR, 0..20 * DAY].prop_map(Step::Pass),
        1 => (instance.clone(), prop_oneof![Just(0), Just(T0 + 400 * DAY), Just(u32::MAX)])
            .prop_map(|(instance, time)| Step::Wrong(instance, time)),
        2 => instance.prop_map(Step::Others),
        1 => Just(Step::Rotate),
        3 => (0..3_usize, 0..LAYOUTS.len())
            .prop_map(|(instance, layout)| Step::Deploy(instance, layout)),
    ]
}

/// Three instances of one site that share a list. The second one's clock is half a minute ahead; the third
/// one has shorter limits.
struct World {
    instances: [Site; 3],
    browsers: [Shelf; 2],
    /// Cookie pairs that were ever set, oldest first.
    copies: Vec<String>,
    at_work: Vec<(Request, Act)>,
    /// What the list was told, and is to hold for ever.
    denied: Arc<Mutex<BTreeSet<LoginId>>>,
    denylist: Denylist,
    keys: u8,
}

impl World {
    fn new() -> World {
        let denied = Arc::new(Mutex::new(BTreeSet::new()));
        let told = Arc::clone(&denied);
        let denylist = Denylist::new().on_insert(move |entry| {
            told.lock().unwrap().insert(entry.login_id);
        });
        let start = |instance: Instance| {
            let ahead = [0, 30, 0][instance];
            start(instance, &Clock::at(T0 + ahead), &denylist, LAYOUTS[0])
        };
        World {
            instances: std::array::from_fn(start),
            browsers: Default::default(),
            copies: Vec::new(),
            at_work: Vec::new(),
            denied,
            denylist,
            keys: 1,
        }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Visit(browser, instance, act) => {
                let header = self.browsers[browser].header("/");
                self.answer(Some(browser), instance, &header, act);
            }
            Step::Plant(browser, copy) => {
                let Some(copy) = self.copy(copy) else { return };
                self.browsers[browser].store(&format!("{copy}; Domain=shop.example; Path=/"));
            }
            Step::Stolen(copy, instance, act) => {
                let Some(copy) = self.copy(copy) else { return };
                if !matches!(act, Act::LogIn) {
                    self.answer(None, instance, &copy, act);
                }
            }
            Step::Begin(browser, instance, act) => {
                let request = self.instances[instance].request(&self.browsers[browser].header("/"));
                let _ = request.len();
                self.at_work.push((request, act));
            }
            Step::Answer(n) => {
                if self.at_work.is_empty() {
                    return;
                }
                let (request, act) = self.at_work.remove(n % self.at_work.len());
                act.run(&request);
                self.finish(None, &request);
            }
            Step::Pass(time) => {
                for site in &self.instances {
                    site.clock.pass(time);
                }
            }
            Step::Wrong(instance, time) => {
                let right = self.instances[instance].clock.unix();
                self.instances[instance].clock.set(time);
                for copy in self.copies.clone() {
                    self.answer(None, instance, &copy, Act::Insert(1));
                }
                self.instances[instance].clock.set(right);
            }
            Step::Others(instance) => {
                for _ in 0..20 {
                    let mut other = Browser::default();
                    for act in [Act::LogIn, Act::Insert(1), Act::Destroy] {
                        other.send(&self.instances[instance], |session| act.run(session));
                    }
                }
            }
            Step::Rotate => {
                self.keys += 1;
                for site in &self.instances {
                    site.sessions.set_keyring(ring(self.keys));
                }
            }
            Step::Deploy(instance, layout) => {
                self.judge_events();
                let site = &mut self.instances[instance];
                *site = start(instance, &site.clock, &self.denylist, LAYOUTS[layout]);
                site.sessions.set_keyring(ring(self.keys));
            }
        }
        self.judge_events();
    }

    fn copy(&self, n: usize) -> Option<String> {
        let newest_first = self.copies.iter().rev();
        newest_first
            .cycle()
            .take(self.copies.len())
            .nth(n % self.copies.len().max(1))
            .cloned()
    }

    fn answer(&mut self, browser: Option<usize>, instance: Instance, header: &str, act: Act) {
        let request = self.instances[instance].request(header);
        act.run(&request);
        self.finish(browser, &request);
        if let (Some(browser), Act::Destroy) = (browser, act) {
            let header = self.browsers[browser].header("/");
            let request = self.instances[instance].request(&header);
            assert!(request.is_new().unwrap(), "a logout has left a session");
        }
    }

    /// The thief sees every answer.
    fn finish(&mut self, browser: Option<usize>, request: &Request) {
        let denied = self.denied.lock().unwrap().clone();
        let reply = finish(request);
        let set = reply
            .set_cookie
            .iter()
            .filter_map(|line| line.split("; ").next());
        let set: Vec<String> = set
            .filter(|pair| !pair.ends_with('='))
            .map(String::from)
            .collect();
        // Whatever it is that goes out now, it is nothing that was denied before.
        if !set.is_empty() {
            let login_id = request.login_id().unwrap();
            assert!(!denied.contains(&login_id), "{login_id} is saved again");
        }
        self.copies.extend(set);
        if let Some(browser) = browser {
            for line in &reply.set_cookie {
                self.browsers[browser].store(line);
            }
        }
    }

    /// What ended is denied, unless no copy of it could open any more.
    fn judge_events(&self) {
        let denied = self.denied.lock().unwrap();
        for site in &self.instances {
            for event in site.events() {
                if let Event::Destroyed {
                    login_id,
                    absolute_end,
                    ..
                } = event
                    && absolute_end >= site.clock.now()
                {
                    assert!(denied.contains(&login_id), "{login_id} is not denied");
                }
            }
        }
    }

    /// No copy of what is denied opens. Returns how many copies of the rest do.
    fn judge_copies(&self) -> usize {
        let denied = self.denied.lock().unwrap().clone();
        let mut opened = 0;
        for site in &self.instances {
            for copy in &self.copies {
                let request = site.request(copy);
                if !request.is_new().unwrap() {
                    let login_id = request.login_id().unwrap();
                    assert!(!denied.contains(&login_id), "{login_id} opens");
                    opened += 1;
                }
            }
            site.events();
        }
        opened
    }
}

/// An instance that starts: the third one runs with shorter limits, as during a roll-out.
fn start(instance: Instance, clock: &Clock, denylist: &Denylist, layout: Layout) -> Site {
    Site::with(clock, |builder| {
        let builder = layout(builder.denylist(denylist.clone()));
        match instance {
            2 => builder
                .idle_timeout(seconds(5 * MINUTE))
                .absolute_timeout(seconds(10 * MINUTE))
                .remember_idle_timeout(seconds(HOUR))
                .remember_absolute_timeout(seconds(2 * HOUR)),
            _ => builder,
        }
    })
}

/// The ring after so many rotations.
fn ring(keys: u8) -> Keyring {
    let ring = Keyring::new(key(keys));
    match keys {
        1 => ring,
        _ => ring.accept(key(keys - 1)).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_denied_never_comes_back(steps in vec(step(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            world.play(step);
            world.judge_copies();
        }
        for step in [Step::Pass(2 * MINUTE), Step::Pass(5 * HOUR), Step::Pass(DAY), Step::Pass(20 * DAY)] {
            world.play(step);
            world.judge_copies();
            world.play(Step::Others(2));
            world.judge_copies();
        }
    }
}

/// The world above is one in which copies open, until their login ends.
#[test]
fn a_copy_opens_until_its_login_ends() {
    let mut world = World::new();
    for (step, copies) in [
        (Step::Visit(0, 0, Act::LogIn), 0),
        (Step::Visit(0, 0, Act::Insert(1)), 3),
        (Step::Visit(0, 1, Act::Regenerate), 6),
        (Step::Stolen(0, 1, Act::Remember(true)), 9),
        (Step::Visit(1, 1, Act::Insert(2)), 12),
        (Step::Visit(0, 2, Act::Destroy), 3),
        (Step::Pass(2 * MINUTE), 3),
        (Step::Others(0), 3),
        (Step::Pass(6 * DAY), 0),
        (Step::Others(0), 0),
    ] {
        world.play(step);
        assert_eq!(world.judge_copies(), copies, "{step:?}");
    }
}

/// A logout ends what the sibling domain has planted, with the browser's own.
#[test]
fn a_planted_copy_is_a_rival_until_a_logout_ends_both() {
    let mut world = World::new();
    for (step, copies) in [
        (Step::Visit(0, 0, Act::Insert(66)), 3),
        (Step::Visit(1, 0, Act::LogIn), 3),
        (Step::Visit(1, 0, Act::Insert(1)), 6),
        (Step::Plant(1, 1), 6),
        // Neither counts.
        (Step::Visit(1, 0, Act::Insert(2)), 6),
        (Step::Visit(1, 0, Act::Destroy), 0),
        (Step::Pass(2 * MINUTE), 0),
    ] {
        world.play(step);
        assert_eq!(world.judge_copies(), copies, "{step:?}");
    }
}

/// And one in which they open on through a change of the cookie, each where it is known.
#[test]
fn a_copy_opens_under_its_former_name() {
    let mut world = World::new();
    for (step, copies) in [
        (Step::Visit(0, 0, Act::Insert(1)), 3),
        (Step::Deploy(0, 1), 3),
        (Step::Deploy(1, 2), 3),
        (Step::Deploy(2, 3), 2),
        (Step::Visit(0, 1, Act::Insert(2)), 5),
        (Step::Visit(0, 0, Act::Insert(3)), 7),
        (Step::Visit(0, 1, Act::Destroy), 0),
        (Step::Pass(2 * MINUTE), 0),
        (Step::Deploy(0, 5), 0),
    ] {
        world.play(step);
        assert_eq!(world.judge_copies(), copies, "{step:?}");
    }
}
