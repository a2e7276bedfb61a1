//! The cases. Each states what a store has to do, and why a site would lose or leak sessions otherwise.

use super::{
    super::{
        End, Expect, Found, Owner, OwnerKey, Put, RecordKey, Store, StoreErrorKind, Swap, Tag,
        Tombstone,
    },
    Bench, Case, CaseResult, Fixture, Report, Stop,
    join::{cut_short, join_all},
    outcome,
};
use alloc::{boxed::Box, format, vec, vec::Vec};
use core::{future::Future, pin::Pin, time::Duration};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How much longer than asked an engine may keep something: it may round up so that it writes less often.
pub(super) const SLACK: Duration = Duration::from_secs(3 * 60 * 60);
const KEEP: Duration = Duration::from_secs(10 * 60 * 60);
/// An hour less than [`KEEP`], together with the [`SLACK`] that is added.
const NEARLY: Duration = Duration::from_secs(6 * 60 * 60);
const GRACE: Duration = Duration::from_secs(60);
/// The longest record of a site with default settings, and the header and tag of its token.
const LARGEST: usize = 64 * 1024 + 40;
/// How often a case repeats what ends much earlier with a store that works.
pub(super) const TRIES: u32 = 2_000;
/// The header of the token.
const TAG: usize = 24;

/// Runs these functions in order, and reports each under its own name.
macro_rules! run {
    ($bench:ident: $($case:ident)+) => {
        Report {
            cases: vec![$(CaseResult {
                name: stringify!($case),
                outcome: outcome($case($bench)).await,
            }),+],
        }
    };
}

pub(super) async fn run_all<F: Fixture>(bench: &Bench<'_, F>) -> Report {
    run! { bench:
        check_passes
        records_of_every_size_come_back
        every_byte_comes_back
        nothing_is_missing
        record_is_created_once
        repeated_create_is_done
        one_of_64_creators_wins
        short_record_is_refused
        swap_from_the_right_tag
        swap_from_a_wrong_tag_is_refused
        repeated_swap_is_done
        swap_after_a_rivals_is_told_theirs
        swap_after_an_end_is_refused
        swap_of_nothing_creates_nothing
        one_of_64_swappers_wins
        swappers_lose_nothing
        reads_are_never_older_than_writes
        end_leaves_its_reason
        end_with_a_wrong_tag_is_refused
        end_without_a_tag
        repeated_end_is_done
        first_reason_stays
        end_of_nothing_leaves_a_tombstone
        end_with_a_tag_of_nothing_is_missing
        end_holds_against_swappers
        create_over_a_tombstone_is_refused
        create_after_the_grace
        keep_prolongs
        keep_never_shortens
        put_never_shortens
        load_without_keep_prolongs_nothing
        record_is_kept_for_60_days
        record_is_gone_after_its_time
        tombstone_is_never_prolonged
        sweep_takes_only_what_is_over
        sweep_keeps_to_its_limit
        two_sweepers
        rename_moves_the_record
        repeated_rename_is_done
        rename_from_a_wrong_tag_is_refused
        rename_after_a_lost_race_goes_on
        rename_onto_a_tombstone_is_refused
        rename_of_what_ended_is_refused
        rename_of_nothing_is_missing
        one_of_two_renames_wins
        rename_against_swappers_loses_nothing
        owner_lists_what_is_live
        owner_lists_what_was_renamed
        owner_stays_at_a_put_without_one
        owner_has_at_most_1000_records
        namespaces_do_not_meet
        dropped_futures_leave_whole_records
    }
}

/// Ends the case as failed unless the two are equal.
macro_rules! same {
    ($found:expr, $expected:expr, $what:literal) => {{
        let (found, expected) = ($found, $expected);
        if found != expected {
            let why = format!("{}: {found:?}, expected {expected:?}", $what);
            return Err(Stop::Failed(why));
        }
    }};
}

