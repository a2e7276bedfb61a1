#![doc = include_str!("../README.md")]

#[cfg(feature = "cluster")]
mod cluster;
mod connection;
mod scripts;

use connection::{Connect, Connections};
use futures_util::future::try_join_all;
use hardtack::store::{
    self, End, Found, MAX_OWNED, Owned, OwnerKey, Put, RecordKey, Store, StoreError,
    StoreErrorKind, Swap, Tombstone,
};
use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, InfoDict, RedisResult, Script, ServerErrorKind, Value,
};
use scripts::{END, INDEX, INFO, KEEP, LIST, PUT, RENAME, entry, ms};
use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// A field in the index of an owner, which is a record's key, and its value: the record's end, in 13 digits, and its
/// description.
type Entry = ([u8; 16], Vec<u8>);
/// How often a list of a cluster reads an index whose sessions end or get new ids meanwhile. An attacker whose session gets
/// a new id during the last of these reads may be missed. More reads would give them nothing but another try.
const MAX_READS: u32 = 8;

/// Keeps sessions in Redis or Valkey, or with the feature `cluster` in a Redis Cluster. Clones share their connections.
#[derive(Clone)]
pub struct RedisStore<C: Connect = Client> {
    connections: Connections<C>,
    records: String,
    indexes: String,
}

impl RedisStore {
    /// Takes a client. The store connects at its first call, and again after a connection broke.
    pub fn new(client: Client) -> Self {
        RedisStore::over(client)
    }
}

impl<C: Connect> RedisStore<C> {
    fn over(connect: C) -> Self {
        let store = RedisStore {
            connections: Connections::new(connect),
            records: String::new(),
            indexes: String::new(),
        };
        store.prefix("hardtack:")
    }

