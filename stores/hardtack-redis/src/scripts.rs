//! The scripts, and what they are given.

use hardtack::store::{Owner, RecordKey};
use redis::Script;
use std::{sync::LazyLock, time::Duration};

pub(crate) static PUT: LazyLock<Script> =
    LazyLock::new(|| with_index(include_str!("scripts/put.lua")));
pub(crate) static RENAME: LazyLock<Script> =
    LazyLock::new(|| with_index(include_str!("scripts/rename.lua")));
/// The index alone: in a cluster it is on another node than the record.
pub(crate) static INDEX: LazyLock<Script> =
    LazyLock::new(|| with_index("return index(KEYS[1], ARGV[1], ARGV[2], ARGV[3])"));
pub(crate) static KEEP: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/keep.lua")));
pub(crate) static END: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/end.lua")));
pub(crate) static LIST: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/list.lua")));
/// Of a script without keys, which a cluster sends to any node. One of several versions or policies is in transition.
pub(crate) static INFO: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('INFO')"));

fn with_index(script: &str) -> Script {
    Script::new(&[include_str!("scripts/index.lua"), script].concat())
}

/// The entry of a record in the index of its owner.
pub(crate) fn entry<'a>(key: &'a RecordKey, owner: Owner<'a>) -> (&'a [u8], &'a [u8], u64) {
    (key.as_bytes(), owner.about, ms(owner.keep))
}

/// A duration as Redis takes it: never 0, and at most 100 years, whose end still has 13 digits.
pub(crate) fn ms(duration: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1_000;
    u64::try_from(duration.as_millis().clamp(1, CENTURY)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_never_none_and_never_over_a_century() {
        assert_eq!(ms(Duration::ZERO), 1);
        assert_eq!(ms(Duration::from_millis(1_500)), 1_500);
        assert_eq!(ms(Duration::MAX), 36_500 * 24 * 3_600_000);
    }
}