/// The shorthand of the cases.
impl<F: Fixture> Bench<'_, F> {
    fn key(&self) -> RecordKey {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        RecordKey::from_bytes(bytes)
    }

    fn owner(&self) -> OwnerKey {
        OwnerKey::from_bytes(*self.key().as_bytes())
    }

    /// A record with a tag of its own and this many bytes behind it.
    fn record_of(&self, len: usize) -> Vec<u8> {
        let mut record = vec![0; TAG.saturating_add(len)];
        self.random.fill(&mut record);
        record
    }

    fn record(&self) -> Vec<u8> {
        self.record_of(100)
    }

    /// A record that holds one number for each writer: how often it wrote.
    fn counts(&self, counts: &[u8]) -> Vec<u8> {
        let mut record = self.record_of(0);
        record.extend_from_slice(counts);
        record
    }

    async fn found(&self, key: &RecordKey) -> Result<Found, Stop> {
        Ok(self.store.load(key, None).await?)
    }

    async fn create(&self, key: &RecordKey, record: &[u8]) -> Result<Swap, Stop> {
        self.create_for(key, record, KEEP).await
    }

    async fn create_for(
        &self,
        key: &RecordKey,
        record: &[u8],
        keep: Duration,
    ) -> Result<Swap, Stop> {
        Ok(self.store.put(create(key, record, keep)).await?)
    }

    /// Creates a record under a new key.
    async fn created(&self, keep: Duration) -> Result<(RecordKey, Vec<u8>), Stop> {
        let (key, record) = (self.key(), self.record());
        same!(
            self.create_for(&key, &record, keep).await?,
            Swap::Done,
            "create"
        );
        Ok((key, record))
    }

    async fn swap(&self, key: &RecordKey, from: &[u8], to: &[u8]) -> Result<Swap, Stop> {
        swap(&self.store, key, from, to, KEEP).await
    }

    async fn end(
        &self,
        key: &RecordKey,
        expect: Option<&[u8]>,
        tombstone: Tombstone,
    ) -> Result<Swap, Stop> {
        let expect = expect.map(tag).transpose()?;
        let end = End {
            key,
            expect: expect.as_ref(),
            tombstone,
            grace: GRACE,
            owner: None,
        };
        Ok(self.store.end(end).await?)
    }

    async fn rename(
        &self,
        from: &RecordKey,
        before: &[u8],
        to: &RecordKey,
        record: &[u8],
    ) -> Result<Swap, Stop> {
        let expect = tag(before)?;
        let put = Put {
            expect: Expect::Tag(&expect),
            ..create(to, record, KEEP)
        };
        let tombstone = Tombstone::Moved(*to);
        Ok(self.store.rename(from, put, tombstone, GRACE).await?)
    }
}

fn create<'a>(key: &'a RecordKey, record: &'a [u8], keep: Duration) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep,
        owner: None,
    }
}

async fn swap<S: Store>(
    store: &S,
    key: &RecordKey,
    from: &[u8],
    to: &[u8],
    keep: Duration,
) -> Result<Swap, Stop> {
    let expect = tag(from)?;
    let put = Put {
        expect: Expect::Tag(&expect),
        ..create(key, to, keep)
    };
    Ok(store.put(put).await?)
}

fn tag(record: &[u8]) -> Result<Tag, Stop> {
    Tag::of(record).ok_or_else(|| Stop::Failed("a record shorter than its tag".into()))
}

fn boxed<'a, T>(future: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(future)
}

/// The outputs, or the first reason to stop.
async fn at_once<'a, T: 'a>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, Stop>> + 'a>,
) -> Result<Vec<T>, Stop> {
    let outputs = join_all(futures.into_iter().map(boxed)).await;
    outputs.into_iter().collect()
}

// What is put, comes back.

async fn check_passes<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    bench.store.check().await?;
    // A second start of the site.
    Ok(bench.twin.check().await?)
}

async fn records_of_every_size_come_back<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let max = bench.store.max_record_bytes();
    if max < LARGEST {
        let why = format!("takes {max} bytes, a site with default settings needs {LARGEST}");
        return Err(Stop::Failed(why));
    }
    for len in [0, 1, 15, 16, 17, 255, 256, 4_096, 65_535, LARGEST - TAG] {
        let (key, record) = (bench.key(), bench.record_of(len));
        same!(bench.create(&key, &record).await?, Swap::Done, "create");
        same!(bench.found(&key).await?, Found::Record(record), "load");
    }
    Ok(())
}

async fn every_byte_comes_back<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn nothing_is_missing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    same!(bench.found(&key).await?, Found::Missing, "load");
    let kept = bench.store.load(&key, Some(KEEP)).await?;
    same!(kept, Found::Missing, "load with keep");
    same!(bench.found(&key).await?, Found::Missing, "load after it");
    Ok(())
}

// Creating.

async fn record_is_created_once<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, first) = bench.created(KEEP).await?;
    let refused = bench.create(&key, &bench.record()).await?;
    same!(refused, Swap::Differs(first.clone()), "second create");
    same!(bench.found(&key).await?, Found::Record(first), "load");
    Ok(())
}

