//! Writes a session to its store, between the handler and the headers of the response.

use super::{
    super::{answer::Answer, close},
    call::{Call, twice},
    current::{record_key, with_keys},
    ends,
    load::store_failed,
    merging::{self, Attempt, Next, Over},
    owners,
    saving::{Saving, Unsaved, Way},
};
use crate::session::{
    cookie::Names,
    data::SessionData,
    error::SaveError,
    events::{Event, Lost, SaveReason, SkipReason, log},
    lifecycle::{EndedLogin, Now, Save, keep_saved},
    manager::{SessionManager, StoreSettings},
    record::{Record, SessionId, Ticket, TicketSecret},
    store::{
        self, Ending, Expect, Found, Put, RecordKey, RecordSecret, StoreError, StoreErrorKind,
        Swap, Tag, Tombstone,
    },
};
use crate::system_random::SystemRandom;
use crate::{KeyId, Timestamp};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

/// How often a save meets another one before it gives up, and how long it tries.
const MAX_TRIES: u32 = 64;
const MAX_TIME: Duration = Duration::from_secs(2);

/// What the store has to do for a response.
pub(crate) struct Write {
    pub(super) ends: Vec<Ending>,
    saving: Option<Box<Saving>>,
}

/// What was saved.
struct Saved {
    save: Save,
    secret: RecordSecret,
    /// The key and the length of the record, if it was written.
    written: Option<(KeyId, usize)>,
    lost: Vec<Lost>,
    /// The id that another request gave to the session over which somebody logged in.
    renamed: Option<RecordKey>,
}

impl Write {
    pub(super) fn of(ends: Vec<Ending>, saving: Option<Box<Saving>>) -> Option<Write> {
        let write = Write { ends, saving };
        (write.saving.is_some() || !write.ends.is_empty()).then_some(write)
    }
}

/// Writes to the store, and completes the answer. Returns the events too: they are reported by the caller.
pub(crate) async fn commit<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    write: Box<Write>,
    mut answer: Answer,
) -> (Answer, Vec<Event>) {
    let mut events = Vec::new();
    let Write { ends, saving } = *write;
    let mut moves = None;
    if !ends::run((manager, store), ends, &mut moves, &mut events).await {
        fail(&mut answer, &mut events, None, SaveError::Store);
    }
    if let Some(mut saving) = saving {
        let id = Some(saving.save.ids.session);
        // Before the store is told how long to keep the record.
        let now = manager.now();
        let (renews, waits, stale) = (saving.renews, saving.waits, saving.stale);
        let replaced = match saving.own.is_login {
            true => saving.others.clone(),
            false => Vec::new(),
        };
        let endings = core::mem::take(&mut saving.replaced);
        let to_remove = saving.to_remove;
        let drops_subject = saving.own.drops_subject;
        let (mut formers, moved) = (saving.formers.clone(), saving.moved.clone());
        let (renewal, came) = (saving.save.is_renewal(), saving.came());
        // A login that was to end first must not be followed by another one that hides it.
        let saved = match answer.failed {
            None => save(manager, store, saving).await,
            Some(_) => Err(Unsaved::Fail(SaveError::Store)),
        };
        let saved = saved.and_then(|saved| {
            if waits && Some(saved.save.ids.session) == id {
                return Ok((saved, Vec::new(), None));
            }
            let (lines, event) = finish(manager, &saved, came.as_ref(), stale, (now, renews))?;
            Ok((saved, lines, event))
        });
        match saved {
            Ok((saved, lines, event)) => {
                if !lines.is_empty() {
                    formers.extend(lines);
                    // Behind what removes planted cookies.
                    answer.set_cookie.append(&mut formers);
                }
                // A copy of an idle one may have been kept warm.
                let (login, endings) = (saved.save.ids.session, (endings, saved.renamed));
                ends::replaced((manager, store), login, endings, &mut moves, &mut events).await;
                report(manager, saved, event, &replaced, &mut events);
                if drops_subject {
                    log::login_without_subject();
                }
                events.extend(moved);
                return (answer, events);
            }
            // The ticket that the browser has is as good as it was.
            Err(Unsaved::Fail(error)) if renewal => events.push(Event::NotSaved {
                id,
                reason: SkipReason::RenewalFailed(error),
            }),
            Err(Unsaved::Store(error)) if renewal => {
                events.push(store_failed(&error));
                let reason = SkipReason::RenewalFailed(SaveError::Store);
                events.push(Event::NotSaved { id, reason });
            }
            Err(Unsaved::Skip(reason)) => {
                answer.skipped = true;
                // It offers to bind a login that is not there.
                answer.own = None;
                events.push(Event::NotSaved { id, reason });
            }
            Err(Unsaved::Fail(error)) => fail(&mut answer, &mut events, id, error),
            Err(Unsaved::Store(error)) => {
                events.push(store_failed(&error));
                fail(&mut answer, &mut events, id, SaveError::Store);
            }
        }
        if let Some(names) = to_remove {
            let cookie = &manager.settings().cookie;
            answer.set_cookie.extend(cookie.remove(names, 0));
            answer.set_cookie.append(&mut formers);
        }
    }
    (answer, events)
}

