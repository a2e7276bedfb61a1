//! Stores: bytes under keys, and nothing about sessions. Its public path is [`crate::store`].

pub mod conformance;
mod contract;
#[allow(
    dead_code,
    reason = "the session manager holds its store in this form; it takes no store yet"
)]
mod erased;
mod error;
mod keys;
mod memory;
mod probe;
mod random;
mod tombstone;

pub use contract::{End, Expect, Found, Owned, Owner, Put, Store, Swap};
pub use error::{StoreError, StoreErrorKind};
pub use keys::{OwnerKey, RecordKey, Tag};
pub use memory::MemoryStore;
pub use probe::probe;
pub use tombstone::Tombstone;

#[cfg(test)]
mod tests;