async fn repeated_create_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    same!(bench.create(&key, &record).await?, Swap::Done, "repeated");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

async fn one_of_64_creators_wins<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn short_record_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // It would be taken for a tombstone.
    let key = bench.key();
    let answer = bench.store.put(create(&key, b"d", KEEP)).await;
    let kind = answer.map_err(|error| error.kind());
    same!(kind, Err(StoreErrorKind::Corrupt), "create of one byte");
    same!(bench.found(&key).await?, Found::Missing, "load");
    Ok(())
}

// Compare and swap.

async fn swap_from_the_right_tag<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn swap_from_a_wrong_tag_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let refused = bench.swap(&key, &bench.record(), &bench.record()).await?;
    same!(refused, Swap::Differs(record.clone()), "swap");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

async fn repeated_swap_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // The answer to the first was lost.
    let (key, first) = bench.created(KEEP).await?;
    let second = bench.record();
    for _ in 0..3 {
        same!(bench.swap(&key, &first, &second).await?, Swap::Done, "swap");
    }
    same!(bench.found(&key).await?, Found::Record(second), "load");
    Ok(())
}

async fn swap_after_a_rivals_is_told_theirs<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn swap_after_an_end_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A save that comes late must not bring back the session.
    let (key, record) = bench.created(KEEP).await?;
    same!(
        bench.end(&key, None, Tombstone::Destroyed).await?,
        Swap::Done,
        "end"
    );
    let refused = bench.swap(&key, &record, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed), "swap");
    let repeated = bench.swap(&key, &bench.record(), &record).await?;
    same!(
        repeated,
        Swap::Ended(Tombstone::Destroyed),
        "repeated create"
    );
    let found = bench.found(&key).await?;
    same!(found, Found::Ended(Tombstone::Destroyed), "load");
    Ok(())
}

async fn swap_of_nothing_creates_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    let refused = bench.swap(&key, &bench.record(), &bench.record()).await?;
    same!(refused, Swap::Missing, "swap");
    same!(bench.found(&key).await?, Found::Missing, "load");
    Ok(())
}

async fn one_of_64_swappers_wins<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // An engine without compare and swap fails here: two of them are done.
    let (key, base) = bench.created(KEEP).await?;
    let swappers = (0..64).map(|i| {
        let (key, base) = (&key, &base);
        async move {
            let record = bench.record();
            let store = if i % 2 == 0 {
                &bench.store
            } else {
                &bench.twin
            };
            let answer = swap(store, key, base, &record, KEEP).await?;
            Ok((record, answer))
        }
    });
    let answers = at_once(swappers).await?;
    one_winner(bench, &key, answers).await
}

/// Adds `times` to the count of this writer, one by one, as a request does that merges on conflict.
/// Returns how many were acknowledged, and the record under another key if it moved meanwhile.
async fn count_up<S: Store, F: Fixture>(
    bench: &Bench<'_, F>,
    store: &S,
    mut key: RecordKey,
    writer: usize,
    times: u8,
) -> Result<u8, Stop> {
    let mut acknowledged = 0;
    let mut base = None;
    for _ in 0..TRIES {
        if acknowledged == times {
            return Ok(acknowledged);
        }
        let found = match base.take() {
            Some(record) => Found::Record(record),
            None => store.load(&key, None).await?,
        };
        let before = match found {
            Found::Record(record) => record,
            Found::Ended(Tombstone::Moved(successor)) => {
                key = successor;
                continue;
            }
            Found::Ended(_) => return Ok(acknowledged),
            Found::Missing => return Err(Stop::Failed("a live record is missing".into())),
        };
        let mut counts = before.get(TAG..).unwrap_or_default().to_vec();
        if let Some(count) = counts.get_mut(writer) {
            *count = count.wrapping_add(1);
        }
        let after = bench.counts(&counts);
        match swap(store, &key, &before, &after, KEEP).await? {
            Swap::Done => {
                acknowledged = acknowledged.wrapping_add(1);
                base = Some(after);
            }
            Swap::Differs(theirs) => base = Some(theirs),
            Swap::Ended(Tombstone::Moved(successor)) => key = successor,
            Swap::Ended(_) => return Ok(acknowledged),
            Swap::Missing => return Err(Stop::Failed("a live record is missing".into())),
        }
    }
    Err(Stop::Failed(format!("no end after {TRIES} tries")))
}

