//! The cases. Each states what a store has to do, and why a site would lose or leak sessions otherwise.

mod ending;
mod owners;
mod putting;
mod renaming;

use super::{Bench, CaseResult, Fixture, Report, outcome};
use alloc::vec;
use ending::{
    create_after_the_grace, create_over_a_tombstone_is_refused, end_holds_against_swappers,
    end_leaves_its_reason, end_of_nothing_leaves_a_tombstone, end_with_a_tag_of_nothing_is_missing,
    end_with_a_wrong_tag_is_refused, end_without_a_tag, first_reason_stays, keep_never_shortens,
    keep_prolongs, load_without_keep_prolongs_nothing, put_never_shortens, put_prolongs,
    record_is_gone_after_its_time, record_is_kept_for_60_days, repeated_end_is_done,
    sweep_keeps_to_its_limit, sweep_takes_only_what_is_over, tombstone_is_never_prolonged,
    tombstone_stays_for_its_grace, two_sweepers,
};
use owners::{
    dropped_futures_leave_whole_records, namespaces_do_not_meet,
    owner_does_not_list_what_was_renamed_without_one, owner_has_at_most_1000_records,
    owner_lists_what_is_kept_for_longer, owner_lists_what_is_live, owner_lists_what_was_renamed,
    owner_stays_at_a_put_without_one,
};
use putting::{
    check_passes, every_byte_comes_back, nothing_is_missing, one_of_64_creators_wins,
    one_of_64_swappers_wins, reads_are_never_older_than_writes, record_is_created_once,
    records_of_every_size_come_back, repeated_create_is_done, repeated_swap_is_done,
    short_record_is_refused, swap_after_a_rivals_is_told_theirs, swap_after_an_end_is_refused,
    swap_from_a_wrong_tag_is_refused, swap_from_the_right_tag, swap_of_nothing_creates_nothing,
    swappers_lose_nothing,
};
use renaming::{
    one_of_two_renames_wins, rename_after_a_lost_race_goes_on,
    rename_against_swappers_loses_nothing, rename_from_a_wrong_tag_is_refused,
    rename_moves_the_record, rename_of_nothing_is_missing, rename_of_what_ended_is_refused,
    rename_onto_a_tombstone_is_refused, renamed_record_has_its_time,
    renamed_record_leaves_its_tombstone_for_the_grace, repeated_rename_is_done,
};

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
        put_prolongs
        load_without_keep_prolongs_nothing
        record_is_kept_for_60_days
        record_is_gone_after_its_time
        tombstone_is_never_prolonged
        tombstone_stays_for_its_grace
        sweep_takes_only_what_is_over
        sweep_keeps_to_its_limit
        two_sweepers
        rename_moves_the_record
        renamed_record_has_its_time
        renamed_record_leaves_its_tombstone_for_the_grace
        repeated_rename_is_done
        rename_from_a_wrong_tag_is_refused
        rename_after_a_lost_race_goes_on
        rename_onto_a_tombstone_is_refused
        rename_of_what_ended_is_refused
        rename_of_nothing_is_missing
        one_of_two_renames_wins
        rename_against_swappers_loses_nothing
        owner_lists_what_is_live
        owner_lists_what_is_kept_for_longer
        owner_lists_what_was_renamed
        owner_does_not_list_what_was_renamed_without_one
        owner_stays_at_a_put_without_one
        owner_has_at_most_1000_records
        namespaces_do_not_meet
        dropped_futures_leave_whole_records
    }
}
