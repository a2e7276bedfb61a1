//! Holds the settings and the keys of an application's sessions.

mod session_manager;
mod settings;

#[cfg(test)]
pub(crate) use session_manager::SMALLEST_RECORD;
pub use session_manager::{ConfigError, SessionManager, SessionManagerBuilder};
