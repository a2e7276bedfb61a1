//! A record under another key is one record.

use super::super::{
    super::{Found, RecordKey, Swap, Tombstone},
    Bench, Case, Fixture, Stop,
    kit::{AT, GRACE, HOUR, KEEP, NEARLY, TAG, TRIES, at_once, boxed, count_up, same},
};
use alloc::format;

pub(super) async fn rename_moves_the_record<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let (to, after) = (bench.key(), bench.record());
    let renamed = bench.rename(&from, &before, &to, &after).await?;
    same!(renamed, Swap::Done, "rename");
    same!(bench.found(&to).await?, Found::Record(after), "the new key");
    let old = bench.found(&from).await?;
    same!(old, Found::Ended(Tombstone::Moved(to, AT)), "the old key");
    Ok(())
}

pub(super) async fn renamed_record_has_its_time<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A login that is remembered lives longer than the visit before it.
    let (from, before) = bench.created(GRACE).await?;
    let (to, after) = (bench.key(), bench.record());
    let renamed = bench.rename(&from, &before, &to, &after).await?;
    same!(renamed, Swap::Done, "rename");
    bench.advance_past(GRACE).await?;
    let old = bench.found(&from).await?;
    same!(old, Found::Missing, "the old key after the grace");
    let new = bench.found(&to).await?;
    same!(new, Found::Record(after), "the new key after the grace");
    bench.advance_past(KEEP).await?;
    let new = bench.found(&to).await?;
    same!(new, Found::Missing, "the new key at the end");
    Ok(())
}

pub(super) async fn renamed_record_leaves_its_tombstone_for_the_grace<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Case {
    // The end of a session must find it under its next id, also if it is asked for with a ticket of before.
    let (from, before) = bench.created(GRACE).await?;
    let (to, after) = (bench.key(), bench.record());
    let renamed = bench.rename_for(&from, &before, &to, &after, KEEP);
    same!(renamed.await?, Swap::Done, "rename");
    bench.advance_past(NEARLY).await?;
    let old = bench.found(&from).await?;
    same!(old, Found::Ended(Tombstone::Moved(to, AT)), "the old key");
    bench.advance_past(HOUR).await?;
    let old = bench.found(&from).await?;
    same!(old, Found::Missing, "the old key at the end");
    Ok(())
}

pub(super) async fn repeated_rename_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let (to, after) = (bench.key(), bench.record());
    for _ in 0..3 {
        let renamed = bench.rename(&from, &before, &to, &after).await?;
        same!(renamed, Swap::Done, "rename");
    }
    same!(bench.found(&to).await?, Found::Record(after), "the new key");
    Ok(())
}

pub(super) async fn rename_from_a_wrong_tag_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, record) = bench.created(KEEP).await?;
    let (to, after) = (bench.key(), bench.record());
    let refused = bench.rename(&from, &bench.record(), &to, &after).await?;
    same!(refused, Swap::Differs(record.clone()), "rename");
    let old = bench.found(&from).await?;
    same!(old, Found::Record(record), "the old key");
    Ok(())
}

pub(super) async fn rename_after_a_lost_race_goes_on<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A save came in between: the caller merges and renames again, to the same key with other bytes.
    let (from, base) = bench.created(KEEP).await?;
    let theirs = bench.record();
    let saved = bench.swap(&from, &base, &theirs).await?;
    same!(saved, Swap::Done, "the rival's swap");
    let to = bench.key();
    let refused = bench.rename(&from, &base, &to, &bench.record()).await?;
    same!(refused, Swap::Differs(theirs.clone()), "first rename");
    let merged = bench.record();
    let renamed = bench.rename(&from, &theirs, &to, &merged).await?;
    same!(renamed, Swap::Done, "second rename");
    same!(
        bench.found(&to).await?,
        Found::Record(merged),
        "the new key"
    );
    let old = bench.found(&from).await?;
    same!(old, Found::Ended(Tombstone::Moved(to, AT)), "the old key");
    Ok(())
}

