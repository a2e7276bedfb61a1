//! The bytes of the format page: the vectors in `tests/vectors/`, those of Project Wycheproof, and other implementations.

extern crate alloc;

#[path = "../kit/mod.rs"]
mod kit;

// The library's own calls of the primitives, compiled in here.
#[path = "../../src/token/aead.rs"]
mod aead;
// `aead` wipes with it under the feature `ring`.
#[path = "../../src/secret.rs"]
#[allow(dead_code)]
mod secret;
// Their own tests ask it.
#[cfg(all(feature = "std", target_os = "linux"))]
#[path = "../kit/unseen.rs"]
mod unseen;

#[cfg(feature = "unstable-device-bound")]
#[path = "../../src/session/device/verify.rs"]
mod verify;

#[cfg(feature = "std")]
mod interop;
#[cfg(feature = "session")]
mod interop_sessions;
#[cfg(feature = "session")]
mod session_vectors;
#[cfg(feature = "std")]
mod vectors;
mod wycheproof;
