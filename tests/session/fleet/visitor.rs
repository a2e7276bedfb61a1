//! A person at a browser, and what a bystander knows of their session.

use super::{
    MALLORY, MARGIN,
    request::{Act, Moment, Outcome, SLOTS, Stage, Tab},
    rollout::Cookie,
};
use crate::kit::{
    browser::{Shelf, is_removal},
    clock::MINUTE,
    exchange::Reply,
};
use hardtack::session::Refusal;
use std::collections::BTreeSet;

pub const DOMAIN: &str = "shop.example";
pub const HOST: &str = "www.shop.example";
pub const PATH: &str = "/shop/cart";

/// The person that a browser is logged in as, as far as a bystander can know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expected {
    Nobody,
    Person(u32),
    /// Two requests overlapped whose order decides, or an answer was lost, or a clock was wrong.
    Unclear,
}

/// The numbers that a slot may hold: one, or several after a write whose end nobody knows. `None` if
/// anything may be there.
type Slot = Option<BTreeSet<u64>>;

/// Where a browser keeps a cookie: its name, and its domain and path.
pub type Pair = (String, Vec<String>);

#[derive(Debug)]
pub struct Visitor {
    pub shelf: Shelf,
    /// What a sibling domain has planted, as long as it is there.
    planted: Vec<(Pair, String)>,
    pub expected: Expected,
    /// Until when the last answer has promised to know the person.
    pub promised: u32,
    /// Until when any answer may have meant to.
    at_most: u32,
    /// When a login or a logout, or in a store another id, was last answered.
    changed: Moment,
    /// When a session without a login last began.
    started: Moment,
    /// When a login was last answered that overlapped with another one: both are good.
    forked: Moment,
    /// When nobody knew any more what this browser has: it may have cookies of two sessions under two names.
    unclear: Moment,
    /// A logout was not acknowledged, or was undone: it may end this session at any later time.
    is_doomed: bool,
    /// The browser has more than one, since it is unclear which.
    is_muddled: bool,
    slots: [Slot; SLOTS],
    pub home: usize,
}

impl Visitor {
    pub fn new(home: usize) -> Visitor {
        Visitor {
            shelf: Shelf::default(),
            planted: Vec::new(),
            expected: Expected::Nobody,
            promised: 0,
            at_most: 0,
            changed: Moment::default(),
            started: Moment::default(),
            forked: Moment::default(),
            unclear: Moment::default(),
            is_doomed: false,
            is_muddled: false,
            slots: [const { None }; SLOTS],
            home,
        }
    }

    pub fn header(&self) -> String {
        self.shelf.header(PATH)
    }

    /// How many cookies the browser has that were not planted.
    pub fn own_cookies(&self) -> usize {
        self.shelf.0.len() - self.planted.len()
    }

    /// How many of the site's own cookies are under its present name in another place.
    fn own_elsewhere(&self, present: Cookie) -> usize {
        let is_planted = |pair: &Pair| self.planted.iter().any(|(planted, _)| planted == pair);
        let pairs = self.shelf.0.keys();
        let is_elsewhere =
            |pair: &&Pair| pair.0 == present.name && !present.is_at(pair) && !is_planted(pair);
        pairs.filter(is_elsewhere).count()
    }

    fn take(&mut self, reply: &Reply) {
        for line in &reply.set_cookie {
            self.shelf.store(line);
        }
        let shelf = &self.shelf.0;
        self.planted
            .retain(|(pair, value)| shelf.get(pair) == Some(value));
        self.is_muddled &= self.own_cookies() > 1;
    }

    /// A sibling domain sets a cookie here.
    pub fn plant(&mut self, pair: Pair, value: String, now: Moment) {
        const MOST: usize = 3;
        if self.planted.len() == MOST {
            return;
        }
        self.planted.retain(|(planted, _)| *planted != pair);
        // Where the site itself has a cookie for the domain, it is gone.
        if self.shelf.0.insert(pair.clone(), value.clone()).is_some() {
            self.becomes_unclear(now);
        }
        self.planted.push((pair, value));
    }

    pub fn becomes_unclear(&mut self, now: Moment) {
        self.expected = Expected::Unclear;
        self.unclear = now;
        self.is_muddled = self.own_cookies() > 1;
        self.slots = [const { None }; SLOTS];
    }

    /// The person of this session may have been remembered by somebody else.
    pub fn may_last_until(&mut self, ends: u32) {
        self.at_most = self.at_most.max(ends);
    }

    pub fn session_may_end(&mut self) {
        self.is_doomed = true;
    }

