//! Change events, streams, net changes, differences and undo: each beside a copy of the document that a consumer keeps,
//! or beside a history in which what was undone never happened.

use std::sync::atomic::{AtomicUsize, Ordering};

use syncline::clock::ReplicaId;
use syncline::crdt::{Attributes, ContainerKind, Path, TextUnit, Value};
use syncline::doc::{Doc, Source, StreamEvent, StreamOptions, UndoOptions};
use syncline_tests::rng::{Rng, each_seed, seeds};
use syncline_tests::watch::edits::{ALL, Allowed, edit, edit_text, place};
use syncline_tests::watch::mirror::Mirror;

const NOON: u64 = 1_700_000_000_000;

fn doc(number: u128) -> Doc {
    Doc::new(ReplicaId::new(NOON, number))
}

/// One transaction of a few edits, now and then rolled back.
fn write(doc: &mut Doc, rng: &mut Rng, now_ms: &mut u64, allowed: Allowed) -> Result<(), String> {
    *now_ms += rng.between(1, 700);
    doc.begin(*now_ms, None).map_err(|error| error.to_string())?;
    for _ in 0..rng.between(1, 4) {
        edit(doc, rng, allowed).map_err(|error| error.to_string())?;
    }
    if rng.chance(10) {
        doc.rollback();
        return Ok(());
    }
    doc.commit().map(drop).map_err(|error| error.to_string())
}

fn pull(to: &mut Doc, from: &mut Doc, rng: &mut Rng) -> Result<(), String> {
    if rng.chance(20) {
        let version = from.version();
        from.prune(&version);
    }
    let blob = if rng.chance(30) { from.export() } else { from.export_from(&to.version()) };
    to.import(&blob).map(drop).map_err(|error| error.to_string())
}

fn equal(what: &str, found: Mirror, expected: Mirror) -> Result<(), String> {
    let (found, expected) = (found.tidy(), expected.tidy());
    if found == expected { Ok(()) } else { Err(format!("{what}:\nfound    {found:?}\nexpected {expected:?}")) }
}

#[test]
fn a_copy_kept_by_events_is_the_document() {
    each_seed("streams", "a_copy_kept_by_events_is_the_document", &seeds(1_500), |seed| {
        let (mut rng, mut here, mut there, mut now) = (Rng::new(seed), doc(1), doc(2), NOON);
        let mut copy = Mirror::default();
        here.observe(true);
        here.keep_undo(rng.chance(50).then(UndoOptions::default));
        for _ in 0..30 {
            match rng.below(10) {
                0..4 => write(&mut here, &mut rng, &mut now, ALL)?,
                4..7 => write(&mut there, &mut rng, &mut now, ALL)?,
                7 => drop(here.undo(now).map_err(|error| error.to_string())?),
                8 => pull(&mut here, &mut there, &mut rng)?,
                _ => pull(&mut there, &mut here, &mut rng)?,
            }
            here.check()?;
            for change in here.take_changes() {
                copy.take(&change)?;
            }
            equal("events", copy.clone(), Mirror::of(&mut here, &Path::root()))?;
        }
        pull(&mut here, &mut there, &mut rng)?;
        pull(&mut there, &mut here, &mut rng)?;
        equal("two replicas", Mirror::of(&mut here, &Path::root()), Mirror::of(&mut there, &Path::root()))
    });
}

#[test]
fn a_slow_consumer_is_told_of_the_gap_and_resyncs_through_truncation() {
    let all_gaps = AtomicUsize::new(0);
    each_seed("streams", "a_slow_consumer_is_told_of_the_gap_and_resyncs_through_truncation", &seeds(1_000), |seed| {
        let (mut rng, mut here, mut there, mut now) = (Rng::new(seed), doc(1), doc(2), NOON);
        let options = StreamOptions { capacity: 3, ..StreamOptions::default() };
        let stream = here.subscribe(&place("a"), options).map_err(|error| error.to_string())?;
        let (mut copy, mut gaps) = (Mirror::default(), 0);
        for _ in 0..40 {
            match rng.below(4) {
                0 => write(&mut here, &mut rng, &mut now, ALL)?,
                1 => write(&mut there, &mut rng, &mut now, ALL)?,
                2 => pull(&mut here, &mut there, &mut rng)?,
                _ => pull(&mut there, &mut here, &mut rng)?,
            }
            // The log of deletes may be cut whenever: the token is below the floor then.
            if rng.chance(20) {
                let version = here.version();
                here.prune(&version);
            }
            if rng.chance(30) {
                gaps += drain(&mut here, stream, &mut copy)?;
            }
        }
        gaps += drain(&mut here, stream, &mut copy)?;
        all_gaps.fetch_add(gaps, Ordering::Relaxed);
        equal("stream", copy, Mirror::of(&mut here, &place("a")))
    });
    assert!(all_gaps.into_inner() >= seeds(1_000).len(), "hardly anything was missed");
}

