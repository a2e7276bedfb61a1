//! What is put, comes back, and of two writers the slower is told.

use super::super::{
    super::{Found, RecordKey, Store, StoreErrorKind, Swap, Tombstone},
    Bench, Case, Fixture, Stop,
    kit::{AT, KEEP, LARGEST, LARGEST_TRIED, TAG, at_once, count_up, create, same, swap},
};
use alloc::{format, vec, vec::Vec};

// What is put, comes back.

pub(super) async fn check_passes<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    bench.store.check().await?;
    // A second start of the site.
    Ok(bench.twin.check().await?)
}

pub(super) async fn records_of_every_size_come_back<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let max = bench.store.max_record_bytes();
    if max < LARGEST {
        let why = format!("takes {max} bytes, a site with default settings needs {LARGEST}");
        return Err(Stop::Failed(why));
    }
    // Or a part of it, so that the suite needs no more memory than a test should.
    let largest = max.min(LARGEST_TRIED);
    for len in [
        24, 25, 39, 40, 41, 279, 280, 4_120, 65_559, LARGEST, largest,
    ] {
        let len = len.saturating_sub(TAG);
        let (key, record) = (bench.key(), bench.record_of(len));
        same!(bench.create(&key, &record).await?, Swap::Done, "create");
        same!(bench.found(&key).await?, Found::Record(record), "load");
    }
    Ok(())
}

pub(super) async fn every_byte_comes_back<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    for byte in 0..=u8::MAX {
        // In the header too, where some engines look at the bytes of a tag as text.
        let mut record = vec![byte; TAG + 8];
        record.extend(0..=u8::MAX);
        let key = bench.key();
        same!(bench.create(&key, &record).await?, Swap::Done, "create");
        let found = bench.found(&key).await?;
        if found != Found::Record(record.clone()) {
            return Err(Stop::Failed(format!("a record of bytes {byte} changed")));
        }
        let next = bench.record();
        same!(
            bench.swap(&key, &record, &next).await?,
            Swap::Done,
            "swap from its tag"
        );
    }
    // Tags that differ in one byte at either end differ, be it the case of a letter.
    let (key, mut record) = (bench.key(), bench.record());
    for byte in record.iter_mut().take(TAG) {
        *byte = b'a';
    }
    same!(bench.create(&key, &record).await?, Swap::Done, "create");
    for at in [0, TAG - 1] {
        let mut other = record.clone();
        if let Some(byte) = other.get_mut(at) {
            *byte = b'A';
        }
        let refused = bench.swap(&key, &other, &bench.record()).await?;
        same!(
            refused,
            Swap::Differs(record.clone()),
            "swap from a like tag"
        );
    }
    Ok(())
}

pub(super) async fn nothing_is_missing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    same!(bench.found(&key).await?, Found::Missing, "load");
    let kept = bench.store.load(&key, Some(KEEP)).await?;
    same!(kept, Found::Missing, "load with keep");
    same!(bench.found(&key).await?, Found::Missing, "load after it");
    Ok(())
}

// Creating.

pub(super) async fn record_is_created_once<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, first) = bench.created(KEEP).await?;
    let refused = bench.create(&key, &bench.record()).await?;
    same!(refused, Swap::Differs(first.clone()), "second create");
    same!(bench.found(&key).await?, Found::Record(first), "load");
    Ok(())
}

pub(super) async fn repeated_create_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    same!(bench.create(&key, &record).await?, Swap::Done, "repeated");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

pub(super) async fn one_of_64_creators_wins<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    let creators = (0..64).map(|_| async {
        let record = bench.record();
        let answer = bench.create(&key, &record).await?;
        Ok((record, answer))
    });
    let answers = at_once(creators).await?;
    one_winner(bench, &key, answers).await
}

/// One of these writers is done; what it wrote is there, and the others were told of it.
async fn one_winner<F: Fixture>(
    bench: &Bench<'_, F>,
    key: &RecordKey,
    answers: Vec<(Vec<u8>, Swap)>,
) -> Case {
    let done = answers.iter().filter(|(_, swap)| *swap == Swap::Done);
    let done: Vec<_> = done.map(|(record, _)| record.clone()).collect();
    let [winner] = &done[..] else {
        return Err(Stop::Failed(format!("{} writers are done", done.len())));
    };
    same!(
        bench.found(key).await?,
        Found::Record(winner.clone()),
        "load"
    );
    for (_, answer) in answers {
        if answer != Swap::Done {
            same!(answer, Swap::Differs(winner.clone()), "loser");
        }
    }
    Ok(())
}

