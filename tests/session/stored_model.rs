//! Several requests of one browser, with every order of their calls to the store: nothing that was written
//! is lost, nothing that has ended comes back, and nobody whose session lives is told that it is new.

use crate::kit::{
    clock::Clock,
    exchange::{Reply, Request},
    site::{Browser, Site},
    store::{Fault, Scripted, Steps},
};
use hardtack::session::{Event, FlashLevel, Session, SessionError};
use proptest::{collection::vec, prelude::*};
use std::{cell::RefCell, collections::BTreeSet};

/// What a request does to the session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Read,
    /// Writes a key of the request's own.
    Insert,
    /// Removes a key that was there before, one for each request.
    Remove,
    Flash,
    Take,
    Clear,
    /// Adds one to a number that all of them count in. The site says how to add two counts.
    Count,
    Regenerate,
    Login,
    Destroy,
}

const OPS: [Op; 10] = [
    Op::Read,
    Op::Insert,
    Op::Remove,
    Op::Flash,
    Op::Take,
    Op::Clear,
    Op::Count,
    Op::Regenerate,
    Op::Login,
    Op::Destroy,
];

impl Op {
    fn run(self, nth: usize, session: &Session) -> Result<(), SessionError> {
        match self {
            Op::Read => session.get::<String>("user").map(drop),
            Op::Insert => session.insert(&own(nth), nth),
            Op::Remove => session.remove(&before(nth)).map(drop),
            Op::Flash => session.flash(FlashLevel::Info, own(nth)),
            Op::Take => session.take_flashes().map(drop),
            Op::Clear => session.clear(),
            Op::Count => session.update("count", |count: &mut usize| *count += 1),
            Op::Regenerate => session.regenerate(),
            Op::Login => {
                session.regenerate_for_login()?;
                session.insert("user", own(nth))
            }
            Op::Destroy => session.destroy(),
        }
    }
}

fn is_skip(event: &Event) -> bool {
    matches!(event, Event::NotSaved { .. })
}

fn own(nth: usize) -> String {
    format!("own {nth}")
}

fn before(nth: usize) -> String {
    format!("before {nth}")
}

/// What became of one request.
#[derive(Debug)]
struct Outcome {
    /// What the handler found: whether the session was new.
    was_new: Result<bool, SessionError>,
    done: Result<(), SessionError>,
    reply: Reply,
    /// An event told that it was not saved, because the session was over by then.
    skipped: bool,
}

/// Where the session is when the requests begin.
#[derive(Clone, Copy, Debug)]
enum Place {
    Store,
    /// Each request that saves it moves it into the store.
    Cookie,
}

const PLACES: [Place; 2] = [Place::Store, Place::Cookie];

/// An instance for each request: none knows from its own memory what another one ended.
struct Fleet {
    store: Scripted,
    /// Where the session begins.
    first: Site,
    sites: Vec<Site>,
}

impl Fleet {
    fn new(place: Place) -> Fleet {
        let clock = Clock::new();
        let store = Scripted::new(&clock);
        let add = |base: Option<usize>, mine: usize, theirs: usize| {
            mine + theirs - base.unwrap_or_default()
        };
        let site = |_| {
            Site::with(&clock, |builder| {
                builder.store(store.clone()).on_conflict("count", add)
            })
        };
        Fleet {
            first: match place {
                Place::Store => site(0),
                Place::Cookie => Site::with(&clock, |builder| builder),
            },
            sites: (0..9).map(site).collect(),
            store,
        }
    }
}

struct Run<'f> {
    site: &'f Site,
    browser: Browser,
    outcomes: Vec<Outcome>,
}

