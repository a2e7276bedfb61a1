//! Ending records: what a logout leaves in a store, now or as soon as the store answers again.

use super::{End, ErasedStore, OwnerKey, RecordKey, StoreError, StoreErrorKind, Swap, Tombstone};
use crate::Timestamp;
use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How long a tombstone stays: longer than an ordinary request takes.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// How long a tombstone stays that leads from a person's session to its next id: longer than an end waits for a store
/// that is down, for an instance that is cut off from it, or for a slow handler. A thief may ask for new ids
/// meanwhile.
pub(crate) const FOLLOWED: Duration = Duration::from_secs(60 * 60);

/// How many new ids the ends of one request follow together: more than a thief is given while a busy server lets an end
/// wait.
pub(crate) const MAX_MOVES: u32 = 64;

/// How many each of them follows in any case: a planted ticket of many ids must not use up what the visitor's own needs.
const MOVES_OF_EACH: u32 = 4;

/// How many more a pending end follows within the request of somebody else.
const MOVES_OF_OTHERS: u32 = 4;

/// How many pending ends a sweep lets fail one after the other. Each may take twice as long as the store's deadline.
const MAX_FAILED: u32 = 4;

/// How long no request takes a pending end along after one was not answered. A part of the store may be silent while the
/// rest answers, and everybody's pages would wait for it.
const PAUSE: Duration = Duration::from_secs(2);

/// How long one has for its answer, after which another one is tried: its request may have been dropped.
const TURN: Duration = Duration::from_secs(5);

/// Bounds the memory of ends that the store has not taken yet.
const MAX_PENDING: usize = 65_536;

/// A record that is to end.
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) key: RecordKey,
    pub(crate) tombstone: Tombstone,
    pub(crate) owner: Option<OwnerKey>,
    pub(crate) grace: Duration,
    /// When the request came that asked for it. What had got another id before was over when it came.
    pub(crate) asked_at: Timestamp,
}

/// How far an end has come.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Progress {
    Done,
    /// There are more ids. The session had got them before the end was asked for.
    Late,
    /// The session gets new ids faster than they are ended.
    Outrun,
}

/// How far ends follow sessions to their next ids, up to the next login. How many old tickets come, and of how long a
/// chain of ids, is the sender's choice.
#[derive(Clone)]
pub(crate) struct Moves {
    left: u32,
    /// One end has come by here: another one need not go the same way again.
    seen: BTreeSet<RecordKey>,
    /// What moved earlier is not followed. The tombstone may stay for longer.
    oldest: Timestamp,
}

impl Moves {
    pub(crate) fn new(now: Timestamp, skew: Duration) -> Moves {
        Moves {
            left: MAX_MOVES,
            seen: BTreeSet::new(),
            oldest: now.saturating_sub(FOLLOWED.saturating_add(skew)),
        }
    }

    /// For an end that runs within the request of somebody else.
    fn of_others(self) -> Moves {
        let left = MOVES_OF_OTHERS;
        Moves { left, ..self }
    }
}

impl Ending {
    /// Ends the record, also under its next ids, as far as `moves` allows. An end may be repeated: a second try finds the
    /// tombstone of the first, and goes on under the id at which the first one stopped. `waits` says where another end
    /// waits: it goes the same way.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub(crate) async fn run(
        &mut self,
        store: &dyn ErasedStore,
        moves: &mut Moves,
        waits: impl Fn(&RecordKey) -> bool,
    ) -> Result<Progress, StoreError> {
        let mut own = MOVES_OF_EACH;
        while !moves.seen.contains(&self.key) {
            let end = End {
                key: &self.key,
                expect: None,
                tombstone: self.tombstone,
                grace: self.grace,
                owner: self.owner.as_ref(),
            };
            let ended = match store.end(end).await {
                Err(error) if error.may_have_acted() => store.end(end).await?,
                ended => ended?,
            };
            moves.seen.insert(self.key);
            let Swap::Ended(Tombstone::Moved(next, at)) = ended else {
                break;
            };
            if at < moves.oldest {
                break;
            }
            self.key = next;
            let budget = match own {
                0 => &mut moves.left,
                _ => &mut own,
            };
            let left = budget.checked_sub(1).filter(|_| !waits(&next));
            let Some(left) = left else {
                return Ok(match at < self.asked_at {
                    true => Progress::Late,
                    false => Progress::Outrun,
                });
            };
            *budget = left;
        }
        Ok(Progress::Done)
    }

    pub(crate) fn outrun() -> StoreError {
        StoreError::new(
            StoreErrorKind::Unavailable,
            "the session got another id again and again while it was ended",
        )
    }
}

