//! The names of things in Redis, and the entries of an index.

use hardtack::store::{End, Owned, OwnerKey, RecordKey, Tombstone};
use redis::{Cmd, Script};
use std::time::Duration;

/// How many records an owner may have.
pub(crate) const MAX_OWNED: u64 = 1_000;
/// The digits in front of a description: its end.
const END: usize = 13;
const GRACE: Duration = Duration::from_secs(60);

/// What keys begin with.
#[derive(Clone)]
pub(crate) struct Keys(pub(crate) String);

impl Default for Keys {
    fn default() -> Self {
        Keys("hardtack:".into())
    }
}

impl Keys {
    pub(crate) fn record(&self, key: &RecordKey) -> String {
        self.of_field(key.as_bytes())
    }

    pub(crate) fn owner(&self, owner: &OwnerKey) -> String {
        self.named("owner:", owner.as_bytes())
    }

    /// Begins a call of a script on these records and on the index of their owner. Its arguments are to follow.
    pub(crate) fn script(
        &self,
        script: &Script,
        records: &[&RecordKey],
        owner: Option<&OwnerKey>,
    ) -> Cmd {
        let records = records.iter().map(|key| self.record(key));
        let index = owner.map(|owner| self.owner(owner));
        let keys: Vec<String> = records.chain(index).collect();
        let mut call = redis::cmd("EVALSHA");
        call.arg(script.get_hash()).arg(keys.len()).arg(keys);
        call
    }

    /// The key of the record that a field of an index names.
    pub(crate) fn of_field(&self, field: &[u8]) -> String {
        self.named("", field)
    }

    /// Without a formatter, which would take half of the time of a call: every request names a record.
    fn named(&self, what: &str, bytes: &[u8]) -> String {
        let digit = |value| char::from_digit(u32::from(value), 16);
        let hex = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let mut name = String::with_capacity(self.0.len() + what.len() + 2 * bytes.len());
        name.push_str(&self.0);
        name.push_str(what);
        name.extend(hex.filter_map(digit));
        name
    }
}

/// A duration as Redis takes it: never 0, and at most 100 years, whose end still has 13 digits.
pub(crate) fn ms(duration: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1_000;
    u64::try_from(duration.as_millis().clamp(1, CENTURY)).unwrap_or(1)
}

/// The entries of live records with their ends, and the fields of all others. A tombstone and a missing
/// record are shorter than a tag.
pub(crate) fn live(
    all: Vec<(Vec<u8>, Vec<u8>)>,
    lengths: &[u64],
) -> (Vec<(u64, Owned)>, Vec<Vec<u8>>) {
    let (mut live, mut over) = (Vec::new(), Vec::new());
    for ((field, entry), len) in all.into_iter().zip(lengths) {
        match read(&field, &entry) {
            Some(owned) if *len >= 24 => live.push(owned),
            _ => over.push(field),
        }
    }
    (live, over)
}

fn read(field: &[u8], entry: &[u8]) -> Option<(u64, Owned)> {
    let (end, about) = entry.split_at_checked(END)?;
    let end = str::from_utf8(end).ok()?.parse().ok()?;
    let owned = Owned {
        key: RecordKey::from_bytes(field.try_into().ok()?),
        about: about.to_owned(),
    };
    Some((end, owned))
}

/// How to end those that are over first, so many that the limit holds; never the new one.
pub(crate) fn over_the_limit<'a>(
    live: &'a [(u64, Owned)],
    new: &RecordKey,
    owner: &'a OwnerKey,
) -> impl Iterator<Item = End<'a>> {
    let excess = live.len().saturating_sub(MAX_OWNED as usize);
    let mut others: Vec<_> = live.iter().filter(|(_, owned)| owned.key != *new).collect();
    others.sort_by_key(|(end, _)| *end);
    others.into_iter().take(excess).map(move |(_, owned)| End {
        key: &owned.key,
        expect: None,
        tombstone: Tombstone::Ended,
        grace: GRACE,
        owner: Some(owner),
    })
}