    /// Compares what a request sees with what it should. Returns `true` if a promise was kept.
    pub fn judge(&mut self, n: usize, tab: &Tab, now: u32) -> bool {
        // The store is down: that is an error, and not a logout.
        let Some(Ok(seen)) = &tab.seen else {
            return false;
        };
        if let Some(person) = seen.user {
            assert_eq!(
                seen.owner,
                Some(Some(person)),
                "two people's data are mixed"
            );
            assert!(
                person == MALLORY || person as usize / 2 == n,
                "a visitor is taken for another"
            );
        }
        if !tab.is_alone || tab.is_jumped || seen.are_rivals {
            return false;
        }
        if self.is_muddled || self.is_doomed {
            self.becomes_unclear(tab.began);
            return false;
        }
        let is_promised = now + MARGIN < self.promised;
        let mut kept = false;
        if seen.user == Some(MALLORY) {
            // Where the name can be planted and is not the one of the visitor's own cookie, during a change,
            // the planted one comes first.
            let mut names = self.shelf.0.keys().map(|(name, _)| name.as_str());
            let may_hide = !tab.present.name.starts_with("__Host-")
                && names.any(|name| name != tab.present.name);
            let hides = matches!(self.expected, Expected::Person(_)) && is_promised && !may_hide;
            assert!(
                !hides,
                "a planted session hides a live one: {self:?}, {tab:?}"
            );
            self.becomes_unclear(tab.began);
            return false;
        }
        match self.expected {
            Expected::Nobody => assert_eq!(seen.user, None, "nobody has logged in: {tab:?}"),
            Expected::Person(person) if is_promised => {
                assert_eq!(seen.user, Some(person), "a live session is gone: {tab:?}");
                for (slot, number) in self.slots.iter().zip(seen.slots) {
                    let held = slot.as_ref().is_none_or(|slot| slot.contains(&number));
                    assert!(held, "a write is lost: {slot:?}, {tab:?}");
                }
                kept = true;
            }
            // It is judged as its head arrives, however long the store takes.
            Expected::Person(_) if tab.began.time > self.at_most + 2 * MINUTE => {
                assert_eq!(seen.user, None, "a session outlives its limits: {tab:?}");
            }
            Expected::Person(_) | Expected::Unclear => {}
        }
        // From here on what was seen is what holds.
        self.slots = seen.slots.map(|number| Some(BTreeSet::from([number])));
        self.expected = match (seen.user, self.expected) {
            // Until the time comes from which a clock that was ahead has dated it.
            (None, _) if seen.refused == Some(Refusal::NotYetValid) => Expected::Unclear,
            // At its end, clocks differ.
            (None, Expected::Person(_) | Expected::Unclear)
                if tab.began.time < self.at_most + 2 * MINUTE =>
            {
                Expected::Unclear
            }
            (None, _) => Expected::Nobody,
            (Some(person), Expected::Unclear) => {
                (self.promised, self.at_most) = (0, self.at_most.max(seen.ends));
                Expected::Person(person)
            }
            (Some(_), known) => known,
        };
        kept
    }

