//! The trackers of writes and reads, input by input.

use super::testing::{dot, id, members, seen, writer};
use super::*;
use crate::clock::{Dot, ReplicaId, VersionVector};

fn three() -> Configuration {
    Configuration::new(1, members("a b c")).expect("the members are valid")
}

fn submit(ticket: u64, seq: u64, level: Level) -> WriteInput {
    WriteInput::Submit(Write { ticket, dot: dot(seq), level, sloppy: false, deadline_ms: 1_000 })
}

fn sloppy(ticket: u64, seq: u64, level: Level) -> WriteInput {
    WriteInput::Submit(Write { ticket, dot: dot(seq), level, sloppy: true, deadline_ms: 1_000 })
}

fn ack(from: &str, epoch: u64, seq: u64) -> Ack {
    Ack { from: id(from), epoch, durable: seen(seq) }
}

fn hint(by: &str, target: &str, seq: u64) -> WriteInput {
    WriteInput::Hint { target: id(target), ack: ack(by, 1, seq) }
}

fn finished(tracker: &mut WriteTracker) -> Vec<(u64, WriteOutcome)> {
    std::iter::from_fn(|| match tracker.poll() {
        WriteOutput::Finished(report) => Some((report.ticket, report.outcome)),
        WriteOutput::Idle(_) => None,
    })
    .collect()
}

#[test]
fn one_ack_ends_all_writes_before_it_at_its_level() -> Result<(), WriteError> {
    let mut tracker = WriteTracker::new(three(), None);
    for (ticket, seq) in [(1, 1), (2, 2), (3, 3)] {
        tracker.handle(submit(ticket, seq, Level::Quorum), 0)?;
    }
    tracker.handle(submit(4, 2, Level::All), 0)?;
    tracker.handle(WriteInput::Ack(ack("a", 1, 3)), 1)?;
    assert_eq!(finished(&mut tracker), []);
    tracker.handle(WriteInput::Ack(ack("c", 1, 2)), 2)?;
    assert_eq!(finished(&mut tracker), [(1, WriteOutcome::Done), (2, WriteOutcome::Done)]);
    tracker.handle(WriteInput::Ack(ack("b", 1, 9)), 3)?;
    assert_eq!(finished(&mut tracker), [(3, WriteOutcome::Done), (4, WriteOutcome::Done)]);
    assert_eq!((tracker.waiting(), tracker.frontier(&writer(), Level::Quorum)), (0, Ok(3)));
    tracker.handle(submit(5, 3, Level::Quorum), 4)?;
    assert_eq!(finished(&mut tracker), [(5, WriteOutcome::Done)], "what is known to be held is done at once");
    Ok(())
}

#[test]
fn what_does_not_count_changes_nothing() -> Result<(), WriteError> {
    let mut tracker = WriteTracker::new(three(), None);
    tracker.handle(submit(1, 1, Level::Quorum), 0)?;
    tracker.handle(WriteInput::Ack(ack("a", 1, 4)), 1)?;
    let before = tracker.clone();
    let refused = [
        (ack("x", 1, 1), AckError::NotMember(id("x"))),
        (ack("b", 0, 1), AckError::Old { known: 1, got: 0 }),
        (ack("b", 2, 1), AckError::Ahead { known: 1, got: 2 }),
    ];
    for (bad, error) in refused {
        assert_eq!(tracker.handle(WriteInput::Ack(bad), 1), Err(WriteError::Ack(error)));
    }
    for again in 0..5 {
        tracker.handle(WriteInput::Ack(ack("a", 1, again)), 1)?;
    }
    assert_eq!(tracker, before, "an ack that comes again, or late, is known");
    assert_eq!(tracker.handle(WriteInput::Configure(three()), 4), Err(WriteError::Overtaken { known: 1, got: 1 }));
    Ok(())
}

