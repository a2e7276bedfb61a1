//! Keeps the events for the operator, and the clock.

use hardtack::{Timestamp, session::Event};
use std::{
    collections::VecDeque,
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
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.truncate(MAX_EVENTS - 1);
        events.push_front((now, event.clone()));
    }

    /// Returns the events, latest first.
    pub(crate) fn events(&self) -> Vec<(Timestamp, Event)> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().cloned().collect()
    }
}