/// Runs one request of each op. `order` says which one goes on at each step.
fn run<'f>(
    fleet: &'f Fleet,
    ops: &[Op],
    faults: &[Option<Fault>],
    mut order: impl FnMut(usize) -> usize,
) -> Run<'f> {
    let Fleet {
        store,
        first,
        sites,
    } = fleet;
    store.forget();
    let (site, sites) = sites.split_first().unwrap();
    let mut browser = Browser::default();
    browser.send(first, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
        for nth in 0..ops.len() {
            session.insert(&before(nth), nth).unwrap();
        }
        session.flash(FlashLevel::Info, "before").unwrap();
    });
    store.give_way();
    store.fail(faults);
    let outcomes: Vec<RefCell<Option<Outcome>>> = ops.iter().map(|_| RefCell::default()).collect();
    let header = browser.header();
    let mut steps = Steps::default();
    for (nth, op) in ops.iter().enumerate() {
        let (site, outcome, header) = (&sites[nth], &outcomes[nth], &header);
        steps.add(async move {
            let request = Request::load(&site.sessions, header).await;
            let was_new = request.is_new();
            let done = op.run(nth, &request);
            let reply = request.commit().await;
            *outcome.borrow_mut() = Some(Outcome {
                was_new,
                done,
                reply,
                skipped: site.events().iter().any(is_skip),
            });
        });
    }
    // Up to its first call nothing that a request does can be seen by another one.
    for nth in 0..ops.len() {
        steps.step(nth);
    }
    while steps.running() > 0 {
        let nth = order(steps.running());
        steps.step(nth);
    }
    drop(steps);
    let outcomes: Vec<Outcome> = outcomes
        .into_iter()
        .map(|outcome| outcome.into_inner().unwrap())
        .collect();
    store.stand();
    fleet.sites.iter().for_each(|site| drop(site.events()));
    Run {
        site,
        browser,
        outcomes,
    }
}

impl Run<'_> {
    /// What a browser has that took these answers alone.
    fn session_of(&self, nth: Option<usize>) -> Option<BTreeSet<String>> {
        let mut browser = self.browser.clone();
        if let Some(nth) = nth {
            browser.take(&self.outcomes[nth].reply);
        }
        browser.peek(self.site, |session| {
            let is_new = session.is_new().unwrap();
            (!is_new).then(|| session.keys().unwrap().into_iter().collect())
        })
    }

    fn check(&self, ops: &[Op]) {
        let told = format!("{ops:?}: {:?}", self.outcomes);
        let saved = |nth: usize| {
            let outcome = &self.outcomes[nth];
            outcome.reply.failed.is_none() && outcome.done.is_ok() && !outcome.skipped
        };
        // What an old ticket does is not of this session.
        let had = |nth: usize| self.outcomes[nth].was_new == Ok(false);
        let all = || 0..ops.len();
        let is_any = |op: Op| ops.contains(&op);
        for nth in all() {
            let outcome = &self.outcomes[nth];
            // Nobody whose session lives is told that it is new.
            if !is_any(Op::Destroy) && !is_any(Op::Regenerate) && !is_any(Op::Login) {
                assert_ne!(outcome.was_new, Ok(true), "{told}");
            }
            // Only a logout removes a cookie.
            let removes = outcome
                .reply
                .set_cookie
                .iter()
                .any(|line| line.contains("Max-Age=0"));
            assert!(!removes || ops[nth] == Op::Destroy, "{told}");
        }
        // Every way to the session that the answers leave.
        let ways: Vec<Option<usize>> = std::iter::once(None).chain(all().map(Some)).collect();
        let found: Vec<_> = ways.iter().map(|way| self.session_of(*way)).collect();
        if is_any(Op::Destroy) {
            // The ended session is nowhere, under no id. A login that was made over it is another one.
            for (way, keys) in ways.iter().zip(&found) {
                let login = way.is_some_and(|nth| ops[nth] == Op::Login);
                // An old ticket ends nothing but itself: an attacker may have planted it.
                let ends = |nth: usize| ops[nth] == Op::Destroy && saved(nth) && had(nth);
                let done = all().any(ends);
                if done
                    && !login
                    && let Some(keys) = keys
                {
                    panic!("{way:?} leads to {keys:?} of {told}");
                }
            }
            return;
        }
        // Without a logout somebody still has the session, with all that was acknowledged.
        let found: Vec<_> = found.into_iter().flatten().collect();
        assert!(!found.is_empty(), "no session: {told}");
        let some = |holds: &dyn Fn(&BTreeSet<String>) -> bool| found.iter().any(holds);
        for nth in all().filter(|nth| saved(*nth) && had(*nth) && !is_any(Op::Clear)) {
            match ops[nth] {
                // The login ends what another request has renamed, for it may be a thief's.
                _ if is_any(Op::Regenerate) && is_any(Op::Login) => {}
                Op::Insert => assert!(some(&|keys| keys.contains(&own(nth))), "{told}"),
                Op::Remove => assert!(some(&|keys| !keys.contains(&before(nth))), "{told}"),
                _ => {}
            }
        }
        if is_any(Op::Clear) || is_any(Op::Login) || is_any(Op::Regenerate) {
            return;
        }
        let count = self.browser.peek(self.site, |session| {
            session.get::<usize>("count").unwrap().unwrap_or_default()
        });
        let counts = || all().filter(|nth| ops[*nth] == Op::Count);
        // An answer that was lost may have counted.
        let acknowledged = counts().filter(|nth| saved(*nth)).count();
        assert!(
            (acknowledged..=counts().count()).contains(&count),
            "{count}: {told}"
        );
        let flashes = self
            .browser
            .peek(self.site, |session| session.take_flashes().unwrap());
        for nth in all().filter(|nth| saved(*nth) && ops[*nth] == Op::Flash) {
            let shown = all().any(|other| ops[other] == Op::Take);
            let kept = flashes.iter().any(|flash| flash.text == own(nth));
            assert!(kept || shown, "{told}");
        }
    }
}