/// Takes everything that waits; after a gap, resyncs. Returns the number of gaps.
fn drain(doc: &mut Doc, stream: syncline::doc::StreamId, copy: &mut Mirror) -> Result<usize, String> {
    while let Some(event) = doc.next_event(stream) {
        match event {
            StreamEvent::Change(change) => {
                if !change.path.is_within(&place("a")) {
                    return Err(format!("{change:?} is outside of what was asked for"));
                }
                copy.take(&change)?;
            }
            StreamEvent::Lagged { missed } => {
                if missed == 0 {
                    return Err("a gap of nothing".into());
                }
                let catch_up = doc.resync(stream).map_err(|error| error.to_string())?;
                copy.catch_up(doc, &catch_up);
                return Ok(1);
            }
        }
    }
    Ok(0)
}

#[test]
fn a_token_resumes_in_a_later_session() {
    each_seed("streams", "a_token_resumes_in_a_later_session", &seeds(1_000), |seed| {
        let (mut rng, mut here, mut there, mut now) = (Rng::new(seed), doc(1), doc(2), NOON);
        let mut copy = Mirror::default();
        let mut token = here.version();
        for _ in 0..6 {
            for _ in 0..4 {
                write(&mut here, &mut rng, &mut now, ALL)?;
                write(&mut there, &mut rng, &mut now, ALL)?;
                pull(&mut here, &mut there, &mut rng)?;
            }
            let catch_up = here.changes_since(&token);
            copy.catch_up(&mut here, &catch_up);
            token = catch_up.version;
            equal("net changes", copy.clone(), Mirror::of(&mut here, &Path::root()))?;
            let saved = here.save();
            here = doc(10 + u128::from(rng.bits()));
            here.import(&saved).map_err(|error| error.to_string())?;
        }
        Ok(())
    });
}

#[test]
fn differences_lead_from_any_checkpoint_to_any_other() {
    each_seed("streams", "differences_lead_from_any_checkpoint_to_any_other", &seeds(1_000), |seed| {
        let (mut rng, mut here, mut there, mut now) = (Rng::new(seed), doc(1), doc(2), NOON);
        let mut known = Vec::new();
        for _ in 0..12 {
            for _ in 0..rng.below(4) {
                write(&mut here, &mut rng, &mut now, ALL)?;
                write(&mut there, &mut rng, &mut now, ALL)?;
                if rng.chance(40) {
                    pull(&mut here, &mut there, &mut rng)?;
                }
            }
            let version = here.checkpoint().map_err(|error| error.to_string())?;
            known.push((version, Mirror::of(&mut here, &Path::root())));
        }
        for _ in 0..20 {
            let (from, to) = (rng.pick(&known), rng.pick(&known));
            let mut copy = from.1.clone();
            for change in here.diff(&from.0, &to.0).map_err(|error| error.to_string())? {
                copy.take_difference(&change)?;
            }
            equal("difference", copy, to.1.clone())?;
        }
        Ok(())
    });
}

