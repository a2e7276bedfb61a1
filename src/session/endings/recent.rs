//! The process's short memory of logins that have ended, and of sessions that got another id.
//!
//! A browser sends requests in parallel. Without this memory, an answer that was begun before a
//! logout would write the old session back after it, and the visitor would be logged in again.

use alloc::collections::BTreeSet;
use core::{
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How long an end is remembered: longer than an ordinary request takes.
const MEMORY: Duration = Duration::from_secs(60);

/// Bounds the memory: with more ends than this in a minute, the oldest are forgotten early.
const MAX_ENTRIES: usize = 65_536;

/// Expired entries that one insertion removes at most. More than one, so that the memory shrinks;
/// few, so that no request waits for a long clean-up.
const PRUNED_AT_ONCE: usize = 16;

/// Says how a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecentEnd {
    /// Another login took its place: only a login may still save it.
    Replaced,
    /// It was destroyed: it neither opens nor is saved.
    Ended,
}

impl RecentEnd {
    /// Returns `true` if nothing brings the login back, not even another login over it.
    pub(crate) fn is_final(self) -> bool {
        self == RecentEnd::Ended
    }
}

/// Remembers for 60 seconds which logins (or sessions, by their ids) were ended or replaced in this process.
///
/// Times are monotonic, counted from any one point that all callers share. A wall clock that is
/// set back must not prolong or cut the memory.
#[derive(Debug)]
pub(crate) struct RecentEnds<I> {
    max: usize,
    memory: Mutex<Memory<I>>,
    /// In milliseconds, when the last login ended, or 0. Where nobody logs in or out for a minute, no request takes the
    /// lock, which all of them share.
    latest: AtomicU64,
}

#[derive(Debug)]
struct Memory<I> {
    ends: HashMap<I, (Duration, RecentEnd)>,
    by_time: BTreeSet<(Duration, I)>,
}

impl<I: Copy + Hash + Ord> Default for RecentEnds<I> {
    fn default() -> RecentEnds<I> {
        RecentEnds::with_max(MAX_ENTRIES)
    }
}

impl<I: Copy + Hash + Ord> RecentEnds<I> {
    fn with_max(max: usize) -> RecentEnds<I> {
        let memory = Memory {
            ends: HashMap::new(),
            by_time: BTreeSet::new(),
        };
        RecentEnds {
            max,
            memory: Mutex::new(memory),
            latest: AtomicU64::new(0),
        }
    }

    /// Remembers that a login ended at `now`. An end stays an end: a replacement that comes after
    /// it does not weaken it.
    pub(crate) fn remember(&self, login: I, end: RecentEnd, now: Duration) {
        let mut memory = self.lock();
        let (mut at, mut kind) = (now, end);
        if let Some((before, was)) = memory.ends.get(&login).copied() {
            memory.by_time.remove(&(before, login));
            if !is_over(before, now) {
                // Two threads may come here in another order than they read the clock.
                (at, kind) = (at.max(before), kind.max(was));
            }
        }
        self.latest.fetch_max(millis_after(at), Ordering::Release);
        memory.ends.insert(login, (at, kind));
        memory.by_time.insert((at, login));
        for _ in 0..PRUNED_AT_ONCE {
            match memory.by_time.first() {
                Some((at, _)) if memory.ends.len() > self.max || is_over(*at, now) => {}
                _ => break,
            }
            if let Some((_, oldest)) = memory.by_time.pop_first() {
                memory.ends.remove(&oldest);
            }
        }
    }

    /// Returns how a login ended, if it did within the last 60 seconds.
    pub(crate) fn get(&self, login: I, now: Duration) -> Option<RecentEnd> {
        let latest = Duration::from_millis(self.latest.load(Ordering::Acquire));
        if latest.is_zero() || is_over(latest, now) {
            return None;
        }
        let (at, end) = self.lock().ends.get(&login).copied()?;
        (!is_over(at, now)).then_some(end)
    }

