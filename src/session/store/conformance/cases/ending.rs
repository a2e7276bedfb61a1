//! What ended stays ended, and what is over is gone.

use super::super::{
    super::{Found, RecordKey, Store, Swap, Tombstone},
    Bench, Case, Fixture, Stop,
    kit::{AT, GRACE, HOUR, KEEP, NEARLY, SLACK, TRIES, at_once, boxed, count_up, same, swap},
};
use alloc::{format, vec::Vec};

pub(super) async fn end_leaves_its_reason<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let successor = RecordKey::from_bytes([0xff; 16]);
    for reason in [
        Tombstone::Moved(successor, AT),
        Tombstone::Replaced(successor, AT),
        Tombstone::Moved(bench.key(), AT),
        Tombstone::Destroyed(AT),
        Tombstone::Ended(AT),
    ] {
        let (key, record) = bench.created(KEEP).await?;
        let ended = bench.end(&key, Some(&record), reason).await?;
        same!(ended, Swap::Done, "end");
        same!(bench.found(&key).await?, Found::Ended(reason), "load");
    }
    Ok(())
}

pub(super) async fn end_with_a_wrong_tag_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let other = bench.record();
    let refused = bench.end(&key, Some(&other), Tombstone::Ended(AT)).await?;
    same!(refused, Swap::Differs(record.clone()), "end");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

pub(super) async fn end_without_a_tag<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, _) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Destroyed(AT)).await?;
    same!(ended, Swap::Done, "end");
    let found = bench.found(&key).await?;
    same!(found, Found::Ended(Tombstone::Destroyed(AT)), "load");
    Ok(())
}

pub(super) async fn repeated_end_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let moved = Tombstone::Moved(bench.key(), AT);
    for expect in [Some(&record[..]), Some(&record), None] {
        same!(bench.end(&key, expect, moved).await?, Swap::Done, "end");
    }
    Ok(())
}

pub(super) async fn first_reason_stays<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // The successor of a session that moved must still be found by the logout that follows it.
    let (key, record) = bench.created(KEEP).await?;
    let moved = Tombstone::Moved(bench.key(), AT);
    same!(bench.end(&key, None, moved).await?, Swap::Done, "first end");
    for expect in [Some(&record[..]), None] {
        let second = bench.end(&key, expect, Tombstone::Destroyed(AT)).await?;
        same!(second, Swap::Ended(moved), "second end");
    }
    same!(bench.found(&key).await?, Found::Ended(moved), "load");
    Ok(())
}

pub(super) async fn end_of_nothing_leaves_a_tombstone<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A login that is still on its way under this key must not arrive after the logout.
    let key = bench.key();
    let ended = bench.end(&key, None, Tombstone::Destroyed(AT)).await?;
    same!(ended, Swap::Done, "end");
    let refused = bench.create(&key, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed(AT)), "create");
    Ok(())
}

pub(super) async fn end_with_a_tag_of_nothing_is_missing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = (bench.key(), bench.record());
    let ended = bench.end(&key, Some(&record), Tombstone::Ended(AT)).await?;
    same!(ended, Swap::Missing, "end");
    same!(bench.found(&key).await?, Found::Missing, "load");
    Ok(())
}

pub(super) async fn end_holds_against_swappers<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A logout while eight slow requests save: none of them brings the session back.
    for _ in 0..8 {
        let key = bench.key();
        let start = bench.counts(&[0; 8]);
        same!(bench.create(&key, &start).await?, Swap::Done, "create");
        let writers = (0..8).map(|writer| {
            boxed(async move {
                count_up(bench, &bench.twin, key, writer, 20).await?;
                Ok(())
            })
        });
        let logout = boxed(async move {
            let answer = bench.end(&key, None, Tombstone::Destroyed(AT)).await?;
            same!(answer, Swap::Done, "end");
            Ok(())
        });
        at_once(writers.chain([logout])).await?;
        let found = bench.found(&key).await?;
        same!(found, Found::Ended(Tombstone::Destroyed(AT)), "load");
    }
    Ok(())
}

pub(super) async fn create_over_a_tombstone_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Ended(AT)).await?;
    same!(ended, Swap::Done, "end");
    for record in [bench.record(), record] {
        let refused = bench.create(&key, &record).await?;
        same!(refused, Swap::Ended(Tombstone::Ended(AT)), "create");
    }
    Ok(())
}

pub(super) async fn create_after_the_grace<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, _) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Ended(AT)).await?;
    same!(ended, Swap::Done, "end");
    bench.advance_past(GRACE).await?;
    same!(bench.found(&key).await?, Found::Missing, "load");
    let created = bench.create(&key, &bench.record()).await?;
    same!(created, Swap::Done, "create");
    Ok(())
}

pub(super) async fn tombstone_stays_for_its_grace<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A session that was in its cookie before, and has ended, could be opened from a copy of that cookie otherwise.
    let (key, record) = bench.created(GRACE).await?;
    let ends = [
        (bench.key(), None),
        (bench.created(KEEP).await?.0, None),
        (key, Some(&record[..])),
    ];
    for (key, expect) in ends {
        let ended = bench
            .end_for(&key, expect, Tombstone::Ended(AT), KEEP)
            .await?;
        same!(ended, Swap::Done, "end");
    }
    bench.advance_past(NEARLY).await?;
    for (key, _) in ends {
        let found = bench.found(&key).await?;
        same!(found, Found::Ended(Tombstone::Ended(AT)), "load");
    }
    bench.advance_past(HOUR).await?;
    for (key, _) in ends {
        same!(bench.found(&key).await?, Found::Missing, "load at the end");
    }
    Ok(())
}

// Time.

