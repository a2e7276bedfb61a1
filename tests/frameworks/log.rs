//! What the application logs, through `tracing`.

use std::{
    fmt::{self, Write},
    sync::{Mutex, Once},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

static LINES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

/// Prints what was collected, as the library prints what nobody listens to.
pub fn print() {
    for (_, line) in LINES.lock().unwrap().iter() {
        eprintln!("hardtack: {line}");
    }
}

/// Collects from now on; the tests of one process share the log.
pub fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
}

/// Whether a line with this text was logged, as an error or a warning.
pub fn has(text: &str) -> bool {
    LINES
        .lock()
        .unwrap()
        .iter()
        .any(|(_, line)| line.contains(text))
}

/// Whether a line with this text was logged as an error.
pub fn has_error(text: &str) -> bool {
    let lines = LINES.lock().unwrap();
    let is_error = |(level, line): &(Level, String)| *level == Level::ERROR && line.contains(text);
    lines.iter().any(is_error)
}

struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "hardtack" && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        LINES
            .lock()
            .unwrap()
            .push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}
