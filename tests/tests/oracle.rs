//! Random histories with loss, duplication, reordering, stale deltas, pruning and restarts: after each step the
//! replica shows what the definition says, and in the end all are equal.

use std::sync::atomic::{AtomicBool, Ordering};

use syncline_tests::oracle::bounded::Bounded;
use syncline_tests::oracle::causal::{Topic, World as Causal};
use syncline_tests::oracle::counters::Counters;
use syncline_tests::oracle::flags::Flags;
use syncline_tests::oracle::lists::Lists;
use syncline_tests::oracle::policies::Policies;
use syncline_tests::oracle::sets::{AddWins, GrowOnly, LastWriterWins, RemoveWins, TwoPhase};
use syncline_tests::oracle::text::Typists;
use syncline_tests::oracle::world::{Flavour, World};
use syncline_tests::rng::{each_seed, seeds};

/// Steps of one history.
const STEPS: usize = 32;

fn histories(test: &str, count: u64, flavour: Flavour) {
    each_seed("oracle", test, &seeds(count), |seed| {
        let mut world = World::new(seed, flavour);
        for step in 0..STEPS {
            world.step().map_err(|problem| format!("step {step}: {problem}"))?;
        }
        world.settle()
    });
}

#[test]
fn all_types_on_common_paths_follow_the_definition() {
    histories("all_types_on_common_paths_follow_the_definition", 8_000, Flavour::Mixed);
}

#[test]
fn registers_follow_the_definition() {
    histories("registers_follow_the_definition", 4_000, Flavour::Registers);
}

#[test]
fn counters_follow_the_definition() {
    histories("counters_follow_the_definition", 3_000, Flavour::Counters);
}

#[test]
fn sets_follow_the_definition() {
    histories("sets_follow_the_definition", 4_000, Flavour::Sets);
}

/// Histories of one type, whose definition is in terms of what happened before what.
fn causal<T: Topic>(test: &str, count: u64) {
    each_seed("oracle", test, &seeds(count), |seed| {
        let mut world = Causal::<T>::new(seed);
        for step in 0..STEPS {
            world.step().map_err(|problem| format!("step {step}: {problem}"))?;
        }
        world.settle()
    });
}

#[test]
fn counters_with_resets_and_folds_follow_the_definition() {
    causal::<Counters>("counters_with_resets_and_folds_follow_the_definition", 6_000);
}

#[test]
fn flags_follow_the_definition() {
    causal::<Flags>("flags_follow_the_definition", 3_000);
}

#[test]
fn bounded_counters_never_fall_below_their_bound() {
    causal::<Bounded>("bounded_counters_never_fall_below_their_bound", 4_000);
}

#[test]
fn registers_under_policies_follow_the_definition() {
    causal::<Policies>("registers_under_policies_follow_the_definition", 4_000);
}

#[test]
fn lists_follow_the_definition() {
    causal::<Lists>("lists_follow_the_definition", 4_000);
}

#[test]
fn sets_where_adds_win_follow_the_definition() {
    causal::<AddWins>("sets_where_adds_win_follow_the_definition", 1_000);
}

#[test]
fn sets_where_removes_win_follow_the_definition() {
    causal::<RemoveWins>("sets_where_removes_win_follow_the_definition", 3_000);
}

#[test]
fn sets_where_the_last_writer_wins_follow_the_definition() {
    causal::<LastWriterWins>("sets_where_the_last_writer_wins_follow_the_definition", 2_000);
}

#[test]
fn sets_that_only_grow_follow_the_definition() {
    causal::<GrowOnly>("sets_that_only_grow_follow_the_definition", 1_000);
}

#[test]
fn two_phase_sets_follow_the_definition() {
    causal::<TwoPhase>("two_phase_sets_follow_the_definition", 2_000);
}

#[test]
fn texts_are_a_function_of_their_live_updates() {
    histories("texts_are_a_function_of_their_live_updates", 2_000, Flavour::Texts);
}

#[test]
fn texts_follow_the_list_specification_through_compaction() {
    let compacted = AtomicBool::new(false);
    each_seed("oracle", "texts_follow_the_list_specification_through_compaction", &seeds(60), |seed| {
        let mut typists = Typists::new(seed);
        for step in 0..500 {
            typists.step().map_err(|problem| format!("step {step}: {problem}"))?;
        }
        typists.settle()?;
        compacted.fetch_or(typists.compacted(), Ordering::Relaxed);
        Ok(())
    });
    assert!(seeds(60).len() == 1 || compacted.into_inner(), "no update was ever put together with others");
}
