//! What this package takes from the kit of all tests.

#[path = "../kit/browser.rs"]
pub mod browser;
#[path = "../kit/clock.rs"]
pub mod clock;
#[cfg(feature = "device")]
#[path = "../kit/device.rs"]
pub mod device;
#[path = "../kit/keys.rs"]
pub mod keys;
