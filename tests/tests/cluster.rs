//! Nodes with quorums, terms, transactions, hints and reconciliation under faults in virtual time: what was promised holds.

use std::sync::Mutex;

use syncline_tests::rng::{each_seed, seeds};
use syncline_tests::sim::cluster::counts::Counts;
use syncline_tests::sim::cluster::world::{ACTIONS, World};
use syncline_tests::sim::command::{Kind, Plan, parse, run_one};

#[test]
fn what_is_promised_holds_and_all_converge() {
    let (seeds, total) = (seeds(2_000), Mutex::new(Counts::default()));
    each_seed("cluster", "what_is_promised_holds_and_all_converge", &seeds, |seed| {
        let report = World::new(seed, false)?.run(ACTIONS);
        total.lock().map_err(|_| "another run panicked")?.add(&report.counts);
        let replay = "cargo run --release -p syncline-tests --bin simulate -- --only cluster --story --seed";
        report.problem.map_or(Ok(()), |problem| Err(format!("{problem}\nstory: {replay} {seed}")))
    });
    let total = total.into_inner().expect("no run panicked");
    println!("{} runs: {total:?}", seeds.len());
    let rare = total.all().into_iter().find(|(_, count)| *count < seeds.len() as u64 / 40);
    assert!(seeds.len() < 2_000 || rare.is_none(), "{rare:?} is too rare to mean anything");
}

#[test]
fn a_seed_always_tells_the_same_story() {
    for kind in [Kind::Client, Kind::Cluster] {
        for seed in [7, 42, 1 << 60] {
            let (one, other) = (run_one(kind, seed, true), run_one(kind, seed, true));
            assert!(one == other, "{kind:?} seed {seed} tells two stories");
            assert!(one.0.lines().count() > 300 && one.1 == Ok(()), "{kind:?} seed {seed}: {:?}", one.1);
            assert_eq!(run_one(kind, seed, false), (String::new(), Ok(())), "a run without a listener is the same");
        }
    }
}

#[test]
fn arguments_of_the_command_are_read_or_refused_with_a_reason() {
    let read = |line: &str| parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>(), 2);
    let kinds = vec![Kind::Client, Kind::Cluster];
    let plan = Plan { from: 5, count: 100, jobs: 1, kinds, story: false };
    assert_eq!(read("--seeds 100 --from 5 --jobs 1"), Ok(Some(plan)));
    let story =
        read("--seed 42 --story --only cluster").map(|plan| plan.map(|plan| (plan.from, plan.count, plan.story)));
    assert_eq!(story, Ok(Some((42, 1, true))));
    assert_eq!(read("--seeds 5 -h"), Ok(None));
    let wrong = [
        ("--seeds", "--seeds needs a value"),
        ("--seeds 0", "--seeds needs a number from 1, not `0`"),
        ("--seed x", "--seed needs a number from 0, not `x`"),
        ("--only relay", "--only is `client` or `cluster`, not `relay`"),
        ("--stroy", "`--stroy` is not known"),
        ("--story", "--story is of one run: say which with --seed"),
        ("--seed 1 --from 2", "--seed runs one seed: leave out --seeds and --from"),
    ];
    for (line, reason) in wrong {
        assert_eq!(read(line), Err(reason.to_owned()), "{line}");
    }
}
