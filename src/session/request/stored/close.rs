//! From a session to what is to be written to its store, and to the Set-Cookie lines that need no write.

use super::{
    super::{answer::Answer, close, facts::RequestFacts, open::Brought},
    Stored,
    commit::{Write, ticket_lines},
    current::{Came, Current, with_keys},
    saving::{Saving, Way},
};
use crate::{
    Timestamp,
    session::{
        cookie::{Names, TooLarge},
        data::SessionData,
        endings::RecentEnd,
        error::SaveError,
        events::{Event, SkipReason},
        lifecycle::{Closing, Decision, EndedLogin, LiveSession, Save},
        manager::{Place, SessionManager, SiteCookie, StoreSettings},
        record::{Ids, SessionId, TicketSecret},
        store::{Ending, FOLLOWED, GRACE, RecordSecret, Tombstone},
    },
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

/// Decides what becomes of a session. What only the store can decide is left to the write.
pub(in crate::session::request) fn close<T: SessionData, R: TryCryptoRng + ?Sized>(
    (manager, store): (&SessionManager<T>, &StoreSettings),
    (session, stored): (&mut LiveSession<T>, &mut Stored),
    (facts, brought, head_at): (Option<&RequestFacts>, &Brought, Duration),
    rng: &mut R,
    events: &mut Vec<Event>,
) -> (Answer, Option<Write>) {
    let now = manager.now();
    let ends = ends(manager, store, stored, now.wall);
    if stored.failed {
        // There is nothing to save: every call but `destroy` was an error.
        let answer = removal(manager, session, facts, brought);
        return (answer, Write::of(ends, None));
    }
    if session.is_login() && session.has_ended(&manager.settings().rules, now) {
        // A logout of another tab was faster. Their credential was checked, so they are logged in, with
        // nothing of the session that has ended.
        if let Err(error) = session.start_over() {
            let failed = Decision::Fail(error);
            let failed = close::report_unsaved(&failed, session.known_id(), events);
            let answer = Answer {
                failed,
                ..Answer::default()
            };
            return (answer, Write::of(ends, None));
        }
        if session.is_blank() {
            let nothing = Decision::Skip(SkipReason::LoginEnded);
            close::report_unsaved(&nothing, session.known_id(), events);
            return (Answer::default(), Write::of(ends, None));
        }
    }
    let waits = close::waits(manager, session, brought, &|| now);
    let description = session.take_description();
    let describes = description.is_some() && session.subject().is_some();
    let closing = Closing {
        now: &|| now,
        head_at,
        renews: facts.is_none_or(|facts| facts.renews) && (describes || !waits),
        others: &brought.others,
    };
    let current = stored.current.take().filter(|_| !session.is_new());
    // The browser has got the cookie of another login or another id meanwhile.
    let is_outdated = stored.is_over && !session.is_login();
    if store.place == Place::Cookie
        && !is_outdated
        && moves_back(manager, (session, current.as_ref()), closing, rng, events)
    {
        let answer = close::close(manager, session, (facts, brought, head_at), rng, events);
        return (answer, Write::of(ends, None));
    }
    if describes {
        session.touch();
    }
    if let Some(current) = &current
        && (current.is_retired
            || !has_its_ticket(session, current)
            || is_out_of_use(manager, current))
    {
        session.touch();
    }
    let cookie = &manager.settings().cookie;
    let cookies = facts.map_or(&[][..], RequestFacts::cookies);
    let mut saving = None;
    let moves = brought.counts != SiteCookie::Present && !session.is_destroyed() && !waits;
    let formers = |session: &LiveSession<T>| {
        close::removals(manager, session, cookies, (brought, moves), now.wall)
    };
    let unsaved = match session.decide(&manager.settings().rules, closing, rng) {
        Decision::Save(_) if is_outdated => Decision::Skip(SkipReason::LoginEnded),
        Decision::Save(save) => {
            let stale = brought.stale(cookie, cookies);
            let ready = !describes
                && !save.is_slow
                && save.keeps_record()
                && current.as_ref().is_some_and(Current::is_kept);
            let planned = match &current {
                Some(current) if ready => {
                    let secret = current.secret.ticket.clone();
                    ticket_lines(manager, &save, secret, stale, now.wall, rng).map(Planned::Ready)
                }
                _ => plan((manager, store), (session, describes), current, &save, rng)
                    .map(Planned::Write),
            };
            match planned {
                Ok(Planned::Ready((lines, saved))) => {
                    events.push(saved);
                    if moves {
                        events.push(close::moved(manager, &save, brought));
                    }
                    let mut set_cookie = formers(session);
                    set_cookie.extend(lines);
                    let answer = Answer {
                        set_cookie,
                        ..Answer::default()
                    };
                    return (answer, Write::of(ends, None));
                }
                Ok(Planned::Write((way, secret, from, grace))) => {
                    saving = Some(Box::new(Saving {
                        own: session.own_change(),
                        description: description.clone().filter(|_| describes),
                        formers: formers(session),
                        moved: moves.then(|| close::moved(manager, &save, brought)),
                        mine: save.record.clone(),
                        save,
                        way,
                        secret,
                        from,
                        grace,
                        head_at,
                        renews: closing.renews,
                        waits,
                        others: brought.others.clone(),
                        replaced: brought
                            .others
                            .iter()
                            .filter(|_| session.is_login())
                            .filter_map(|login| {
                                let ended = manager.settings().rules.end_of(login.login, now);
                                ending((manager, store), stored, (login, ended), now.wall)
                            })
                            .collect(),
                        stale,
                        to_remove: session.is_destroyed().then(|| cookie.to_remove(cookies)),
                    }));
                    Decision::Keep
                }
                Err(error) if save.is_renewal() => Decision::Skip(SkipReason::RenewalFailed(error)),
                Err(error) => Decision::Fail(error),
            }
        }
        decision => decision,
    };
    let failed = close::report_unsaved(&unsaved, session.known_id(), events);
    let mut answer = match saving {
        Some(_) => Answer::default(),
        None => removal(manager, session, facts, brought),
    };
    answer.failed = failed;
    answer.skipped = matches!(unsaved, Decision::Skip(_));
    (answer, Write::of(ends, saving))
}

/// Leaves to the write what a handler has destroyed before it panicked.
pub(in crate::session::request) fn end<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    stored: &mut Stored,
) -> Option<Write> {
    Write::of(ends(manager, store, stored, manager.wall()), None)
}

