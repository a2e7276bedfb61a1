//! What a save makes of what others have done to the session meanwhile.

use super::{
    current::{Record as Opened, is_unreadable},
    saving::{Saving, Unsaved, Way},
};
use crate::session::{
    data::{self, SessionData},
    error::SaveError,
    events::{Lost, Refusal, SkipReason},
    lifecycle::{Decision, LiveSession, OwnChange, Save, read_record},
    manager::{SessionManager, StoreSettings},
    record::{Ids, Record},
    store::{
        Found, Loss, MAX_MOVES, Own, RecordKey, RecordSecret, StoreError, Tag, Tombstone, Version,
        merge as merge_versions,
    },
};
use crate::system_random::SystemRandom;
use alloc::vec::Vec;

/// What to do next.
pub(super) enum Next {
    Put(Attempt),
    /// The store has all of it already.
    Done(Save, RecordSecret, Vec<Lost>),
}

pub(super) struct Attempt {
    pub(super) save: Save,
    pub(super) way: Way,
    pub(super) secret: RecordSecret,
    pub(super) lost: Vec<Lost>,
}

/// Merges with the record that another request has put under `key`. Each time this request's own changes
/// are merged as they were at first: merged twice they would count twice.
pub(super) fn merge<T: SessionData>(
    (manager, store): (&SessionManager<T>, &StoreSettings),
    saving: &Saving,
    key: &RecordKey,
    theirs: &[u8],
) -> Result<Next, Unsaved> {
    // Nobody else knows the id of a session that is new.
    let (Some(from), Some(base)) = (&saving.from, &saving.own.base) else {
        return Err(SaveError::Store.into());
    };
    let tag = Tag::of(theirs).ok_or(SaveError::Store)?;
    let Opened {
        unsealed,
        secret,
        floor,
    } = from
        .came
        .open(manager, Some(&from.secret), key, theirs)
        .map_err(|_unreadable| SaveError::Store)?;
    let their_record = unsealed.plaintext;
    let (_, head, data) = read_record::<T>(&their_record.0).ok_or(SaveError::Store)?;
    let theirs = Version { head, data };
    let sealed = match from.came.read(manager, manager.now(), their_record, floor) {
        Ok(sealed) => sealed,
        // Another instance can read it: one that binds sessions, for example.
        Err(refusal) if is_unreadable(refusal) => return Err(SaveError::Store.into()),
        // By the ticket of this request it is over, and by that of another tab it may live: the login replaces it.
        Err(_) if saving.own.is_login => {
            let attempt = over(manager, saving, Over::Ended)?;
            return Ok(Next::Put(Attempt {
                way: Way::Rename(tag),
                ..attempt
            }));
        }
        Err(Refusal::Ended) => return Err(Unsaved::Skip(SkipReason::LoginEnded)),
        Err(_) => return Err(Unsaved::Skip(SkipReason::Ended)),
    };
    let (ids, mine) = mine::<T>(saving)?;
    let (base, own) = (version(&base.0)?, own(&saving.own));
    #[cfg(feature = "unstable-device-bound")]
    let device = mine.head.device_key;
    let (merged, lost) = merge_versions(&base, mine, theirs, own, &store.conflicts);
    #[cfg(feature = "unstable-device-bound")]
    if device.is_some() && device != merged.head.device_key {
        return Err(Unsaved::Skip(SkipReason::Bound));
    }
    let mut session = LiveSession::merged(ids, merged.head, merged.data, sealed);
    let len = session
        .record_len()
        .map_err(|_| SaveError::unreadable::<T>())?;
    manager
        .settings()
        .fits_record(len)
        .map_err(SaveError::from)?;
    let renames = ids.session != from.ids.session;
    let secret = if renames {
        saving.secret.clone()
    } else {
        secret
    };
    let lost = lost.into_iter().map(told).collect();
    let save = match decide(manager, saving, &mut session)? {
        Some(save) if save.is_renewal() && saving.description.is_none() => {
            return Ok(Next::Done(save, secret, lost));
        }
        Some(save) => save,
        // The list is to show another description.
        None if saving.description.is_some() => unchanged(&session, saving)?,
        None => return Ok(Next::Done(unchanged(&session, saving)?, secret, lost)),
    };
    Ok(Next::Put(Attempt {
        save,
        way: if renames {
            Way::Rename(tag)
        } else {
            Way::Swap(tag)
        },
        secret,
        lost,
    }))
}

/// What became of a session meanwhile that is not under its id any more.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Over {
    /// It is there under another id, or as another login.
    GoesOn,
    Ended,
    Missing,
}

/// Says what became of a session that left this tombstone. It may have got another id first, and have been ended under that.
pub(super) async fn becomes_of(
    store: &StoreSettings,
    mut left: Tombstone,
) -> Result<Over, StoreError> {
    for _ in 0..MAX_MOVES {
        let (Tombstone::Moved(next, _) | Tombstone::Replaced(next, _)) = left else {
            break;
        };
        match store.store.load(&next, None).await? {
            Found::Record(_) => return Ok(Over::GoesOn),
            Found::Ended(tombstone) => left = tombstone,
            Found::Missing => break,
        }
    }
    Ok(Over::Ended)
}

