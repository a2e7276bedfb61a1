//! A store of any type, as the session manager holds it: one box for each call, and no type parameter.

use super::{End, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, Swap, Tombstone};
use alloc::{boxed::Box, vec::Vec};
use core::{future::Future, pin::Pin, time::Duration};

pub(crate) type Answer<'a, R> = Pin<Box<dyn Future<Output = Result<R, StoreError>> + Send + 'a>>;

/// [`Store`] with boxed futures. Every store has it; nobody outside implements it.
pub(crate) trait ErasedStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a RecordKey, keep: Option<Duration>) -> Answer<'a, Found>;
    fn put<'a>(&'a self, put: Put<'a>) -> Answer<'a, Swap>;
    fn end<'a>(&'a self, end: End<'a>) -> Answer<'a, Swap>;
    fn rename<'a>(
        &'a self,
        from: &'a RecordKey,
        put: Put<'a>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Answer<'a, Swap>;
    fn lists_owners(&self) -> bool;
    fn owned<'a>(&'a self, owner: &'a OwnerKey) -> Answer<'a, Vec<Owned>>;
    fn sweep(&self, limit: u32) -> Answer<'_, u32>;
    fn check(&self) -> Answer<'_, ()>;
    fn max_record_bytes(&self) -> usize;
}

impl<S: Store> ErasedStore for S {
    fn load<'a>(&'a self, key: &'a RecordKey, keep: Option<Duration>) -> Answer<'a, Found> {
        Box::pin(Store::load(self, key, keep))
    }

    fn put<'a>(&'a self, put: Put<'a>) -> Answer<'a, Swap> {
        Box::pin(Store::put(self, put))
    }

    fn end<'a>(&'a self, end: End<'a>) -> Answer<'a, Swap> {
        Box::pin(Store::end(self, end))
    }

    fn rename<'a>(
        &'a self,
        from: &'a RecordKey,
        put: Put<'a>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Answer<'a, Swap> {
        Box::pin(Store::rename(self, from, put, tombstone, grace))
    }

    fn lists_owners(&self) -> bool {
        Store::lists_owners(self)
    }

    fn owned<'a>(&'a self, owner: &'a OwnerKey) -> Answer<'a, Vec<Owned>> {
        Box::pin(Store::owned(self, owner))
    }

    fn sweep(&self, limit: u32) -> Answer<'_, u32> {
        Box::pin(Store::sweep(self, limit))
    }

    fn check(&self) -> Answer<'_, ()> {
        Box::pin(Store::check(self))
    }

    fn max_record_bytes(&self) -> usize {
        Store::max_record_bytes(self)
    }
}
