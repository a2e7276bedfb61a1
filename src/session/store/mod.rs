//! Stores: bytes under keys, and nothing about sessions. Its public path is [`crate::store`].

mod conflicts;
pub mod conformance;
mod contract;
mod ending;
mod erased;
mod error;
mod keys;
mod memory;
mod merge;
mod own_session;
mod probe;
mod random;
mod sealing;
mod tombstone;

pub(crate) use conflicts::Conflicts;
pub(crate) use ending::{Ending, FOLLOWED, GRACE, MAX_MOVES, Moves, PendingEnds, Progress};
pub(crate) use erased::ErasedStore;
pub(crate) use merge::{Loss, Own, Version, merge};
pub(crate) use own_session::OwnSession;
pub(crate) use sealing::{RecordSecret, StoreKeys, Unsealed};

pub use contract::{
    End, Expect, Found, MAX_OWNED, Owned, Owner, Put, Store, Swap, rename_in_steps,
};
pub use error::{StoreError, StoreErrorKind};
pub use keys::{OwnerKey, RecordKey, Tag};
pub use memory::MemoryStore;
pub use probe::probe;
pub use tombstone::Tombstone;

#[cfg(test)]
mod tests;
