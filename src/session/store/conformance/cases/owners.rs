//! Owners, and the rest.

use super::super::{
    super::{End, Expect, Found, Owner, OwnerKey, Put, RecordKey, Store, Swap, Tombstone},
    Bench, Case, Fixture, Stop,
    join::cut_short,
    kit::{AT, GRACE, KEEP, SLACK, create, same, tag},
};
use crate::Timestamp;
use alloc::{format, vec, vec::Vec};
use core::time::Duration;

/// As [`End::one_too_many`] ends a session.
const ONE_TOO_MANY: Tombstone = Tombstone::Ended(Timestamp::MIN);

impl<F: Fixture> Bench<'_, F> {
    /// The keys and descriptions of an owner's records, in the order of the keys.
    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<(RecordKey, Vec<u8>)>, Stop> {
        if !self.store.lists_owners() {
            return Err(Stop::Skipped(
                "the store does not list the records of an owner",
            ));
        }
        let owned = self.store.owned(owner).await?;
        let mut owned: Vec<_> = owned.into_iter().map(|it| (it.key, it.about)).collect();
        owned.sort();
        Ok(owned)
    }

    async fn create_owned(
        &self,
        owner: &OwnerKey,
        about: &[u8],
        keep: Duration,
    ) -> Result<RecordKey, Stop> {
        let (key, record) = (self.key(), self.record_of(0));
        let owner = Owner {
            key: owner,
            about,
            keep,
        };
        let put = Put {
            owner: Some(owner),
            ..create(&key, &record, keep)
        };
        same!(self.store.put(put).await?, Swap::Done, "create");
        Ok(key)
    }
}

fn sorted<const N: usize>(mut owned: [(RecordKey, &[u8]); N]) -> Vec<(RecordKey, Vec<u8>)> {
    owned.sort();
    owned.map(|(key, about)| (key, about.to_vec())).into()
}

pub(super) async fn owner_lists_what_is_live<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (owner, other) = (bench.owner(), bench.owner());
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let about: Vec<u8> = (0..=u8::MAX).collect();
    let first = bench.create_owned(&owner, &about, KEEP).await?;
    // The list ends with the longest of them, not with the last.
    let long = KEEP.saturating_mul(3);
    let third = bench.create_owned(&owner, b"third", long).await?;
    let second = bench.create_owned(&owner, b"second", KEEP).await?;
    let others = bench.create_owned(&other, b"another's", KEEP).await?;
    let owned = bench.owned(&owner).await?;
    let expected = sorted([(first, &about), (second, b"second"), (third, b"third")]);
    same!(owned, expected, "three records");
    same!(
        bench.owned(&other).await?,
        sorted([(others, b"another's")]),
        "another's"
    );

    // An end that is refused takes nothing from the list.
    let wrong = tag(&bench.record())?;
    let refused = End {
        key: &second,
        expect: Some(&wrong),
        tombstone: Tombstone::Ended(AT),
        grace: GRACE,
        owner: Some(&owner),
    };
    let refused = bench.store.end(refused).await?;
    same!(matches!(refused, Swap::Differs(_)), true, "a refused end");
    let owned = bench.owned(&owner).await?;
    same!(owned.len(), 3, "records after a refused end");

    // Ended with the owner told, and without.
    let end = End {
        key: &first,
        expect: None,
        tombstone: Tombstone::Ended(AT),
        grace: GRACE,
        owner: Some(&owner),
    };
    same!(bench.store.end(end).await?, Swap::Done, "end");
    let ended = bench.end(&others, None, Tombstone::Ended(AT)).await?;
    same!(ended, Swap::Done, "end");
    let expected = sorted([(second, b"second"), (third, b"third")]);
    same!(bench.owned(&owner).await?, expected, "after an end");
    same!(bench.owned(&other).await?, vec![], "the other's after it");

    // Its clock tells an engine what is over, and may be wrong: an attacker whose session it still returns would
    // survive an end of all sessions.
    bench.advance(KEEP.saturating_add(SLACK)).await?;
    let opens = matches!(bench.found(&second).await?, Found::Record(_));
    let listed = bench.owned(&owner).await?;
    let is_listed = listed.iter().any(|(key, _)| *key == second);
    same!(is_listed || !opens, true, "a list has whatever still opens");
    bench.sweep().await?;
    let expected = sorted([(third, b"third")]);
    same!(
        bench.owned(&owner).await?,
        expected,
        "after the second's time"
    );
    Ok(())
}