/// Ends that the store has not taken yet. Nothing runs in the background: each request that the store
/// answers takes one along.
#[derive(Default)]
pub(crate) struct PendingEnds(Mutex<Pending>);

/// Each record once: how often somebody ends it while the store is down is the sender's choice.
#[derive(Default)]
struct Pending {
    order: VecDeque<RecordKey>,
    /// Those that are on their way through many ids, behind all others: how many of these come is the sender's choice too.
    long: VecDeque<RecordKey>,
    ends: HashMap<RecordKey, Ending>,
    loss: Loss,
    /// Until then, no request takes one along.
    paused_until: Duration,
}

/// Whether an end found no room.
#[derive(Clone, Copy, Default, PartialEq)]
enum Loss {
    #[default]
    Nothing,
    Untold,
    Told,
}

impl PendingEnds {
    pub(crate) fn push(&self, ending: Ending, is_long: bool) {
        let pending = &mut *self.lock();
        let order = match is_long {
            true => &mut pending.long,
            false => &mut pending.order,
        };
        if let Some(before) = pending.ends.get_mut(&ending.key) {
            before.grace = before.grace.max(ending.grace);
            before.asked_at = before.asked_at.min(ending.asked_at);
        } else if pending.ends.len() < MAX_PENDING {
            order.push_back(ending.key);
            pending.ends.insert(ending.key, ending);
        } else if pending.loss == Loss::Nothing {
            pending.loss = Loss::Untold;
        }
    }

    /// Returns `true` if an end found no room and was dropped: once, until the store has taken all others.
    pub(crate) fn first_loss(&self) -> bool {
        let Pending { ends, loss, .. } = &mut *self.lock();
        if *loss != Loss::Untold {
            return false;
        }
        *loss = match ends.is_empty() {
            true => Loss::Nothing,
            false => Loss::Told,
        };
        true
    }

