//! What stands inside of the session's layer, and what outside: a test for each row of the page "Layers", under its
//! name. `tests/docs/tests/layers.rs` compares.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "rocket")]
mod rocket;

use crate::{
    kit::clock::Clock,
    site::{ring, settings},
};
use hardtack::session::{Event, Session, SessionManager, SkipReason};
use std::sync::{Arc, Mutex};

/// Sessions, and what was decided about them.
struct Watched {
    sessions: SessionManager,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Watched {
    fn new() -> Watched {
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let collect = events.clone();
        let sessions = settings(ring(), &Clock::new())
            .on_event(move |event| collect.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        Watched { sessions, events }
    }

    fn has_saved(&self) -> bool {
        let events = self.events.lock().unwrap();
        let is_saved = |event: &Event| matches!(event, Event::Saved { .. });
        events.iter().any(is_saved)
    }

    fn has_told_a_panic(&self) -> bool {
        let events = self.events.lock().unwrap();
        let reason = SkipReason::Panicked;
        events.contains(&Event::NotSaved { id: None, reason })
    }
}

/// More than a session holds: the response is a 500, because what the handler wrote would be lost.
fn overfill(session: &Session) {
    session.insert("a", "x".repeat(40_000)).unwrap_err();
}

/// Takes the session from its handler, which has none when it panics.
fn write_and_drop(session: Session) {
    session.insert("a", 1).unwrap();
}

/// Panics with nothing on standard error.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("the handler panics"))
}