pub(super) async fn owner_lists_what_is_kept_for_longer<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // An attacker who uses a session, and writes nothing, would survive an end of all sessions.
    let owner = bench.owner();
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let long = KEEP.saturating_mul(3);
    let listed = Some(Owner {
        key: &owner,
        about: b"kept",
        keep: long,
    });
    let (created, record) = (bench.key(), bench.record());
    let put = Put {
        owner: listed,
        ..create(&created, &record, GRACE)
    };
    same!(bench.store.put(put).await?, Swap::Done, "create");
    let (from, before) = bench.created(GRACE).await?;
    let (renamed, after) = (bench.key(), bench.record());
    let expect = tag(&before)?;
    let put = Put {
        expect: Expect::Tag(&expect),
        owner: listed,
        ..create(&renamed, &after, GRACE)
    };
    let moved = Tombstone::Moved(renamed, AT);
    let answer = bench.store.rename(&from, put, moved, GRACE).await?;
    same!(answer, Swap::Done, "rename");
    for (key, record) in [(created, record), (renamed, after)] {
        let found = bench.store.load(&key, Some(long)).await?;
        same!(found, Found::Record(record), "load with keep");
    }
    bench.advance_past(KEEP).await?;
    let expected = sorted([(created, b"kept"), (renamed, b"kept")]);
    same!(bench.owned(&owner).await?, expected, "what was kept");
    Ok(())
}

pub(super) async fn owner_lists_what_was_renamed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let owner = bench.owner();
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    // A login: the record had no owner before. Then a new id of the same login.
    let (mut from, mut before) = bench.created(KEEP).await?;
    for about in [b"login", b"newid"] {
        let (to, after) = (bench.key(), bench.record());
        let expect = tag(&before)?;
        let owner = Owner {
            key: &owner,
            about,
            keep: KEEP,
        };
        let put = Put {
            expect: Expect::Tag(&expect),
            owner: Some(owner),
            ..create(&to, &after, KEEP)
        };
        let moved = Tombstone::Moved(to, AT);
        let renamed = bench.store.rename(&from, put, moved, GRACE).await?;
        same!(renamed, Swap::Done, "rename");
        let expected = sorted([(to, about)]);
        same!(bench.owned(owner.key).await?, expected, "after a rename");
        (from, before) = (to, after);
    }
    Ok(())
}

pub(super) async fn owner_does_not_list_what_was_renamed_without_one<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Case {
    // A login over the session of somebody else must not be in their list: they could end it.
    let owner = bench.owner();
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let from = bench.create_owned(&owner, b"first", KEEP).await?;
    let Found::Record(before) = bench.found(&from).await? else {
        return Err(Stop::Failed("the record is gone".into()));
    };
    let (to, after) = (bench.key(), bench.record());
    let renamed = bench.rename(&from, &before, &to, &after).await?;
    same!(renamed, Swap::Done, "rename");
    same!(bench.owned(&owner).await?, vec![], "after a rename");
    // Nor does a later write bring it back.
    let next = bench.record();
    same!(bench.swap(&to, &after, &next).await?, Swap::Done, "swap");
    same!(bench.owned(&owner).await?, vec![], "after a swap");
    Ok(())
}

pub(super) async fn owner_stays_at_a_put_without_one<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let owner = bench.owner();
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let key = bench.create_owned(&owner, b"first", KEEP).await?;
    let Found::Record(record) = bench.found(&key).await? else {
        return Err(Stop::Failed("the record is gone".into()));
    };
    let next = bench.record();
    let swapped = bench.swap(&key, &record, &next).await?;
    same!(swapped, Swap::Done, "swap");
    let expected = sorted([(key, b"first")]);
    same!(bench.owned(&owner).await?, expected, "without an owner");
    let expect = tag(&next)?;
    let described = Owner {
        key: &owner,
        about: b"second",
        keep: KEEP,
    };
    let last = bench.record();
    let put = Put {
        expect: Expect::Tag(&expect),
        owner: Some(described),
        ..create(&key, &last, KEEP)
    };
    same!(bench.store.put(put).await?, Swap::Done, "swap");
    let expected = sorted([(key, b"second")]);
    same!(bench.owned(&owner).await?, expected, "with an owner");
    Ok(())
}

