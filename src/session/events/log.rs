//! What goes to the log: through `tracing` if somebody listens, else on standard error.

#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
use crate::session::error::SessionError;
use core::{
    fmt::Display,
    sync::atomic::{AtomicU32, Ordering},
};
use std::sync::Once;

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
    Panic,
    #[cfg(feature = "store")]
    Store,
    #[cfg(feature = "unstable-device-bound")]
    Device,
}

impl Topic {
    const COUNT: usize = 11;
}

/// Returns `true` if somebody listens to `tracing` on this thread. A subscriber of another scope, or one that is
/// gone, does not count: the line would reach nobody.
#[cfg(feature = "tracing")]
pub(super) fn has_subscriber() -> bool {
    use tracing::{dispatcher, subscriber::NoSubscriber};
    dispatcher::get_default(|subscriber| !subscriber.is::<NoSubscriber>())
}

/// Says what is wrong.
pub(crate) fn error(topic: Topic, message: &impl Display) {
    #[cfg(feature = "tracing")]
    if has_subscriber() {
        tracing::error!(target: "hardtack", "{message}");
        return;
    }
    print(topic, message);
}

/// Says why a call failed whose error became the response. Not of a request from another origin, with rivals
/// or without an answer of the store: an event has said that. Their number would ration the rest away.
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) fn failed_call(failed: &SessionError) {
    match failed {
        SessionError::CrossOrigin | SessionError::Rivals | SessionError::Store => {}
        #[cfg(feature = "unstable-device-bound")]
        SessionError::NoDeviceProof => {}
        _ => error(Topic::FailedCall, failed),
    }
}

/// Says what is right for some, and wrong for most.
pub(crate) fn warn(topic: Topic, message: &impl Display) {
    #[cfg(feature = "tracing")]
    if has_subscriber() {
        tracing::warn!(target: "hardtack", "{message}");
        return;
    }
    print(topic, message);
}

/// Says, once, why a developer who looks at the site over http sees a new session each time.
pub(crate) fn secure_cookie_over_http() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        warn(
            Topic::Development,
            &"a Secure cookie answers a request that seems to come over http: browsers drop it, so each request has a new session; use https, `http://localhost`, or `insecure_for_development`",
        );
    });
}

/// Says, once, that a site which lists the sessions of its people has forgotten one of its logins.
#[cfg(feature = "store")]
pub(crate) fn login_without_subject() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        warn(
            Topic::Setup,
            &"a login dropped the subject of the session before and set none: nobody's list shows it, and `end_all` misses it; call `set_subject` after `regenerate_for_login`, with `None` if this is on purpose",
        );
    });
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