    /// The response to a request has arrived, or is lost. `others` are the requests of this browser that are
    /// under way.
    pub fn answered<'t>(
        &mut self,
        tab: &Tab,
        (outcome, finished): (&Outcome, Moment),
        others: impl Iterator<Item = &'t Tab> + Clone,
        now: Moment,
    ) {
        let sets = sets_cookie(&outcome.reply);
        let saw_rivals = matches!(&tab.seen, Some(Ok(seen)) if seen.are_rivals);
        let elsewhere = self.own_elsewhere(tab.present);
        if !tab.is_lost {
            self.take(&outcome.reply);
        }
        // Rivals are removed from every place but the present one, with what the site had in a former place.
        if saw_rivals && self.own_elsewhere(tab.present) < elsewhere {
            self.becomes_unclear(now);
        }
        if saw_rivals && tab.is_alone && !tab.is_lost {
            // Where the site shares its cookie with the domain, nobody can tell which one was planted.
            let shared = ["domain=shop.example", "path=/"];
            let mut planted = self.planted.iter().map(|((_, place), _)| place);
            let healed = planted.all(|place| *place == shared);
            assert!(
                healed,
                "planted cookies stay: {:?}, {outcome:?}",
                self.planted
            );
        }
        let overlaps = others.clone().any(Tab::changes_id);
        let ended_meanwhile = tab.began.order < self.changed.order;
        // What nobody promises: an answer later than a minute, or one that was overtaken on its way, or of a
        // stranger whose request knows nothing of the session that another tab has begun, and then logged in
        // with. Between instances, nor a renewal at the same time.
        let is_stranger = tab.is_bare
            || tab.began.order <= self.forked.order
            || tab.began.order <= self.unclear.order
            || tab.began.order <= self.started.order
            || (tab.was_new() && (tab.place.is_store() || !tab.knows_its_login()));
        let only_renews = matches!(tab.act, Act::Read | Act::Remember);
        let is_late = match tab.place.is_store() {
            _ if tab.is_mixed => true,
            true => only_renews,
            false => now.time - tab.began.time > 60,
        };
        let is_overtaken = finished.order < self.changed.order;
        let undoes = sets && ended_meanwhile && (is_stranger || is_late || is_overtaken);
        let is_clear = outcome.is_acknowledged()
            && !tab.is_lost
            && !overlaps
            && tab.is_instant
            && !tab.is_jumped;
        self.at_most = self.at_most.max(outcome.ends);
        let changes = match tab.act {
            // Without a cookie there is nothing to end.
            Act::LogOut => !tab.is_bare,
            _ => tab.changes_id(),
        };
        match tab.act {
            Act::LogOut if changes && is_clear => self.expected = Expected::Nobody,
            // In cookies, a logout of another tab may have ended what this login stands on: of anybody's, if that is the
            // session that the attacker has planted in many browsers.
            Act::LogIn(_) if !sets => {
                let is_told = !outcome.is_acknowledged() || tab.is_jumped;
                let is_overtaken = ended_meanwhile || overlaps || tab.is_the_attackers();
                let may_have_ended = is_overtaken && (!tab.place.is_store() || tab.is_mixed);
                assert!(
                    is_told || may_have_ended,
                    "a login is not saved: {tab:?}, {outcome:?}"
                );
                self.expected = Expected::Unclear;
            }
            Act::LogIn(person) if is_clear => {
                self.expected = Expected::Person(person);
                self.promised = outcome.ends;
                self.at_most = outcome.ends;
                // An end of what was there before does not reach a login that came later.
                self.is_doomed = false;
            }
            Act::Regenerate if changes && is_clear && sets => self.promised = outcome.ends,
            _ if changes || undoes => self.expected = Expected::Unclear,
            // What this browser had is over, and what goes on is the attacker's.
            _ if sets && tab.is_the_attackers() => self.expected = Expected::Unclear,
            // What this browser had is over, and this request began anew.
            _ if sets && tab.was_new() && self.expected != Expected::Nobody => {
                self.expected = Expected::Unclear;
            }
            _ if tab.is_jumped => self.expected = Expected::Unclear,
            _ if !sets => {}
            Act::Read | Act::Write { .. } | Act::Remember if is_clear => {
                self.promised = outcome.ends;
            }
            // Of two answers the later counts, with what it knows of the limits.
            _ => self.promised = self.promised.min(outcome.ends),
        }
        self.note_writes(tab, outcome, changes || undoes, now);
        self.is_doomed |= tab.act == Act::LogOut && !outcome.is_acknowledged();
        if changes {
            if ended_meanwhile {
                self.forked = now;
            }
            self.changed = now;
        } else if tab.was_new() && sets {
            self.started = now;
        }
        if self.expected == Expected::Unclear {
            self.becomes_unclear(now);
        }
    }

    /// What the answer says of the slots.
    fn note_writes(&mut self, tab: &Tab, outcome: &Outcome, is_other: bool, now: Moment) {
        let sets = sets_cookie(&outcome.reply);
        // In a store, requests at the same time lose nothing of each other. In cookies the later answer counts.
        let merges = tab.place.is_store() && !tab.is_mixed;
        if is_other && tab.act != Act::Regenerate || !merges && !tab.is_alone && sets {
            self.slots = [const { None }; SLOTS];
            return;
        }
        let Act::Write { slot, number } = tab.act else {
            return;
        };
        // A ticket that is over by the time of the answer saves nothing.
        let is_live = now.time + 2 * MINUTE < tab.promised;
        let is_told = outcome.is_acknowledged() && (tab.place.is_store() || !tab.is_lost);
        let slot = &mut self.slots[slot];
        if tab.began.order < self.changed.order || tab.is_mixed {
            *slot = None;
        } else if is_told && is_live {
            *slot = Some(BTreeSet::from([number]));
        } else if let Some(slot) = slot {
            slot.insert(number);
        }
    }

    /// The instance has crashed, with this request at work or its response on its way.
    pub fn crashed(&mut self, tab: &Tab, now: Moment) {
        let was_answered = matches!(tab.stage, Stage::Answered(..));
        // What is in a cookie changes with the response alone. A store is told before.
        if !tab.place.reads_store() && !was_answered {
            return;
        }
        self.is_doomed |= tab.act == Act::LogOut;
        if tab.changes_id() {
            self.changed = now;
            self.becomes_unclear(now);
        }
        if let Act::Write { slot, number } = tab.act
            && let Some(slot) = &mut self.slots[slot]
        {
            slot.insert(number);
        }
    }
}

fn sets_cookie(reply: &Reply) -> bool {
    reply.set_cookie.iter().any(|line| !is_removal(line))
}

/// The cookies that a response sets, as a request brings them.
pub fn cookies_of(reply: &Reply) -> impl Iterator<Item = &str> {
    let lines = reply.set_cookie.iter().filter(|line| !is_removal(line));
    lines.map(|line| line.split("; ").next().unwrap())
}
