//! One call that writes to the store.

use crate::session::{
    manager::StoreSettings,
    store::{Put, RecordKey, StoreError, Swap, Tombstone},
};
use alloc::boxed::Box;
use core::{future::Future, pin::Pin, time::Duration};

pub(super) enum Call<'a> {
    Put(Put<'a>),
    Rename(&'a RecordKey, Put<'a>, Tombstone, Duration),
}

impl Call<'_> {
    fn run<'s>(
        &'s self,
        store: &'s StoreSettings,
    ) -> Pin<Box<dyn Future<Output = Result<Swap, StoreError>> + Send + 's>> {
        match self {
            Call::Put(put) => store.store.put(*put),
            Call::Rename(from, put, tombstone, grace) => {
                store.store.rename(from, *put, *tombstone, *grace)
            }
        }
    }
}

/// Writes, and once more the same if it is unknown whether the store did it. Returns `true` for the second
/// time.
pub(super) async fn twice(
    store: &StoreSettings,
    call: &Call<'_>,
) -> Result<(Swap, bool), StoreError> {
    match call.run(store).await {
        Err(error) if error.may_have_acted() => Ok((call.run(store).await?, true)),
        swap => Ok((swap?, false)),
    }
}