#[test]
fn undoing_everything_restores_the_beginning_and_redoing_the_end() {
    each_seed("streams", "undoing_everything_restores_the_beginning_and_redoing_the_end", &seeds(1_500), |seed| {
        let (mut rng, mut here, mut now) = (Rng::new(seed), doc(1), NOON);
        for _ in 0..5 {
            write(&mut here, &mut rng, &mut now, ALL)?;
        }
        here.keep_undo(Some(UndoOptions::default()));
        let mut states = vec![Mirror::of(&mut here, &Path::root())];
        for _ in 0..10 {
            let groups = here.undo_depth().0;
            write(&mut here, &mut rng, &mut now, Allowed { whole_texts: false, ..ALL })?;
            let state = Mirror::of(&mut here, &Path::root());
            if here.undo_depth().0 > groups {
                states.push(state);
            } else if let Some(last) = states.last_mut() {
                *last = state;
            }
        }
        for _ in 0..2 {
            for (number, state) in states.iter().enumerate().rev().skip(1) {
                now += 1;
                if !here.undo(now).map_err(|error| error.to_string())? {
                    return Err(format!("nothing to undo at {number}"));
                }
                here.check()?;
                equal(&format!("undone to {number}"), Mirror::of(&mut here, &Path::root()), state.clone())?;
            }
            for (number, state) in states.iter().enumerate().skip(1) {
                now += 1;
                if !here.redo(now).map_err(|error| error.to_string())? {
                    return Err(format!("nothing to redo at {number}"));
                }
                equal(&format!("redone to {number}"), Mirror::of(&mut here, &Path::root()), state.clone())?;
            }
        }
        Ok(())
    });
}

#[test]
fn what_was_undone_never_happened_to_the_concurrent_work_of_others() {
    each_seed("streams", "what_was_undone_never_happened_to_the_concurrent_work_of_others", &seeds(2_000), |seed| {
        let (mut rng, mut here, mut now) = (Rng::new(seed), doc(1), NOON);
        // Attributes that both gave to one place cannot be told apart; they are tested on their own.
        let mine = Allowed { marks: false, ..ALL };
        for _ in 0..6 {
            write(&mut here, &mut rng, &mut now, mine)?;
        }
        let start = here.save();
        let mut there = doc(2);
        there.import(&start).map_err(|error| error.to_string())?;
        here.keep_undo(Some(UndoOptions { merge_ms: u64::MAX, ..UndoOptions::default() }));
        for _ in 0..3 {
            write(&mut here, &mut rng, &mut now, mine)?;
            write(&mut there, &mut rng, &mut now, Allowed::default())?;
        }
        let mut without = doc(3);
        without.import(&there.save()).map_err(|error| error.to_string())?;
        here.import(&there.export_from(&here.version())).map_err(|error| error.to_string())?;
        there.import(&here.export_from(&there.version())).map_err(|error| error.to_string())?;
        here.undo(now + 1).map_err(|error| error.to_string())?;
        here.check()?;
        there.import(&here.export_from(&there.version())).map_err(|error| error.to_string())?;
        let expected = Mirror::of(&mut without, &Path::root());
        equal("undone here", Mirror::of(&mut here, &Path::root()), expected.clone())?;
        equal("undone there", Mirror::of(&mut there, &Path::root()), expected)
    });
}

#[test]
fn texts_with_attributes_converge_whatever_the_order() {
    each_seed("streams", "texts_with_attributes_converge_whatever_the_order", &seeds(1_000), |seed| {
        let mut rng = Rng::new(seed);
        let mut docs: Vec<Doc> = (1..=3).map(doc).collect();
        for step in 0..60 {
            let who = rng.below(3);
            if rng.chance(70) {
                let edited = docs[who].transact(NOON + step, None, |doc| edit_text(doc, &mut rng, ALL));
                edited.map_err(|error| error.to_string())?;
            } else {
                let from = rng.below(3);
                let blob = docs[from].export_from(&docs[who].version());
                docs[who].import(&blob).map_err(|error| error.to_string())?;
            }
        }
        for (to, from) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
            let blob = docs[from].export_from(&docs[to].version());
            docs[to].import(&blob).map_err(|error| error.to_string())?;
        }
        let mut fresh = doc(9);
        fresh.import(&docs[0].export()).map_err(|error| error.to_string())?;
        let expected = Mirror::of(&mut fresh, &Path::root());
        for doc in &mut docs {
            equal("texts", Mirror::of(doc, &Path::root()), expected.clone())?;
        }
        Ok(())
    });
}

