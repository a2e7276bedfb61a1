//! The core through its public interface: keys, tokens and the codec. Most of it needs neither std nor an allocator.

#[path = "../kit/mod.rs"]
mod kit;

#[cfg(feature = "std")]
mod bits;
mod buffers;
mod errors;
mod keys;
mod oracle;
mod order;
#[cfg(feature = "std")]
mod properties;
mod secrets;
mod time;
