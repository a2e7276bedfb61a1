//! From the tickets of a request to its session.

use super::{
    super::candidate::{Candidates, Opened, Refused},
    super::facts::RequestFacts,
    super::open::{Brought, Found, Tokens, settle, tokens},
    Received, Stored,
    current::{Came, Current, is_unreadable, refused, with_keys},
};
use crate::{
    KeyState,
    session::{
        data::SessionData,
        events::{Event, Refusal},
        lifecycle::{EndedLogin, LiveSession, Now, Sealed},
        manager::{SessionManager, SiteCookie, StoreSettings},
        record::{SessionId, TicketSecret},
        store::{
            Ending, Found as InStore, Progress, RecordKey, RecordSecret, StoreError,
            StoreErrorKind, Tag,
        },
    },
};
use alloc::{boxed::Box, string::ToString as _, vec::Vec};
use core::{cmp::Reverse, error::Error as _, time::Duration};

/// The most records that a request asks for: the number of its cookies is the sender's choice.
const MAX_ASKED: usize = 2;

const FORGOT_AN_END: &str = "it took no end for so long that the process forgot one: copies of that session open until its own end";

/// What the request and the store came to.
pub(crate) struct Loaded<T> {
    pub(crate) found: Found<T>,
    pub(crate) stored: Box<Stored>,
    pub(crate) events: Vec<Event>,
}

/// One token whose session the store is asked for.
struct Ask {
    cookie: SiteCookie,
    came: Came,
    login: EndedLogin,
    /// The session, if it was in its cookie.
    session: Option<Box<Sealed>>,
}

/// Returns the tokens of a request, if there is one to ask the store for. In a box: a future that holds them is
/// copied as a whole on its way.
///
/// If there is none, what they come to is settled at once: keys that come during the request must not open what the
/// store was not asked for.
pub(crate) fn begin<T: SessionData>(
    manager: &SessionManager<T>,
    facts: Option<&RequestFacts>,
    head_at: Duration,
) -> Result<Box<Tokens>, Loaded<T>> {
    let tokens = Box::new(tokens(manager, facts, head_at));
    if tokens.present.is_empty() && tokens.former.is_empty() {
        return Err(Loading::new(tokens).settle(manager));
    }
    Ok(tokens)
}

/// Asks the store for the sessions of these tokens, newest first.
pub(crate) async fn load<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    mut tokens: Box<Tokens>,
) -> Loaded<T> {
    let now = tokens.now;
    let asks = asks(&mut tokens.present).chain(asks(&mut tokens.former));
    let asks: Vec<Ask> = asks.collect();
    let mut loading = Loading::new(tokens);
    let mut asked = 0_usize;
    let mut failed = None;
    for ask in asks {
        let login = ask.login;
        if loading.has_received(login.session) {
            // The newest token of a session says all.
            continue;
        }
        let can_be_planted = manager.settings().cookie_of(ask.cookie).can_be_planted();
        // Under a name that another domain can set, two must be known.
        let enough = loading.has_opened() && !can_be_planted;
        let received = loading.receive(&ask);
        if failed.is_some() || enough || asked == MAX_ASKED {
            loading.others.push(login);
            if can_be_planted {
                let unasked = (ask.cookie, ask.came.key(), login);
                loading.tokens.of(ask.cookie).unasked.push(unasked);
            }
            continue;
        }
        asked = asked.saturating_add(1);
        match ask_store(manager, store, &ask, now).await {
            Ok(answer) => loading.take(manager, now, ask, answer, received),
            Err(error) => {
                loading.others.push(login);
                failed = Some(error);
            }
        }
    }
    if store.pending.first_loss() {
        loading.events.push(Event::StoreFailed {
            kind: StoreErrorKind::Unavailable,
            detail: Some(FORGOT_AN_END.into()),
        });
    }
    match failed {
        None => {
            // It answers: perhaps it takes an end now that it did not take before.
            if store.pending.is_some() {
                // In a box: it is rare, and would make every load larger.
                let (moves, now) = (manager.moves(), || manager.ticks());
                if let Err(error) = Box::pin(store.pending.run_one(&*store.store, moves, now)).await
                {
                    loading.events.push(store_failed(&error));
                }
            }
            loading.settle(manager)
        }
        Some(error) => loading.give_up(manager, &error),
    }
}

