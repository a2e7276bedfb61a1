//! Two requests change one session at once: what becomes of it, against a merge of plain maps and lists.

use crate::kit::exchange::{Reply, Request, ready};
use crate::{NOW, key, read};
use arbitrary::Arbitrary;
use hardtack::session::{FlashLevel, Session, SessionData, SessionManager, SessionMap};
use hardtack::store::MemoryStore;
use hardtack::{Keyring, Timestamp};
use std::collections::BTreeMap;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    Insert(u8, u8),
    Remove(u8),
    Clear,
    Flash(u8),
    TakeFlashes,
}

#[derive(Arbitrary, Debug)]
struct Input {
    base: Vec<Op>,
    first: Vec<Op>,
    second: Vec<Op>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    values: BTreeMap<String, u8>,
    flashes: Vec<String>,
    replaced: bool,
    took: bool,
}

fn name(n: u8) -> String {
    (n % 4).to_string()
}

impl State {
    /// As a request gets it.
    fn given(&self) -> State {
        State {
            // A request that got no message has shown all that it got.
            took: self.flashes.is_empty(),
            replaced: false,
            ..self.clone()
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Insert(key, value) => drop(self.values.insert(name(key), value)),
            Op::Remove(key) => drop(self.values.remove(&name(key))),
            Op::Clear => {
                self.values.clear();
                self.replaced = true;
            }
            Op::Flash(text) => self.flashes.push(text.to_string()),
            Op::TakeFlashes => {
                self.flashes.clear();
                self.took = true;
            }
        }
    }

    fn is(&self, other: &State) -> bool {
        self.values == other.values && self.flashes == other.flashes
    }
}

fn run(session: &Session, op: Op) {
    match op {
        Op::Insert(key, value) => session.insert(&name(key), value).unwrap(),
        Op::Remove(key) => drop(session.remove(&name(key)).unwrap()),
        Op::Clear => session.clear().unwrap(),
        Op::Flash(text) => session.flash(FlashLevel::Info, text.to_string()).unwrap(),
        Op::TakeFlashes => drop(session.take_flashes().unwrap()),
    }
}

fn merge_values(base: &State, mine: &State, theirs: &State) -> BTreeMap<String, u8> {
    let keys = mine.values.keys().chain(theirs.values.keys());
    let merged = keys.filter_map(|key| {
        let [before, mine, theirs] = [base, mine, theirs].map(|state| state.values.get(key));
        let value = match (mine == before, theirs == before) {
            (true, _) => theirs,
            (false, true) => mine,
            // A removal wins.
            (false, false) => theirs.and(mine),
        };
        Some((key.clone(), *value?))
    });
    merged.collect()
}

fn merge(base: &State, mine: &State, theirs: &State) -> State {
    let mut flashes = theirs.flashes.clone();
    if mine.took {
        for shown in &base.flashes {
            if let Some(at) = flashes.iter().position(|flash| flash == shown) {
                flashes.remove(at);
            }
        }
        flashes.extend(mine.flashes.clone());
    } else {
        flashes.extend(mine.flashes[base.flashes.len()..].iter().cloned());
    }
    State {
        values: match mine.replaced {
            true => mine.values.clone(),
            false => merge_values(base, mine, theirs),
        },
        flashes,
        ..State::default()
    }
}

/// The dictionary's own merge, without a store.
fn direct(states: [&State; 3]) {
    let [base, mine, theirs] = states.map(|state| {
        let mut map = SessionMap::default();
        for (key, value) in &state.values {
            map.insert(key, value).unwrap();
        }
        map
    });
    let merged = SessionMap::merge(&base, mine, theirs);
    let merged: BTreeMap<String, u8> = merged.entries().unwrap().into_iter().collect();
    assert_eq!(merged, merge_values(states[0], states[1], states[2]));
}

/// Few messages, because the oldest of too many are dropped.
fn few(ops: &[Op]) -> impl Iterator<Item = Op> {
    let mut flashes = 0;
    ops.iter().copied().filter(move |op| {
        flashes += usize::from(matches!(op, Op::Flash(_)));
        flashes <= 2 || !matches!(op, Op::Flash(_))
    })
}

pub fn merge_requests(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    let sessions = SessionManager::builder(Keyring::new(key(0)))
        .store(MemoryStore::with_clock(1 << 20, Default::default))
        .clock(|| Timestamp::from_unix(NOW))
        .build()
        .unwrap();
    let load = |cookie: &str| ready(Request::load(&sessions, cookie));
    let save = |request: &Request| -> Reply {
        let reply = ready(request.commit());
        assert_eq!(reply.failed, None);
        reply
    };
    let mut base = State::default();
    let request = load("");
    for op in [Op::Insert(0, 0)].into_iter().chain(few(&input.base)) {
        run(&request, op);
        base.run(op);
    }
    let reply = save(&request);
    let [line] = reply.set_cookie.as_slice() else {
        // Nothing is left of it.
        assert!(base.is(&State::default()));
        return;
    };
    let cookie = line.split("; ").next().unwrap();
    let (first, second) = (load(cookie), load(cookie));
    let (mut theirs, mut mine) = (base.given(), base.given());
    for op in few(&input.first) {
        run(&first, op);
        theirs.run(op);
    }
    for op in few(&input.second) {
        run(&second, op);
        mine.run(op);
    }
    direct([&base, &mine, &theirs]);
    save(&first);
    save(&second);
    // A request that has changed nothing saves nothing.
    let expected = match mine.is(&base) {
        true => theirs,
        false => merge(&base, &mine, &theirs),
    };
    let after = load(cookie);
    let found = State {
        values: after.entries().unwrap().into_iter().collect(),
        flashes: after
            .take_flashes()
            .unwrap()
            .into_iter()
            .map(|flash| flash.text)
            .collect(),
        ..State::default()
    };
    assert!(found.is(&expected), "{found:?}, expected {expected:?}");
}