pub(super) async fn rename_onto_a_tombstone_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let to = bench.key();
    let ended = bench.end(&to, None, Tombstone::Destroyed(AT)).await?;
    same!(ended, Swap::Done, "end");
    let refused = bench.rename(&from, &before, &to, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed(AT)), "rename");
    let old = bench.found(&from).await?;
    same!(old, Found::Record(before), "the old key");
    Ok(())
}

pub(super) async fn rename_of_what_ended_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let ended = bench.end(&from, None, Tombstone::Destroyed(AT)).await?;
    same!(ended, Swap::Done, "end");
    let to = bench.key();
    let refused = bench.rename(&from, &before, &to, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed(AT)), "rename");
    not_a_record(bench, &to).await
}

pub(super) async fn rename_of_nothing_is_missing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, to) = (bench.key(), bench.key());
    let refused = bench
        .rename(&from, &bench.record(), &to, &bench.record())
        .await?;
    same!(refused, Swap::Missing, "rename");
    same!(bench.found(&from).await?, Found::Missing, "the old key");
    not_a_record(bench, &to).await
}

/// A refused rename leaves no session under the new key.
async fn not_a_record<F: Fixture>(bench: &Bench<'_, F>, key: &RecordKey) -> Case {
    match bench.found(key).await? {
        Found::Record(_) => Err(Stop::Failed("a record is under the new key".into())),
        Found::Ended(_) | Found::Missing => Ok(()),
    }
}

pub(super) async fn one_of_two_renames_wins<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    for _ in 0..8 {
        let (from, before) = bench.created(KEEP).await?;
        let keys = [bench.key(), bench.key()];
        let answers = at_once(keys.iter().map(|to| {
            let (from, before) = (&from, &before);
            async move {
                let after = bench.record();
                bench.rename(from, before, to, &after).await
            }
        }));
        let answers = answers.await?;
        let (winner, loser) = match Found::Ended(Tombstone::Moved(keys[0], AT)) {
            first if bench.found(&from).await? == first => (keys[0], keys[1]),
            _ => (keys[1], keys[0]),
        };
        let mut expected = [Swap::Done, Swap::Ended(Tombstone::Moved(winner, AT))];
        // The answers are in the order in which they came.
        if answers.first() != Some(&Swap::Done) {
            expected.reverse();
        }
        same!(answers, expected, "two renames");
        let new = bench.found(&winner).await?;
        same!(matches!(new, Found::Record(_)), true, "the winner's record");
        not_a_record(bench, &loser).await?;
    }
    Ok(())
}

pub(super) async fn rename_against_swappers_loses_nothing<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Case {
    for _ in 0..8 {
        let from = bench.key();
        let start = bench.counts(&[0; 7]);
        same!(bench.create(&from, &start).await?, Swap::Done, "create");
        let writers = (0..6).zip(bench.stores());
        let writers =
            writers.map(|(writer, store)| boxed(count_up(bench, store, from, writer, 10)));
        let renamer = boxed(async move {
            let to = bench.key();
            let Found::Record(mut before) = bench.found(&from).await? else {
                return Err(Stop::Failed("the record is gone".into()));
            };
            for _ in 0..TRIES {
                // Its own change is in the seventh count.
                let mut counts = before.get(TAG..).unwrap_or_default().to_vec();
                if let Some(count) = counts.last_mut() {
                    *count = 1;
                }
                let after = bench.counts(&counts);
                match bench.rename(&from, &before, &to, &after).await? {
                    Swap::Done => return Ok(0),
                    Swap::Differs(theirs) => before = theirs,
                    other => return Err(Stop::Failed(format!("rename: {other:?}"))),
                }
            }
            Err(Stop::Failed(format!("no rename after {TRIES} tries")))
        });
        at_once(writers.chain([renamer])).await?;
        let Found::Ended(Tombstone::Moved(to, AT)) = bench.found(&from).await? else {
            return Err(Stop::Failed("the old record is not moved".into()));
        };
        let Found::Record(record) = bench.found(&to).await? else {
            return Err(Stop::Failed("the new record is not there".into()));
        };
        let counts = record.get(TAG..).unwrap_or_default();
        same!(counts, &[10, 10, 10, 10, 10, 10, 1][..], "writes kept");
    }
    Ok(())
}