async fn swappers_lose_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let key = bench.key();
    let start = bench.counts(&[0; 64]);
    same!(bench.create(&key, &start).await?, Swap::Done, "create");
    let writers = (0..64).map(|writer| {
        let store = if writer % 2 == 0 {
            &bench.store
        } else {
            &bench.twin
        };
        count_up(bench, store, key, writer, 2)
    });
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

async fn reads_are_never_older_than_writes<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
        bench.end(&key, None, Tombstone::Ended).await?,
        Swap::Done,
        "end"
    );
    let elsewhere = bench.twin.load(&key, Some(KEEP)).await?;
    same!(elsewhere, Found::Ended(Tombstone::Ended), "load elsewhere");
    Ok(())
}

// Ending.

async fn end_leaves_its_reason<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let successor = RecordKey::from_bytes([0xff; 16]);
    for reason in [
        Tombstone::Moved(successor),
        Tombstone::Moved(bench.key()),
        Tombstone::Destroyed,
        Tombstone::Ended,
    ] {
        let (key, record) = bench.created(KEEP).await?;
        let ended = bench.end(&key, Some(&record), reason).await?;
        same!(ended, Swap::Done, "end");
        same!(bench.found(&key).await?, Found::Ended(reason), "load");
    }
    Ok(())
}

async fn end_with_a_wrong_tag_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let other = bench.record();
    let refused = bench.end(&key, Some(&other), Tombstone::Ended).await?;
    same!(refused, Swap::Differs(record.clone()), "end");
    same!(bench.found(&key).await?, Found::Record(record), "load");
    Ok(())
}

async fn end_without_a_tag<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, _) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Destroyed).await?;
    same!(ended, Swap::Done, "end");
    let found = bench.found(&key).await?;
    same!(found, Found::Ended(Tombstone::Destroyed), "load");
    Ok(())
}

async fn repeated_end_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let moved = Tombstone::Moved(bench.key());
    for expect in [Some(&record[..]), Some(&record), None] {
        same!(bench.end(&key, expect, moved).await?, Swap::Done, "end");
    }
    Ok(())
}

async fn first_reason_stays<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // The successor of a session that moved must still be found by the logout that follows it.
    let (key, record) = bench.created(KEEP).await?;
    let moved = Tombstone::Moved(bench.key());
    same!(bench.end(&key, None, moved).await?, Swap::Done, "first end");
    for expect in [Some(&record[..]), None] {
        let second = bench.end(&key, expect, Tombstone::Destroyed).await?;
        same!(second, Swap::Ended(moved), "second end");
    }
    same!(bench.found(&key).await?, Found::Ended(moved), "load");
    Ok(())
}

async fn end_of_nothing_leaves_a_tombstone<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A login that is still on its way under this key must not arrive after the logout.
    let key = bench.key();
    let ended = bench.end(&key, None, Tombstone::Destroyed).await?;
    same!(ended, Swap::Done, "end");
    let refused = bench.create(&key, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed), "create");
    Ok(())
}

async fn end_with_a_tag_of_nothing_is_missing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = (bench.key(), bench.record());
    let ended = bench.end(&key, Some(&record), Tombstone::Ended).await?;
    same!(ended, Swap::Missing, "end");
    same!(bench.found(&key).await?, Found::Missing, "load");
    Ok(())
}

async fn end_holds_against_swappers<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
            let answer = bench.end(&key, None, Tombstone::Destroyed).await?;
            same!(answer, Swap::Done, "end");
            Ok(())
        });
        at_once(writers.chain([logout])).await?;
        let found = bench.found(&key).await?;
        same!(found, Found::Ended(Tombstone::Destroyed), "load");
    }
    Ok(())
}

async fn create_over_a_tombstone_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Ended).await?;
    same!(ended, Swap::Done, "end");
    for record in [bench.record(), record] {
        let refused = bench.create(&key, &record).await?;
        same!(refused, Swap::Ended(Tombstone::Ended), "create");
    }
    Ok(())
}

async fn create_after_the_grace<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, _) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Ended).await?;
    same!(ended, Swap::Done, "end");
    bench.advance_past(GRACE).await?;
    same!(bench.found(&key).await?, Found::Missing, "load");
    let created = bench.create(&key, &bench.record()).await?;
    same!(created, Swap::Done, "create");
    Ok(())
}

// Time.