fn fail(answer: &mut Answer, events: &mut Vec<Event>, id: Option<SessionId>, error: SaveError) {
    if answer.failed.is_none() {
        events.push(Event::Failed { id, error });
    }
    answer.failed.get_or_insert(error);
}

/// Seals the ticket of what was saved, if the browser needs another one.
fn finish<T: SessionData>(
    manager: &SessionManager<T>,
    saved: &Saved,
    came: Option<&Ticket>,
    stale: Names,
    (now, renews): (Now, bool),
) -> Result<(Vec<String>, Option<Event>), SaveError> {
    let save = &saved.save;
    let record = Record::decode(&save.record.0).map_err(|_| SaveError::unreadable::<T>())?;
    let ticket = Ticket::of(&record, saved.secret.ticket.clone());
    if came == Some(&ticket) && !(save.due && renews) {
        return Ok((Vec::new(), None));
    }
    let secret = saved.secret.ticket.clone();
    let (lines, event) = ticket_lines(manager, save, secret, stale, now.wall, &mut SystemRandom)?;
    Ok((lines, Some(event)))
}

fn report<T: SessionData>(
    manager: &SessionManager<T>,
    saved: Saved,
    ticket: Option<Event>,
    others: &[EndedLogin],
    events: &mut Vec<Event>,
) {
    let Saved {
        save,
        written,
        lost,
        ..
    } = saved;
    let (id, login_id) = (save.ids.session, save.ids.login);
    events.extend(
        lost.into_iter()
            .map(|lost| Event::Conflict { id, login_id, lost }),
    );
    match written {
        Some((key, len)) => events.push(Event::Saved {
            id,
            login_id,
            key,
            reason: save.reason,
            len,
        }),
        None => events.extend(ticket),
    }
    close::report_replaced(manager, &save, others, events);
}

/// Returns the Set-Cookie lines for a ticket of this record, and the event for them.
pub(super) fn ticket_lines<T: SessionData, R: TryCryptoRng + ?Sized>(
    manager: &SessionManager<T>,
    save: &Save,
    secret: TicketSecret,
    stale: Names,
    now: Timestamp,
    rng: &mut R,
) -> Result<(Vec<String>, Event), SaveError> {
    let record = Record::decode(&save.record.0).map_err(|_| SaveError::unreadable::<T>())?;
    let ticket = Ticket::of(&record, secret).encode();
    let cookie = &manager.settings().cookie;
    let (token, key) = close::seal_record(manager, &ticket, now, rng)?;
    let (mut lines, len) = cookie.set(&token, save.max_age)?;
    let kept = lines.len();
    lines.extend(cookie.remove(stale, kept));
    let event = Event::Saved {
        id: save.ids.session,
        login_id: save.ids.login,
        key,
        reason: save.reason,
        len,
    };
    Ok((lines, event))
}