/// Remembers what a handler has destroyed and no response has told the store.
pub(in crate::session::request) fn abandon<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    stored: &mut Stored,
    write: Option<Box<Write>>,
) {
    let unclosed = match stored.destroyed.is_empty() {
        true => Vec::new(),
        false => ends(manager, store, stored, manager.wall()),
    };
    let uncommitted = write.into_iter().flat_map(|write| write.ends);
    drop(store.pending.hold(uncommitted.chain(unclosed)));
}

enum Planned {
    Ready((Vec<String>, Event)),
    Write((Way, RecordSecret, Option<Current>, Duration)),
}

/// Decides how a save reaches the store.
fn plan<T: SessionData, R: TryCryptoRng + ?Sized>(
    (manager, store): (&SessionManager<T>, &StoreSettings),
    (session, describes): (&LiveSession<T>, bool),
    current: Option<Current>,
    save: &Save,
    rng: &mut R,
) -> Result<(Way, RecordSecret, Option<Current>, Duration), SaveError> {
    manager.settings().fits_record(save.record.0.len())?;
    let mut fresh = || {
        let mut secret = TicketSecret::new([0; 16]);
        rng.try_fill_bytes(&mut *secret.0)
            .map_err(|_| SaveError::Randomness)?;
        Ok::<_, SaveError>(RecordSecret::new(secret))
    };
    let Some(current) = current else {
        return Ok((Way::Create, fresh()?, None, GRACE));
    };
    let secret = match &current.came {
        Came::AsTicket(_) => Some(&current.secret.ticket),
        Came::AsSession(..) => None,
    };
    let moves = current.ids.session != save.ids.session;
    // Only a session that moves leaves a tombstone, and the keys that tell how long it stays are derived for it.
    let grace = match session.sealed_login().filter(|_| moves) {
        Some(login) => {
            let (place, from) = ((manager, store), (current.ids.session, secret));
            // Robots get new ids too, and must not fill the store.
            let followed = match session.was_of_person() && !session.is_login() {
                true => FOLLOWED,
                false => GRACE,
            };
            grace(place, from, login.absolute_end, manager.wall()).max(followed)
        }
        None => GRACE,
    };
    let way = match current.tag {
        None if moves => Way::MoveAndRename,
        None => Way::Create,
        Some(tag) if moves => Way::Rename(tag),
        Some(_) if save.keeps_record() && !current.is_retired && !describes => Way::Keep,
        Some(tag) => Way::Swap(tag),
    };
    let secret = if moves {
        fresh()?
    } else {
        current.secret.clone()
    };
    Ok((way, secret, Some(current), grace))
}