    /// Ends that are pending until they are done, also if their request is dropped half way because its client
    /// hung up.
    pub(crate) fn hold(&self, ends: impl IntoIterator<Item = Ending>) -> Vec<HeldEnd<'_>> {
        ends.into_iter()
            .map(|ending| self.hold_one(ending))
            .collect()
    }

    fn hold_one(&self, ending: Ending) -> HeldEnd<'_> {
        HeldEnd {
            pending: self,
            ending: Some(ending),
            is_long: false,
        }
    }

    /// Tries the oldest of them, within the request of somebody else, and never two at a time. `now` is the clock that
    /// never goes back.
    pub(crate) async fn run_one(
        &self,
        store: &dyn ErasedStore,
        moves: Moves,
        now: impl Fn() -> Duration,
    ) -> Result<(), StoreError> {
        // The clock is the application's code: not with the lock held.
        let began = now();
        let Some(ending) = self.lock().take_turn(began) else {
            return Ok(());
        };
        let held = self.hold_one(ending);
        let ended = held.run(store, &mut moves.of_others()).await;
        let is_silent = matches!(&ended, Err(error) if error.kind() == StoreErrorKind::Timeout);
        let paused_until = match is_silent {
            true => now().saturating_add(PAUSE),
            false => Duration::ZERO,
        };
        self.lock().paused_until = paused_until;
        ended.map(|_| ())
    }

    /// Returns `true` if there is one.
    pub(crate) fn is_some(&self) -> bool {
        !self.lock().ends.is_empty()
    }

    /// Tries each of them once: one part of the store may be down, and another may answer.
    ///
    /// # Errors
    ///
    /// The first of the store. If many fail in a row, the others are not tried.
    pub(crate) async fn run_all(
        &self,
        store: &dyn ErasedStore,
        moves: Moves,
    ) -> Result<(), StoreError> {
        let count = self.lock().ends.len();
        let (mut first, mut in_a_row) = (Ok(()), 0_u32);
        for ending in core::iter::from_fn(|| self.lock().pop()).take(count) {
            match self.hold_one(ending).run(store, &mut moves.clone()).await {
                Ok(_) => in_a_row = 0,
                Err(error) => {
                    first = first.and(Err(error));
                    in_a_row = in_a_row.saturating_add(1);
                }
            }
            if in_a_row == MAX_FAILED {
                break;
            }
        }
        first
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Returns the next one, unless another one has its turn or was not answered a moment ago.
    fn take_turn(&mut self, now: Duration) -> Option<Ending> {
        if self.paused_until > now {
            return None;
        }
        let ending = self.pop()?;
        self.paused_until = now.saturating_add(TURN);
        Some(ending)
    }

    fn pop(&mut self) -> Option<Ending> {
        let next = self.order.pop_front();
        let key = next.or_else(|| self.long.pop_front())?;
        let ending = self.ends.remove(&key);
        if self.ends.is_empty() && self.loss == Loss::Told {
            self.loss = Loss::Nothing;
        }
        ending
    }
}

/// An end that becomes pending when it is dropped before it is done.
pub(crate) struct HeldEnd<'p> {
    pending: &'p PendingEnds,
    ending: Option<Ending>,
    is_long: bool,
}

impl HeldEnd<'_> {
    /// Unless it is done, another request goes on with it.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub(crate) async fn run(
        mut self,
        store: &dyn ErasedStore,
        moves: &mut Moves,
    ) -> Result<Progress, StoreError> {
        let Some(ending) = &mut self.ending else {
            return Ok(Progress::Done);
        };
        let pending = self.pending;
        let waits = |key: &RecordKey| pending.lock().ends.contains_key(key);
        let progress = ending.run(store, moves, waits).await;
        // What the store will never do must not keep it from the others for ever.
        let stays = match &progress {
            Ok(progress) => *progress != Progress::Done,
            Err(error) => error.may_have_acted(),
        };
        self.is_long = progress.is_ok();
        if !stays {
            self.ending = None;
        }
        progress
    }
}