pub(super) async fn short_record_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // It would be taken for a tombstone.
    let key = bench.key();
    let answer = bench.store.put(create(&key, b"d", KEEP)).await;
    let kind = answer.map_err(|error| error.kind());
    same!(kind, Err(StoreErrorKind::Corrupt), "create of one byte");
    same!(bench.found(&key).await?, Found::Missing, "load");
    Ok(())
}

// Compare and swap.

pub(super) async fn swap_from_the_right_tag<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, mut record) = bench.created(KEEP).await?;
    for _ in 0..5 {
        let next = bench.record();
        same!(bench.swap(&key, &record, &next).await?, Swap::Done, "swap");
        same!(
            bench.found(&key).await?,
            Found::Record(next.clone()),
            "load"
        );
        record = next;
    }
    Ok(())
}

pub(super) async fn swap_from_a_wrong_tag_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let refused = bench.swap(&key, &bench.record(), &bench.record()).await?;
    same!(refused, Swap::Differs(record.clone()), "swap");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

pub(super) async fn repeated_swap_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // The answer to the first was lost.
    let (key, first) = bench.created(KEEP).await?;
    let second = bench.record();
    for _ in 0..3 {
        same!(bench.swap(&key, &first, &second).await?, Swap::Done, "swap");
    }
    same!(bench.found(&key).await?, Found::Record(second), "load");
    Ok(())
}

pub(super) async fn swap_after_a_rivals_is_told_theirs<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, base) = bench.created(KEEP).await?;
    let theirs = bench.record();
    same!(
        swap(&bench.twin, &key, &base, &theirs, KEEP).await?,
        Swap::Done,
        "the rival's swap"
    );
    let mine = bench.record();
    let refused = bench.swap(&key, &base, &mine).await?;
    same!(refused, Swap::Differs(theirs.clone()), "mine");
    let merged = bench.swap(&key, &theirs, &mine).await?;
    same!(merged, Swap::Done, "mine, from theirs");
    Ok(())
}

pub(super) async fn swap_after_an_end_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A save that comes late must not bring back the session.
    let (key, record) = bench.created(KEEP).await?;
    same!(
        bench.end(&key, None, Tombstone::Destroyed(AT)).await?,
        Swap::Done,
        "end"
    );
    let refused = bench.swap(&key, &record, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed(AT)), "swap");
    let repeated = bench.swap(&key, &bench.record(), &record).await?;
    same!(
        repeated,
        Swap::Ended(Tombstone::Destroyed(AT)),
        "repeated create"
    );
    let found = bench.found(&key).await?;
    same!(found, Found::Ended(Tombstone::Destroyed(AT)), "load");
    Ok(())
}

pub(super) async fn swap_of_nothing_creates_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    let refused = bench.swap(&key, &bench.record(), &bench.record()).await?;
    same!(refused, Swap::Missing, "swap");
    same!(bench.found(&key).await?, Found::Missing, "load");
    Ok(())
}

pub(super) async fn one_of_64_swappers_wins<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // An engine without compare and swap fails here: two of them are done.
    let (key, base) = bench.created(KEEP).await?;
    let swappers = bench.stores().take(64).map(|store| {
        let (key, base) = (&key, &base);
        async move {
            let record = bench.record();
            let answer = swap(store, key, base, &record, KEEP).await?;
            Ok((record, answer))
        }
    });
    let answers = at_once(swappers).await?;
    one_winner(bench, &key, answers).await
}

pub(super) async fn swappers_lose_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    let start = bench.counts(&[0; 64]);
    same!(bench.create(&key, &start).await?, Swap::Done, "create");
    let writers = (0..64).zip(bench.stores());
    let writers = writers.map(|(writer, store)| count_up(bench, store, key, writer, 2));
    at_once(writers).await?;
    let Found::Record(record) = bench.found(&key).await? else {
        return Err(Stop::Failed("the record is gone".into()));
    };
    same!(
        record.get(TAG..).unwrap_or_default(),
        &[2; 64][..],
        "writes kept"
    );
    Ok(())
}

pub(super) async fn reads_are_never_older_than_writes<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // An engine whose reads come from a replica fails here: the next request of a visitor, on another
    // instance, would not see the login.
    let (key, mut record) = bench.created(KEEP).await?;
    for _ in 0..100 {
        let next = bench.record();
        same!(bench.swap(&key, &record, &next).await?, Swap::Done, "swap");
        let elsewhere = bench.twin.load(&key, Some(KEEP)).await?;
        same!(elsewhere, Found::Record(next.clone()), "load elsewhere");
        record = next;
    }
    same!(
        bench.end(&key, None, Tombstone::Ended(AT)).await?,
        Swap::Done,
        "end"
    );
    let elsewhere = bench.twin.load(&key, Some(KEEP)).await?;
    same!(
        elsewhere,
        Found::Ended(Tombstone::Ended(AT)),
        "load elsewhere"
    );
    Ok(())
}