/// Returns `true` if the browser's ticket says of the record what it is. A response with a newer one may
/// have been lost.
fn has_its_ticket<T: SessionData>(session: &LiveSession<T>, current: &Current) -> bool {
    match (&current.came, current.tag) {
        (Came::AsTicket(came), _) => {
            let ticket = session.ticket(current.secret.ticket.clone());
            ticket.is_none_or(|ticket| ticket == came.ticket)
        }
        (Came::AsSession(..), Some(_)) => false,
        (Came::AsSession(..), None) => true,
    }
}

/// Returns `true` if the key of the token opens nothing any more: the keys changed during the request.
fn is_out_of_use<T: SessionData>(manager: &SessionManager<T>, current: &Current) -> bool {
    let key = current.came.key();
    with_keys(manager, |keys, _| !keys.is_in_use(key)).unwrap_or(true)
}

impl Current {
    /// Returns `true` if the store keeps the record for as long as a ticket of now is good.
    fn is_kept(&self) -> bool {
        self.kept && !self.is_retired
    }
}

/// Gives a session that was in the store another id, to be saved in the cookie under it: the record stays
/// for those who have its ticket, and no two versions have one id. Returns `false` if it must stay in the
/// store because it does not fit into the cookie.
fn moves_back<T: SessionData, R: TryCryptoRng + ?Sized>(
    manager: &SessionManager<T>,
    (session, current): (&mut LiveSession<T>, Option<&Current>),
    closing: Closing<'_>,
    rng: &mut R,
    events: &mut Vec<Event>,
) -> bool {
    let Some(current) = current.filter(|current| current.tag.is_some()) else {
        return true;
    };
    // Decided before it gets another id, after which a mere renewal looks like a change, and is never late.
    let decision = session.decide(&manager.settings().rules, closing, rng);
    let is_saved = matches!(decision, Decision::Save(_));
    let len = session.record_len().unwrap_or(usize::MAX);
    if let Err(TooLarge { len, max }) = manager.settings().fits(len) {
        if is_saved {
            let Ids {
                session: id,
                login: login_id,
            } = current.ids;
            events.push(Event::StaysInStore {
                id,
                login_id,
                len,
                max,
            });
        }
        return false;
    }
    let moved = session.known_id() != Some(current.ids.session);
    moved || !is_saved || session.regenerate(rng).is_ok()
}

/// Returns the Set-Cookie lines of a session that was destroyed.
fn removal<T: SessionData>(
    manager: &SessionManager<T>,
    session: &LiveSession<T>,
    facts: Option<&RequestFacts>,
    brought: &Brought,
) -> Answer {
    let cookie = &manager.settings().cookie;
    let cookies = facts.map_or(&[][..], RequestFacts::cookies);
    let removed = match session.is_destroyed() {
        true => cookie.to_remove(cookies),
        false => Names::default(),
    };
    let mut set_cookie = cookie.remove(removed, 0);
    if session.is_destroyed() {
        let now = manager.wall();
        set_cookie.extend(close::removals(
            manager,
            session,
            cookies,
            (brought, false),
            now,
        ));
    }
    Answer {
        set_cookie,
        ..Answer::default()
    }
}

/// Returns what the store has to end.
fn ends<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    stored: &mut Stored,
    now: Timestamp,
) -> Vec<Ending> {
    let destroyed = core::mem::take(&mut stored.destroyed);
    let destroyed = destroyed.iter();
    destroyed
        .filter_map(|(login, ended)| ending((manager, store), stored, (login, *ended), now))
        .collect()
}

