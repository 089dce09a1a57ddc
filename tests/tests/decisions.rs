//! The tables of decisions hold on the Rust core, and a changed expectation is noticed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use syncline::crdt::Value;
use syncline::standalone::decide;
use syncline_tests::decisions::{check, corrupt, load_all};
use syncline_tests::notation;
use syncline_tests::rng::{Rng, each_seed, seeds};

/// Every call that `decide` documents.
const CALLS: [&str; 37] = [
    "machines",
    "hash",
    "jump",
    "ring",
    "ring_bounded",
    "rendezvous",
    "rendezvous_bounded",
    "topology",
    "shard",
    "shard_map",
    "plan",
    "route",
    "backoff",
    "batch",
    "bucket",
    "throttle",
    "breaker",
    "quorum",
    "frontier",
    "write",
    "session",
    "vector_clock.compare",
    "vector_clock.merge",
    "vector_clock",
    "g_counter",
    "pn_counter",
    "lww_register",
    "lww_set",
    "lww_map",
    "mv_register",
    "g_set",
    "two_phase_set",
    "or_set",
    "rw_set",
    "ew_flag",
    "dw_flag",
    "or_map",
];

#[test]
fn every_decision_is_as_the_table_says() {
    let cases = load_all().expect("the tables are readable");
    let names: BTreeSet<String> = cases.iter().map(|case| case["name"].to_string()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    assert!(cases.len() >= 120, "only {} cases", cases.len());
    for call in CALLS {
        assert!(cases.iter().any(|case| case["call"] == call && case.get("expect").is_some()), "no case calls {call}");
    }
    let problem = |case: &Json| check(case).err().map(|problem| format!("{}: {problem}", case["name"]));
    let problems: Vec<String> = cases.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_changed_expectation_fails_each_case() {
    for mut case in load_all().expect("the tables are readable") {
        corrupt(&mut case);
        assert!(check(&case).is_err(), "{} passes with a changed expectation", case["name"]);
    }
}

/// Arguments come from outside: whatever they are, the answer is a value or an error.
#[test]
fn no_arguments_make_a_decision_panic() {
    let cases = load_all().expect("the tables are readable");
    let seeds = seeds(300);
    each_seed("decisions", "no_arguments_make_a_decision_panic", &seeds, |seed| {
        let mut random = Rng::new(seed);
        for case in &cases {
            let call = if random.chance(5) { *random.pick(&CALLS) } else { case["call"].as_str().unwrap_or_default() };
            let mut args = notation::read(&case["args"])?;
            for _ in 0..random.between(1, 3) {
                spoil(&mut args, &mut random);
            }
            let _ = decide(call, &args);
        }
        Ok(())
    });
}

/// Replaces something inside by something else.
fn spoil(value: &mut Value, random: &mut Rng) {
    let deeper = random.chance(75);
    match value {
        Value::Map(entries) if deeper && !entries.is_empty() => {
            let at = random.below(entries.len());
            if let Some(inner) = entries.values_mut().nth(at) {
                spoil(inner, random);
            }
        }
        Value::List(items) if deeper && !items.is_empty() => {
            let at = random.below(items.len());
            spoil(&mut items[at], random);
        }
        _ => *value = anything(random),
    }
}

fn anything(random: &mut Rng) -> Value {
    let numbers = [0, 1, 2, -1, 100, 10_000, 70_000, 1 << 32, (1 << 53) + 1, i64::MAX, i64::MIN];
    match random.below(8) {
        0 => Value::Null,
        1 => Value::Bool(random.chance(50)),
        2 => Value::Float(*random.pick(&[0.0, 1.0, -1.0, 0.5, f64::NAN, f64::INFINITY, 1e300])),
        3 => Value::Str(random.pick(&["", "e1", "eu", "zones", "read", "\u{0}", "acme"]).to_string()),
        4 => Value::List(Vec::new()),
        5 => Value::Map(BTreeMap::from([("at".to_owned(), Value::Int(*random.pick(&numbers)))])),
        _ => Value::Int(*random.pick(&numbers)),
    }
}