#[test]
fn a_time_out_names_who_has_it_and_calls_nothing_failed() -> Result<(), WriteError> {
    let mut tracker = WriteTracker::new(three(), None);
    tracker.handle(submit(1, 4, Level::Quorum), 0)?;
    tracker.handle(WriteInput::Ack(ack("b", 1, 4)), 10)?;
    tracker.handle(WriteInput::Tick, 999)?;
    assert_eq!(tracker.poll(), WriteOutput::Idle(Some(1_000)));
    tracker.handle(WriteInput::Tick, 1_000)?;
    let WriteOutput::Finished(report) = tracker.poll() else { panic!("the write is due") };
    assert_eq!((report.outcome, report.acked_by), (WriteOutcome::Indeterminate, vec![id("b")]));
    tracker.handle(submit(2, 4, Level::Quorum), 1_500)?;
    assert_eq!(finished(&mut tracker), [(2, WriteOutcome::Indeterminate)], "a deadline that has passed ends it");
    Ok(())
}

#[test]
fn a_clock_that_is_set_back_takes_deadlines_with_it() -> Result<(), Box<dyn std::error::Error>> {
    let hour_ms = 3_600_000;
    let mut tracker = WriteTracker::new(three(), None);
    let late = |ticket| Write { ticket, dot: dot(4), level: Level::All, sloppy: false, deadline_ms: hour_ms + 1_000 };
    tracker.handle(WriteInput::Submit(late(1)), hour_ms)?;
    tracker.handle(WriteInput::Tick, 5)?;
    assert_eq!(tracker.poll(), WriteOutput::Idle(Some(1_005)));
    tracker.handle(WriteInput::Tick, 1_005)?;
    assert_eq!(finished(&mut tracker), [(1, WriteOutcome::Indeterminate)]);

    let plan = ReadPlan { deadline_ms: hour_ms + 1_000, ..plan(3) };
    let mut read = QuorumRead::new(three(), None, plan, VersionVector::default(), hour_ms)?;
    read.handle(ReadInput::Tick, 5)?;
    assert_eq!(outputs(&mut read).len(), 3);
    read.handle(ReadInput::Tick, 105)?;
    assert_eq!(outputs(&mut read).len(), 3, "it asks again as if the clock had not moved");
    read.handle(ReadInput::Tick, 1_005)?;
    assert_eq!(outcome(&mut read), Some(ReadOutcome::Unavailable));
    Ok(())
}

#[test]
fn writers_do_not_count_for_each_other() -> Result<(), WriteError> {
    let mut tracker = WriteTracker::new(three(), None);
    tracker.handle(submit(1, 1, Level::Quorum), 0)?;
    let other = ReplicaId::new(1, 2);
    for from in ["a", "b"] {
        let durable: VersionVector = [(other, 5)].into_iter().collect();
        tracker.handle(WriteInput::Ack(Ack { from: id(from), epoch: 1, durable }), 1)?;
    }
    assert_eq!(finished(&mut tracker), []);
    assert_eq!(tracker.holders(&Dot::new(other, 5)), [id("a"), id("b")]);
    Ok(())
}

#[test]
fn waiting_writes_are_bounded() -> Result<(), WriteError> {
    let mut tracker = WriteTracker::new(three(), None);
    for ticket in 0..WAITING as u64 {
        tracker.handle(submit(ticket, ticket + 1, Level::Quorum), 0)?;
    }
    assert_eq!(tracker.handle(submit(0, 1, Level::Quorum), 0), Err(WriteError::Full));
    tracker.handle(WriteInput::Tick, 1_000)?;
    assert_eq!(tracker.handle(submit(0, 1, Level::One), 1_000), Err(WriteError::Full), "reports are to be taken first");
    assert_eq!(finished(&mut tracker).len(), WAITING);
    tracker.handle(submit(0, 1, Level::One), 1_000)
}