/// Returns how a session ends whose cookie was received. `ended` says how it had ended before, if it had.
fn ending<T: SessionData>(
    place: (&SessionManager<T>, &StoreSettings),
    stored: &Stored,
    (login, ended): (&EndedLogin, Option<RecentEnd>),
    now: Timestamp,
) -> Option<Ending> {
    let received = stored.received(login.session);
    Some(Ending {
        key: with_keys(place.0, |keys, _| keys.record_key(login.session))?,
        tombstone: Tombstone::Destroyed(now),
        owner: received.and_then(|received| received.owner),
        grace: grace_of(place, stored, (login, ended), now),
        asked_at: stored.came_at,
    })
}

/// Returns how long its tombstone stays. The first one counts, and this may be the first.
fn grace_of<T: SessionData>(
    place: (&SessionManager<T>, &StoreSettings),
    stored: &Stored,
    (login, ended): (&EndedLogin, Option<RecentEnd>),
    now: Timestamp,
) -> Duration {
    let (_, settings) = place;
    let secret = match stored.received(login.session) {
        // Robots begin and end sessions, and must not fill the store with what was never in it.
        Some(received)
            if settings.place == Place::Cookie
                && received.secret.is_none()
                && !received.alive
                && !login.of_person =>
        {
            return GRACE;
        }
        Some(received) => received.secret.as_ref(),
        // Perhaps its cookie held the session, and a copy still opens: one that was kept warm, or any if the session
        // ended before its time.
        None if login.of_person || ended.is_some() => None,
        None => return GRACE,
    };
    grace(place, (login.session, secret), login.absolute_end, now)
}

/// Returns how long a tombstone stays. A cookie that held the whole session opens until the end of the
/// session, so its tombstone has to last that long.
fn grace<T: SessionData>(
    (manager, store): (&SessionManager<T>, &StoreSettings),
    (session, secret): (SessionId, Option<&TicketSecret>),
    end: Timestamp,
    now: Timestamp,
) -> Duration {
    let was_moved = |secret: &TicketSecret| {
        let secrets = with_keys(manager, |keys, _| keys.moved_secrets(session));
        secrets.is_some_and(|all| all.iter().any(|(_, moved)| moved == secret))
    };
    if store.only_tickets || !secret.is_none_or(was_moved) {
        return GRACE;
    }
    // Until the slowest clock of the site takes no copy any more.
    let skew = manager.settings().rules.skew.saturating_mul(2);
    end.saturating_duration_since(now)
        .saturating_add(skew)
        .max(GRACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Key, Keyring,
        session::{Session, SessionError, record::Ticket, testing},
        store::MemoryStore,
        token,
    };
    use alloc::vec;

    /// Returns the ticket in a Cookie header.
    fn ticket(manager: &SessionManager, cookie: &str) -> Ticket {
        let (_, token) = cookie.split_once('=').unwrap();
        let mut scratch = vec![0; token::body_len(token.len())];
        let codec = &manager.keys().codec;
        let opened = codec.open_payload(None, token.as_bytes(), manager.wall(), &mut scratch);
        Ticket::decode(opened.unwrap().value).unwrap()
    }

    /// An attacker may have planted the ticket, and may get what the store holds: a dump, or a backup.
    #[test]
    fn a_ticket_of_before_does_not_open_the_record_under_a_new_id() {
        let manager = SessionManager::builder(Keyring::new(Key::generate().unwrap()))
            .store(MemoryStore::new(1 << 20))
            .build()
            .unwrap();
        let session = testing::new_session(&manager);
        session.insert("cart", 7).unwrap();
        let planted = testing::cookie_header(&session).unwrap();
        type Renames = fn(&Session) -> Result<(), SessionError>;
        let renames: [Renames; 2] = [|it| it.regenerate(), |it| it.regenerate_for_login()];
        let mut cookie = planted.clone();
        let mut secrets = vec![ticket(&manager, &cookie).secret];
        for renames in renames {
            let session = testing::session_from_cookie(&manager, &cookie);
            renames(&session).unwrap();
            cookie = testing::cookie_header(&session).unwrap();
            let secret = ticket(&manager, &cookie).secret;
            assert!(!secrets.contains(&secret));
            secrets.push(secret);
        }
        // A save under the same id keeps it, for another tab has it too.
        let session = testing::session_from_cookie(&manager, &cookie);
        session.remember(true).unwrap();
        cookie = testing::cookie_header(&session).unwrap();
        assert!(secrets.last() == Some(&ticket(&manager, &cookie).secret));
    }
}