/// What becomes of a save whose session has ended, or whose record is missing: nothing, unless it logs
/// somebody in. Their credential was checked, and they would not understand why they are logged out.
pub(super) fn over<T: SessionData>(
    manager: &SessionManager<T>,
    saving: &Saving,
    over: Over,
) -> Result<Attempt, Unsaved> {
    if !saving.own.is_login {
        return Err(match over {
            // A second try has the ticket of the new id.
            Over::GoesOn if writes_something(saving) => SaveError::Contended.into(),
            Over::GoesOn | Over::Ended => Unsaved::Skip(SkipReason::LoginEnded),
            Over::Missing => Unsaved::Skip(SkipReason::Missing),
        });
    }
    if matches!(saving.way, Way::Create) {
        // The key of the first try has a tombstone by now: see the default of `Store::rename`.
        let (ids, head, data) =
            read_record::<T>(&saving.save.record.0).ok_or(SaveError::unreadable::<T>())?;
        let mut session = LiveSession::unsaved(ids, head, data);
        session.regenerate(&mut SystemRandom)?;
        return anew(manager, saving, session);
    }
    // If it goes on, perhaps by the first click of two, it is as good as it was. Else what it held was another
    // person's to end: only what this request wrote goes on.
    if over != Over::GoesOn && saving.own.base.is_some() {
        return own_writes(manager, saving);
    }
    let (ids, Version { head, data }) = mine::<T>(saving)?;
    anew(manager, saving, LiveSession::unsaved(ids, head, data))
}

/// Keeps of a login only what its own request wrote.
pub(super) fn own_writes<T: SessionData>(
    manager: &SessionManager<T>,
    saving: &Saving,
) -> Result<Attempt, Unsaved> {
    let (_, Version { head, .. }) = mine::<T>(saving)?;
    let ids = saving.save.ids;
    let written = saving.own.written.as_ref();
    // Of typed data, nobody knows what the request wrote itself. A second try logs in over nothing.
    let written = written.ok_or(SaveError::Contended)?;
    let data = data::decode(&written.0).ok_or(SaveError::unreadable::<T>())?;
    anew(manager, saving, LiveSession::unsaved(ids, head, data))
}

/// Returns `true` if the request has written more than another id and a description. Messages that it has shown are
/// shown again.
fn writes_something(saving: &Saving) -> bool {
    let Some(base) = &saving.own.base else {
        return true;
    };
    let [Ok(mut mine), Ok(base)] = [&saving.mine, base].map(|record| Record::decode(&record.0))
    else {
        return true;
    };
    let flashes = core::mem::replace(&mut mine.head.flashes, base.head.flashes.clone());
    flashes
        .iter()
        .any(|flash| !base.head.flashes.contains(flash))
        || mine.head != base.head
        || mine.data != base.data
}

fn anew<T: SessionData>(
    manager: &SessionManager<T>,
    saving: &Saving,
    mut session: LiveSession<T>,
) -> Result<Attempt, Unsaved> {
    // A login that wrote nothing leaves nothing to save.
    let save = decide(manager, saving, &mut session)?;
    Ok(Attempt {
        save: save.ok_or(Unsaved::Skip(SkipReason::LoginEnded))?,
        way: Way::Create,
        secret: saving.secret.clone(),
        lost: Vec::new(),
    })
}

/// Asks the rules again, with what the session is now.
fn decide<T: SessionData>(
    manager: &SessionManager<T>,
    saving: &Saving,
    session: &mut LiveSession<T>,
) -> Result<Option<Save>, Unsaved> {
    let now = &|| manager.now();
    let closing = saving.closing(now);
    match session.decide(&manager.settings().rules, closing, &mut SystemRandom) {
        Decision::Save(save) => Ok(Some(save)),
        Decision::Keep => Ok(None),
        Decision::Skip(reason) => Err(Unsaved::Skip(reason)),
        Decision::Fail(error) => Err(Unsaved::Fail(error)),
    }
}

/// Returns the save of a session that is in the store as it should be.
fn unchanged<T: SessionData>(session: &LiveSession<T>, saving: &Saving) -> Result<Save, Unsaved> {
    let record = session
        .own_change()
        .base
        .ok_or(SaveError::unreadable::<T>())?;
    Ok(Save {
        reason: saving.save.reason,
        now: saving.save.now,
        ids: saving.save.ids,
        record,
        max_age: saving.save.max_age,
        replaces: None,
        due: false,
        is_slow: false,
    })
}

fn version<T: SessionData>(record: &[u8]) -> Result<Version<T>, Unsaved> {
    let (_, head, data) = read_record(record).ok_or(SaveError::unreadable::<T>())?;
    Ok(Version { head, data })
}

/// Returns what this request wanted to save at first.
fn mine<T: SessionData>(saving: &Saving) -> Result<(Ids, Version<T>), Unsaved> {
    let (ids, head, data) = read_record(&saving.mine.0).ok_or(SaveError::unreadable::<T>())?;
    Ok((ids, Version { head, data }))
}

fn own(change: &OwnChange) -> Own {
    Own {
        replaced: change.replaced,
        took_flashes: change.took_flashes,
        is_login: change.is_login,
    }
}

fn told(loss: Loss) -> Lost {
    match loss {
        Loss::Key(key) => Lost::Key(key),
        Loss::Data => Lost::Data,
        Loss::Flashes => Lost::Flashes,
    }
}