#[test]
fn whoever_leaves_and_returns_counts_anew() -> Result<(), Box<dyn std::error::Error>> {
    let mut tracker = WriteTracker::new(three(), None);
    tracker.handle(WriteInput::Ack(ack("a", 1, 1)), 0)?;
    tracker.handle(WriteInput::Ack(ack("c", 1, 1)), 0)?;
    let joint = three().begin_change(members("a b d"))?;
    tracker.handle(WriteInput::Configure(joint.clone()), 1)?;
    tracker.handle(submit(1, 1, Level::Quorum), 1)?;
    assert_eq!(finished(&mut tracker), [], "a alone is not most of a, b, d");
    let without_c = joint.finish_change()?;
    tracker.handle(WriteInput::Configure(without_c.clone()), 2)?;
    let back = without_c.begin_change(members("a b c"))?.finish_change()?;
    tracker.handle(WriteInput::Configure(back), 3)?;
    assert_eq!(finished(&mut tracker), [], "c may have lost its disk while it was away");
    tracker.handle(WriteInput::Ack(ack("c", 5, 1)), 4)?;
    assert_eq!(finished(&mut tracker), [(1, WriteOutcome::Done)]);
    Ok(())
}

#[test]
fn stand_ins_count_for_durability_only_and_each_machine_once() -> Result<(), WriteError> {
    let mut tracker = WriteTracker::new(three(), None);
    tracker.handle(submit(1, 1, Level::Quorum), 0)?;
    tracker.handle(sloppy(2, 1, Level::All), 0)?;
    tracker.handle(WriteInput::Ack(ack("a", 1, 1)), 1)?;
    tracker.handle(hint("a", "b", 1), 2)?;
    assert_eq!(finished(&mut tracker), [], "a has it already: no further machine");
    tracker.handle(hint("x", "b", 1), 3)?;
    tracker.handle(hint("x", "c", 1), 4)?;
    assert_eq!(finished(&mut tracker), [], "one stand-in is one machine, whomever it stands in for");
    tracker.handle(hint("y", "c", 1), 5)?;
    let WriteOutput::Finished(report) = tracker.poll() else { panic!("three machines have it") };
    assert_eq!((report.ticket, report.outcome, report.acked_by), (2, WriteOutcome::Sloppy, vec![id("a")]));
    assert_eq!(report.hinted_by, [(id("x"), id("b")), (id("y"), id("c"))]);
    assert_eq!(finished(&mut tracker), [], "the strict write still waits for a member");
    assert!(matches!(tracker.handle(hint("x", "x", 1), 6), Err(WriteError::Ack(AckError::NotMember(_)))));
    assert!(matches!(tracker.handle(hint("b", "b", 1), 6), Err(WriteError::Ack(AckError::StandIn(_)))));
    Ok(())
}

fn plan(rounds: u32) -> ReadPlan {
    ReadPlan { level: Level::Quorum, rounds, retry_ms: 100, deadline_ms: 1_000 }
}

fn outputs(read: &mut QuorumRead) -> Vec<ReadOutput> {
    std::iter::from_fn(|| Some(read.poll()).filter(|output| !matches!(output, ReadOutput::Idle(_)))).collect()
}

fn outcome(read: &mut QuorumRead) -> Option<ReadOutcome> {
    outputs(read).into_iter().find_map(|output| match output {
        ReadOutput::Finished(report) => Some(report.outcome),
        _ => None,
    })
}

#[test]
fn a_read_pulls_writes_back_and_ends_when_most_say_the_same() -> Result<(), Box<dyn std::error::Error>> {
    let mut read = QuorumRead::new(three(), None, plan(3), VersionVector::default(), 0)?;
    assert_eq!(outputs(&mut read).len(), 3);
    read.handle(ReadInput::Answer(ack("a", 1, 1)), 1)?;
    read.handle(ReadInput::Answer(ack("b", 1, 4)), 2)?;
    assert_eq!(outputs(&mut read), [ReadOutput::Pull { from: id("b"), since: VersionVector::default() }]);
    read.handle(ReadInput::Local(seen(4)), 3)?;
    assert_eq!(outputs(&mut read), [ReadOutput::Push { to: id("a"), since: seen(1) }]);
    read.handle(ReadInput::Answer(ack("a", 1, 4)), 4)?;
    assert_eq!(outcome(&mut read), Some(ReadOutcome::Agreed));
    assert_eq!(read.poll(), ReadOutput::Idle(None));
    Ok(())
}