async fn keep_prolongs<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    for _ in 0..3 {
        bench.advance_past(NEARLY).await?;
        let found = bench.store.load(&key, Some(KEEP)).await?;
        same!(found, Found::Record(record.clone()), "load with keep");
    }
    bench.advance_past(KEEP).await?;
    same!(bench.found(&key).await?, Found::Missing, "load at the end");
    Ok(())
}

async fn keep_never_shortens<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn put_never_shortens<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    let next = bench.record();
    let swapped = swap(&bench.store, &key, &record, &next, GRACE).await?;
    same!(swapped, Swap::Done, "swap with a short keep");
    bench.advance_past(NEARLY).await?;
    same!(bench.found(&key).await?, Found::Record(next), "load");
    Ok(())
}

async fn load_without_keep_prolongs_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    bench.advance_past(NEARLY).await?;
    same!(bench.found(&key).await?, Found::Record(record), "load");
    bench.advance_past(HOUR).await?;
    same!(bench.found(&key).await?, Found::Missing, "load at the end");
    Ok(())
}

async fn record_is_kept_for_60_days<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn record_is_gone_after_its_time<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, record) = bench.created(KEEP).await?;
    bench.advance_past(KEEP).await?;
    same!(bench.found(&key).await?, Found::Missing, "load");
    let refused = bench.swap(&key, &record, &bench.record()).await?;
    same!(refused, Swap::Missing, "swap");
    Ok(())
}

async fn tombstone_is_never_prolonged<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (key, _) = bench.created(KEEP).await?;
    let ended = bench.end(&key, None, Tombstone::Destroyed).await?;
    same!(ended, Swap::Done, "end");
    let found = bench.store.load(&key, Some(KEEP)).await?;
    same!(found, Found::Ended(Tombstone::Destroyed), "load with keep");
    bench.advance_past(GRACE).await?;
    same!(bench.found(&key).await?, Found::Missing, "load at the end");
    Ok(())
}

async fn sweep_takes_only_what_is_over<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (short, _) = bench.created(KEEP).await?;
    let (long, record) = bench.created(KEEP.saturating_mul(3)).await?;
    let (ended, _) = bench.created(KEEP).await?;
    bench.advance_past(KEEP).await?;
    let fresh = bench.end(&ended, None, Tombstone::Ended).await?;
    same!(fresh, Swap::Done, "end");
    bench.store.sweep(1_000).await?;
    same!(bench.found(&short).await?, Found::Missing, "what is over");
    same!(bench.found(&long).await?, Found::Record(record), "a record");
    let tombstone = bench.found(&ended).await?;
    same!(tombstone, Found::Ended(Tombstone::Ended), "a tombstone");
    Ok(())
}

async fn sweep_keeps_to_its_limit<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn two_sweepers<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

// Renaming.

async fn rename_moves_the_record<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let (to, after) = (bench.key(), bench.record());
    let renamed = bench.rename(&from, &before, &to, &after).await?;
    same!(renamed, Swap::Done, "rename");
    same!(bench.found(&to).await?, Found::Record(after), "the new key");
    let old = bench.found(&from).await?;
    same!(old, Found::Ended(Tombstone::Moved(to)), "the old key");
    Ok(())
}

async fn repeated_rename_is_done<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let (to, after) = (bench.key(), bench.record());
    for _ in 0..3 {
        let renamed = bench.rename(&from, &before, &to, &after).await?;
        same!(renamed, Swap::Done, "rename");
    }
    same!(bench.found(&to).await?, Found::Record(after), "the new key");
    Ok(())
}

async fn rename_from_a_wrong_tag_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, record) = bench.created(KEEP).await?;
    let (to, after) = (bench.key(), bench.record());
    let refused = bench.rename(&from, &bench.record(), &to, &after).await?;
    same!(refused, Swap::Differs(record.clone()), "rename");
    let old = bench.found(&from).await?;
    same!(old, Found::Record(record), "the old key");
    Ok(())
}

async fn rename_after_a_lost_race_goes_on<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
    same!(old, Found::Ended(Tombstone::Moved(to)), "the old key");
    Ok(())
}

async fn rename_onto_a_tombstone_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let to = bench.key();
    let ended = bench.end(&to, None, Tombstone::Destroyed).await?;
    same!(ended, Swap::Done, "end");
    let refused = bench.rename(&from, &before, &to, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed), "rename");
    let old = bench.found(&from).await?;
    same!(old, Found::Record(before), "the old key");
    Ok(())
}

