//! The session through its public interface: plain values, explicit times, no framework.
#![cfg(feature = "session")]

mod kit;

mod clock;
mod ending;
mod handle;
mod hostile;
mod model;
mod rotation;
mod saving;
mod settings;
mod times;
mod typed;
mod words;
