//! The cases, by what they are about.

use crate::Case;

mod conditions;
mod pages;
mod queries;
mod rows;
mod schemas;
mod units;
mod writers;

macro_rules! cases {
    ($($module:ident: $($name:ident)+;)+) => {
        pub(crate) static ALL: &[Case] = &[$($(Case { name: stringify!($name), run: $module::$name },)+)+];
    };
}

cases! {
    rows:
        inserted_rows_are_found_by_key
        rows_survive_opening_again
        update_changes_what_it_finds
        delete_removes_what_it_finds
        composite_keys_address_rows
        empty_text_is_a_value
        integers_keep_their_extremes
        long_texts_and_all_bytes_survive
        the_longest_indexed_texts_are_found
        equal_texts_have_equal_bytes
        u0000_is_refused_in_texts
        many_rows_at_once
        rows_keep_column_order;
    conditions:
        comparisons
        columns_compare_with_columns
        unknown_is_neither_true_nor_false
        connectives_without_parts
        lists
        long_lists
        long_chains
        prefixes
        prefixes_at_the_edges
        contains_takes_letters_literally
        contains_matches_ascii_in_either_case
        presence;
    queries:
        text_orders_by_bytes
        empty_cells_sort_smallest
        limit_cuts
        aggregates_over_nothing
        aggregates_leave_out_empty_cells
        sum_is_exact_or_fails
        sums_under_a_condition
        groups
        groups_of_joined_columns
        required_joins_drop_rows_without_partner
        optional_joins_keep_rows_without_partner
        chained_joins
        an_optional_join_makes_what_follows_optional
        a_visit_can_stop
        a_visit_can_fail
        a_query_can_be_cancelled;
    pages:
        pages_make_the_whole_once
        pages_of_joined_columns
        pages_are_stable_under_inserts
        a_page_after_part_of_the_sort
        a_page_after_the_last_row_is_empty
        pages_of_groups;
    units:
        a_dropped_transaction_leaves_nothing
        a_transaction_sees_its_own_writes
        a_transaction_begins_with_a_row
        a_failed_write_spoils_its_transaction
        duplicate_keys_name_their_index
        unique_indexes_let_empty_cells_repeat
        a_failed_insert_in_a_unit_can_be_undone
        a_failed_statement_leaves_no_part_in_its_unit
        a_failed_read_spoils_its_transaction
        broken_references_in_a_unit_can_be_undone
        units_nest
        units_begin_before_they_end
        references_must_exist
        referenced_rows_stay
        readers_do_not_write
        series_have_no_gaps
        series_count_apart
        series_are_listed;
    writers:
        a_reader_keeps_its_moment
        a_second_handle_sees_commits
        concurrent_writers_lose_nothing
        concurrent_series_give_each_number_once
        concurrent_writers_keep_a_rule_over_several_rows
        concurrent_claims_are_made_once
        a_writer_that_comes_second_is_asked_to_try_again
        readers_run_beside_a_writer;
    schemas:
        a_newer_ledger_is_refused
        migration_fills_defaults
        a_migrated_ledger_behaves_as_a_fresh_one
        migration_step_by_step
        rows_are_brought_forward_in_the_same_transaction
        opening_the_same_version_changes_nothing;
}
