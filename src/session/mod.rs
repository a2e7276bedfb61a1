//! Sessions that travel in the cookie: opened before the handler, saved after it. How to use them is
//! told in [`guide::sessions`](crate::guide::sessions).
//!
//! | | |
//! |---|---|
//! | [`SessionManager`] | the settings and keys of a site; made by [`SessionManager::builder`] |
//! | [`Session`] | the session of one request, as a handler gets it |
//! | [`SessionData`] | what makes a type of yours a session |
//! | [`Event`] | every decision, for the operator |
//! | [`HeaderEdits`] | what a response carries, for adapters |
//! | [`SessionManager::read_set_cookie`], [`Session::cookie_header`] | a session in the tests of an application |
//!
//! ```
//! use hardtack::{Key, Keyring, session::{SessionError, SessionManager}};
//!
//! let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
//! let session = sessions.begin(); // in a framework: the extractor
//! session.insert("user", "ada")?;
//! assert_eq!(session.get::<String>("user")?.as_deref(), Some("ada"));
//! assert!(matches!(session.get::<u32>("user"), Err(SessionError::WrongType { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod caching;
mod config;
mod cookies;
mod current;
mod data;
mod error;
mod event;
mod exchange;
mod handle;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod layer;
mod map;
mod open;
mod record;
pub(crate) mod report;
mod save;
mod sessions;
mod set_cookie;
mod state;
#[cfg(feature = "store")]
pub(crate) mod store;
mod testing;
mod timeouts;
#[cfg(feature = "tracing")]
mod trace;
mod value;
mod view;

pub use builder::{ConfigError, SessionManagerBuilder};
pub use data::SessionData;
pub use error::{SaveError, SessionError};
pub use event::{Event, NotSaved, Refusal, SaveReason};
pub use exchange::HeaderEdits;
pub use handle::Session;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) use layer::Layered;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub use layer::MissingLayer;
pub use map::SessionMap;
pub use record::{Flash, FlashLevel, ParseSessionIdError, SessionId};
pub use sessions::SessionManager;
pub use set_cookie::SameSite;
pub use testing::NoSessionError;
pub use view::SessionView;

#[cfg(test)]
mod vectors;