#[test]
fn filters_pick_by_kind_source_writer_and_path() {
    let (mut here, mut there) = (doc(1), doc(2));
    let mut subscribe =
        |path: &str, options: StreamOptions| here.subscribe(&place(path), options).expect("there is room");
    let below = subscribe("a", StreamOptions::default());
    let exact = subscribe("a", StreamOptions { exact: true, ..StreamOptions::default() });
    let counters = subscribe("a", StreamOptions { kinds: vec![ContainerKind::Counter], ..StreamOptions::default() });
    let local = subscribe("a", StreamOptions { source: Source::Local, ..StreamOptions::default() });
    let remote = subscribe("a", StreamOptions { source: Source::Remote, ..StreamOptions::default() });
    let by = subscribe("a", StreamOptions { writer: Some(there.id()), ..StreamOptions::default() });
    here.transact(NOON, None, |doc| {
        doc.counter_add(&place("a"), 1)?;
        doc.set(&place("a/x"), Value::Int(1))?;
        doc.set(&place("ab"), Value::Int(1))
    })
    .expect("a valid edit");
    there.transact(NOON, None, |doc| doc.set(&place("a/z"), Value::Int(2))).expect("a valid edit");
    here.import(&there.export()).expect("a valid blob");
    let mut names = |stream| {
        let taken = std::iter::from_fn(|| here.next_event(stream));
        let paths = taken.map(|event| match event {
            StreamEvent::Change(change) => change.path.segments().join("/"),
            StreamEvent::Lagged { missed } => format!("{missed} missed"),
        });
        paths.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(below), "a a/x a/z");
    assert_eq!(names(exact), "a");
    assert_eq!(names(counters), "a");
    assert_eq!(names(local), "a a/x");
    assert_eq!(names(remote), "a/z");
    assert_eq!(names(by), "a/z");
}

#[test]
fn a_gap_is_counted_and_stands_where_it_is() {
    let mut here = doc(1);
    let stream =
        here.subscribe(&Path::root(), StreamOptions { capacity: 2, ..StreamOptions::default() }).expect("room");
    let write = |here: &mut Doc, value: i64| {
        here.transact(NOON, None, |doc| doc.set(&place("a"), Value::Int(value))).expect("a valid edit");
    };
    (0..5).for_each(|value| write(&mut here, value));
    let before_gap = 2;
    for _ in 0..before_gap {
        assert!(matches!(here.next_event(stream), Some(StreamEvent::Change(_))));
    }
    let token = here.stream_version(stream).expect("the stream lives");
    assert_eq!(token.get(&here.id()), before_gap);
    assert_eq!(here.next_event(stream), Some(StreamEvent::Lagged { missed: 3 }));
    write(&mut here, 9);
    assert!(matches!(here.next_event(stream), Some(StreamEvent::Change(_))));
    assert_eq!(here.stream_version(stream).expect("the stream lives"), token, "the gap is still open");
    let catch_up = here.resync(stream).expect("the stream lives");
    assert_eq!((catch_up.changes.len(), catch_up.changes[0].new.clone()), (1, Some(Value::Int(9))));
    assert_eq!(here.stream_version(stream).expect("the stream lives"), here.version());
    assert!(here.unsubscribe(stream) && here.resync(stream).is_err());
}

#[test]
fn ten_thousand_streams_cost_little_more_than_one() {
    let cost = |streams: u64| {
        let mut here = doc(1);
        for number in 0..streams {
            here.subscribe(&place(&format!("part{number}")), StreamOptions::default()).expect("there is room");
        }
        let start = std::time::Instant::now();
        for number in 0..2_000 {
            here.transact(NOON, None, |doc| doc.set(&place("part0/x"), Value::Int(number))).expect("a valid edit");
        }
        start.elapsed()
    };
    let best = |streams| (0..3).map(|_| cost(streams)).min().expect("three runs");
    let (one, many) = (best(1), best(10_000));
    assert!(many < one * 10 + std::time::Duration::from_millis(100), "{one:?} with one, {many:?} with 10,000");
}

