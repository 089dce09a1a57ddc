//! Edge cases of the two sides; crashes and faults are in the tests of the workspace.

use super::*;
use crate::quorum::testing::id;

fn tx(number: u64) -> TxId {
    TxId::new(number, 0)
}

fn prepare(number: u64) -> ParticipantInput {
    ParticipantInput::Message(CommitMessage::Prepare { tx: tx(number), from: id("c"), payload: vec![number as u8] })
}

fn decided(number: u64, commit: bool) -> ParticipantInput {
    ParticipantInput::Message(CommitMessage::Decide { tx: tx(number), from: id("c"), commit })
}

fn said(room: &mut Participant) -> Vec<CommitMessage> {
    let mut messages = Vec::new();
    loop {
        match room.poll() {
            ParticipantOutput::Send { message, .. } => messages.push(message),
            ParticipantOutput::Idle(_) => return messages,
            _ => {}
        }
    }
}

fn commit(room: &mut Participant, number: u64) {
    room.handle(prepare(number), 0);
    room.handle(ParticipantInput::Validated { tx: tx(number), refusal: None }, 0);
    room.handle(ParticipantInput::Forced(tx(number)), 0);
    room.handle(decided(number, true), 0);
    room.handle(ParticipantInput::Applied(tx(number)), 0);
    said(room);
}

fn begin(coordinator: &mut Coordinator, number: u64, rooms: &[&str]) -> Result<(), BeginError> {
    let parts = rooms.iter().map(|room| (room.to_string(), vec![1])).collect();
    coordinator.handle(CoordinatorInput::Begin { tx: tx(number), parts }, 0)
}

#[test]
fn what_cannot_begin_sends_nothing() {
    let mut coordinator = Coordinator::new(id("c"), CommitTimes::default());
    assert_eq!(begin(&mut coordinator, 1, &[]), Err(BeginError::Rooms(0)));
    assert_eq!(begin(&mut coordinator, 1, &["r", "r"]), Err(BeginError::Room("r".into())));
    assert_eq!(begin(&mut coordinator, 1, &[""]), Err(BeginError::Room("".into())));
    assert_eq!(coordinator.poll(), CoordinatorOutput::Idle(None));
    assert_eq!(begin(&mut coordinator, 2, &["r"]), Ok(()));
    assert_eq!(begin(&mut coordinator, 2, &["r"]), Err(BeginError::Reused(tx(2))));
    for number in 3..2 + TRANSACTIONS as u64 {
        assert_eq!(begin(&mut coordinator, number, &["r"]), Ok(()));
    }
    assert_eq!(begin(&mut coordinator, 999, &["r"]), Err(BeginError::Full));
    assert_eq!(coordinator.active(), TRANSACTIONS);
}

#[test]
fn a_commit_that_is_being_forced_is_not_aborted_by_time_or_a_late_no() -> Result<(), BeginError> {
    let mut coordinator = Coordinator::new(id("c"), CommitTimes::default());
    begin(&mut coordinator, 1, &["r"])?;
    let vote = |refusal| CoordinatorInput::Message(CommitMessage::Vote { tx: tx(1), room: "r".into(), refusal });
    coordinator.handle(vote(None), 1)?;
    coordinator.handle(vote(Some("no".into())), 2)?;
    coordinator.handle(CoordinatorInput::Tick, 1 << 40)?;
    let inquire = CommitMessage::Inquire { tx: tx(1), room: "r".into() };
    coordinator.handle(CoordinatorInput::Message(inquire), 1 << 40)?;
    let outputs: Vec<_> =
        std::iter::from_fn(|| Some(coordinator.poll()).filter(|output| !matches!(output, CoordinatorOutput::Idle(_))))
            .collect();
    assert_eq!(outputs.len(), 2, "the prepare and the record: {outputs:?}");
    coordinator.handle(CoordinatorInput::Forced(tx(1)), 1 << 40)?;
    assert_eq!(coordinator.poll(), CoordinatorOutput::Finished { tx: tx(1), outcome: Outcome::Committed });
    Ok(())
}

