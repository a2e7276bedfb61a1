//! The scripts, and what both stores do with them.

use crate::{
    connection::{Connect, Connections},
    keys::ms,
};
use hardtack::store::{Expect, Found, Put, StoreError, StoreErrorKind, Swap};
use redis::{Script, ScriptInvocation, Value};
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

pub(crate) async fn invoke<C: Connect>(
    connections: &Connections<C>,
    script: &ScriptInvocation<'_>,
) -> Result<Value, StoreError> {
    connections
        .call(false, |mut connection| async move {
            script.invoke_async(&mut connection).await
        })
        .await
}

pub(crate) async fn load<C: Connect>(
    connections: &Connections<C>,
    key: String,
    keep: Option<Duration>,
) -> Result<Found, StoreError> {
    let keep = keep.map(|keep| {
        let mut script = KEEP.key(&key);
        script.arg(ms(keep));
        script
    });
    let (script, key) = (&keep, &key);
    let value = connections.call(true, |mut connection| async move {
        match script {
            Some(script) => script.invoke_async(&mut connection).await,
            None => {
                redis::cmd("GET")
                    .arg(key)
                    .query_async(&mut connection)
                    .await
            }
        }
    });
    Found::decode(value.await?)
}

/// The tag that a script expects; empty if nothing has to be there.
pub(crate) fn expected<'a>(put: &Put<'a>) -> &'a [u8] {
    match put.expect {
        Expect::Absent => &[],
        Expect::Tag(tag) => tag.as_bytes(),
    }
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
        Value::Nil => Ok(Swap::Missing),
        Value::BulkString(there) => Ok(Found::decode(Some(there))?.into()),
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