impl Drop for HeldEnd<'_> {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take() {
            self.pending.push(ending, self.is_long);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::store::{Found, MemoryStore, Put, Store, StoreErrorKind, tests::block_on};

    /// Takes every end, but for one key: what is there is no record.
    struct Damaged {
        memory: MemoryStore,
        at: RecordKey,
    }

    impl Store for Damaged {
        async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
            Store::load(&self.memory, key, keep).await
        }

        async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
            Store::put(&self.memory, put).await
        }

        async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
            if *end.key == self.at {
                return Err(StoreErrorKind::Corrupt.into());
            }
            Store::end(&self.memory, end).await
        }

        async fn check(&self) -> Result<(), StoreError> {
            Ok(())
        }

        fn max_record_bytes(&self) -> usize {
            1 << 20
        }
    }

    fn key(n: u8) -> RecordKey {
        RecordKey::from_bytes([n; 16])
    }

    fn ending(n: u8) -> Ending {
        Ending {
            key: key(n),
            tombstone: Tombstone::Ended(Timestamp::MIN),
            owner: None,
            grace: GRACE,
            asked_at: Timestamp::MAX,
        }
    }

    fn is_ended(store: &Damaged, n: u8) -> bool {
        let found = block_on(Store::load(store, &key(n), None)).unwrap();
        found == Found::Ended(Tombstone::Ended(Timestamp::MIN))
    }

    /// An attacker sends one ticket again and again while the store is down.
    #[test]
    fn a_record_that_is_ended_often_takes_one_place() {
        let pending = PendingEnds::default();
        for _ in 0..=MAX_PENDING {
            pending.push(ending(1), false);
        }
        pending.push(
            Ending {
                grace: 2 * GRACE,
                asked_at: Timestamp::MIN,
                ..ending(1)
            },
            false,
        );
        pending.push(ending(2), false);
        let one = pending.lock().pop().unwrap();
        let two = pending.lock().pop().unwrap();
        assert_eq!((one.key, two.key), (key(1), key(2)));
        assert_eq!((one.grace, one.asked_at), (2 * GRACE, Timestamp::MIN));
        assert!(pending.lock().pop().is_none());
    }

    #[test]
    fn the_memory_of_ends_is_bounded() {
        let pending = PendingEnds::default();
        for n in 0..=u128::from(u16::MAX) + 10 {
            pending.push(
                Ending {
                    key: RecordKey::from_bytes(n.to_be_bytes()),
                    ..ending(0)
                },
                false,
            );
        }
        assert_eq!(pending.lock().ends.len(), MAX_PENDING);
        assert_eq!(pending.lock().order.len(), MAX_PENDING);
    }

    #[test]
    fn a_loss_is_told_once_and_again_after_the_store_has_taken_all() {
        let pending = PendingEnds::default();
        for _ in 0..2 {
            for n in 0..MAX_PENDING as u128 {
                pending.push(
                    Ending {
                        key: RecordKey::from_bytes(n.to_be_bytes()),
                        ..ending(0)
                    },
                    false,
                );
            }
            assert!(!pending.first_loss());
            pending.push(
                Ending {
                    key: RecordKey::from_bytes([0xff; 16]),
                    ..ending(0)
                },
                false,
            );
            assert!(pending.first_loss());
            pending.push(
                Ending {
                    key: RecordKey::from_bytes([0xff; 16]),
                    ..ending(0)
                },
                false,
            );
            assert!(!pending.first_loss());
            while pending.lock().pop().is_some() {}
        }
    }

    /// An outage may end and begin again before the log was written to.
    #[test]
    fn a_loss_is_told_after_the_store_has_taken_all_and_not_twice_before() {
        let pending = PendingEnds::default();
        let fill = |from: u128, to: u128| {
            for n in from..to {
                pending.push(
                    Ending {
                        key: RecordKey::from_bytes(n.to_be_bytes()),
                        ..ending(0)
                    },
                    false,
                );
            }
        };
        let max = MAX_PENDING as u128;
        fill(0, max + 1);
        while pending.lock().pop().is_some() {}
        assert!(pending.first_loss());
        assert!(!pending.first_loss());
        fill(0, max + 1);
        assert!(pending.first_loss(), "another outage");
        pending.lock().pop();
        fill(max, max + 2);
        assert!(!pending.first_loss());
    }

    /// What the store can never end must not keep it from the others.
    #[test]
    fn an_end_that_always_fails_blocks_no_other() {
        let store = Damaged {
            memory: MemoryStore::new(1 << 20),
            at: key(2),
        };
        let pending = PendingEnds::default();
        drop(pending.hold([ending(1), ending(2), ending(3)]));
        let run = || {
            let moves = Moves::new(Timestamp::MIN, GRACE);
            block_on(pending.run_one(&store, moves, || Duration::ZERO))
        };
        run().unwrap();
        assert_eq!(run().unwrap_err().kind(), StoreErrorKind::Corrupt);
        run().unwrap();
        assert!(!pending.is_some());
        assert_eq!([1, 2, 3].map(|n| is_ended(&store, n)), [true, false, true]);
    }
}
