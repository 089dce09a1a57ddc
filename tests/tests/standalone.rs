//! Types without a document: the definition of each and the laws of joins over random histories, the mistakes of other
//! systems, and damaged bytes.

mod mistakes;

use syncline_tests::lattice::{Model, counters, harness, registers, sets};
use syncline_tests::rng::{each_seed, seeds};

/// Histories for each type, in both ways to travel.
const HISTORIES: u64 = 400;

fn holds<M: Model>(test: &str) {
    each_seed("standalone", test, &seeds(HISTORIES), harness::run::<M>);
}

#[test]
fn a_vector_clock_counts_the_changes_of_each_replica() {
    holds::<counters::Clock>("a_vector_clock");
}

#[test]
fn a_grow_only_counter_is_the_sum() {
    holds::<counters::Growing>("a_grow_only_counter");
}

#[test]
fn a_counter_is_the_sum_of_what_no_reset_saw() {
    holds::<counters::Resettable>("a_counter_is");
}

#[test]
fn a_register_shows_the_last_write() {
    holds::<registers::LastWriter>("a_register_shows");
}

#[test]
fn a_multi_value_register_shows_what_no_write_saw() {
    holds::<registers::Multi>("a_multi_value");
}

#[test]
fn a_flag_is_on_if_an_enable_was_seen_by_no_disable() {
    holds::<registers::EnableWins>("a_flag_is_on");
}

#[test]
fn a_disable_wins_flag_is_on_if_every_disable_was_seen_by_an_enable() {
    holds::<registers::DisableWins>("a_disable_wins");
}

#[test]
fn a_grow_only_set_has_what_was_added() {
    holds::<sets::GrowOnly>("a_grow_only_set");
}

#[test]
fn a_two_phase_set_has_what_was_added_and_never_removed() {
    holds::<sets::TwoPhase>("a_two_phase");
}

#[test]
fn a_last_writer_set_has_what_was_added_last() {
    holds::<sets::LastWriterSet>("a_last_writer_set");
}

#[test]
fn an_add_wins_set_has_what_some_add_seen_by_no_remove_added() {
    holds::<sets::AddWins>("an_add_wins_set");
}

#[test]
fn a_remove_wins_set_has_what_every_remove_was_seen_to_be_added_again() {
    holds::<sets::RemoveWins>("a_remove_wins_set");
}

#[test]
fn a_last_writer_map_has_the_last_value_of_each_key() {
    holds::<sets::LastWriterMap>("a_last_writer_map");
}

#[test]
fn a_nested_map_has_what_no_removal_saw() {
    holds::<sets::Nested>("a_nested_map");
}
