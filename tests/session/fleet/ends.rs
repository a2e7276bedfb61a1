//! What has ended, as every instance has to know it.

use super::{
    instance::Shared,
    request::{Act, Moment, Outcome, Seen, Tab},
    rollout::Place,
    visitor::cookies_of,
};
use hardtack::session::{LoginId, SessionId};
use std::collections::{BTreeMap, BTreeSet};

/// How long a process remembers an end, and how long a tombstone stays, in seconds.
const MEMORY: u32 = 60;
/// How long one stays that leads to a person's next id.
const FOLLOWED: u32 = 60 * 60;

/// With a shared denylist, a login that was ended or replaced opens nowhere. In a store the same holds for one that was
/// never in a cookie, and for each id that an instance with the store has ended: cookies know of no end. An instance that
/// saves in cookies does so for people, and not for what nobody has logged in to.
#[derive(Default)]
pub struct Ends {
    logins: BTreeMap<LoginId, u64>,
    ids: BTreeMap<SessionId, u64>,
    in_cookie: BTreeSet<LoginId>,
    /// When each login last got, or may have got, another id in the store.
    moved: BTreeMap<LoginId, u64>,
    /// When the store last lost all.
    forgot: u64,
}

impl Ends {
    pub fn len(&self) -> usize {
        self.logins.len()
    }

    pub fn end_login(&mut self, login: LoginId, order: u64) {
        self.logins.entry(login).or_insert(order);
    }

    pub fn has_been_in_a_cookie(&self, login: LoginId) -> bool {
        self.in_cookie.contains(&login)
    }

    /// A cookie holds the session of this login, and not a ticket alone.
    pub fn in_cookie(&mut self, login: LoginId) {
        self.in_cookie.insert(login);
    }

    pub fn may_have_moved(&mut self, login: LoginId, order: u64) {
        self.moved.insert(login, order);
    }

    /// An instance that does not read the store may open this, and the next one will not.
    pub fn know(&self, seen: &Seen) -> bool {
        let ended = |(id, login)| self.ids.contains_key(&id) || self.logins.contains_key(&login);
        seen.ids.is_some_and(ended)
    }

    /// The store has lost what it knew. Ids are random, so no record comes back.
    #[cfg(feature = "store")]
    pub fn forget_ids(&mut self, order: u64) {
        self.ids.clear();
        self.forgot = order;
    }

    /// Nothing opens that was over when the request came.
    pub fn judge(&self, seen: &Seen, began: u64, place: Place, is_jumped: bool) {
        let Some((id, login)) = seen.ids else { return };
        let before = |order: Option<&u64>| order.is_some_and(|order| *order < began);
        assert!(
            !before(self.logins.get(&login)),
            "{login} opens at {place:?} after its end: {seen:?}"
        );
        // A clock that is wrong takes a cookie for good when its end is forgotten.
        let knows = place.reads_store() && !is_jumped;
        assert!(
            !(knows && before(self.ids.get(&id))),
            "{id} opens at {place:?} after its end in the store: {seen:?}"
        );
    }

    /// The request was answered.
    pub fn note(
        &mut self,
        shared: &Shared,
        tab: &Tab,
        outcome: &Outcome,
        others: &[&Tab],
        now: Moment,
    ) {
        let sets = cookies_of(&outcome.reply).next().is_some();
        let elapsed = now.time - tab.began.time;
        let order = now.order;
        if let (false, true, Some(login)) = (tab.place.is_store(), sets, outcome.login) {
            self.in_cookie.insert(login);
            // Without a list, a process that saves in cookies knows for a minute what has ended, and what it
            // has ended itself.
            if shared.denylist.is_none() && (tab.is_mixed || elapsed > MEMORY) {
                self.logins.remove(&login);
            }
        }
        let Some(Ok(seen)) = &tab.seen else { return };
        let Some((id, login)) = seen.ids else { return };
        let renames = tab.act == Act::Regenerate && tab.place.is_store();
        if renames {
            self.may_have_moved(login, order);
        }
        if !shared.scenario.has_store || tab.is_jumped || !outcome.is_acknowledged() {
            return;
        }
        let mut moved = self.moved.get(&login).copied().unwrap_or_default();
        let moves = |other: &&Tab| {
            let seen = other.seen.as_ref().and_then(|seen| seen.as_ref().ok());
            other.act == Act::Regenerate && seen.and_then(Seen::login) == Some(login)
        };
        if others.iter().any(moves) {
            moved = order;
        }
        let (ends_id, ends_login) = match tab.act {
            // A logout follows the session to another id for as long as its tombstone stays.
            Act::LogOut => {
                let is_done = tab.place.reads_store();
                let memory = match seen.user {
                    Some(_) => FOLLOWED,
                    None => MEMORY,
                };
                let follows = elapsed < memory || moved < tab.began.order;
                // Where sessions are in cookies, a robot that begins and ends them fills no store.
                let was_robot = tab.place == Place::Cookie
                    && seen.user.is_none()
                    && self.in_cookie.contains(&login);
                (is_done && !was_robot, is_done && follows)
            }
            // If another request gave the session another id meanwhile, that one lives on: a login does not
            // follow it, because it may be the first click of two.
            Act::LogIn(_) => {
                let is_done = sets && tab.place.is_store();
                (is_done, is_done && moved < tab.began.order)
            }
            Act::Regenerate => (sets && tab.place.is_store(), false),
            _ => (false, false),
        };
        if ends_id && tab.began.order > self.forgot {
            self.ids.entry(id).or_insert(order);
        }
        if ends_login && !self.in_cookie.contains(&login) {
            self.end_login(login, order);
        }
    }
}
