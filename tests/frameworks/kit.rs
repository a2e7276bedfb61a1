//! What this package takes from the kit of all tests.

#[path = "../kit/browser.rs"]
pub mod browser;
#[path = "../kit/clock.rs"]
pub mod clock;
#[path = "../kit/keys.rs"]
pub mod keys;
