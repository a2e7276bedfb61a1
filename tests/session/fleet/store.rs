//! The store of the fleet.

use super::rollout::Place;
use crate::kit::store::Scripted;
use hardtack::{
    session::{self, SessionManagerBuilder},
    store::{End, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, Swap},
};
use std::time::Duration;

/// An engine without transactions over two keys: it renames in two steps, and the others go on in between.
struct InTwoSteps(Scripted);

impl Store for InTwoSteps {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.0.load(key, keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        self.0.put(put).await
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.0.end(end).await
    }

    fn lists_owners(&self) -> bool {
        self.0.lists_owners()
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        self.0.owned(owner).await
    }

    async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        self.0.sweep(limit).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    fn max_record_bytes(&self) -> usize {
        self.0.max_record_bytes()
    }
}

/// The settings of an instance at a step of the move to the store.
pub fn settings(
    builder: SessionManagerBuilder,
    (store, in_two_steps): (&Scripted, bool),
    place: Place,
) -> SessionManagerBuilder {
    if place == Place::NoStore {
        return builder;
    }
    let builder = match in_two_steps {
        true => builder.store(InTwoSteps(store.clone())),
        false => builder.store(store.clone()),
    };
    match place {
        Place::Cookie => builder.place(session::Place::Cookie),
        Place::OnlyTickets => builder.only_tickets(),
        Place::NoStore | Place::Store => builder,
    }
}
