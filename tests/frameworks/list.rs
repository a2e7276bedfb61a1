//! The cases, by the files in `cases/`. What is said of cookies alone, of their size or of the line that each save sets, runs
//! on cookies alone.

/// Hands the list to a macro.
macro_rules! all_cases {
    ($suite:ident) => {
        $suite! {
            any_place {
                refused {
                    absent
                    empty
                    malformed
                    truncated
                    tampered
                    another_cookies_token
                    realms
                    expired_idle
                    expired_absolute
                    not_yet_valid
                    skew
                    unknown_key
                    unknown_version
                    unreadable_record
                    revoked
                    too_long
                    other_limits
                    overwritten
                }
                keys {
                    accepted_key
                    retired_key
                    retired_key_used_later
                    key_rotation_while_running
                    rotated_during_a_request
                }
                header {
                    duplicates_newest_first
                    duplicates_newest_last
                    duplicates_of_one_second
                    attackers_older_session
                    percent_and_quotes
                    white_space
                    unicode_space_before_the_name
                    neighbour_outside_ascii
                    neighbour_not_utf8
                    two_cookie_lines
                    thousands_of_pairs
                    control_bytes
                }
                saving {
                    untouched
                    extracted_only
                    read_only
                    presence_only
                    empty_new_session
                    same_value_written
                    changed_and_restored
                    several_writes_one_line
                    renewed
                    late_renewal
                    late_write
                    ended_meanwhile
                    value_of_another_type
                    validate_at_opening
                    validate_at_saving
                    saved_on_4xx
                    saved_on_5xx
                    panic_saves_nothing
                    used_in_its_own_closure
                }
                life {
                    regenerate_before_writes
                    regenerate_after_writes
                    regenerate_for_login
                    clear_keeps_the_session
                    destroy
                    destroy_with_a_cookie_that_does_not_open
                    destroy_without_a_cookie
                    destroy_then_write
                    forget
                    expire_in
                    removal_has_the_setters_attributes
                    host_prefix
                }
                flash {
                    flash_once
                    flash_through_a_redirect
                    flash_waits
                    flash_over_the_bound
                    head_takes_no_flash
                    prefetch_takes_no_flash
                }
                typed {
                    typed_session
                    value_that_changes
                    older_schema
                    older_schema_not_taken
                    newer_schema
                    two_layers
                    two_layers_swapped
                    two_layers_of_one_name
                }
                response {
                    vary
                    first_use_after_the_headers
                    session_error
                    missing_layer
                    targeted_cache_fields
                }
                origin {
                    forged_forms
                    other_methods
                    own_page
                    not_a_browser
                    withheld_cookie
                    handshake
                    trusted_origin
                    allowed_origin
                    allowed_origin_with_its_cookie
                    method_in_the_form
                    guarded_route_of_a_trusted_origin
                }
                endings {
                    destroy_ends_what_is_idle
                    destroy_ends_every_login_received
                    denied_after_remember
                    denied_after_regenerate
                    denied_after_a_rollback
                    counted_from_the_head
                    ended_while_another_works
                    replaced_while_another_works
                    old_tab
                    clock_ahead_at_login
                    created_after_it_was_sealed
                    login_over_a_remembered_session
                    panic_after_destroy
                    domain_added
                    partitioned_removal
                }
                former {
                    renamed
                    domain_or_path_changed
                    partitioned_switched
                    planted_under_a_former_name
                    logged_out_with_two_names
                }
                rivals {
                    planted_session
                    prefix_that_nobody_plants
                }
            }
            cookie {
                refused {
                    unknown_layout
                }
                saving {
                    changed
                    every_mutation
                    saved_on_a_session_error
                    panic_beside_the_handler
                    concurrent_requests
                    parallel_writes_last_wins
                }
                life {
                    remember
                }
                chunks {
                    chunks_grow
                    chunks_shrink
                    chunks_vanish
                    chunks_foreign
                    chunk_missing
                    over_the_cap
                    over_the_cap_and_back
                }
                response {
                    cache_control
                    streamed_body
                    another_cookie
                    compression_and_cors_outside
                    compression_and_cors_inside
                    failed_save_in_development
                    no_500_without_a_line
                }
                origin {
                    guarded_route
                }
                former {
                    realm_changed
                }
            }
        }
    };
}