#[test]
fn a_member_that_answers_twice_is_one_answer() -> Result<(), Box<dyn std::error::Error>> {
    let mut read = QuorumRead::new(three(), None, plan(3), seen(1), 0)?;
    outputs(&mut read);
    read.handle(ReadInput::Answer(ack("a", 1, 1)), 1)?;
    read.handle(ReadInput::Answer(ack("a", 1, 1)), 2)?;
    assert_eq!(outcome(&mut read), None);
    read.handle(ReadInput::Tick, 100)?;
    assert_eq!(outputs(&mut read), [ReadOutput::Ask(id("b")), ReadOutput::Ask(id("c"))]);
    read.handle(ReadInput::Tick, 1_000)?;
    assert_eq!(outcome(&mut read), Some(ReadOutcome::Unavailable));
    Ok(())
}

#[test]
fn rounds_are_bounded_and_a_merge_is_not_called_agreement() -> Result<(), Box<dyn std::error::Error>> {
    let mut read = QuorumRead::new(three(), None, plan(2), seen(1), 0)?;
    outputs(&mut read);
    for seq in 1.. {
        read.handle(ReadInput::Local(seen(seq + 1)), seq)?;
        read.handle(ReadInput::Answer(ack("a", 1, seq)), seq)?;
        read.handle(ReadInput::Answer(ack("b", 1, seq)), seq)?;
        if let Some(outcome) = outcome(&mut read) {
            assert_eq!((outcome, seq), (ReadOutcome::Merged, 3));
            break;
        }
    }
    Ok(())
}

#[test]
fn another_member_is_pulled_from_when_one_fails() -> Result<(), Box<dyn std::error::Error>> {
    let mut read = QuorumRead::new(three(), None, plan(2), VersionVector::default(), 0)?;
    outputs(&mut read);
    for (from, seq) in [("a", 5), ("b", 3), ("c", 3)] {
        read.handle(ReadInput::Answer(ack(from, 1, seq)), 1)?;
    }
    read.handle(ReadInput::Failed(id("a")), 2)?;
    let pulled =
        |seq| move |output: &ReadOutput| matches!(output, ReadOutput::Pull { from, .. } if from.as_str() == seq);
    let asked = outputs(&mut read);
    assert!(asked.iter().any(pulled("a")) && asked.iter().any(pulled("b")), "{asked:?}");
    read.handle(ReadInput::Local(seen(3)), 3)?;
    assert_eq!(outcome(&mut read), Some(ReadOutcome::Agreed));
    Ok(())
}

#[test]
fn calls_with_bad_arguments_are_refused() {
    use crate::crdt::Value;
    let map = |entries: &[(&str, Value)]| {
        Value::Map(entries.iter().map(|(key, value)| (key.to_string(), value.clone())).collect())
    };
    let code = |call: &str, args: &Value| decide(call, args).map_err(|error| error.code());
    assert_eq!(code("odd", &map(&[])), Err("unknown_call"));
    assert_eq!(code("quorum", &Value::Null), Err("argument"));
    assert_eq!(code("quorum", &map(&[])), Err("argument"));
    let jump = map(&[("key", "room 7".into()), ("buckets", Value::Int(10))]);
    assert!(decide("jump", &jump).is_ok() && decide("jump", &jump) == crate::place::decide("jump", &jump));
    let members = ("members", Value::List(vec!["a".into(), "a".into()]));
    let rest = [("acked", Value::List(vec![])), ("level", "one".into()), members];
    assert_eq!(code("quorum", &map(&rest)), Err("members"));
}
