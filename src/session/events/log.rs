//! What goes to the log where no event can: through `tracing`, else on standard error.

/// What is wrong with how the application uses the session.
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) fn error(message: &impl core::fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "hardtack", "{message}");
    #[cfg(not(feature = "tracing"))]
    once(&alloc::format!("{message}"));
}

/// What is right for some, and wrong for most.
pub(crate) fn warn(message: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "hardtack", "{message}");
    #[cfg(not(feature = "tracing"))]
    once(message);
}

/// Each message once in the life of the process: a log that every request writes to is a way to fill
/// a disk.
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
