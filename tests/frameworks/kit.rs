//! What this package takes from the kit of all tests.

#[cfg(feature = "device")]
#[path = "../kit/bound.rs"]
pub mod bound;
#[path = "../kit/browser.rs"]
pub mod browser;
#[path = "../kit/clock.rs"]
pub mod clock;
#[cfg(feature = "device")]
#[path = "../kit/dbsc.rs"]
pub mod dbsc;
#[cfg(feature = "device")]
#[path = "../kit/device.rs"]
pub mod device;
#[path = "../kit/keys.rs"]
pub mod keys;
