//! Keeps sessions in encrypted cookies. A session is opened when a handler uses it, and saved after
//! the handler. [`guide::sessions`](crate::guide::sessions) shows how to use sessions.
//!
//! | item | what it does |
//! |---|---|
//! | [`SessionManager`] | holds the settings and keys of an application |
//! | [`Session`] | gives a handler the session of its request |
//! | [`SessionData`] | makes your own type the data of a session |
//! | [`Event`] | reports every decision to the operator |
//! | [`Exchange`] | connects sessions to a framework without an adapter |
//! | [`SessionCodec`] | opens and seals session cookies outside a request, for tools |
//! | [`testing`] | makes and reads sessions in your tests |
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
#[cfg(feature = "unstable-device-bound")]
mod device;
mod endings;
mod error;
mod events;
mod exchange;
mod head;
mod lifecycle;
mod manager;
mod record;
mod request;
#[allow(
    clippy::module_inception,
    reason = "the module is named after the type that handlers use"
)]
mod session;
mod session_codec;
#[cfg(feature = "store")]
pub(crate) mod store;
pub mod testing;

pub use cookie::SameSite;
pub use data::{OldData, SessionData, SessionMap};
#[cfg(feature = "unstable-device-bound")]
#[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
pub use device::DeviceBound;
pub use endings::{Denied, Denylist, DenylistEntry, DenylistFull, ParseDenylistEntryError};
pub use error::{SaveError, SessionError};
#[cfg(feature = "unstable-device-bound")]
#[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
pub use events::DeviceRefusal;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub(crate) use events::log;
pub use events::{Event, Lost, Refusal, SaveReason, SkipReason};
pub use exchange::{
    Commit, EndpointFuture, Exchange, HeaderEdit, HeaderEdits, Plan, SessionFuture,
};
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub use exchange::{MissingLayer, SameOrigin, SameOriginError};
pub use head::{CrossOrigin, CrossOriginReason, RequestHead, RequestLine};
pub use lifecycle::SessionView;
pub use manager::{ConfigError, FormerCookie, KeyUse, SessionManager, SessionManagerBuilder};
#[cfg(feature = "store")]
pub use manager::{Listed, Place};
pub use record::{Flash, FlashLevel, LoginId, ParseLoginIdError, ParseSessionIdError, SessionId};
pub use session::Session;
pub use session_codec::{SessionCodec, SessionRecord};