pub(super) async fn keep_prolongs<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // The shortest record, which must not be taken for a tombstone.
    let (key, record) = (bench.key(), bench.record_of(0));
    same!(bench.create(&key, &record).await?, Swap::Done, "create");
    for _ in 0..3 {
        bench.advance_past(NEARLY).await?;
        let found = bench.store.load(&key, Some(KEEP)).await?;
        same!(found, Found::Record(record.clone()), "load with keep");
    }
    bench.advance_past(KEEP).await?;
    same!(bench.found(&key).await?, Found::Missing, "load at the end");
    Ok(())
}

pub(super) async fn keep_never_shortens<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let found = bench.store.load(&key, Some(GRACE)).await?;
    same!(
        found,
        Found::Record(record.clone()),
        "load with a short keep"
    );
    bench.advance_past(NEARLY).await?;
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

pub(super) async fn put_never_shortens<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let next = bench.record();
    let swapped = swap(&bench.store, &key, &record, &next, GRACE).await?;
    same!(swapped, Swap::Done, "swap with a short keep");
    bench.advance_past(NEARLY).await?;
    same!(bench.found(&key).await?, Found::Record(next), "load");
    Ok(())
}

pub(super) async fn put_prolongs<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A login that is remembered lives longer than what the session was created with.
    let (key, record) = bench.created(GRACE).await?;
    let next = bench.record();
    let swapped = bench.swap(&key, &record, &next).await?;
    same!(swapped, Swap::Done, "swap with a longer keep");
    bench.advance_past(NEARLY).await?;
    same!(bench.found(&key).await?, Found::Record(next), "load");
    Ok(())
}

pub(super) async fn load_without_keep_prolongs_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    bench.advance_past(NEARLY).await?;
    same!(bench.found(&key).await?, Found::Record(record), "load");
    bench.advance_past(HOUR).await?;
    same!(bench.found(&key).await?, Found::Missing, "load at the end");
    Ok(())
}

pub(super) async fn record_is_kept_for_60_days<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // Memcached reads what is longer than 30 days as a date in 1970.
    let days = |n: u32| HOUR.saturating_mul(n.saturating_mul(24));
    let (created, record) = bench.created(days(60)).await?;
    let (kept, other) = bench.created(KEEP).await?;
    let found = bench.store.load(&kept, Some(days(60))).await?;
    same!(found, Found::Record(other.clone()), "load with keep");
    for (key, record) in [(&created, &record), (&kept, &other)] {
        same!(
            bench.found(key).await?,
            Found::Record(record.clone()),
            "load"
        );
    }
    bench.advance_past(days(59)).await?;
    for (key, record) in [(created, record), (kept, other)] {
        same!(bench.found(&key).await?, Found::Record(record), "after 59");
    }
    Ok(())
}

pub(super) async fn record_is_gone_after_its_time<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    bench.advance_past(KEEP).await?;
    same!(bench.found(&key).await?, Found::Missing, "load");
    let refused = bench.swap(&key, &record, &bench.record()).await?;
    same!(refused, Swap::Missing, "swap");
    Ok(())
}

pub(super) async fn tombstone_is_never_prolonged<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, _) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Destroyed(AT)).await?;
    same!(ended, Swap::Done, "end");
    let found = bench.store.load(&key, Some(KEEP)).await?;
    same!(
        found,
        Found::Ended(Tombstone::Destroyed(AT)),
        "load with keep"
    );
    bench.advance_past(GRACE).await?;
    same!(bench.found(&key).await?, Found::Missing, "load at the end");
    Ok(())
}

pub(super) async fn sweep_takes_only_what_is_over<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (short, _) = bench.created(KEEP).await?;
    let (long, record) = bench.created(KEEP.saturating_mul(3)).await?;
    let (ended, _) = bench.created(KEEP).await?;
    bench.advance_past(KEEP).await?;
    let fresh = bench.end(&ended, None, Tombstone::Ended(AT)).await?;
    same!(fresh, Swap::Done, "end");
    bench.store.sweep(1_000).await?;
    same!(bench.found(&short).await?, Found::Missing, "what is over");
    same!(bench.found(&long).await?, Found::Record(record), "a record");
    let tombstone = bench.found(&ended).await?;
    same!(tombstone, Found::Ended(Tombstone::Ended(AT)), "a tombstone");
    Ok(())
}

pub(super) async fn sweep_keeps_to_its_limit<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    for _ in 0..10 {
        bench.created(KEEP).await?;
    }
    bench.advance(KEEP.saturating_add(SLACK)).await?;
    let swept = bench.store.sweep(0).await?;
    same!(swept, 0, "swept with a limit of 0");
    for _ in 0..TRIES {
        match bench.store.sweep(4).await? {
            0 => return Ok(()),
            1..=4 => {}
            more => return Err(Stop::Failed(format!("swept {more}, the limit is 4"))),
        }
    }
    Err(Stop::Failed(format!("no end after {TRIES} sweeps")))
}

pub(super) async fn two_sweepers<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (long, record) = bench.created(KEEP.saturating_mul(3)).await?;
    let mut short = Vec::new();
    for _ in 0..20 {
        short.push(bench.created(KEEP).await?.0);
    }
    bench.advance(KEEP.saturating_add(SLACK)).await?;
    let sweepers = [&bench.store, &bench.twin, &bench.store, &bench.twin];
    let sweepers = sweepers.into_iter().map(|store| async move {
        let mut swept = 0_u32;
        for _ in 0..10 {
            swept = swept.saturating_add(store.sweep(3).await?);
        }
        Ok(swept)
    });
    at_once(sweepers).await?;
    bench.sweep().await?;
    for key in short {
        same!(bench.found(&key).await?, Found::Missing, "what is over");
    }
    same!(bench.found(&long).await?, Found::Record(record), "a record");
    Ok(())
}
