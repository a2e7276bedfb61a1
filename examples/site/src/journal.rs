//! Keeps the events for the operator, the list of ended sessions, and the clock.

use hardtack::{
    Timestamp,
    session::{Event, SessionId, SessionView},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// The number of events that are kept.
const MAX_EVENTS: usize = 50;

#[derive(Default)]
pub(crate) struct Journal {
    events: Mutex<VecDeque<(Timestamp, Event)>>,
    /// Ended sessions, each with the time when the last copy of its cookie expires. If a site has
    /// several instances, all of them must share this list.
    ended: Mutex<BTreeMap<SessionId, Timestamp>>,
    /// The seconds by which the clock is ahead, so that nobody has to wait for a timeout.
    ahead: AtomicU32,
}

impl Journal {
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.ahead.load(Ordering::Relaxed).into());
        Timestamp::now().saturating_add(ahead)
    }

    pub(crate) fn advance(&self, by: Duration) {
        let seconds = u32::try_from(by.as_secs()).unwrap_or(u32::MAX);
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Stores an event, for `on_event`.
    pub(crate) fn record(&self, event: &Event) {
        let now = self.now();
        if let Event::Destroyed {
            id, absolute_end, ..
        } = event
        {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.retain(|_, end| *end >= now);
            ended.insert(*id, *absolute_end);
        }
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.truncate(MAX_EVENTS - 1);
        events.push_front((now, event.clone()));
    }

    /// Returns `true` if the session was not ended, for `validate`. Without this check, anyone with
    /// a copy of the cookie could use it after logout until its timeouts.
    pub(crate) fn is_current(&self, session: &SessionView<'_>) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        !ended.contains_key(&session.id())
    }

    /// Returns the events, latest first.
    pub(crate) fn events(&self) -> Vec<(Timestamp, Event)> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().cloned().collect()
    }
}
