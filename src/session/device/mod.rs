//! Device-bound sessions: the browser proves by signatures that a session is still on the device where it began.
#![allow(
    dead_code,
    unused_imports,
    reason = "the endpoint that reads proofs comes after them"
)]

mod json;
mod jws;
mod verify;

pub(crate) use jws::Proof;

#[cfg(test)]
mod tests;
