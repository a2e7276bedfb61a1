//! The example site as people run it. Each test starts examples, which `cargo test` builds beside it.

#![cfg(all(unix, any(feature = "axum", feature = "actix", feature = "rocket")))]

mod bound;
mod devices;
mod instance;
mod limits;
mod rotation;
mod store;
