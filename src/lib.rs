//! Sealed cookies that keep.
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

mod aead;
#[cfg(feature = "axum")]
pub mod axum;
mod codec;
mod error;
mod key;
mod keyring;
mod padding;
mod policy;
mod secret;
#[cfg(feature = "session")]
pub mod session;
mod time;
mod token;
#[cfg(test)]
mod worked_token;

pub use codec::{Bound, Codec, Header, Opened};
pub use error::{KeyError, OpenError, SealError};
pub use key::{Key, KeyId};
pub use keyring::{KeyState, Keyring};
pub use time::Timestamp;

#[doc = include_str!("FORMAT.md")]
pub mod format {}
pub mod guide;