    /// Sets what every key begins with. The default is `hardtack:`. In a cluster, a prefix with `{braces}` would put all
    /// sessions on one node.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.records = prefix.into();
        self.indexes = format!("{}owner:", self.records);
        self
    }

    /// Sets how long a call may take in all, new connections included. The default is 2 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.connections.deadline = deadline;
        self
    }

    /// Begins a call of a script on these records and on the index of their owner. Its arguments are to follow.
    fn script(&self, script: &Script, records: &[&RecordKey], owner: Option<&OwnerKey>) -> Cmd {
        let records = records.iter().map(|key| key.to_text(&self.records));
        let index = owner.map(|owner| owner.to_text(&self.indexes));
        let keys: Vec<String> = records.chain(index).collect();
        let mut call = redis::cmd("EVALSHA");
        call.arg(script.get_hash()).arg(keys.len()).arg(keys);
        call
    }

    /// Sends a command. If it runs a script that the server does not know, the server gets that first.
    async fn run<T: FromRedisValue + Send>(
        &self,
        only_reads: bool,
        script: &Script,
        call: &Cmd,
    ) -> Result<T, StoreError> {
        let send = |mut connection: C::Connection| async move {
            match C::send(&mut connection, call).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    script.load_async(&mut connection).await?;
                    C::send(&mut connection, call).await
                }
                answer => answer,
            }
        };
        self.connections.call(only_reads, send).await
    }

    /// Runs a script that writes. Returns what became of it, and how many entries the owner has.
    async fn write(&self, script: &Script, call: &Cmd) -> Result<(Swap, usize), StoreError> {
        match self.run(false, script, call).await? {
            Value::Int(entries) => Ok((Swap::Done, usize::try_from(entries).unwrap_or(0))),
            Value::Nil => Ok((Swap::Missing, 0)),
            Value::BulkString(there) => Ok((Found::decode(Some(there))?.into(), 0)),
            _ => Err(StoreErrorKind::Corrupt.into()),
        }
    }

    /// Lists the entries of live records in an index of a cluster, and drops those of tombstones.
    async fn list(&self, mut connection: C::Connection, index: &str) -> RedisResult<Vec<Entry>> {
        let mut reads = 1;
        loop {
            let all: Vec<Entry> = C::send(&mut connection, &Cmd::hgetall(index)).await?;
            let lengths = all.iter().map(async |(field, _)| {
                let length = Cmd::strlen(RecordKey::from_bytes(*field).to_text(&self.records));
                C::send::<usize>(&mut connection.clone(), &length).await
            });
            let all = all.iter().zip(try_join_all(lengths).await?);
            // An entry without a record stays: it may be about to be written, and a session without an entry would outlive
            // an end of all sessions. The entry goes when its end has passed.
            let all = all.filter(|(_, length)| *length > 0);
            let (live, over): (Vec<_>, Vec<_>) = all.partition(|(_, length)| *length >= 24);
            if over.is_empty() || reads == MAX_READS {
                return Ok(live.into_iter().map(|(entry, _)| entry.clone()).collect());
            }
            // A session that got a new id after the index was read has an entry that this read has missed.
            let over: Vec<_> = over.iter().map(|((field, _), _)| field).collect();
            () = C::send(&mut connection, &Cmd::hdel(index, over)).await?;
            reads += 1;
        }
    }

    /// Puts a record, and returns how many entries its owner has then.
    async fn put_record(&self, put: &Put<'_>) -> Result<(Swap, usize), StoreError> {
        put.tag()?;
        let with_record = put.owner.filter(|_| C::IS_ONE_NODE);
        let mut entries = 0;
        if let (Some(owner), false) = (put.owner, C::IS_ONE_NODE) {
            let mut call = self.script(&INDEX, &[], Some(owner.key));
            call.arg(entry(put.key, owner));
            entries = self.run(false, &INDEX, &call).await?;
        }
        let mut call = self.script(&PUT, &[put.key], with_record.map(|owner| owner.key));
        call.arg(put.expect.tag().map_or(&[][..], |tag| tag.as_bytes()))
            .arg(put.record)
            .arg(ms(put.keep))
            .arg(with_record.map(|owner| entry(put.key, owner)));
        let (answer, counted) = self.write(&PUT, &call).await?;
        Ok((answer, entries.max(counted)))
    }

    /// Drops an entry in a cluster. `is_final` says that the record has ended, so that a second call does no harm.
    async fn unlist(
        &self,
        key: &RecordKey,
        owner: &OwnerKey,
        is_final: bool,
    ) -> Result<(), StoreError> {
        let drop = Cmd::hdel(owner.to_text(&self.indexes), key.as_bytes());
        self.run(is_final, &END, &drop).await
    }

    /// Ends the records of this owner that are over first, if they have too many. Never ends the new one.
    async fn end_the_first(&self, entries: usize, put: &Put<'_>) -> Result<(), StoreError> {
        let Some(owner) = put.owner.filter(|_| entries > MAX_OWNED) else {
            return Ok(());
        };
        let live = self.owned(owner.key).await?;
        let others = live.iter().filter(|owned| owned.key != *put.key);
        for owned in others.take(live.len().saturating_sub(MAX_OWNED)) {
            self.end(End::one_too_many(&owned.key, owner.key)).await?;
        }
        Ok(())
    }
}

impl<C: Connect> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisStore(..)")
    }
}