#[test]
fn undo_takes_back_attributes_where_nobody_has_set_others() {
    let (mut here, mut there) = (doc(1), doc(2));
    let note = place("note");
    let bold = |truth: bool| Attributes::from([("bold".to_string(), Value::Bool(truth))]);
    here.transact(NOON, None, |doc| doc.text_insert(&note, 0, "abcdef", TextUnit::Utf16)).expect("a valid edit");
    there.import(&here.export()).expect("a valid blob");
    here.keep_undo(Some(UndoOptions::default()));
    here.transact(NOON + 1, None, |doc| doc.text_format(&note, 0, 6, &bold(true), TextUnit::Utf16))
        .expect("a valid edit");
    there.import(&here.export()).expect("a valid blob");
    there.transact(NOON + 2, None, |doc| doc.text_format(&note, 2, 2, &bold(false), TextUnit::Utf16)).expect("valid");
    here.import(&there.export()).expect("a valid blob");
    assert_eq!(here.undo(NOON + 3), Ok(true));
    let runs: Vec<(String, usize)> =
        here.text_runs(&note).into_iter().map(|run| (run.text, run.attributes.len())).collect();
    assert_eq!(runs, [("ab".to_string(), 0), ("cd".to_string(), 1), ("ef".to_string(), 0)]);
}

#[test]
fn a_text_deleted_as_a_whole_comes_back_and_goes_again() {
    let (mut here, mut there, note) = (doc(1), doc(2), place("note"));
    let type_in = |doc: &mut Doc, at: usize, text: &str| {
        doc.transact(NOON, None, |doc| doc.text_insert(&note, at, text, TextUnit::Utf16)).expect("a valid edit");
    };
    type_in(&mut here, 0, "one");
    there.import(&here.export()).expect("a valid blob");
    here.keep_undo(Some(UndoOptions { merge_ms: 0, ..UndoOptions::default() }));
    here.transact(NOON, None, |doc| doc.delete(&note)).expect("a valid edit");
    type_in(&mut there, 3, " two");
    here.import(&there.export_from(&here.version())).expect("a valid blob");
    assert_eq!(here.text(&note), "", "what builds on deleted characters is not shown");
    assert_eq!(here.undo(NOON), Ok(true));
    assert_eq!(here.text(&note), "one two");
    assert_eq!(here.redo(NOON), Ok(true));
    assert_eq!(here.text(&note), "");
    assert_eq!(here.undo(NOON), Ok(true));
    there.import(&here.export_from(&there.version())).expect("a valid blob");
    assert_eq!((here.text(&note), there.text(&note)), ("one two".to_string(), "one two".to_string()));
}

#[test]
fn undo_is_bounded_in_depth_and_bytes_and_merges_by_time() {
    let mut here = doc(1);
    here.keep_undo(Some(UndoOptions { depth: 3, bytes: 4_200, merge_ms: 100, ..UndoOptions::default() }));
    let mut write = |at: u64, value: Value| {
        here.transact(NOON + at, None, |doc| doc.set(&place("a"), value)).expect("a valid edit");
        here.undo_depth().0
    };
    assert_eq!([write(0, 1.into()), write(50, 2.into()), write(140, 3.into())], [1, 1, 1]);
    assert_eq!([write(1_000, 4.into()), write(2_000, 5.into()), write(3_000, 6.into())], [2, 3, 3]);
    assert_eq!(write(4_000, Value::Bytes(vec![0; 3_900])), 3);
    assert_eq!(write(5_000, 7.into()), 1, "the value that was replaced weighs more than what is left");
}

#[test]
fn only_transactions_of_the_origins_asked_for_are_undone() {
    let mut here = doc(1);
    here.keep_undo(Some(UndoOptions { origins: Some(vec!["typing".into()]), merge_ms: 0, ..UndoOptions::default() }));
    let mut write = |origin: Option<&str>, value: i64| {
        here.transact(NOON, origin, |doc| doc.set(&place("a"), Value::Int(value))).expect("a valid edit");
    };
    write(Some("typing"), 1);
    write(None, 2);
    write(Some("typing"), 3);
    assert_eq!(here.undo(NOON), Ok(true));
    assert_eq!(here.get(&place("a")), Some(Value::Int(2)));
    assert_eq!(here.undo(NOON), Ok(true));
    assert_eq!(here.get(&place("a")), Some(Value::Int(2)), "what another origin wrote over it stays");
    assert_eq!(here.undo(NOON), Ok(false));
    here.transact(NOON, Some("typing"), |doc| doc.set(&place("a"), Value::Int(4))).expect("a valid edit");
    here.transact(NOON, None, |doc| doc.delete(&place("a"))).expect("a valid edit");
    assert_eq!(here.undo(NOON), Ok(true));
    assert_eq!(here.get(&place("a")), None, "what another origin deleted does not come back in an older form");
}