/// Newest first. Of equals a ticket is the newer one: a session does not move back under its id.
fn asks(candidates: &mut Candidates) -> impl Iterator<Item = Ask> {
    let tickets = core::mem::take(&mut candidates.tickets).into_iter();
    let tickets = tickets.map(|(cookie, ticket)| Ask {
        cookie,
        login: ticket.login,
        came: Came::AsTicket(ticket),
        session: None,
    });
    let sessions = core::mem::take(&mut candidates.opened).newest_first();
    let sessions = sessions.map(|Opened { cookie, sealed }| {
        let facts = (sealed.issued_at, sealed.key, sealed.key_state);
        Ask {
            cookie,
            login: sealed.login,
            came: Came::AsSession(sealed.ids, facts),
            session: Some(sealed),
        }
    });
    let mut asks: Vec<Ask> = tickets.chain(sessions).collect();
    asks.sort_by_key(|ask| {
        Reverse(match &ask.came {
            Came::AsTicket(ticket) => ticket.issued_at,
            Came::AsSession(_, (issued_at, ..)) => *issued_at,
        })
    });
    asks.into_iter()
}

/// What the store has under the key of a session.
struct StoreAnswer {
    key: RecordKey,
    found: InStore,
    kept: bool,
}

async fn ask_store<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    ask: &Ask,
    now: Now,
) -> Result<StoreAnswer, StoreError> {
    let rules = &manager.settings().rules;
    let key = with_keys(manager, |keys, _| keys.record_key(ask.came.ids().session))
        .ok_or(StoreErrorKind::Unsupported)?;
    let Came::AsTicket(ticket) = &ask.came else {
        let found = store.store.load(&key, None).await?;
        return Ok(StoreAnswer {
            key,
            found,
            kept: false,
        });
    };
    let keep = ticket.keep(now.wall);
    let mut kept = ticket.keeps(rules, now.wall);
    let mut found = store.store.load(&key, kept.then_some(keep)).await?;
    if found == InStore::Missing && ticket.is_fresh(now.wall) {
        // A proxy in front of the engine may have asked a replica, which does not have it yet. It sends a statement
        // that writes to the primary.
        kept = true;
        found = store.store.load(&key, Some(keep)).await?;
    }
    Ok(StoreAnswer { key, found, kept })
}

/// What the tokens have come to so far.
struct Loading {
    tokens: Box<Tokens>,
    currents: Vec<Current>,
    received: Vec<Received>,
    others: Vec<EndedLogin>,
    events: Vec<Event>,
    is_over: bool,
}

impl Loading {
    fn new(tokens: Box<Tokens>) -> Loading {
        Loading {
            tokens,
            currents: Vec::new(),
            received: Vec::new(),
            others: Vec::new(),
            events: Vec::new(),
            is_over: false,
        }
    }

    fn has_opened(&self) -> bool {
        self.tokens.present.opened.len() > 0 || self.tokens.former.opened.len() > 0
    }

    fn has_received(&self, session: SessionId) -> bool {
        let mut received = self.received.iter();
        received.any(|received| received.session == session)
    }

    /// Notes a token. Returns its place.
    fn receive(&mut self, ask: &Ask) -> usize {
        let secret: Option<TicketSecret> = match &ask.came {
            Came::AsTicket(ticket) => Some(ticket.ticket.secret.clone()),
            Came::AsSession(..) => None,
        };
        self.received.push(Received {
            session: ask.login.session,
            secret,
            alive: false,
            owner: None,
        });
        self.received.len().saturating_sub(1)
    }