/// Saves one session: swaps it in, and merges with what others have saved meanwhile. What few saves need is in a
/// box: without it, the future of every save would have room for it.
async fn save<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    mut saving: Box<Saving>,
) -> Result<Saved, Unsaved> {
    let until = manager.ticks().saturating_add(MAX_TIME);
    let from = saving.from.as_ref().map(|from| from.key);
    let (mut lost, mut renamed, mut takes_over) = (Vec::new(), None, None);
    if let (Way::MoveAndRename, Some(from)) = (saving.way, &from) {
        saving.way = Box::pin(move_first(manager, store, &mut saving, from)).await?;
    }
    if let (Way::Keep, Some(from)) = (saving.way, &from) {
        return Box::pin(keep(manager, store, saving, from)).await;
    }
    for _ in 0..MAX_TRIES {
        let key = match &saving.from {
            Some(from) if from.ids.session == saving.save.ids.session => from.key,
            _ => record_key(manager, saving.save.ids.session)?,
        };
        let record =
            Record::decode(&saving.save.record.0).map_err(|_| SaveError::unreadable::<T>())?;
        let (now, is_new) = (manager.wall(), saving.save.reason == SaveReason::Created);
        let rules = &manager.settings().rules;
        let (mut keep, at_most) = keep_saved(rules, &record.head, is_new, now);
        if let Some(base) = saving.moved_record() {
            // A cookie of before lives as long as it did, and must find the record, however short that is now.
            let base = Record::decode(base).map_err(|_| SaveError::unreadable::<T>())?;
            keep = keep.max(keep_saved(rules, &base.head, false, now).0);
        }
        let subject = record.head.subject.as_deref();
        let primary = with_keys(manager, |keys, _| keys.primary());
        let entry = match subject.filter(|_| store.store.lists_owners()) {
            Some(subject) if primary.is_none_or(|primary| saving.writes_entry(primary)) => {
                let text = match &saving.description {
                    Some(text) => text.clone(),
                    // Another request may have described it since the last try.
                    None => {
                        let described = owners::description(manager, store, subject, from.as_ref());
                        Box::pin(described).await?
                    }
                };
                Some(owners::entry(manager, subject, (&key, &record), text, now)?)
            }
            _ => None,
        };
        let owner = entry.as_ref().map(|entry| owners::owner(entry, at_most));
        let (sealed, by) = seal(
            manager,
            &mut saving.secret,
            &key,
            &saving.save.record.0,
            now,
        )?;
        let put = |expect| Put {
            key: &key,
            expect,
            record: &sealed,
            keep,
            owner,
        };
        let call = match (&saving.way, &from) {
            (Way::Swap(tag), _) => Call::Put(put(Expect::Tag(tag))),
            (Way::Rename(tag), Some(from)) => {
                let put = put(Expect::Tag(tag));
                let tombstone = match saving.own.is_login {
                    true => Tombstone::Replaced(key, now),
                    false => Tombstone::Moved(key, now),
                };
                Call::Rename(from, put, tombstone, saving.grace)
            }
            _ => Call::Put(put(Expect::Absent)),
        };
        let (swap, repeated) = twice(store, &call).await?;
        let next = match swap {
            Swap::Done => {
                let has_ended = match takes_over.take() {
                    Some(left) => Box::pin(merging::becomes_of(store, left)).await? != Over::GoesOn,
                    None => false,
                };
                if !has_ended {
                    let written = Some((by, sealed.len()));
                    return Ok(Saved {
                        save: saving.save,
                        secret: saving.secret,
                        written,
                        lost,
                        renamed,
                    });
                }
                // Its person ended it while this login was written. Nobody has the ticket yet.
                let tag = Tag::of(&sealed).ok_or(StoreError::from(StoreErrorKind::Corrupt))?;
                match merging::own_writes(manager, &saving) {
                    Ok(attempt) => Next::Put(Attempt {
                        way: Way::Swap(tag),
                        ..attempt
                    }),
                    // It holds what the other person wrote, and the list of this one would show it.
                    Err(unsaved) => {
                        let owner = entry.map(|(owner, _)| owner);
                        Box::pin(ends::unsaved((manager, store), key, owner)).await;
                        return Err(unsaved);
                    }
                }
            }
            // The record may hold this save already, and then another's: a merge would apply it twice.
            Swap::Differs(_) if repeated => return Err(SaveError::Store.into()),
            Swap::Differs(_) if manager.ticks() > until => {
                return Err(SaveError::Contended.into());
            }
            Swap::Differs(theirs) => {
                let theirs_key = match (&saving.way, &from) {
                    (Way::Rename(_), Some(from)) => from,
                    _ => &key,
                };
                merging::merge((manager, store), &saving, theirs_key, &theirs)?
            }
            // A rename in two steps has buried its new record: see the default of `Store::rename`.
            Swap::Ended(_) if takes_over.is_some() => {
                Next::Put(merging::over(manager, &saving, Over::GoesOn)?)
            }
            Swap::Ended(tombstone) => {
                if let Tombstone::Moved(next, _) = tombstone {
                    renamed = Some(next);
                }
                let over = match (tombstone, saving.own.is_login) {
                    (Tombstone::Moved(..), _) | (_, true) => {
                        Box::pin(merging::becomes_of(store, tombstone)).await?
                    }
                    (_, false) => Over::Ended,
                };
                takes_over = (over == Over::GoesOn).then_some(tombstone);
                Next::Put(merging::over(manager, &saving, over)?)
            }
            Swap::Missing => Next::Put(merging::over(manager, &saving, Over::Missing)?),
        };
        match next {
            Next::Put(next) => {
                saving.save = next.save;
                saving.way = next.way;
                saving.secret = next.secret;
                lost = next.lost;
            }
            Next::Done(save, secret, lost) => {
                return Ok(Saved {
                    save,
                    secret,
                    written: None,
                    lost,
                    renamed: None,
                });
            }
        }
    }
    Err(SaveError::Contended.into())
}