impl<C: Connect> Store for RedisStore<C> {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        let call = match keep {
            None => Cmd::get(key.to_text(&self.records)),
            Some(keep) => self.script(&KEEP, &[key], None).arg(ms(keep)).take(),
        };
        Found::decode(self.run(true, &KEEP, &call).await?)
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        let (answer, entries) = self.put_record(&put).await?;
        self.end_the_first(entries, &put).await?;
        Ok(answer)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        let with_record = end.owner.filter(|_| C::IS_ONE_NODE);
        let mut call = self.script(&END, &[end.key], with_record);
        call.arg(end.expect.map_or(&[][..], |tag| tag.as_bytes()))
            .arg(end.tombstone.encode())
            .arg(ms(end.grace))
            .arg(with_record.map(|_| end.key.as_bytes()));
        let (answer, _) = self.write(&END, &call).await?;
        if let (Some(owner), Swap::Done, false) = (end.owner, &answer, C::IS_ONE_NODE) {
            self.unlist(end.key, owner, true).await?;
        }
        Ok(answer)
    }

    async fn rename(
        &self,
        from: &RecordKey,
        put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        if !C::IS_ONE_NODE {
            let steps = Steps {
                store: self.clone(),
                entries: AtomicUsize::new(0),
            };
            let answer = store::rename_in_steps(&steps, from, put, tombstone, grace).await?;
            match (&answer, put.owner) {
                // The caller may give up, and nobody has a ticket for the new record: its entry would show a device that
                // there is not. A call after this one writes the entry again, before the old record ends. If this fails,
                // no rename from a later record may follow: the entry could be dropped late.
                (Swap::Differs(_), Some(owner)) => self.unlist(put.key, owner.key, false).await?,
                _ => {
                    let entries = steps.entries.into_inner();
                    self.end_the_first(entries, &put).await?;
                }
            }
            return Ok(answer);
        }
        put.tag()?;
        let expected = put.expect.tag().ok_or(StoreErrorKind::Unsupported)?;
        let entries = put
            .owner
            .map(|owner| (entry(put.key, owner), from.as_bytes()));
        let mut call = self.script(&RENAME, &[from, put.key], put.owner.map(|owner| owner.key));
        call.arg(expected.as_bytes())
            .arg(put.record)
            .arg(ms(put.keep))
            .arg(tombstone.encode())
            .arg(ms(grace))
            .arg(entries);
        let (answer, entries) = self.write(&RENAME, &call).await?;
        self.end_the_first(entries, &put).await?;
        Ok(answer)
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        let mut live: Vec<Entry> = if C::IS_ONE_NODE {
            let mut call = self.script(&LIST, &[], Some(owner));
            call.arg(&self.records);
            self.run(true, &LIST, &call).await?
        } else {
            let index = &owner.to_text(&self.indexes);
            let list = |connection| self.list(connection, index);
            self.connections.call(true, list).await?
        };
        // By their ends, which have as many digits each.
        live.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        let owned = live.into_iter().map(|(field, value)| Owned {
            key: RecordKey::from_bytes(field),
            about: value.get(13..).unwrap_or_default().to_owned(),
        });
        Ok(owned.collect())
    }

    async fn check(&self) -> Result<(), StoreError> {
        let call = self.script(&INFO, &[], None);
        version_and_policy(&self.run(true, &INFO, &call).await?)?;
        store::probe(self).await
    }

    fn max_record_bytes(&self) -> usize {
        // A value of Redis may have 512 MB; a session that large blocks everybody else's.
        16 * 1024 * 1024
    }
}

/// The store during a rename in steps, whose put ends no session over the limit: the old record still counts then.
struct Steps<C: Connect> {
    store: RedisStore<C>,
    /// The most entries that the owner had.
    entries: AtomicUsize,
}

impl<C: Connect> Store for Steps<C> {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.store.load(key, keep).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        let (answer, entries) = self.store.put_record(&put).await?;
        self.entries.fetch_max(entries, Ordering::Relaxed);
        Ok(answer)
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.store.end(end).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    fn max_record_bytes(&self) -> usize {
        self.store.max_record_bytes()
    }
}

/// Refuses what is too old, and an eviction policy that drops live sessions.
fn version_and_policy(info: &InfoDict) -> Result<(), StoreError> {
    let version: String = info.get("redis_version").unwrap_or_default();
    let numbers = version.split('.');
    let numbers = numbers.map_while(|number| number.parse::<u32>().ok());
    let bounded = info.get("maxmemory").is_some_and(|bytes: u64| bytes != 0);
    let policy: String = info.get("maxmemory_policy").unwrap_or_default();
    let what = if numbers.lt([6, 2]) {
        "Redis is older than 6.2".into()
    } else if bounded && policy != "noeviction" {
        format!("maxmemory-policy is {policy}: set it to noeviction")
    } else {
        return Ok(());
    };
    Err(StoreError::new(StoreErrorKind::Unsupported, what))
}
