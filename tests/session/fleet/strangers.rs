//! A thief with a copy of every cookie, and an attacker on a sibling domain.

use super::{
    Fleet, INSTANCES, MALLORY, REMEMBER_IDLE, VISITORS,
    request::{Act, Serving},
    rollout::{self, Change},
    visitor::{DOMAIN, HOST, PATH, Pair, cookies_of},
};
use crate::kit::browser::Shelf;
use std::collections::VecDeque;

const COPIES: usize = 64;

/// The attacker has an account of their own, and sets cookies for the domain of the site.
#[derive(Default)]
pub struct Sibling {
    shelf: Shelf,
    copies: VecDeque<String>,
}

pub fn keep(copies: &mut VecDeque<String>, copy: &str) {
    copies.push_back(copy.to_owned());
    if copies.len() > COPIES {
        copies.pop_front();
    }
}

impl Fleet {
    /// The thief sends a copy to any instance, and writes with it.
    pub fn steal(&mut self) {
        if self.copies.is_empty() {
            return;
        }
        let copy = self.dice.index(self.copies.len());
        let n = self.dice.index(INSTANCES);
        let number = self.number();
        let act = self.dice.pick(&[
            Act::Read,
            Act::Meddle(number),
            Act::Meddle(number),
            Act::Remember,
            Act::Regenerate,
        ]);
        let began = self.moment();
        let instance = &self.instances[n];
        let (place, is_jumped) = (instance.place(), instance.jump != 0);
        let serving = Serving::new(instance, self.copies[copy].clone(), act);
        let (seen, outcome) = serving.finish();
        let Ok(seen) = seen else { return };
        let mut ends = self.ends.lock().unwrap();
        ends.judge(&seen, began.order, place, is_jumped);
        let Some(login) = seen.login() else { return };
        self.stolen += 1;
        let sets = cookies_of(&outcome.reply).next().is_some();
        let was_in_cookie = ends.has_been_in_a_cookie(login);
        if place.is_store() {
            if act == Act::Regenerate {
                ends.may_have_moved(login, began.order);
            }
        } else if sets {
            ends.in_cookie(login);
        }
        drop(ends);
        for cookie in cookies_of(&outcome.reply) {
            keep(&mut self.copies, cookie);
        }
        let victim = seen.user.filter(|user| *user != MALLORY);
        let victim = victim.map(|user| &mut self.visitors[user as usize / 2]);
        let Some(victim) = victim.filter(|_| place.is_store()) else {
            return;
        };
        // A thief of a session in a store has the visitor's own. One with an old cookie moves what it says.
        if act == Act::Regenerate || is_jumped || was_in_cookie {
            victim.becomes_unclear(began);
        }
        victim.may_last_until(self.now + REMEMBER_IDLE);
    }

    /// The attacker logs in, or plants a cookie in a visitor's browser.
    pub fn attack(&mut self) {
        if self.sibling.copies.is_empty() || self.dice.is_one_in(4) {
            self.log_the_attacker_in();
        } else {
            self.plant();
        }
    }

    fn log_the_attacker_in(&mut self) {
        let n = self.dice.index(INSTANCES);
        let header = self.sibling.shelf.header(PATH);
        let instance = &self.instances[n];
        let serving = Serving::new(instance, header, Act::LogIn(MALLORY));
        let (_, outcome) = serving.finish();
        if let (false, Some(login)) = (instance.place().is_store(), outcome.login) {
            self.ends.lock().unwrap().in_cookie(login);
        }
        for line in &outcome.reply.set_cookie {
            self.sibling.shelf.store(line);
        }
        for cookie in cookies_of(&outcome.reply) {
            keep(&mut self.sibling.copies, cookie);
        }
    }

    fn plant(&mut self) {
        let n = self.dice.index(VISITORS);
        if self.tabs.iter().any(|tab| tab.visitor == n) {
            return;
        }
        // Mostly the one that is good.
        let newest = self.sibling.copies.len() - 1;
        let copy = match self.dice.is_one_in(4) {
            true => self.dice.index(newest + 1),
            false => newest,
        };
        let (name, value) = self.sibling.copies[copy].split_once('=').unwrap();
        // Browsers take such a name from the host itself only.
        if name.starts_with("__Host-") {
            return;
        }
        let (name, mut value) = (name.to_owned(), value.to_owned());
        if self.dice.is_one_in(4) {
            value.truncate(value.len() / 2);
        }
        let path = self.dice.pick(&["/", "/shop"]);
        let domain = self.dice.pick(&[DOMAIN, HOST]);
        let place = vec![format!("domain={domain}"), format!("path={path}")];
        // Where the site shares its cookie with the domain, a page of the domain can replace it.
        let shares = |step| {
            let (present, former) = rollout::cookies(step);
            let is_shared =
                |cookie: rollout::Cookie| cookie.name == name && cookie.domain.is_some();
            is_shared(present) || former.is_some_and(is_shared)
        };
        let mut steps = self.instances.iter().map(|instance| instance.steps);
        let is_shared = steps.any(|steps| shares(steps.get(Change::Cookie)));
        let now = self.moment();
        let visitor = &mut self.visitors[n];
        visitor.plant(Pair::from((name, place)), value, now);
        if is_shared {
            visitor.becomes_unclear(now);
        }
        self.planted += 1;
    }
}