/// Every order in which so many futures can go on: counts up in a number whose digits are the choices.
#[derive(Default)]
struct Orders {
    choices: Vec<(usize, usize)>,
    at: usize,
}

impl Orders {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.choices.len() {
            self.choices.push((0, of));
        }
        let (choice, _) = self.choices[self.at];
        self.at += 1;
        choice
    }

    /// Goes to the next order. Returns `false` after the last.
    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, of)) = self.choices.pop() {
            if choice + 1 < of {
                self.choices.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

/// Runs the requests in every order of their calls.
fn in_every_order(fleet: &Fleet, ops: &[Op]) {
    let mut orders = Orders::default();
    loop {
        run(fleet, ops, &[], |of| orders.choose(of)).check(ops);
        if !orders.next() {
            break;
        }
    }
}

#[test]
fn every_order_of_the_store_calls_of_two_requests() {
    for fleet in PLACES.map(Fleet::new) {
        for one in OPS {
            for two in OPS {
                in_every_order(&fleet, &[one, two]);
            }
        }
    }
}

#[test]
fn every_order_of_the_store_calls_of_three_requests() {
    // Those that differ in what they do to others.
    let of_stored = &[
        Op::Insert,
        Op::Remove,
        Op::Regenerate,
        Op::Login,
        Op::Destroy,
    ][..];
    let of_moved = &[Op::Insert, Op::Regenerate, Op::Destroy][..];
    for (place, ops) in [(Place::Store, of_stored), (Place::Cookie, of_moved)] {
        let fleet = Fleet::new(place);
        for (a, one) in ops.iter().enumerate() {
            for (b, two) in ops.iter().enumerate().skip(a) {
                for three in ops.iter().skip(b) {
                    in_every_order(&fleet, &[*one, *two, *three]);
                }
            }
        }
    }
}

#[test]
fn every_order_of_the_store_calls_of_three_that_count() {
    for fleet in PLACES.map(Fleet::new) {
        in_every_order(&fleet, &[Op::Count; 3]);
    }
}

fn op() -> impl Strategy<Value = Op> {
    proptest::sample::select(&OPS[..])
}

fn place() -> impl Strategy<Value = Place> {
    proptest::sample::select(&PLACES[..])
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        9 => Just(None),
        1 => Just(Some(Fault::Before)),
        1 => Just(Some(Fault::After)),
    ]
}

proptest! {
    #[test]
    fn eight_requests_in_any_order(
        place in place(),
        ops in vec(op(), 8),
        choices in vec(0..8_usize, 64),
    ) {
        let fleet = Fleet::new(place);
        let mut choices = choices.into_iter().cycle();
        run(&fleet, &ops, &[], |of| choices.next().unwrap() % of).check(&ops);
    }

    #[test]
    fn writers_whose_answers_are_lost(
        place in place(),
        ops in vec(
            prop_oneof![Just(Op::Insert), Just(Op::Remove), Just(Op::Flash), Just(Op::Count)],
            4
        ),
        faults in vec(fault(), 24),
        choices in vec(0..4_usize, 64),
    ) {
        let fleet = Fleet::new(place);
        let mut choices = choices.into_iter().cycle();
        run(&fleet, &ops, &faults, |of| choices.next().unwrap() % of).check(&ops);
    }
}
