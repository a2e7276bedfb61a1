//! Holds the settings and the keys of an application's sessions.

mod builder;
mod former;
mod key_use;
mod session_manager;
mod settings;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "store")]
mod store_settings;

#[cfg(test)]
pub(crate) use builder::SMALLEST_RECORD;
pub(crate) use builder::{ABSOLUTE_TIMEOUT, CLOCK_SKEW, IDLE_TIMEOUT, REMEMBER_ABSOLUTE};
pub use builder::{ConfigError, SessionManagerBuilder};
pub use former::FormerCookie;
pub(crate) use former::SiteCookie;
pub use key_use::KeyUse;
pub use session_manager::SessionManager;
pub(crate) use settings::{Keys, Settings, cookie_codec};
#[cfg(feature = "store")]
pub use store::Listed;
#[cfg(feature = "store")]
pub use store_settings::Place;
#[cfg(feature = "store")]
pub(crate) use store_settings::StoreSettings;