/// Puts a session that is in its cookie only under its own id, so that a rename finds it: another request
/// may be moving it at the same time.
async fn move_first<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    saving: &mut Saving,
    key: &RecordKey,
) -> Result<Way, Unsaved> {
    let (Some(base), Some(from)) = (&saving.own.base, &mut saving.from) else {
        return Ok(Way::Create);
    };
    let record = Record::decode(&base.0).map_err(|_| SaveError::unreadable::<T>())?;
    let now = manager.wall();
    let (keep, at_most) = keep_saved(&manager.settings().rules, &record.head, false, now);
    let (sealed, _) = seal(manager, &mut from.secret, key, &base.0, now)?;
    let subject = record.head.subject.as_deref();
    // If the client hangs up before the rename, an end of all must find this record.
    let entry = match subject.filter(|_| store.store.lists_owners()) {
        Some(subject) => {
            // Another request may have moved and described it.
            let described = owners::description(manager, store, subject, Some(key)).await?;
            Some(owners::entry(
                manager,
                subject,
                (key, &record),
                described,
                now,
            )?)
        }
        None => None,
    };
    let put = Put {
        key,
        expect: Expect::Absent,
        record: &sealed,
        keep,
        owner: entry.as_ref().map(|entry| owners::owner(entry, at_most)),
    };
    // If another request was faster, the rename says what is there, and merges with it.
    twice(store, &Call::Put(put)).await?;
    let tag = Tag::of(&sealed).ok_or(StoreError::from(StoreErrorKind::Corrupt))?;
    Ok(Way::Rename(tag))
}

/// Lets the store keep a record longer, before the browser gets a ticket that is good for longer.
async fn keep<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    saving: Box<Saving>,
    key: &RecordKey,
) -> Result<Saved, Unsaved> {
    let record = Record::decode(&saving.save.record.0).map_err(|_| SaveError::unreadable::<T>())?;
    let rules = &manager.settings().rules;
    let (keep, _) = keep_saved(rules, &record.head, false, manager.wall());
    match store.store.load(key, Some(keep)).await? {
        Found::Record(_) => Ok(Saved {
            save: saving.save,
            secret: saving.secret,
            written: None,
            lost: Vec::new(),
            renamed: None,
        }),
        Found::Ended(_) => Err(Unsaved::Skip(SkipReason::LoginEnded)),
        Found::Missing => Err(Unsaved::Skip(SkipReason::Missing)),
    }
}

/// Seals a record. Returns the key that did it, too.
fn seal<T: SessionData>(
    manager: &SessionManager<T>,
    secret: &mut RecordSecret,
    key: &RecordKey,
    record: &[u8],
    now: Timestamp,
) -> Result<(Vec<u8>, KeyId), Unsaved> {
    let sealed = with_keys(manager, |keys: &store::StoreKeys, _| {
        let sealed = keys.seal_record(secret, key, record, now, &mut SystemRandom);
        sealed.map(|sealed| (sealed, keys.primary()))
    });
    let sealed = sealed.ok_or(StoreError::from(StoreErrorKind::Unsupported))?;
    sealed.map_err(|error| Unsaved::Fail(SaveError::of::<T>(error)))
}
