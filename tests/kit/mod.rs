//! What the tests share, a subject in each file. The packages beside the core, the fuzz targets and the benches
//! include the files that they need with `#[path]`.
#![allow(dead_code, reason = "each program uses a part")]

#[cfg(feature = "unstable-device-bound")]
pub mod bound;
pub mod browser;
pub mod clock;
#[cfg(feature = "unstable-device-bound")]
pub mod dbsc;
#[cfg(feature = "unstable-device-bound")]
pub mod device;
#[cfg(feature = "session")]
pub mod exchange;
pub mod key_text;
pub mod keys;
pub mod library;
pub mod raw;
#[path = "../reference/mod.rs"]
pub mod reference;
pub mod rng;
#[cfg(feature = "session")]
pub mod site;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "store")]
pub mod stored;
pub mod vector;