    fn take<T: SessionData>(
        &mut self,
        manager: &SessionManager<T>,
        now: Now,
        ask: Ask,
        StoreAnswer { key, found, kept }: StoreAnswer,
        received: usize,
    ) {
        let Ask {
            cookie,
            came,
            login,
            session,
        } = ask;
        let open = |sealed| Opened { cookie, sealed };
        let token_key = came.key();
        let refuse = |reason| refused(reason, token_key, login);
        if let Some(received) = self.received.get_mut(received) {
            received.alive = matches!(found, InStore::Record(_));
        }
        match (found, session) {
            (InStore::Record(bytes), _) => match read(manager, now, came, key, &bytes, kept) {
                Ok((opened, current)) => {
                    let subject = opened.head.subject.as_deref();
                    let owner = subject.and_then(|subject| {
                        with_keys(manager, |keys, _| keys.owners(subject).into_iter().next())
                    });
                    if let Some(received) = self.received.get_mut(received) {
                        received.owner = owner.flatten();
                    }
                    self.tokens.of(cookie).opened.push(open(opened));
                    self.currents.push(current);
                }
                Err(reason) => self.tokens.of(cookie).refused.push(refuse(reason)),
            },
            (InStore::Ended(tombstone), _) => {
                self.is_over |= tombstone.is_recent(now.wall, manager.settings().rules.skew);
                self.tokens.of(cookie).refused.push(refuse(Refusal::Ended));
            }
            (InStore::Missing, None) => self
                .tokens
                .of(cookie)
                .refused
                .push(refuse(Refusal::Missing)),
            // It has not moved yet.
            (InStore::Missing, Some(opened)) => {
                let secret = with_keys(manager, |keys, _| {
                    let secrets = keys.moved_secrets(login.session).into_iter();
                    let mut of_key = secrets.filter(|(key, _)| *key == token_key);
                    of_key.next().map(|(_, secret)| secret)
                });
                match secret.flatten() {
                    Some(secret) => {
                        self.currents.push(Current {
                            ids: came.ids(),
                            came,
                            key,
                            secret: RecordSecret::new(secret),
                            tag: None,
                            is_retired: false,
                            kept: false,
                        });
                        self.tokens.of(cookie).opened.push(open(opened));
                    }
                    // The key went while the store was asked.
                    None => self
                        .tokens
                        .of(cookie)
                        .refused
                        .push(refuse(Refusal::UnknownKey)),
                }
            }
        }
    }

    /// Decides which session counts.
    fn settle<T: SessionData>(mut self, manager: &SessionManager<T>) -> Loaded<T> {
        let mut untold = Vec::new();
        let came_at = self.tokens.now.wall;
        let (mut found, refused) = settle(manager, *self.tokens, &mut untold);
        found.brought.others.append(&mut self.others);
        found.brought.authentic |= !self.received.is_empty();
        found.brought.ended_in_store = self.is_over;
        let id = found.session.known_id();
        let counts = |current: &Current| Some(current.ids.session) == id;
        let current = self.currents.into_iter().find(counts);
        let alive = |refused: &Refused| {
            let session = refused.login.map(|login| login.session);
            let mut received = self.received.iter();
            received.any(|received| received.alive && Some(received.session) == session)
        };
        let unreadable = |refused: &Refused| is_unreadable(refused.reason) && alive(refused);
        let stored = Box::new(Stored {
            untold,
            unreadable: current.is_none() && refused.iter().any(unreadable),
            is_over: current.is_none() && self.is_over,
            current,
            received: self.received,
            ..Stored::new(came_at)
        });
        Loaded {
            found,
            stored,
            events: self.events,
        }
    }

