//! A store that counts its calls, fails when a test says so, and gives way before each call.

use hardtack::{
    Timestamp,
    store::{
        End, Found, MemoryStore, Owned, OwnerKey, Put, RecordKey, Store, StoreError,
        StoreErrorKind, Swap, Tombstone, rename_in_steps,
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Context,
    time::Duration,
};

use super::{clock::Clock, exchange::give_way};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and did nothing.
    Before,
    /// The same, after the deadline of the call.
    Silent,
    /// The same, and it takes as long as the usual deadline.
    Hangs,
    /// The same, and the error says so.
    Refused,
    /// The call did what it was asked to, and its answer is lost.
    After,
}

#[derive(Default)]
struct Script {
    calls: Vec<&'static str>,
    /// For the next calls, in their order.
    faults: VecDeque<Option<Fault>>,
    down: bool,
    gives_way: bool,
}

/// Clones share all.
#[derive(Clone)]
pub struct Scripted {
    memory: Arc<Mutex<MemoryStore>>,
    clock: Clock,
    script: Arc<Mutex<Script>>,
    lists_owners: bool,
    renames_in_steps: bool,
    index: Option<Arc<Mutex<Index>>>,
}

/// What an engine lists that keeps the entries of owners apart from the records, and until when.
type Index = BTreeMap<(OwnerKey, RecordKey), (Timestamp, Vec<u8>)>;

impl Scripted {
    pub fn new(clock: &Clock) -> Scripted {
        Scripted::with_room(clock, 1 << 24)
    }

    pub fn with_room(clock: &Clock, bytes: usize) -> Scripted {
        Scripted {
            memory: Arc::new(Mutex::new(memory(clock, bytes))),
            clock: clock.clone(),
            script: Arc::default(),
            lists_owners: true,
            renames_in_steps: false,
            index: None,
        }
    }

    /// The same engine, without an index of owners.
    pub fn without_lists(mut self) -> Scripted {
        self.lists_owners = false;
        self
    }

    /// The same engine, without transactions over two keys.
    pub fn with_renames_in_steps(mut self) -> Scripted {
        self.renames_in_steps = true;
        self
    }

    /// The same engine, whose index of owners is a thing of its own, as in Redis.
    pub fn with_an_index_apart(mut self) -> Scripted {
        self.index = Some(Arc::default());
        self
    }

    /// How many entries that index has, of what is live and of what has ended.
    pub fn indexed(&self) -> usize {
        let index = self.index.as_ref();
        index.map_or(0, |index| index.lock().unwrap().len())
    }

    fn list(&self, put: &Put<'_>) {
        if let (Some(index), Some(owner)) = (&self.index, put.owner) {
            let until = self.clock.now().saturating_add(owner.keep);
            let entry = (until, owner.about.to_vec());
            index.lock().unwrap().insert((*owner.key, *put.key), entry);
        }
    }

    /// Loses all records, as an engine does that keeps nothing over a restart.
    pub fn forget(&self) {
        *self.memory.lock().unwrap() = memory(&self.clock, 1 << 24);
    }

    fn memory(&self) -> MemoryStore {
        self.memory.lock().unwrap().clone()
    }

    /// Every call fails from now on, or none.
    pub fn set_down(&self, down: bool) {
        self.script().down = down;
    }

    /// Each call first lets the others go on.
    pub fn give_way(&self) {
        self.script().gives_way = true;
    }

    /// No call gives way or fails any more.
    pub fn stand(&self) {
        *self.script() = Script::default();
    }

    pub fn fail(&self, faults: &[Option<Fault>]) {
        self.script().faults.extend(faults);
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.script().calls)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    async fn call<R>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        if self.script().gives_way {
            give_way().await;
        }
        let fault = {
            let mut script = self.script();
            script.calls.push(name);
            let fault = script.faults.pop_front().flatten();
            if script.down {
                Some(Fault::Before)
            } else {
                fault
            }
        };
        let failed = || StoreError::new(StoreErrorKind::Unavailable, "scripted");
        match fault {
            Some(Fault::Before) => Err(failed()),
            Some(Fault::Silent) => Err(StoreErrorKind::Timeout.into()),
            Some(Fault::Hangs) => {
                self.clock.pass(2);
                Err(StoreErrorKind::Timeout.into())
            }
            Some(Fault::Refused) => Err(StoreErrorKind::Corrupt.into()),
            Some(Fault::After) => {
                call.await?;
                Err(failed())
            }
            None => call.await,
        }
    }
}

fn memory(clock: &Clock, bytes: usize) -> MemoryStore {
    let clock = clock.clone();
    MemoryStore::with_clock(bytes, move || Duration::from_secs(clock.unix().into()))
}

impl Store for Scripted {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        let name = if keep.is_some() { "load, keep" } else { "load" };
        self.call(name, self.memory().load(key, keep)).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        self.list(&put);
        self.call("put", self.memory().put(put)).await
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        let ends = async {
            let ended = self.memory().end(end).await?;
            if let (Some(index), Some(owner), Swap::Done) = (&self.index, end.owner, &ended) {
                index.lock().unwrap().remove(&(*owner, *end.key));
            }
            Ok(ended)
        };
        self.call("end", ends).await
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        if self.renames_in_steps {
            return rename_in_steps(self, from, put, tombstone, grace).await;
        }
        self.list(&put);
        let memory = self.memory();
        let rename = memory.rename(from, put, tombstone, grace);
        self.call("rename", rename).await
    }

    fn lists_owners(&self) -> bool {
        self.lists_owners
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        if !self.lists_owners {
            return Err(StoreErrorKind::Unsupported.into());
        }
        let Some(index) = &self.index else {
            return self.call("owned", self.memory().owned(owner)).await;
        };
        let index = index.lock().unwrap().clone();
        let mut owned = Vec::new();
        for ((_, key), (until, about)) in index.into_iter().filter(|((of, _), _)| of == owner) {
            let found = self.memory().load(&key, None).await?;
            if matches!(found, Found::Record(_)) && until > self.clock.now() {
                owned.push(Owned { key, about });
            }
        }
        self.call("owned", async { Ok(owned) }).await
    }

    async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        self.call("sweep", self.memory().sweep(limit)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.call("check", self.memory().check()).await
    }

    fn max_record_bytes(&self) -> usize {
        self.memory().max_record_bytes()
    }
}

/// Futures that a test drives step by step.
#[derive(Default)]
pub struct Steps<'f> {
    running: BTreeMap<usize, Pin<Box<dyn Future<Output = ()> + 'f>>>,
}

impl<'f> Steps<'f> {
    pub fn add(&mut self, future: impl Future<Output = ()> + 'f) {
        self.running.insert(self.running.len(), Box::pin(future));
    }

    /// How many have not ended.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Lets one of those that run go on to its next call of the store.
    pub fn step(&mut self, nth: usize) {
        let name = *self.running.keys().nth(nth).unwrap();
        let future = self.running.get_mut(&name).unwrap();
        let mut context = Context::from_waker(std::task::Waker::noop());
        if future.as_mut().poll(&mut context).is_ready() {
            self.running.remove(&name);
        }
    }

    /// Lets the future with this number go on for so many calls, or to its end.
    pub fn begin(&mut self, name: usize, calls: usize) {
        for _ in 0..calls {
            if let Some(nth) = self.running.keys().position(|running| *running == name) {
                self.step(nth);
            }
        }
    }

    /// Lets the future with this number, from 0 on, go on to its end.
    pub fn end(&mut self, name: usize) {
        while let Some(nth) = self.running.keys().position(|running| *running == name) {
            self.step(nth);
        }
    }
}
