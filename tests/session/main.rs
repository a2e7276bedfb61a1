//! The session through its public interface: plain values, explicit times, no framework.
#![cfg(feature = "session")]

#[path = "../kit/mod.rs"]
mod kit;

mod clock;
mod copies;
#[cfg(feature = "unstable-device-bound")]
mod dbsc;
#[cfg(feature = "unstable-device-bound")]
mod device;
#[cfg(feature = "unstable-device-bound")]
mod device_model;
mod ending;
mod fleet;
mod former;
mod handle;
mod hostile;
mod model;
mod origin;
mod rotation;
mod saving;
mod settings;
mod standard_error;
#[cfg(feature = "store")]
mod stored;
#[cfg(feature = "store")]
mod stored_hostile;
#[cfg(feature = "store")]
mod stored_ids;
#[cfg(feature = "store")]
mod stored_model;
mod times;
mod typed;
mod values;
mod words;
