//! The sessions of a site: its settings and its keys.

mod session_manager;
mod settings;

#[cfg(test)]
pub(crate) use session_manager::SMALLEST_RECORD;
pub use session_manager::{ConfigError, SessionManager, SessionManagerBuilder};
