//! Sequences of calls to the store in memory, against a table of what the contract says.

use crate::kit::exchange::ready;
use crate::read;
use arbitrary::Arbitrary;
use hardtack::Timestamp;
use hardtack::store::{
    End, Expect, Found, MemoryStore, Owner, OwnerKey, Put, RecordKey, Store, StoreErrorKind, Swap,
    Tag, Tombstone,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Call {
    Load {
        key: u8,
        keep: Option<u8>,
    },
    Put {
        key: u8,
        expect: Option<u8>,
        version: u8,
        keep: u8,
        owner: Option<u8>,
    },
    End {
        key: u8,
        expect: Option<u8>,
        tombstone: u8,
        grace: u8,
    },
    Rename {
        from: u8,
        to: u8,
        expect: Option<u8>,
        version: u8,
        keep: u8,
        grace: u8,
        owner: Option<u8>,
    },
    Owned(u8),
    Pass(u8),
    Sweep(u8),
}

fn key(n: u8) -> [u8; 16] {
    [n % 4; 16]
}

fn place(n: u8) -> RecordKey {
    RecordKey::from_bytes(key(n))
}

fn owner_key(n: u8) -> OwnerKey {
    OwnerKey::from_bytes(key(n))
}

fn seconds(n: u8) -> Duration {
    Duration::from_secs(n.into())
}

/// The record of a version: its first 24 bytes are the tag.
fn record(version: u8) -> Vec<u8> {
    vec![version % 6; 24 + usize::from(version % 6)]
}

fn tag(version: u8) -> Tag {
    Tag::of(&record(version)).unwrap()
}

fn tombstone(n: u8) -> Tombstone {
    let at = Timestamp::from_unix(n.into());
    match n % 4 {
        0 => Tombstone::Destroyed(at),
        1 => Tombstone::Ended(at),
        2 => Tombstone::Replaced(RecordKey::from_bytes(key(n / 4)), at),
        _ => Tombstone::Moved(RecordKey::from_bytes(key(n / 4)), at),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Held {
    /// A version, and its owner with what is shown of it.
    Record(u8, Option<(u8, u8)>),
    Ended(Tombstone),
}

/// What a store holds, each until its time.
#[derive(Default)]
struct Table {
    now: u64,
    held: BTreeMap<[u8; 16], (Held, u64)>,
}

impl Table {
    fn at(&self, key: [u8; 16]) -> Option<&(Held, u64)> {
        self.held.get(&key).filter(|(_, until)| *until > self.now)
    }

    fn found(&self, key: [u8; 16]) -> Found {
        match self.at(key) {
            Some((Held::Record(version, _), _)) => Found::Record(record(*version)),
            Some((Held::Ended(tombstone), _)) => Found::Ended(*tombstone),
            None => Found::Missing,
        }
    }

    fn version(&self, key: [u8; 16]) -> Option<u8> {
        match self.at(key) {
            Some((Held::Record(version, _), _)) => Some(*version),
            _ => None,
        }
    }

    fn write(&mut self, key: [u8; 16], version: u8, keep: u8, owner: Option<(u8, u8)>) {
        let until = self.now + u64::from(keep);
        let (owner, until) = match self.at(key) {
            Some((Held::Record(_, before), end)) => (owner.or(*before), until.max(*end)),
            _ => (owner, until),
        };
        self.held
            .insert(key, (Held::Record(version % 6, owner), until));
    }

    fn load(&mut self, key: [u8; 16], keep: Option<u8>) -> Found {
        let (found, now) = (self.found(key), self.now);
        if let (Some(keep), Found::Record(_)) = (keep, &found) {
            let (_, until) = self.held.get_mut(&key).unwrap();
            *until = (*until).max(now + u64::from(keep));
        }
        found
    }

    fn put(
        &mut self,
        key: [u8; 16],
        expect: Option<u8>,
        version: u8,
        keep: u8,
        owner: Option<(u8, u8)>,
    ) -> Swap {
        let is = self.version(key);
        if is == Some(version % 6) {
            return Swap::Done;
        }
        let may = match expect {
            None => self.at(key).is_none(),
            Some(expected) => is == Some(expected % 6),
        };
        if !may {
            return self.found(key).into();
        }
        self.write(key, version, keep, owner);
        Swap::Done
    }

    fn end(&mut self, key: [u8; 16], expect: Option<u8>, reason: Tombstone, grace: u8) -> Swap {
        let may = match (self.at(key), expect) {
            (Some((Held::Ended(before), _)), _) if *before == reason => return Swap::Done,
            (Some((Held::Ended(_), _)), _) => false,
            (Some((Held::Record(version, _), _)), Some(expected)) => *version == expected % 6,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        if !may {
            return self.found(key).into();
        }
        let until = self.now + u64::from(grace);
        self.held.insert(key, (Held::Ended(reason), until));
        Swap::Done
    }
}

/// Makes what a call puts under a key, and hands it over.
fn with_put<R>(
    at: u8,
    (expect, version, keep, owner): (Option<u8>, u8, u8, Option<u8>),
    f: impl FnOnce(Put<'_>) -> R,
) -> R {
    let (expected, owned_by) = (expect.map(tag), owner.map(owner_key));
    let shown = about(owner.unwrap_or(0));
    f(Put {
        key: &place(at),
        expect: expected.as_ref().map_or(Expect::Absent, Expect::Tag),
        record: &record(version),
        keep: seconds(keep),
        owner: owned_by.as_ref().map(|key| Owner {
            key,
            about: &shown,
            keep: seconds(keep),
        }),
    })
}

fn about(n: u8) -> [u8; 1] {
    [n]
}

/// Calls in any order, with a clock that goes on: each answer is the one of the table.
pub fn store_calls(data: &[u8]) {
    let Some(calls) = read::<Vec<Call>>(data) else {
        return;
    };
    let clock = Arc::new(Mutex::new(Duration::ZERO));
    let hand = clock.clone();
    let store = MemoryStore::with_clock(1 << 20, move || *hand.lock().unwrap());
    let mut table = Table::default();
    for call in calls {
        match call {
            Call::Load { key: n, keep } => {
                let found = ready(store.load(&place(n), keep.map(seconds))).unwrap();
                assert_eq!(found, table.load(key(n), keep));
            }
            Call::Put {
                key: n,
                expect,
                version,
                keep,
                owner,
            } => {
                let swap = with_put(n, (expect, version, keep, owner), |put| {
                    ready(store.put(put))
                });
                let swap = swap.unwrap();
                let owner = owner.map(|owner| (owner % 4, owner));
                assert_eq!(swap, table.put(key(n), expect, version, keep, owner));
            }
            Call::End {
                key: n,
                expect,
                tombstone: reason,
                grace,
            } => {
                let expected = expect.map(tag);
                let end = End {
                    key: &place(n),
                    expect: expected.as_ref(),
                    tombstone: tombstone(reason),
                    grace: seconds(grace),
                    owner: None,
                };
                let swap = ready(store.end(end)).unwrap();
                assert_eq!(swap, table.end(key(n), expect, tombstone(reason), grace));
            }
            Call::Rename {
                from,
                to,
                expect,
                version,
                keep,
                grace,
                owner,
            } => {
                let moved = Tombstone::Moved(place(to), Timestamp::from_unix(7));
                let swap = with_put(to, (expect, version, keep, owner), |put| {
                    ready(store.rename(&place(from), put, moved, seconds(grace)))
                });
                let Some(expected) = expect else {
                    assert_eq!(swap.unwrap_err().kind(), StoreErrorKind::Unsupported);
                    continue;
                };
                match table.at(key(to)) {
                    Some((Held::Record(is, _), _)) if *is == version % 6 => {
                        assert_eq!(swap.unwrap(), Swap::Done);
                    }
                    Some((Held::Record(..), _)) => {
                        assert_eq!(swap.unwrap_err().kind(), StoreErrorKind::Corrupt);
                    }
                    Some((Held::Ended(reason), _)) => {
                        assert_eq!(swap.unwrap(), Swap::Ended(*reason));
                    }
                    None if table.version(key(from)) == Some(expected % 6) => {
                        assert_eq!(swap.unwrap(), Swap::Done);
                        let owner = owner.map(|owner| (owner % 4, owner));
                        table.write(key(to), version, keep, owner);
                        let until = table.now + u64::from(grace);
                        table.held.insert(key(from), (Held::Ended(moved), until));
                    }
                    None => assert_eq!(swap.unwrap(), table.found(key(from)).into()),
                }
            }
            Call::Owned(n) => {
                let owned = ready(store.owned(&owner_key(n))).unwrap();
                let owned: BTreeMap<[u8; 16], Vec<u8>> = owned
                    .into_iter()
                    .map(|it| (*it.key.as_bytes(), it.about))
                    .collect();
                let expected = table.held.keys().filter_map(|key| match table.at(*key)? {
                    (Held::Record(_, Some((owner, shown))), _) if *owner == n % 4 => {
                        Some((*key, about(*shown).to_vec()))
                    }
                    _ => None,
                });
                assert_eq!(owned, expected.collect());
            }
            Call::Pass(n) => {
                table.now += u64::from(n);
                *clock.lock().unwrap() = Duration::from_secs(table.now);
            }
            Call::Sweep(limit) => {
                let swept = ready(store.sweep(limit.into())).unwrap();
                assert!(swept <= limit.into());
            }
        }
    }
    for n in 0..4 {
        let found = ready(store.load(&RecordKey::from_bytes(key(n)), None)).unwrap();
        assert_eq!(found, table.found(key(n)));
    }
}
