//! A browser tab that writes once must not cost every other replica an entry for ever: many short sessions over three
//! relays, with rounds of retirement, crashes, lost answers and migration. Nothing is lost and nothing counts twice.

use serde_json::Value as Json;
use syncline_tests::retire::run::{Plan, run};
use syncline_tests::retire::talk::{path, record, replay};
use syncline_tests::rng::{each_seed, seeds};

#[test]
fn many_histories_lose_nothing_and_count_nothing_twice() {
    each_seed("retire", "many_histories_lose_nothing_and_count_nothing_twice", &seeds(40), |seed| {
        let outcome = run(Plan { sessions: 400, profiles: 12, counts: 2, round: 25 }, seed)?;
        if outcome.rounds < 3 || outcome.renewed == 0 {
            Err(format!("too little happened: {outcome:?}"))
        } else {
            Ok(())
        }
    });
}

#[test]
fn a_hundred_thousand_sessions_leave_at_most_64_entries_and_a_handshake_of_512_bytes() {
    let plan = Plan { sessions: 100_000, profiles: 30, counts: 200, round: 120 };
    let outcome = run(plan, 1).unwrap_or_else(|problem| panic!("{problem}"));
    println!("{outcome:?}");
    assert!(outcome.retired > 90_000, "{outcome:?}");
    assert!(outcome.entries <= 64, "{outcome:?}");
    assert!(outcome.handshake.iter().sum::<usize>() <= 512, "{outcome:?}");
}

/// JavaScript and Python hear the same conversations: `tests/conformance`.
#[test]
fn a_client_whose_id_is_retired_hears_what_is_recorded_and_reissues_once() {
    let text = std::fs::read_to_string(path()).expect("the conversations are there");
    let file: Json = serde_json::from_str(&text).expect("they are JSON");
    assert_eq!(record().as_ref(), Ok(&file), "a relay says something else: see the program `talk`");
    let cases = file["cases"].as_array().expect("there are cases");
    for case in cases {
        assert_eq!(replay(case).as_ref(), Ok(&case["expect"]), "{}", case["name"]);
    }
    let ends: Vec<i64> = cases.iter().filter_map(|case| case["expect"]["n"].as_i64()).collect();
    assert_eq!(ends, [111, 111, 111, 11_111]);
    assert!(cases.iter().all(|case| case["expect"]["unsaved"] == 0));
    assert_eq!(cases[0]["expect"]["renewed"][0]["taken"], 1);
}
