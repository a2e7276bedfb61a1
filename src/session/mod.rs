//! Sessions that travel in the cookie: opened before the handler, saved after it.
//! [`guide::sessions`](crate::guide::sessions) tells how to use them.
//!
//! | | |
//! |---|---|
//! | [`SessionManager`] | holds the settings and keys of a site; made by [`SessionManager::builder`] |
//! | [`Session`] | is the session of one request, as a handler gets it |
//! | [`SessionData`] | makes a type of yours a session |
//! | [`Event`] | tells the operator every decision |
//! | [`Exchange`] | is what an adapter drives, for a framework of your own |
//! | [`testing`] | makes and reads sessions in the tests of an application |
//!
//! ```
//! use hardtack::{Key, Keyring, session::{SessionError, SessionManager, testing}};
//!
//! let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
//! let session = testing::new_session(&sessions); // in a framework: the extractor
//! session.insert("user", "ada")?;
//! assert_eq!(session.get::<String>("user")?.as_deref(), Some("ada"));
//! assert!(matches!(session.get::<u32>("user"), Err(SessionError::WrongType { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cookie;
mod data;
mod endings;
mod error;
mod events;
mod exchange;
mod lifecycle;
mod manager;
mod origin;
mod record;
mod request;
#[allow(
    clippy::module_inception,
    reason = "the room is named for what it gives handlers"
)]
mod session;
pub mod testing;

pub use cookie::SameSite;
pub use data::{OldData, SessionData, SessionMap};
pub use endings::{Denied, Denylist, DenylistEntry, DenylistFull, ParseDenylistEntryError};
pub use error::{SaveError, SessionError};
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) use events::log;
pub use events::{Event, Refusal, SaveReason, SkipReason};
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub use exchange::MissingLayer;
pub use exchange::{Commit, Exchange, HeaderEdit, HeaderEdits, Plan, SessionFuture};
pub use lifecycle::SessionView;
pub use manager::{ConfigError, SessionManager, SessionManagerBuilder};
pub use origin::{CrossOrigin, CrossOriginReason, RequestLine};
pub use record::{Flash, FlashLevel, LoginId, ParseLoginIdError, ParseSessionIdError, SessionId};
pub use request::RequestHead;
pub use session::Session;
