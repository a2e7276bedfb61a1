//! Encrypted cookies and cookie-based sessions for Axum, Actix Web and Rocket.
//!
//! hardtack seals any serde value into a short token, together with the time. Only the holders of the
//! keys can read a token or make one. The session for web applications stands on these tokens, and it
//! needs no database.
//!
//! # Where to begin
//!
//! | you want to | read |
//! |---|---|
//! | add a session to a web application | [Sessions][guide-sessions], with first steps in each framework |
//! | migrate from another session library | [Migrating][guide-migrating] |
//! | change the cookie of a site that is in use | [Changing cookie settings][guide-cookies] |
//! | operate it: keys, rotation, alerts | [Operations][guide-operations] |
//! | make tokens of your own: login links, invitations, forms | [`Codec`], and [Tokens][guide-tokens] for recipes |
//! | make tokens without `std` or without an allocator | [`guide::no_std`] |
//! | read or write tokens in another language | [`guide::format`] |
//!
//! # A token
//!
//! ```
//! use hardtack::{Codec, Key, Keyring, OpenError};
//! use std::time::Duration;
//!
//! // On a server: Keyring::from_env("SESSION_KEYS")?
//! let ring = Keyring::new(Key::generate()?);
//! let links = Codec::new(&ring, "login-link/1").max_age(Duration::from_secs(15 * 60));
//!
//! let token = links.seal(&("ada@example.org", 7))?;
//! let (mail, visits): (String, i32) = links.open(&token)?.value;
//! assert_eq!((mail.as_str(), visits), ("ada@example.org", 7));
//!
//! // A token does not open for another purpose, and not at all if it was changed.
//! let resets = Codec::new(&ring, "password-reset/1");
//! assert_eq!(resets.open::<(String, i32)>(&token), Err(OpenError::Invalid));
//! let cut = &token[..token.len() - 4];
//! assert_eq!(links.open::<(String, i32)>(cut), Err(OpenError::Invalid));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Tokens are encrypted by XChaCha20-Poly1305 ([draft-irtf-cfrg-xchacha-03]), under a key that
//! HKDF-SHA256 ([RFC 5869]) derives for each purpose. [`guide::format`] describes every byte.
//!
//! [draft-irtf-cfrg-xchacha-03]: https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha-03
//! [RFC 5869]: https://www.rfc-editor.org/rfc/rfc5869
//!
//! # What tokens do not protect
//!
//! Tokens are bearer tokens: anyone who copies one can use it until it expires or the application
//! refuses it. The length of a token reveals the length of its value, unless it is
//! [padded](Codec::pad_to). The header of a token reveals to everyone which key sealed it, and when.
//!
//! # Layers
//!
//! Each layer knows only the layers above it in this table.
//!
//! | layer | what it does | here |
//! |---|---|---|
//! | keys | derives a key id and a key for each purpose from 32 random bytes | [`Key`], [`Keyring`] |
//! | token | turns bytes into tokens: header, cipher, base64 | [`guide::format`] |
//! | codec | seals and opens values, and applies the rules about time | [`Codec`], [`BoundCodec`] |
//! | session | keeps data, flash messages, timeouts, cookies, events | [`session`][session] |
//! | adapters | hand requests to the session and write its headers | [`axum`][axum], [`actix`][actix], [`rocket`][rocket] |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | none | [`Codec::seal_into`] and [`Codec::open_in`], without `std`, an allocator or a clock |
//! | `alloc` | [`Codec::seal_with`] and [`Codec::open_at`], for tokens as `String` and values that own their data |
//! | `std` (by default) | [`Codec::seal`], [`Codec::open`], [`Key::generate`] and [`Keyring::from_env`], with the clock, the random bytes and the environment of the operating system |
//! | `ring` (by default) | the cipher of [`ring`](https://docs.rs/ring), which makes the same tokens and is faster; includes `std` |
//! | `axum`, `actix`, `rocket` | the session in that framework; includes `session` |
//! | `session` | the session without a framework; includes `std` |
//! | `store` | sessions on the server: the trait for session stores, a store in memory, a test suite for your own |
//! | `tracing` | the events of the session through [`tracing`](https://docs.rs/tracing) |
//! | `unstable-device-bound` | sessions bound to the browser's device; may change in any release, outside of semver |
//!
//! `ring` has an effect on x86-64 and aarch64, and none on other processors. It needs a C compiler. Turn it off when you
//! cross-compile without one, or when you want pure Rust: `default-features = false`, with `std` or what else you need.
//!
#![cfg_attr(feature = "session", doc = "[guide-sessions]: guide::sessions")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-sessions]: https://docs.rs/hardtack/latest/hardtack/guide/sessions/"
)]
#![cfg_attr(feature = "session", doc = "[guide-migrating]: guide::migrating")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-migrating]: https://docs.rs/hardtack/latest/hardtack/guide/migrating/"
)]
#![cfg_attr(feature = "session", doc = "[guide-cookies]: guide::cookies")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-cookies]: https://docs.rs/hardtack/latest/hardtack/guide/cookies/"
)]
#![cfg_attr(feature = "session", doc = "[guide-operations]: guide::operations")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-operations]: https://docs.rs/hardtack/latest/hardtack/guide/operations/"
)]
#![cfg_attr(feature = "std", doc = "[guide-tokens]: guide::tokens")]
#![cfg_attr(
    not(feature = "std"),
    doc = "[guide-tokens]: https://docs.rs/hardtack/latest/hardtack/guide/tokens/"
)]
#![cfg_attr(feature = "session", doc = "[session]: mod@session")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[session]: https://docs.rs/hardtack/latest/hardtack/session/"
)]
#![cfg_attr(feature = "axum", doc = "[axum]: mod@axum")]
#![cfg_attr(
    not(feature = "axum"),
    doc = "[axum]: https://docs.rs/hardtack/latest/hardtack/axum/"
)]
#![cfg_attr(feature = "actix", doc = "[actix]: mod@actix")]
#![cfg_attr(
    not(feature = "actix"),
    doc = "[actix]: https://docs.rs/hardtack/latest/hardtack/actix/"
)]
#![cfg_attr(feature = "rocket", doc = "[rocket]: mod@rocket")]
#![cfg_attr(
    not(feature = "rocket"),
    doc = "[rocket]: https://docs.rs/hardtack/latest/hardtack/rocket/"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod adapters;
mod codec;
pub mod guide;
mod keys;
mod secret;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "store")]
#[doc = include_str!("session/store/store.md")]
pub mod store {
    pub use crate::session::store::*;
}
#[cfg(feature = "std")]
mod system_random;
#[cfg(all(test, any(feature = "store", feature = "unstable-device-bound")))]
mod test_vectors;
mod timestamp;
mod token;
#[cfg(all(test, feature = "std", target_os = "linux"))]
#[path = "../tests/kit/unseen.rs"]
mod unseen;

#[cfg(feature = "actix")]
pub use adapters::actix;
#[cfg(feature = "axum")]
pub use adapters::axum;
#[cfg(feature = "rocket")]
pub use adapters::rocket;
pub use codec::{BoundCodec, Codec, OpenError, Opened, SealError, TokenHeader};
pub use keys::{Key, KeyError, KeyId, KeyState, Keyring, ParseKeyIdError};
pub use timestamp::Timestamp;
