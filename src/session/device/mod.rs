//! Device-bound sessions: the browser proves by signatures that a session is still on the device where it began.
//!
//! The record has the device's public key. A proof cookie says that the browser has signed with that key a
//! short time ago, and the endpoint gives it out.

mod codecs;
mod endpoint;
mod json;
mod judgement;
mod jws;
mod settings;
mod verify;

pub(crate) use codecs::{Challenge, DeviceCodecs};
pub(crate) use endpoint::{EndpointRequest, identifier, over};
pub(crate) use judgement::{Presented, Unproven, Verdict};
pub use settings::DeviceBound;
pub(crate) use settings::DeviceSettings;

/// A public key: a compressed point on P-256 (SEC 1), as in the record. It may be none of the curve's.
pub(crate) type DeviceKey = [u8; verify::KEY_LEN];

#[cfg(test)]
mod tests;
