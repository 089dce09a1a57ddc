//! When a write is done, as a readable table, and two-phase commit under crashes at every step.

use serde_json::Value as Json;
use syncline::quorum::{CommitTimes, TxId, decide};
use syncline_tests::commit::{Action, Fault, World};
use syncline_tests::rng::{Rng, each_seed, seeds};

/// Far more steps than any run takes that comes to rest.
const STEPS: usize = 2_000;

#[test]
fn every_case_of_the_table_is_decided_as_written() {
    let table: Json = serde_json::from_str(include_str!("../vectors/decisions/quorum.json")).expect("it is JSON");
    let cases = table["cases"].as_array().expect("it has cases");
    let mut wrong = Vec::new();
    for case in cases {
        let args = serde_json::from_value(case["args"].clone()).expect("arguments are values");
        let expected = serde_json::from_value(case["expect"].clone()).expect("the answer is a value");
        let answer = decide(case["call"].as_str().unwrap_or_default(), &args);
        if answer.as_ref() != Ok(&expected) {
            wrong.push(format!("{}: {answer:?} instead of {expected:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 300, "only {} cases", cases.len());
}

fn tx(number: u64) -> TxId {
    TxId::new(number, 0)
}

fn times() -> CommitTimes {
    CommitTimes { prepare_ms: 1_000, retry_ms: 100 }
}

/// The coordinator and each of three rooms.
const NODES: [Option<usize>; 4] = [None, Some(0), Some(1), Some(2)];

/// One transaction over three rooms, with crashes at the given steps.
fn with_crashes(fault: Fault, refusing: &[usize], crashes: &[(usize, Option<usize>, bool)]) -> Result<usize, String> {
    let mut world = World::new(3, times(), fault);
    world.begin(tx(1), &[0, 1, 2], refusing);
    let steps = world.run(STEPS, |world, step| {
        let due = crashes.iter().filter(|(at, ..)| *at == step);
        due.for_each(|&(_, node, lose)| world.act(Action::Crash(node, lose)));
    })?;
    world.check_settled()?;
    if crashes.is_empty() && world.merged(tx(1)) != refusing.is_empty() {
        return Err("the votes did not decide".into());
    }
    Ok(steps)
}

/// All runs with one crash, and all with two, wherever and of whichever nodes. Returns how many there were.
fn all_crashes(fault: Fault) -> Result<usize, String> {
    let mut runs = 0;
    for refusing in [&[][..], &[1]] {
        let steps = with_crashes(fault, refusing, &[])?;
        let mut each = Vec::new();
        for step in 0..steps + 3 {
            each.extend(NODES.iter().flat_map(|&node| [(step, node, true), (step, node, false)]));
        }
        for (index, &first) in each.iter().enumerate() {
            with_crashes(fault, refusing, &[first]).map_err(|e| format!("{e} after {first:?}"))?;
            for &second in &each[index..] {
                let crashes = [first, second];
                with_crashes(fault, refusing, &crashes).map_err(|e| format!("{e} after {crashes:?}"))?;
                runs += 1;
            }
        }
    }
    Ok(runs)
}

#[test]
fn a_transaction_survives_crashes_between_any_two_steps() {
    let runs = all_crashes(Fault::None).unwrap_or_else(|problem| panic!("{problem}"));
    println!("{runs} runs with two crashes");
    assert!(runs > 10_000, "only {runs}");
}

#[test]
fn crashes_find_what_a_wrong_driver_breaks() {
    for fault in [Fault::VoteBeforeForce, Fault::DecideBeforeForce, Fault::ApplyInTwo] {
        let problem = all_crashes(fault).expect_err("a wrong driver is found out");
        println!("{fault:?}: {problem}");
    }
}

/// Several transactions at once over three rooms, with loss, duplication, reordering and crashes.
fn random_run(seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut world = World::new(3, times(), Fault::None);
    let mut number = 0;
    for _ in 0..300 {
        world.check()?;
        let nodes = world.busy();
        let messages: Vec<_> = world.net.iter().cloned().collect();
        match rng.below(100) {
            0..4 if number < 6 => {
                number += 1;
                let rooms: Vec<usize> = (0..3).filter(|_| rng.chance(80)).collect();
                let refusing: Vec<usize> = rooms.iter().copied().filter(|_| rng.chance(8)).collect();
                world.begin(tx(world.now_ms + number), &rooms, &refusing);
            }
            4..8 => world.act(Action::Crash(*rng.pick(&NODES), rng.chance(70))),
            8..16 => {
                world.now_ms += rng.between(1, 400);
                let now_ms = world.now_ms;
                NODES.iter().for_each(|&node| world.act(Action::Tick(node, now_ms)));
            }
            16..22 if !messages.is_empty() => world.act(Action::Drop(rng.pick(&messages).clone())),
            22..60 if !nodes.is_empty() => world.act(Action::Effect(*rng.pick(&nodes))),
            _ if !messages.is_empty() => {
                let stays = rng.chance(25);
                world.act(Action::Deliver(rng.pick(&messages).clone(), stays));
            }
            _ => {}
        }
    }
    world.run(STEPS, |_, _| {})?;
    world.check_settled()
}

#[test]
fn transactions_are_atomic_under_loss_duplication_and_crashes() {
    let seeds = seeds(3_000);
    each_seed("quorum", "transactions_are_atomic_under_loss_duplication_and_crashes", &seeds, random_run);
}