async fn rename_of_what_ended_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (from, before) = bench.created(KEEP).await?;
    let ended = bench.end(&from, None, Tombstone::Destroyed).await?;
    same!(ended, Swap::Done, "end");
    let to = bench.key();
    let refused = bench.rename(&from, &before, &to, &bench.record()).await?;
    same!(refused, Swap::Ended(Tombstone::Destroyed), "rename");
    not_a_record(bench, &to).await
}

async fn rename_of_nothing_is_missing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn one_of_two_renames_wins<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
        let (winner, loser) = match Found::Ended(Tombstone::Moved(keys[0])) {
            first if bench.found(&from).await? == first => (keys[0], keys[1]),
            _ => (keys[1], keys[0]),
        };
        let mut expected = [Swap::Done, Swap::Ended(Tombstone::Moved(winner))];
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

async fn rename_against_swappers_loses_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    for _ in 0..8 {
        let from = bench.key();
        let start = bench.counts(&[0; 7]);
        same!(bench.create(&from, &start).await?, Swap::Done, "create");
        let writers = (0..6).map(|writer| {
            let store = if writer % 2 == 0 {
                &bench.store
            } else {
                &bench.twin
            };
            boxed(count_up(bench, store, from, writer, 10))
        });
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
        let Found::Ended(Tombstone::Moved(to)) = bench.found(&from).await? else {
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

// Owners.

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
        let (key, record) = (self.key(), self.record());
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

async fn owner_lists_what_is_live<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (owner, other) = (bench.owner(), bench.owner());
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let about: Vec<u8> = (0..=u8::MAX).collect();
    let first = bench.create_owned(&owner, &about, KEEP).await?;
    let second = bench.create_owned(&owner, b"second", KEEP).await?;
    let long = KEEP.saturating_mul(3);
    let third = bench.create_owned(&owner, b"third", long).await?;
    let others = bench.create_owned(&other, b"another's", KEEP).await?;
    let owned = bench.owned(&owner).await?;
    let expected = sorted([(first, &about), (second, b"second"), (third, b"third")]);
    same!(owned, expected, "three records");
    same!(
        bench.owned(&other).await?,
        sorted([(others, b"another's")]),
        "another's"
    );

    // Ended with the owner told, and without.
    let end = End {
        key: &first,
        expect: None,
        tombstone: Tombstone::Ended,
        grace: GRACE,
        owner: Some(&owner),
    };
    same!(bench.store.end(end).await?, Swap::Done, "end");
    let ended = bench.end(&others, None, Tombstone::Ended).await?;
    same!(ended, Swap::Done, "end");
    let expected = sorted([(second, b"second"), (third, b"third")]);
    same!(bench.owned(&owner).await?, expected, "after an end");
    same!(bench.owned(&other).await?, vec![], "the other's after it");

    bench.advance_past(KEEP).await?;
    let expected = sorted([(third, b"third")]);
    same!(
        bench.owned(&owner).await?,
        expected,
        "after the second's time"
    );
    Ok(())
}

async fn owner_lists_what_was_renamed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
        let moved = Tombstone::Moved(to);
        let renamed = bench.store.rename(&from, put, moved, GRACE).await?;
        same!(renamed, Swap::Done, "rename");
        let expected = sorted([(to, about)]);
        same!(bench.owned(owner.key).await?, expected, "after a rename");
        (from, before) = (to, after);
    }
    Ok(())
}

async fn owner_stays_at_a_put_without_one<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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

async fn owner_has_at_most_1000_records<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    // A robot that logs in with one account must not grow its list without bound.
    let owner = bench.owner();
    same!(bench.owned(&owner).await?, vec![], "an unknown owner");
    let first = bench.create_owned(&owner, b"", KEEP).await?;
    let long = KEEP.saturating_mul(3);
    let mut last = first;
    for _ in 0..1_000 {
        last = bench.create_owned(&owner, b"", long).await?;
    }
    let found = bench.found(&first).await?;
    same!(found, Found::Ended(Tombstone::Ended), "the first of 1,001");
    let owned = bench.owned(&owner).await?;
    same!(owned.len(), 1_000, "records of one owner");
    same!(
        owned.iter().any(|(key, _)| *key == last),
        true,
        "the last is listed"
    );
    Ok(())
}

// The rest.

async fn namespaces_do_not_meet<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
        tombstone: Tombstone::Ended,
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

async fn dropped_futures_leave_whole_records<F: Fixture>(bench: &Bench<'_, F>) -> Case {
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