#[test]
fn a_time_out_names_the_silent_rooms() -> Result<(), BeginError> {
    let mut coordinator = Coordinator::new(id("c"), CommitTimes::default());
    begin(&mut coordinator, 1, &["r", "s"])?;
    coordinator
        .handle(CoordinatorInput::Message(CommitMessage::Vote { tx: tx(1), room: "s".into(), refusal: None }), 1)?;
    coordinator
        .handle(CoordinatorInput::Message(CommitMessage::Vote { tx: tx(1), room: "x".into(), refusal: None }), 1)?;
    coordinator.handle(CoordinatorInput::Tick, 5_000)?;
    let reason = std::iter::from_fn(|| Some(coordinator.poll())).find_map(|output| match output {
        CoordinatorOutput::Finished { outcome, .. } => Some(outcome),
        CoordinatorOutput::Idle(_) => panic!("nothing ended"),
        _ => None,
    });
    assert_eq!(reason, Some(Outcome::Aborted(AbortReason::TimedOut(vec!["r".into()]))));
    Ok(())
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() -> Result<(), BeginError> {
    let (hour_ms, times) = (3_600_000, CommitTimes::default());
    let mut coordinator = Coordinator::new(id("c"), times);
    let parts = vec![("r".to_owned(), b"1".to_vec())];
    coordinator.handle(CoordinatorInput::Begin { tx: tx(1), parts }, hour_ms)?;
    coordinator.handle(CoordinatorInput::Tick, 0)?;
    assert!(matches!(coordinator.poll(), CoordinatorOutput::Send { .. }));
    assert_eq!(coordinator.poll(), CoordinatorOutput::Idle(Some(times.retry_ms)));
    coordinator.handle(CoordinatorInput::Tick, times.prepare_ms)?;
    assert_eq!(coordinator.active(), 0, "the votes are not waited for until the clock is right again");

    let mut room = Participant::new("r".into(), times);
    room.handle(prepare(1), hour_ms);
    room.handle(ParticipantInput::Validated { tx: tx(1), refusal: None }, hour_ms);
    room.handle(ParticipantInput::Forced(tx(1)), hour_ms);
    said(&mut room);
    room.handle(ParticipantInput::Tick, 0);
    room.handle(ParticipantInput::Tick, times.retry_ms);
    assert!(matches!(said(&mut room)[..], [CommitMessage::Inquire { .. }]));
    Ok(())
}

#[test]
fn a_prepare_that_comes_again_after_the_commit_applies_nothing() {
    let mut room = Participant::new("r".into(), CommitTimes::default());
    commit(&mut room, 5);
    room.handle(prepare(5), 1);
    room.handle(decided(5, true), 1);
    room.handle(decided(5, false), 1);
    let yes = CommitMessage::Vote { tx: tx(5), room: "r".into(), refusal: None };
    assert_eq!(said(&mut room), [yes, CommitMessage::Ack { tx: tx(5), room: "r".into() }]);
    assert_eq!(room.in_doubt().count(), 0);
}

#[test]
fn commits_that_were_forgotten_are_refused_by_their_age() {
    let mut room = Participant::new("r".into(), CommitTimes::default());
    for number in 1..=REMEMBERED as u64 + 2 {
        commit(&mut room, number);
    }
    let mut recovered = Participant::recover("r".into(), CommitTimes::default(), room.records());
    assert_eq!(recovered, room);
    assert_eq!(room.records().len(), REMEMBERED + 1);
    for number in [1, 2] {
        recovered.handle(prepare(number), 0);
        assert!(matches!(said(&mut recovered)[..], [CommitMessage::Vote { refusal: Some(_), .. }]));
    }
}

#[test]
fn a_room_that_stages_much_refuses_more() {
    let mut room = Participant::new("r".into(), CommitTimes::default());
    (1..=TRANSACTIONS as u64).for_each(|number| room.handle(prepare(number), 0));
    room.handle(prepare(999), 0);
    assert!(matches!(&said(&mut room)[..], [CommitMessage::Vote { refusal: Some(_), .. }]));
}

#[test]
fn records_and_messages_come_back_from_their_bytes() {
    let (tx, from, room) = (tx(7), id("c"), String::from("räume/1"));
    let records = [
        CommitRecord::Committed { tx, rooms: vec!["r".into(), room.clone()] },
        CommitRecord::End(tx),
        CommitRecord::Prepared { tx, coordinator: from.clone(), payload: vec![1, 2] },
        CommitRecord::Done(tx),
        CommitRecord::Released(tx),
        CommitRecord::Floor(tx),
    ];
    for record in records {
        let bytes = record.encode();
        assert!((0..bytes.len()).all(|cut| CommitRecord::decode(&bytes[..cut]).is_err()));
        assert!(CommitRecord::decode(&[&bytes[..], &[0]].concat()).is_err());
        assert_eq!(CommitRecord::decode(&bytes), Ok(record));
    }
    let messages = [
        CommitMessage::Prepare { tx, from: from.clone(), payload: vec![] },
        CommitMessage::Vote { tx, room: room.clone(), refusal: None },
        CommitMessage::Vote { tx, room: room.clone(), refusal: Some("too little money".into()) },
        CommitMessage::Decide { tx, from: from.clone(), commit: false },
        CommitMessage::Decide { tx, from, commit: true },
        CommitMessage::Ack { tx, room: room.clone() },
        CommitMessage::Inquire { tx, room },
    ];
    for message in messages {
        let bytes = message.encode();
        assert!((0..bytes.len()).all(|cut| CommitMessage::decode(&bytes[..cut]).is_err()));
        assert_eq!(CommitMessage::decode(&bytes), Ok(message));
    }
    let kinds = (7..=255u8).map(|kind| [&[kind][..], &[0; 16]].concat());
    kinds
        .into_iter()
        .for_each(|bytes| assert!(CommitMessage::decode(&bytes).is_err() && CommitRecord::decode(&bytes).is_err()));
}