pub(super) async fn owner_has_at_most_1000_records<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A robot that logs in with one account must not grow its list without bound.
    let owner = bench.owner();
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let first = bench.create_owned(&owner, b"", KEEP).await?;
    let second = bench
        .create_owned(&owner, b"", KEEP.saturating_mul(2))
        .await?;
    let long = KEEP.saturating_mul(3);
    for _ in 0..999 {
        bench.create_owned(&owner, b"", long).await?;
    }
    let found = bench.found(&first).await?;
    same!(found, Found::Ended(ONE_TOO_MANY), "the first of 1,001");
    same!(
        bench.owned(&owner).await?.len(),
        1_000,
        "records of one owner"
    );
    // A login makes room too, and never ends itself, however short it is.
    let (from, before) = bench.created(KEEP).await?;
    let (last, after) = (bench.key(), bench.record());
    let expect = tag(&before)?;
    let listed = Some(Owner {
        key: &owner,
        about: b"",
        keep: KEEP,
    });
    let put = Put {
        expect: Expect::Tag(&expect),
        owner: listed,
        ..create(&last, &after, KEEP)
    };
    let moved = Tombstone::Replaced(last, AT);
    let renamed = bench.store.rename(&from, put, moved, GRACE).await?;
    same!(renamed, Swap::Done, "rename");
    same!(
        bench.found(&last).await?,
        Found::Record(after.clone()),
        "the last"
    );
    let found = bench.found(&second).await?;
    same!(found, Found::Ended(ONE_TOO_MANY), "the second");
    let owned = bench.owned(&owner).await?;
    same!(owned.len(), 1_000, "records after a login");
    same!(
        owned.iter().any(|(key, _)| *key == last),
        true,
        "the last is listed"
    );

    // A new id needs no room: neither another session is ended for it, nor the one that gets it.
    let other = owned.iter().find(|(key, _)| *key != last);
    let (other, _) = other.ok_or_else(|| Stop::Failed("no other is listed".into()))?;
    let Found::Record(others) = bench.found(other).await? else {
        return Err(Stop::Failed("another is listed and gone".into()));
    };
    for (from, before) in [(*other, others), (last, after)] {
        let (to, after) = (bench.key(), bench.record());
        let expect = tag(&before)?;
        let put = Put {
            expect: Expect::Tag(&expect),
            owner: listed,
            ..create(&to, &after, KEEP)
        };
        let moved = Tombstone::Moved(to, AT);
        let renamed = bench.store.rename(&from, put, moved, GRACE).await?;
        same!(renamed, Swap::Done, "rename of one of 1,000");
        let found = bench.found(&to).await?;
        same!(found, Found::Record(after.clone()), "its new key");
        let left = bench.owned(&owner).await?.len();
        same!(left, 1_000, "records after a new id");
    }
    Ok(())
}

// The rest.

pub(super) async fn namespaces_do_not_meet<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let owner = bench.owner();
    let (key, record) = (bench.key(), bench.record());
    let owned = Put {
        owner: Some(Owner {
            key: &owner,
            about: b"",
            keep: KEEP,
        }),
        ..create(&key, &record, KEEP)
    };
    same!(bench.store.put(owned).await?, Swap::Done, "create");
    let found = bench.stranger.load(&key, None).await?;
    same!(found, Found::Missing, "load elsewhere");
    let end = End {
        key: &key,
        expect: None,
        tombstone: Tombstone::Ended(AT),
        grace: GRACE,
        owner: Some(&owner),
    };
    same!(bench.stranger.end(end).await?, Swap::Done, "end elsewhere");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    if bench.store.lists_owners() {
        let strangers = bench.stranger.owned(&owner).await?.len();
        same!(strangers, 0, "records of the owner elsewhere");
        same!(bench.owned(&owner).await?.len(), 1, "records of the owner");
    }
    Ok(())
}

pub(super) async fn dropped_futures_leave_whole_records<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // The visitor closes the connection while the session is saved.
    let (key, mut record) = bench.created(KEEP).await?;
    for polls in 0..24 {
        let next = bench.record_of(3_000);
        let answer = cut_short(bench.swap(&key, &record, &next), polls).await;
        if let Some(answer) = answer {
            same!(answer?, Swap::Done, "swap");
        }
        // What was dropped may still be on its way: it is there, or it is not, as a whole.
        let found = bench.found(&key).await?;
        let Found::Record(found) = found else {
            return Err(Stop::Failed(format!("load: {found:?}")));
        };
        if found != record && found != next {
            return Err(Stop::Failed("a mixture of two records".into()));
        }
        let settled = bench.record();
        record = match bench.swap(&key, &found, &settled).await? {
            Swap::Done => settled,
            // It arrived just now.
            Swap::Differs(late) if late == next => late,
            other => return Err(Stop::Failed(format!("swap after it: {other:?}"))),
        };

        let to = bench.key();
        let (from, before) = bench.created(KEEP).await?;
        let after = bench.record();
        let _ = cut_short(bench.rename(&from, &before, &to, &after), polls).await;
        // At every moment the session is under one of the keys.
        if let Found::Ended(_) | Found::Missing = bench.found(&from).await? {
            same!(
                bench.found(&to).await?,
                Found::Record(after.clone()),
                "the new key of an old one that ended"
            );
        }
        // A repeat finishes what was begun.
        let renamed = bench.rename(&from, &before, &to, &after).await?;
        same!(renamed, Swap::Done, "rename after it");
        same!(bench.found(&to).await?, Found::Record(after), "the new key");
    }
    Ok(())
}
