//! The ends of sessions, beside what a response saves.

use super::{current::record_key, load::undone};
use crate::{
    Timestamp,
    session::{
        data::SessionData,
        events::Event,
        manager::{SessionManager, StoreSettings},
        record::SessionId,
        store::{Ending, GRACE, Moves, OwnerKey, Progress, RecordKey, StoreErrorKind, Tombstone},
    },
};
use alloc::vec::Vec;

/// Ends sessions. Returns `true` if all ends are done: what is not, another request tries again, and this process
/// remembers it meanwhile.
pub(super) async fn run<T: SessionData>(
    (manager, store): (&SessionManager<T>, &StoreSettings),
    ends: impl IntoIterator<Item = Ending>,
    moves: &mut Option<Moves>,
    events: &mut Vec<Event>,
) -> bool {
    let mut are_done = true;
    for ending in store.pending.hold(ends) {
        let moves = moves.get_or_insert_with(|| manager.moves());
        let ended = ending.run(&*store.store, moves).await;
        are_done &= matches!(ended, Ok(Progress::Done | Progress::Late));
        // A store that does not answer would let each of the others wait as long, and how many tickets a request has
        // is the sender's choice. Another error may be that of one node.
        let is_silent = matches!(&ended, Err(error) if error.kind() == StoreErrorKind::Timeout);
        events.extend(undone(ended));
        if is_silent {
            break;
        }
    }
    are_done
}

/// Ends a record whose ticket no browser gets.
pub(super) async fn unsaved<T: SessionData>(
    place: (&SessionManager<T>, &StoreSettings),
    key: RecordKey,
    owner: Option<OwnerKey>,
) {
    let ending = Ending {
        key,
        tombstone: Tombstone::Ended(place.0.wall()),
        owner,
        grace: GRACE,
        asked_at: Timestamp::MIN,
    };
    let mut events = Vec::new();
    run(place, [ending], &mut None, &mut events).await;
    for event in &events {
        place.0.report(event);
    }
}

/// Ends the other sessions of a browser that has logged in, and the one that another request has renamed meanwhile.
pub(super) async fn replaced<T: SessionData>(
    (manager, store): (&SessionManager<T>, &StoreSettings),
    login: SessionId,
    (endings, renamed): (Vec<Ending>, Option<RecordKey>),
    moves: &mut Option<Moves>,
    events: &mut Vec<Event>,
) {
    if endings.is_empty() && renamed.is_none() {
        return;
    }
    let Ok(successor) = record_key(manager, login) else {
        return;
    };
    let tombstone = Tombstone::Replaced(successor, manager.wall());
    // A thief may ask for a new id while the password is checked.
    let renamed = renamed.map(|key| Ending {
        key,
        tombstone,
        owner: None,
        grace: GRACE,
        asked_at: Timestamp::MIN,
    });
    let endings = endings.into_iter().map(|ending| Ending {
        tombstone,
        ..ending
    });
    run((manager, store), endings.chain(renamed), moves, events).await;
}