    fn lock(&self) -> MutexGuard<'_, Memory<I>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the first whole millisecond after this moment.
fn millis_after(at: Duration) -> u64 {
    let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    millis.saturating_add(1)
}

fn is_over(at: Duration, now: Duration) -> bool {
    now.saturating_sub(at) > MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::LoginId;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn login(n: u64) -> LoginId {
        LoginId::from_bytes(n.to_be_bytes())
    }

    #[test]
    fn an_end_is_remembered_for_60_seconds() {
        let ends = RecentEnds::default();
        ends.remember(login(1), RecentEnd::Ended, 10 * SECOND);
        ends.remember(login(2), RecentEnd::Replaced, 10 * SECOND);
        for (now, known) in [(0, true), (10, true), (70, true), (71, false)] {
            let now = now * SECOND;
            let [ended, replaced] =
                [RecentEnd::Ended, RecentEnd::Replaced].map(|end| known.then_some(end));
            assert_eq!(ends.get(login(1), now), ended, "{now:?}");
            assert_eq!(ends.get(login(2), now), replaced, "{now:?}");
            assert_eq!(ends.get(login(3), now), None, "{now:?}");
        }
        assert_eq!(ends.get(login(1), Duration::MAX), None);
    }

    /// Threads take the lock in another order than they read the clock.
    #[test]
    fn an_earlier_end_that_is_told_later_hides_no_other() {
        let ends = RecentEnds::default();
        ends.remember(login(1), RecentEnd::Ended, 10 * SECOND);
        ends.remember(login(2), RecentEnd::Ended, 5 * SECOND);
        assert_eq!(ends.get(login(1), 70 * SECOND), Some(RecentEnd::Ended));
    }

    #[test]
    fn an_end_is_stronger_than_a_replacement_and_a_later_one_counts_anew() {
        let ends = RecentEnds::default();
        ends.remember(login(1), RecentEnd::Replaced, SECOND);
        ends.remember(login(1), RecentEnd::Ended, 2 * SECOND);
        ends.remember(login(1), RecentEnd::Replaced, 30 * SECOND);
        assert_eq!(ends.get(login(1), 90 * SECOND), Some(RecentEnd::Ended));
        // A thread that read the clock earlier and got the lock later.
        ends.remember(login(1), RecentEnd::Ended, 5 * SECOND);
        assert_eq!(ends.get(login(1), 90 * SECOND), Some(RecentEnd::Ended));
        assert_eq!(ends.get(login(1), 91 * SECOND), None);
    }

    #[test]
    fn no_login_brings_back_what_was_destroyed() {
        assert!(RecentEnd::Ended.is_final());
        assert!(!RecentEnd::Replaced.is_final());
    }

    #[test]
    fn of_too_many_the_oldest_go_first() {
        let ends = RecentEnds::default();
        for n in 0..=65_536 {
            ends.remember(login(n), RecentEnd::Ended, Duration::from_micros(n));
        }
        assert_eq!(ends.get(login(0), SECOND), None);
        assert_eq!(ends.get(login(1), SECOND), Some(RecentEnd::Ended));
        assert_eq!(ends.get(login(65_536), SECOND), Some(RecentEnd::Ended));
        // One that was there before takes no place of another.
        ends.remember(login(65_536), RecentEnd::Ended, SECOND);
        assert_eq!(ends.get(login(1), SECOND), Some(RecentEnd::Ended));
    }

    #[test]
    fn a_login_removes_16_ends_that_are_over_and_no_request_waits_for_more() {
        let ends = RecentEnds::default();
        for n in 0..40 {
            ends.remember(login(n), RecentEnd::Ended, SECOND);
        }
        for (n, left) in [(40, 24 + 1), (41, 8 + 2), (42, 3), (43, 4)] {
            ends.remember(login(n), RecentEnd::Ended, 62 * SECOND);
            let memory = ends.lock();
            assert_eq!((memory.ends.len(), memory.by_time.len()), (left, left));
        }
    }

    proptest! {
        /// Against a list that is searched from end to end.
        #[test]
        fn it_agrees_with_a_plain_list(
            steps in proptest::collection::vec((0..12_u64, any::<bool>(), 0..40_u32), 1..80),
        ) {
            let max = 5;
            let ends = RecentEnds::with_max(max);
            let mut list: Vec<(Duration, LoginId, RecentEnd)> = Vec::new();
            let mut now = Duration::ZERO;
            for (n, ended, pause) in steps {
                now += pause * SECOND;
                let mut end = if ended { RecentEnd::Ended } else { RecentEnd::Replaced };
                ends.remember(login(n), end, now);

                list.retain(|(at, _, _)| now - *at <= MEMORY);
                if let Some(i) = list.iter().position(|(_, id, _)| *id == login(n)) {
                    end = end.max(list.remove(i).2);
                }
                list.push((now, login(n), end));
                list.sort();
                while list.len() > max {
                    list.remove(0);
                }
                for n in 0..12 {
                    let expected = list.iter().find(|(_, id, _)| *id == login(n)).map(|(_, _, end)| *end);
                    prop_assert_eq!(ends.get(login(n), now), expected, "{} at {:?}", n, now);
                }
                let memory = ends.lock();
                prop_assert!(memory.ends.len() <= max);
                prop_assert_eq!(memory.ends.len(), memory.by_time.len());
            }
        }
    }
}
