//! The library's reader of proofs, compiled in here.
#![allow(dead_code, reason = "the target uses a part")]

#[path = "../../src/session/device/json.rs"]
mod json;
#[path = "../../src/session/device/jws.rs"]
pub mod jws;
#[path = "../../src/session/device/verify.rs"]
pub mod verify;
