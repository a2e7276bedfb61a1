//! The scripts, and what both stores do with them.

use crate::{
    RedisStore,
    connection::{Connect, Connections},
    keys::ms,
};
use hardtack::store::{
    End, Expect, Found, Owner, OwnerKey, Put, RecordKey, StoreError, StoreErrorKind, Swap,
};
use redis::{Cmd, ErrorKind, RedisError, Script, ServerErrorKind, Value, aio::ConnectionLike};
use std::{sync::LazyLock, time::Duration};

pub(crate) static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("scripts/index.lua"),
        include_str!("scripts/put.lua")
    ))
});
pub(crate) static RENAME: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("scripts/index.lua"),
        include_str!("scripts/rename.lua")
    ))
});
/// The index alone: in a cluster it is on another node than the record.
#[cfg(feature = "cluster")]
pub(crate) static INDEX: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("scripts/index.lua"),
        "return index(KEYS[1], ARGV[1], ARGV[2], ARGV[3])"
    ))
});
pub(crate) static KEEP: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/keep.lua")));
pub(crate) static END: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/end.lua")));

/// Runs a script that writes. A server that does not know it gets it first.
pub(crate) async fn run<C: Connect>(
    connections: &Connections<C>,
    script: &Script,
    call: &Cmd,
) -> Result<Value, StoreError> {
    let sent = connections.call(false, |connection| send(connection, script, call));
    sent.await
}

async fn send(
    mut connection: impl ConnectionLike,
    script: &Script,
    call: &Cmd,
) -> Result<Value, RedisError> {
    match call.query_async(&mut connection).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            script.load_async(&mut connection).await?;
            call.query_async(&mut connection).await
        }
        answer => answer,
    }
}

/// Puts a record, and in the same step the entry of this owner. Returns what the script says.
pub(crate) async fn put<C: Connect>(
    store: &RedisStore<C>,
    put: &Put<'_>,
    owner: Option<Owner<'_>>,
) -> Result<Value, StoreError> {
    let index = owner.map(|owner| owner.key);
    let mut call = store.keys.script(&PUT, &[put.key], index);
    let expected = match put.expect {
        Expect::Absent => &[][..],
        Expect::Tag(tag) => tag.as_bytes(),
    };
    call.arg(expected).arg(put.record).arg(ms(put.keep));
    if let Some(owner) = owner {
        entry(&mut call, put.key, owner);
    }
    run(&store.connections, &PUT, &call).await
}

/// The arguments of a script for the entry of a record.
pub(crate) fn entry(call: &mut Cmd, key: &RecordKey, owner: Owner<'_>) {
    call.arg(key.as_bytes())
        .arg(owner.about)
        .arg(ms(owner.keep));
}

/// Ends a record, and in the same step drops the entry of this owner.
pub(crate) async fn end<C: Connect>(
    store: &RedisStore<C>,
    end: &End<'_>,
    owner: Option<&OwnerKey>,
) -> Result<Swap, StoreError> {
    let mut call = store.keys.script(&END, &[end.key], owner);
    call.arg(end.expect.map_or(&[][..], |tag| tag.as_bytes()))
        .arg(end.tombstone.encode())
        .arg(ms(end.grace))
        .arg(owner.map(|_| end.key.as_bytes()));
    swap(run(&store.connections, &END, &call).await?)
}

pub(crate) async fn load<C: Connect>(
    store: &RedisStore<C>,
    key: &RecordKey,
    keep: Option<Duration>,
) -> Result<Found, StoreError> {
    let mut call;
    match keep {
        None => {
            call = redis::cmd("GET");
            call.arg(store.keys.record(key));
        }
        Some(keep) => {
            call = store.keys.script(&KEEP, &[key], None);
            call.arg(ms(keep));
        }
    }
    let sent = store
        .connections
        .call(true, |connection| send(connection, &KEEP, &call));
    found(sent.await?)
}

/// The number of the owner's entries, if the script is done.
pub(crate) fn count(answer: &Value) -> u64 {
    match answer {
        Value::Int(entries) => u64::try_from(*entries).unwrap_or(0),
        _ => 0,
    }
}

pub(crate) fn swap(answer: Value) -> Result<Swap, StoreError> {
    match answer {
        Value::Int(_) => Ok(Swap::Done),
        there => Ok(found(there)?.into()),
    }
}

fn found(there: Value) -> Result<Found, StoreError> {
    match there {
        Value::Nil => Ok(Found::Missing),
        Value::BulkString(value) => Found::decode(Some(value)),
        _ => Err(StoreErrorKind::Corrupt.into()),
    }
}

/// Refuses what is too old, and an eviction policy that drops live sessions.
pub(crate) fn version_and_policy(info: &str) -> Result<(), StoreError> {
    let field = |name: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let mut version = field("redis_version").unwrap_or_default().split('.');
    let mut number = || version.next().and_then(|part| part.parse::<u32>().ok());
    if (number(), number()) < (Some(6), Some(2)) {
        return Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "Redis is older than 6.2",
        ));
    }
    let bounded = field("maxmemory").is_some_and(|bytes| bytes != "0");
    let policy = field("maxmemory_policy").unwrap_or_default();
    if bounded && policy != "noeviction" {
        let what = format!("maxmemory-policy is {policy}: set it to noeviction");
        return Err(StoreError::new(StoreErrorKind::Unsupported, what));
    }
    Ok(())
}