    /// Leaves the request without a session: what the store did not say, nobody knows.
    fn give_up<T: SessionData>(
        mut self,
        manager: &SessionManager<T>,
        error: &StoreError,
    ) -> Loaded<T> {
        self.events.push(store_failed(error));
        let Tokens {
            now,
            present,
            former,
            own,
            ..
        } = &*self.tokens;
        let candidates = [present, former];
        let opened = candidates.iter().flat_map(|all| all.opened.iter());
        let refused = candidates.iter().flat_map(|all| &all.refused);
        let others = opened
            .map(|opened| opened.sealed.login)
            .chain(refused.filter_map(|refused| refused.login))
            .chain(self.others);
        let found = Found {
            session: Box::new(LiveSession::new(&manager.settings().rules, now.wall)),
            refused: None,
            rivals: None,
            #[cfg(feature = "unstable-device-bound")]
            unproven: None,
            brought: Brought {
                others: others.collect(),
                authentic: true,
                own: *own,
                ..Brought::NOTHING
            },
        };
        let stored = Box::new(Stored {
            failed: true,
            received: self.received,
            ..Stored::new(now.wall)
        });
        Loaded {
            found,
            stored,
            events: self.events,
        }
    }
}

/// Reads what the store has for a token.
fn read<T: SessionData>(
    manager: &SessionManager<T>,
    now: Now,
    came: Came,
    key: RecordKey,
    bytes: &[u8],
    kept: bool,
) -> Result<(Box<Sealed>, Current), Refusal> {
    let tag = Tag::of(bytes).ok_or(Refusal::Unreadable)?;
    let record = came.open(manager, None, &key, bytes)?;
    if tag.key() != came.key() {
        // It is in use, although the ticket is under another one by now.
        manager.keys().count(tag.key(), now.wall);
    }
    let is_retired = matches!(record.unsealed.key_state, KeyState::Retired(_));
    let opened = came.read(manager, now, record.unsealed.plaintext, record.floor)?;
    let current = Current {
        ids: came.ids(),
        came,
        key,
        secret: record.secret,
        tag: Some(tag),
        is_retired,
        kept,
    };
    Ok((opened, current))
}

/// Says why an end goes on with the next requests.
pub(super) fn undone(progress: Result<Progress, StoreError>) -> Option<Event> {
    let error = match progress {
        Ok(Progress::Done) => return None,
        Ok(Progress::Late | Progress::Outrun) => Ending::outrun(),
        Err(error) => error,
    };
    Some(store_failed(&error))
}

pub(in crate::session::request) fn store_failed(error: &StoreError) -> Event {
    Event::StoreFailed {
        kind: error.kind(),
        detail: error.source().map(|source| source.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Key, Keyring, Timestamp,
        session::{store::Tombstone, testing},
        store::MemoryStore,
    };
    use alloc::{format, sync::Arc};
    use std::sync::Mutex;

    /// While the store is down, nothing else tells that a logout does not hold.
    #[test]
    fn an_end_that_is_forgotten_is_told_once() {
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let sessions = SessionManager::builder(Keyring::new(Key::generate().unwrap()))
            .store(MemoryStore::new(1 << 20))
            .on_event(move |event| told.lock().unwrap().push(format!("{event:?}")))
            .build()
            .unwrap();
        let session = testing::new_session(&sessions);
        session.insert("cart", 7).unwrap();
        let cookie = testing::cookie_header(&session).unwrap();
        let store = sessions.settings().store.as_ref().unwrap();
        for n in 0..=65_536_u128 {
            store.pending.push(
                Ending {
                    key: RecordKey::from_bytes(n.to_be_bytes()),
                    tombstone: Tombstone::Ended(Timestamp::MIN),
                    owner: None,
                    grace: Duration::ZERO,
                    asked_at: Timestamp::MIN,
                },
                false,
            );
        }
        for _ in 0..2 {
            drop(testing::session_from_cookie(&sessions, &cookie));
        }
        let events = events.lock().unwrap();
        let forgot = events.iter().filter(|event| event.contains(FORGOT_AN_END));
        assert_eq!(forgot.count(), 1, "{events:?}");
    }
}
