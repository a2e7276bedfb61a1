//! Holds the settings and the keys of an application's sessions.

mod former;
mod key_use;
mod session_manager;
mod settings;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "store")]
mod store_settings;

pub use former::FormerCookie;
pub(crate) use former::SiteCookie;
pub use key_use::KeyUse;
#[cfg(test)]
pub(crate) use session_manager::SMALLEST_RECORD;
pub(crate) use session_manager::{ABSOLUTE_TIMEOUT, CLOCK_SKEW, IDLE_TIMEOUT, REMEMBER_ABSOLUTE};
pub use session_manager::{ConfigError, SessionManager, SessionManagerBuilder};
pub(crate) use settings::{Keys, Settings, cookie_codec};
#[cfg(feature = "store")]
pub use store::Listed;
#[cfg(feature = "store")]
pub use store_settings::Place;
#[cfg(feature = "store")]
pub(crate) use store_settings::StoreSettings;
