//! Writes messages that belong to no event, through `tracing` or else to standard error.

/// Logs a mistake in how the application uses sessions.
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) fn error(message: &impl core::fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "hardtack", "{message}");
    #[cfg(not(feature = "tracing"))]
    once(&alloc::format!("{message}"));
}

/// Logs a setting that is wrong for most applications.
pub(crate) fn warn(message: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "hardtack", "{message}");
    #[cfg(not(feature = "tracing"))]
    once(message);
}

/// Prints each message once per process. Otherwise an attacker could fill the disk with requests that
/// each log a line.
#[cfg(not(feature = "tracing"))]
fn once(message: &str) {
    use alloc::{borrow::ToOwned, collections::BTreeSet, string::String};
    use std::sync::Mutex;

    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if said.insert(message.to_owned()) {
        std::eprintln!("hardtack: {message}");
    }
}
