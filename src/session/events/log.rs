//! What goes to the log: through `tracing` if somebody listens, else on standard error.

#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
use crate::session::error::SessionError;
use core::{
    fmt::Display,
    sync::atomic::{AtomicU32, Ordering},
};

/// What a line is about. Lines about one thing are rationed together: how many there are is the sender's
/// choice.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(any(feature = "axum", feature = "actix", feature = "rocket")),
    expect(dead_code, reason = "some are the adapters' alone")
)]
pub(crate) enum Topic {
    FailedSave,
    FailedCall,
    Setup,
    CrossOrigin,
    Rivals,
    Denylist,
    Development,
    Keys,
}

impl Topic {
    const COUNT: usize = 8;
}

/// Says what is wrong.
pub(crate) fn error(topic: Topic, message: &impl Display) {
    #[cfg(feature = "tracing")]
    if tracing::dispatcher::has_been_set() {
        tracing::error!(target: "hardtack", "{message}");
        return;
    }
    print(topic, message);
}

/// Says why a call failed whose error became the response. Not of a request from another origin or with
/// rivals: an event has said that, and their number is the sender's choice. It would ration the rest away.
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) fn failed_call(failed: &SessionError) {
    match failed {
        SessionError::CrossOrigin | SessionError::Rivals => {}
        _ => error(Topic::FailedCall, failed),
    }
}

/// Says what is right for some, and wrong for most.
pub(crate) fn warn(topic: Topic, message: &impl Display) {
    #[cfg(feature = "tracing")]
    if tracing::dispatcher::has_been_set() {
        tracing::warn!(target: "hardtack", "{message}");
        return;
    }
    print(topic, message);
}

/// Prints the first, the second, the fourth line about a topic and so on: a log that every request writes
/// to is a way to fill a disk.
fn print(topic: Topic, message: &impl Display) {
    static COUNTS: [AtomicU32; Topic::COUNT] = [const { AtomicU32::new(0) }; Topic::COUNT];
    let Some(count) = COUNTS.get(topic as usize) else {
        return;
    };
    match count.fetch_add(1, Ordering::Relaxed).saturating_add(1) {
        1 => std::eprintln!("hardtack: {message}"),
        times if times.is_power_of_two() => {
            std::eprintln!("hardtack: {message} (number {times} of its kind)");
        }
        _ => {}
    }
}
