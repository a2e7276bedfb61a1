//! Sealed cookies that keep: any serde value in a short token that only the holder of the keys can
//! read or make, with the time at which it was made; and, on top of it, a session for Axum, Actix Web
//! and Rocket that needs no database.
//!
//! # Where to begin
//!
//! | you want | read |
//! |---|---|
//! | a session in a web application | [SessionManager][guide-sessions], first steps in each framework |
//! | to come from another session library | [Moving over][guide-moving] |
//! | to run it: keys, rotation, alerts | [Operating][guide-operating] |
//! | tokens of your own: login links, invitations, forms | [`Codec`] |
//! | the same without `std`, without an allocator | [`no_std`] |
//! | to read or write the tokens in another language | [`format`] |
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
//! // Sealed for one purpose, it opens for no other; cut short, it does not open at all.
//! let resets = Codec::new(&ring, "password-reset/1");
//! assert_eq!(resets.open::<(String, i32)>(&token), Err(OpenError::Invalid));
//! let cut = &token[..token.len() - 4];
//! assert_eq!(links.open::<(String, i32)>(cut), Err(OpenError::Invalid));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Tokens are XChaCha20-Poly1305 under a key that HKDF-SHA256 derives for each purpose. [`format`]
//! is the whole of it, for other languages too.
//!
//! # What it does not do
//!
//! A token is a bearer's: who copies it has it, until it expires or the application refuses it. Its
//! length tells the length of the value, unless [padded](Codec::pad_to); its header tells everybody
//! which key sealed it and when.
//!
//! # Layers
//!
//! Each knows only those above it.
//!
//! | layer | what it does | here |
//! |---|---|---|
//! | keys | 32 random bytes to a key id and a key for each use | [`Key`], [`Keyring`] |
//! | token | header, cipher, base64: bytes in, bytes out | [`format`] |
//! | codec | values and rules about time: seal and open | [`Codec`], [`BoundCodec`] |
//! | session | record, dictionary, flash messages, timeouts, cookies, events | [`session`][session] |
//! | adapters | Cookie bytes in, headers out | [`axum`][axum], [`actix`][actix], [`rocket`][rocket] |
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | none | `no_std`, no allocator, no clock: [`Codec::seal_into`], [`Codec::open_in`] |
//! | `alloc` | [`Codec::seal_with`], [`Codec::open_at`]: tokens as `String`, values that own their data |
//! | `std` (default) | [`Codec::seal`], [`Codec::open`], [`Key::generate`], [`Keyring::from_env`]: the system's clock, randomness and environment |
//! | `ring` | the same tokens with the AEAD of [`ring`](https://docs.rs/ring), which is faster on x86-64 |
//! | `axum`, `actix`, `rocket` | the session in that framework, and `session` |
//! | `session` | the session without a framework, and `std` |
//! | `tracing` | the session's events through [`tracing`](https://docs.rs/tracing) |
//!
#![cfg_attr(feature = "session", doc = "[guide-sessions]: guide::sessions")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-sessions]: https://docs.rs/hardtack/latest/hardtack/guide/sessions/"
)]
#![cfg_attr(feature = "session", doc = "[guide-moving]: guide::moving")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-moving]: https://docs.rs/hardtack/latest/hardtack/guide/moving/"
)]
#![cfg_attr(feature = "session", doc = "[guide-operating]: guide::operating")]
#![cfg_attr(
    not(feature = "session"),
    doc = "[guide-operating]: https://docs.rs/hardtack/latest/hardtack/guide/operating/"
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

#[cfg(feature = "actix")]
pub mod actix;
mod aead;
#[cfg(feature = "axum")]
pub mod axum;
mod codec;
mod error;
mod key;
mod keyring;
mod padding;
mod policy;
#[cfg(feature = "rocket")]
pub mod rocket;
mod secret;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "store")]
#[doc = include_str!("session/store/store.md")]
pub mod store {
    pub use crate::session::store::*;
}
mod time;
mod token;
#[cfg(test)]
mod worked_token;

pub use codec::{BoundCodec, Codec, Header, Opened};
pub use error::{KeyError, OpenError, SealError};
pub use key::{Key, KeyId};
pub use keyring::{KeyState, Keyring};
pub use time::Timestamp;

#[doc = include_str!("FORMAT.md")]
pub mod format {}
#[cfg(feature = "session")]
pub mod guide;
#[doc = include_str!("no_std.md")]
#[doc = "```rust,ignore"]
#[doc = include_str!("../examples/no_std.rs")]
#[doc = "```"]
pub mod no_std {}
