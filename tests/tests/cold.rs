//! Reconciliation: documents beside the oracle, sets beside their definition, and what both cost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use syncline::clock::{Dot, ReplicaId};
use syncline::crdt::{Key, Kind, Path, Value};
use syncline::doc::{Doc, ImportError, Origin};
use syncline::reconcile::{
    Action, Asker, CellCache, FindingKind, ItemHasher, Pinned, Record, Session, SessionError, Teller, dot_item,
    list_bytes,
};
use syncline_tests::oracle::world::{Flavour, World};
use syncline_tests::rng::{Rng, each_seed, seeds};

/// Steps of one history.
const STEPS: usize = 32;

fn histories(test: &str, count: u64, flavour: Flavour) {
    let dropped = AtomicU64::new(0);
    each_seed("cold", test, &seeds(count), |seed| {
        let mut world = World::new(seed, flavour);
        for step in 0..STEPS {
            world.cold_step().map_err(|problem| format!("step {step}: {problem}"))?;
        }
        world.cold_settle()?;
        dropped.fetch_add(world.dropped(), Ordering::Relaxed);
        Ok(())
    });
    assert!(seeds(count).len() == 1 || dropped.into_inner() > count / 20, "the cells had next to nothing to find");
}

#[test]
fn sessions_of_all_types_follow_the_definition() {
    histories("sessions_of_all_types_follow_the_definition", 500, Flavour::Mixed);
}

#[test]
fn sessions_of_sets_follow_the_definition() {
    histories("sessions_of_sets_follow_the_definition", 700, Flavour::Sets);
}

/// What a reconciliation of two sets cost.
struct Cost {
    bytes: usize,
    round_trips: usize,
}

/// Two sets of dots of eight writers; each of `differing` items is only in one of them.
fn dots(rng: &mut Rng, items: usize, differing: usize) -> [Vec<u64>; 2] {
    let writers: Vec<u64> = (0..8).map(|_| rng.bits() >> 48 << 48).collect();
    let mut last = vec![0; writers.len()];
    let all: Vec<u64> = (0..items)
        .map(|_| {
            let writer = rng.below(writers.len());
            last[writer] += rng.between(1, 3);
            writers[writer] | last[writer]
        })
        .collect();
    let share = *rng.pick(&[0, 50, 50, 100]);
    split(rng, all, differing, share)
}

/// The same of numbers that have nothing in common.
fn numbers(rng: &mut Rng, items: usize, differing: usize) -> [Vec<u64>; 2] {
    let all = (0..items).map(|_| rng.bits() >> 1).collect();
    let share = *rng.pick(&[0, 50, 50, 100]);
    split(rng, all, differing, share)
}

/// Leaves `differing` items out of one of two sets: `share` percent of them out of the first.
fn split(rng: &mut Rng, all: Vec<u64>, differing: usize, share: usize) -> [Vec<u64>; 2] {
    let mut single = BTreeSet::new();
    while single.len() < differing {
        single.insert(rng.below(all.len()));
    }
    let mut sets = [Vec::new(), Vec::new()];
    for (at, item) in all.into_iter().enumerate() {
        let only = single.contains(&at).then(|| usize::from(rng.chance(share)));
        (0..2).filter(|side| only.is_none_or(|only| only == *side)).for_each(|side| sets[side].push(item));
    }
    sets.iter_mut().for_each(|set| set.sort_unstable());
    sets
}

/// Reconciles and compares with the definition of a difference.
fn reconcile(rng: &mut Rng, [here, there]: &[Vec<u64>; 2]) -> Result<Cost, String> {
    let hasher = ItemHasher::new(rng.bits());
    let (mut asker, mut message) = Asker::open(Pinned::of(hasher, here));
    let mut teller = Teller::new(Pinned::of(hasher, there), list_bytes(there));
    let mut cost = Cost { bytes: message.len(), round_trips: 0 };
    while let Some(answer) = teller.handle(&message, &mut || there.clone()).map_err(|error| error.to_string())? {
        cost.bytes += answer.len();
        cost.round_trips += 1;
        let next = asker.handle(&answer, &mut || here.clone()).map_err(|error| error.to_string())?;
        let Some(next) = next else { break };
        cost.bytes += next.len();
        message = next;
    }
    let minus = |one: &[u64], two: &[u64]| -> Vec<u64> {
        one.iter().copied().filter(|item| two.binary_search(item).is_err()).collect()
    };
    let found = asker.difference().ok_or("the asker does not know the difference")?;
    if found.only_here != minus(here, there) || found.only_there != minus(there, here) {
        return Err("the asker found another difference".into());
    }
    if teller.only_here() != Some(&*minus(there, here)) {
        return Err("the teller does not know what only it has".into());
    }
    Ok(cost)
}

#[test]
fn a_difference_of_sets_is_found_whatever_their_sizes() {
    each_seed("cold", "a_difference_of_sets_is_found_whatever_their_sizes", &seeds(600), |seed| {
        let mut rng = Rng::new(seed);
        let items = *rng.pick(&[1, 2, 10, 300, 5_000]);
        let differing = rng.below(items + 1);
        let sets = dots(&mut rng, items, differing);
        let cost = reconcile(&mut rng, &sets)?;
        // The list, what only the teller has, and the cells sent before it was clear that the list is cheaper.
        let list = list_bytes(&sets[1]);
        let most = list + list_bytes(&sets[1]).min(11 * differing) + list / 3 + 500;
        if cost.bytes > most {
            return Err(format!("{} bytes for {differing} of {items} items, a list costs {most}", cost.bytes));
        }
        Ok(())
    });
}

/// Bytes that reconciliations may take on average, and round trips that none may exceed.
fn bar(differing: usize) -> usize {
    match differing {
        0 | 1 => 32,
        2..100 => 25 * differing + 64,
        _ => 20 * differing + 64,
    }
}

const TRIPS: usize = 3;

#[test]
fn reconciling_costs_what_differs_in_three_round_trips() {
    for (differing, runs) in [(0, 2), (1, 8), (10, 60), (30, 30), (99, 20), (100, 40), (1_000, 6)] {
        for (kind, make) in [("dots", dots as fn(&mut Rng, usize, usize) -> _), ("numbers", numbers)] {
            let mut bytes = Vec::new();
            for seed in 0..runs {
                let mut rng = Rng::new(seed * 1_000 + differing as u64);
                let sets = make(&mut rng, 40_000, differing);
                let cost = reconcile(&mut rng, &sets).expect("the difference is found");
                assert!(cost.round_trips <= TRIPS, "{differing} {kind}, run {seed}: {} round trips", cost.round_trips);
                bytes.push(cost.bytes);
            }
            let (mean, most) = (bytes.iter().sum::<usize>() / bytes.len(), bar(differing));
            assert!(mean <= most, "{differing} {kind}: {mean} bytes on average, at most {most}: {bytes:?}");
            assert!(differing > 1 || bytes.iter().all(|&bytes| bytes <= most), "{differing} {kind}: {bytes:?}");
        }
    }
}

fn doc(id: u128) -> Doc {
    Doc::new(ReplicaId::new(1, id))
}

fn place(number: usize) -> Path {
    Path::from_segments([format!("{number}")])
}

fn filled(id: u128, keys: usize) -> Doc {
    let mut doc = doc(id);
    for key in 0..keys {
        doc.transact(5, None, |doc| doc.set(&place(key), Value::Int(key as i64))).expect("a write");
    }
    doc
}

/// Runs a session that `one` opens. Returns both ends.
fn run(one: &mut Doc, two: &mut Doc, records: [Option<Record>; 2], cursor: u32) -> [Session; 2] {
    let (opening, mut message) = Session::open(one, 77, None);
    let mut sessions = [opening, Session::answer().resume_at(cursor)];
    for (at, record) in records.into_iter().enumerate() {
        if let Some(record) = record {
            let session = std::mem::replace(&mut sessions[at], Session::answer());
            sessions[at] = session.with_record(record);
        }
    }
    while let Some(answer) = sessions[1].handle(&message, two, None).expect("two goes on") {
        let Some(next) = sessions[0].handle(&answer, one, None).expect("one goes on") else { break };
        message = next;
    }
    assert!(sessions.iter().all(Session::is_done));
    sessions
}

#[test]
fn an_emptied_or_stale_peer_deletes_nothing() {
    let mut healthy = filled(1, 200);
    healthy.transact(6, None, |doc| doc.delete(&place(3))).expect("a delete");
    let mut stale = filled(2, 10);
    stale.import(&healthy.export()).expect("it fits");
    healthy.transact(7, None, |doc| doc.set(&place(900), Value::Int(1))).expect("a write");
    healthy.prune(&healthy.version());
    let mut emptied = doc(3);
    run(&mut emptied, &mut healthy, [None, None], 0);
    assert_eq!((emptied.digest(), healthy.stats().leaves), (healthy.digest(), 200));
    run(&mut healthy, &mut stale, [None, None], 0);
    assert_eq!((stale.digest(), stale.check()), (healthy.digest(), Ok(())));
    // The stale peer had written the deleted key itself.
    assert_eq!(healthy.stats().leaves, 201);
}

/// A copy that keeps its delete records, and one that has pruned them.
fn copies(doc: &Doc, id: u128) -> [Doc; 2] {
    [0, 1].map(|at| {
        let mut copy = Doc::new(ReplicaId::new(2, id + at));
        copy.import(&doc.save()).expect("a save loads");
        if at == 1 {
            copy.prune(&copy.version());
        }
        copy
    })
}

/// Writes and deletes at random; what is deleted leaves gaps in the list of live dots.
fn scribble(doc: &mut Doc, rng: &mut Rng, writes: usize, deletes: usize) {
    for _ in 0..writes {
        let (key, value) = (place(rng.below(5_000)), Value::Int(rng.below(9) as i64));
        doc.transact(5, None, |doc| doc.set(&key, value)).expect("a write");
    }
    for _ in 0..deletes {
        let key = place(rng.below(5_000));
        doc.transact(6, None, |doc| doc.delete(&key)).expect("a delete");
    }
}

#[test]
fn pruned_deletes_come_to_the_same_as_deltas_with_their_records() {
    each_seed("cold", "pruned_deletes_come_to_the_same_as_deltas_with_their_records", &seeds(40), |seed| {
        let mut rng = Rng::new(seed);
        let (mut one, mut two) = (doc(1), doc(2));
        scribble(&mut one, &mut rng, 3_000, 0);
        two.import(&one.export()).map_err(|error| error.to_string())?;
        scribble(&mut two, &mut rng, 3_000, 0);
        one.import(&two.export()).map_err(|error| error.to_string())?;
        for doc in [&mut one, &mut two] {
            let (writes, deletes) = (rng.below(30), rng.below(60));
            scribble(doc, &mut rng, writes, deletes);
        }
        let ([mut one_full, mut one_pruned], [mut two_full, mut two_pruned]) = (copies(&one, 10), copies(&two, 20));
        one_full.import(&two_full.export_from(&one_full.version())).map_err(|error| error.to_string())?;
        two_full.import(&one_full.export_from(&two_full.version())).map_err(|error| error.to_string())?;
        // With cells of its own on one side, kept by the caller, as a relay does.
        let mut cache = CellCache::new(ItemHasher::new(seed));
        let hasher = cache.hasher();
        one_pruned.each_live_dot(&mut |live| cache.add(dot_item(hasher, &live.dot)));
        let (mut opening, mut message) = Session::open(&one_pruned, 7, rng.chance(50).then_some(&cache));
        let (mut answering, mut interrupted) = (Session::answer(), false);
        loop {
            let answer = match answering.handle(&message, &mut two_pruned, None) {
                Err(SessionError::Changed) if interrupted => return Ok(()),
                answer => answer.map_err(|error| error.to_string())?,
            };
            let Some(answer) = answer else { break };
            // Its own dots come and go meanwhile: the cells are of what it told first.
            if seed % 4 == 0 && rng.chance(40) {
                scribble(&mut two_pruned, &mut rng, 0, 3);
                interrupted = true;
            }
            let next = opening.handle(&answer, &mut one_pruned, Some(&cache)).map_err(|error| error.to_string())?;
            let Some(next) = next else { break };
            message = next;
        }
        for doc in [&one_pruned, &two_pruned] {
            doc.check()?;
            if !interrupted && doc.digest() != two_full.digest() {
                return Err("the session came to something else than deltas do".into());
            }
        }
        if interrupted && one_pruned.digest() != one_full.digest() {
            return Err("what changed during the session shows in what was told before".into());
        }
        Ok(())
    });
}

/// A copy as another program holds it that has nothing but what was saved.
fn copy_of(doc: &Doc, id: u128) -> Doc {
    let mut copy = Doc::new(ReplicaId::new(2, id));
    copy.import(&doc.save()).expect("a save loads");
    copy
}

/// Where documents and sessions are different programs, sessions work on copies, and what they come to is imported.
#[test]
fn a_session_between_copies_comes_to_the_same_once_imported() {
    each_seed("cold", "a_session_between_copies_comes_to_the_same_once_imported", &seeds(40), |seed| {
        let mut rng = Rng::new(seed);
        let (mut one, mut two) = (doc(1), doc(2));
        scribble(&mut one, &mut rng, 200, 0);
        two.import(&one.export()).map_err(|error| error.to_string())?;
        for doc in [&mut one, &mut two] {
            let (writes, deletes) = (rng.below(30), rng.below(300));
            scribble(doc, &mut rng, writes, deletes);
            if rng.chance(80) {
                doc.prune(&doc.version());
            }
        }
        let (mut here, mut there) = (copy_of(&one, 1), copy_of(&two, 2));
        run(&mut here, &mut there, [None, None], 0);
        for (doc, copy) in [(&mut one, &here), (&mut two, &there)] {
            doc.import(&copy.save()).map_err(|error| error.to_string())?;
            doc.check()?;
            if (doc.digest(), doc.export()) != (copy.digest(), copy.export()) {
                return Err("the copy holds something else".into());
            }
        }
        if one.digest() == two.digest() { Ok(()) } else { Err("the documents differ".into()) }
    });
}

#[test]
fn what_was_mended_in_a_copy_is_taken_over() {
    let mut healthy = filled(1, 400);
    healthy.transact(6, None, |doc| doc.set(&place(5_000), Value::Int(1))).expect("a write");
    healthy.transact(6, None, |doc| doc.delete(&place(5_000))).expect("a delete");
    let record = Record::of(&healthy);
    let mut damaged = rotten(&healthy);
    let mut copy = copy_of(&damaged, 1);
    run(&mut copy, &mut healthy, [None, Some(record)], 0);
    damaged.import(&copy.save()).expect("a save loads");
    assert_ne!(damaged.digest(), healthy.digest(), "an import believes what is here");
    damaged.observe(true);
    damaged.mend_from(&copy.save(), &Origin::Import).expect("the version is the same");
    assert_eq!((damaged.digest(), damaged.check()), (healthy.digest(), Ok(())));
    let told: Vec<Path> = damaged.take_changes().into_iter().map(|change| change.path).collect();
    assert_eq!(told, [place(7), place(8)], "what is listed nowhere went by the import");
    healthy.transact(7, None, |doc| doc.set(&place(0), Value::Int(1))).expect("a write");
    for other in [healthy.save(), healthy.export_from(&damaged.version())] {
        assert_eq!(damaged.mend_from(&other, &Origin::Import), Err(ImportError::OtherVersion));
    }
}

/// One replica in which a value was damaged, a dot lost, and one that should not be there anymore came back.
fn rotten(healthy: &Doc) -> Doc {
    let mut damaged = doc(9);
    damaged.import(&healthy.save()).expect("it fits");
    let writer = ReplicaId::new(1, 1);
    let leaf = |number: usize| Key::new(&place(number), Kind::REGISTER);
    let value = |number: i64| syncline::bytes::SmallBytes::from(Value::Int(number).to_cbor());
    let time = syncline::clock::Hlc::new(5, 1);
    let leaves = [
        (leaf(7), vec![(Dot::new(writer, 8), time, value(-7))]),
        (leaf(8), Vec::new()),
        (leaf(5_000), vec![(Dot::new(writer, 401), time, value(1))]),
    ];
    damaged.mend(&leaves, &Origin::Import).expect("the version covers them");
    damaged
}

#[test]
fn damage_is_found_mended_and_reported() {
    let mut healthy = filled(1, 400);
    healthy.transact(6, None, |doc| doc.set(&place(5_000), Value::Int(1))).expect("a write");
    healthy.transact(6, None, |doc| doc.delete(&place(5_000))).expect("a delete");
    let record = Record::of(&healthy);
    assert_eq!(Record::decode(&record.encode()), Ok(record.clone()));
    let sound = healthy.digest();
    let mut damaged = rotten(&healthy);
    assert_eq!((record.agrees(&healthy), record.agrees(&damaged)), (Some(true), Some(false)));
    let sessions = run(&mut damaged, &mut healthy, [None, Some(record)], 0);
    assert_eq!((healthy.digest(), damaged.digest(), damaged.check()), (sound, sound, Ok(())));
    let mut found: Vec<(FindingKind, Action)> =
        sessions[0].outcome().findings.iter().map(|finding| (finding.kind, finding.action)).collect();
    found.sort_by_key(|(_, action)| *action as u8);
    let expected = [
        (FindingKind::Differs, Action::Taken),
        (FindingKind::MissingHere, Action::Taken),
        (FindingKind::MissingThere, Action::Dropped),
    ];
    assert_eq!(found, expected);
}

#[test]
fn without_a_record_nothing_is_dropped() {
    let mut healthy = filled(1, 400);
    healthy.transact(6, None, |doc| doc.set(&place(5_000), Value::Int(1))).expect("a write");
    healthy.transact(6, None, |doc| doc.delete(&place(5_000))).expect("a delete");
    let mut damaged = rotten(&healthy);
    let sessions = run(&mut damaged, &mut healthy, [None, None], 0);
    assert_eq!(damaged.digest(), healthy.digest());
    assert_eq!((damaged.get(&place(8)), damaged.get(&place(5_000))), (Some(Value::Int(8)), Some(Value::Int(1))));
    let dropped = |session: &Session| session.outcome().findings.iter().any(|found| found.action == Action::Dropped);
    assert!(!sessions.iter().any(dropped));
    assert_eq!(sessions[0].outcome().findings.len(), 3);
}

#[test]
fn an_audit_is_done_in_bounded_steps() {
    let mut healthy = filled(1, 4_000);
    let mut emptied = doc(2);
    emptied.import(&healthy.export()).expect("it fits");
    let leaves: Vec<_> = (0..4_000).map(|number| (Key::new(&place(number), Kind::REGISTER), Vec::new())).collect();
    emptied.mend(&leaves, &Origin::Import).expect("the version covers them");
    let (mut cursor, mut cycles) = (0, 0);
    while emptied.digest() != healthy.digest() {
        let sessions = run(&mut emptied, &mut healthy, [None, None], cursor);
        assert!(sessions[0].outcome().findings.len() <= 1_000);
        cursor = sessions[1].outcome().resume.unwrap_or(0);
        cycles += 1;
        assert!(cycles < 12, "{:?}", emptied.stats());
    }
    assert!((4..12).contains(&cycles), "{cycles}");
    assert_eq!((emptied.check(), healthy.stats().leaves), (Ok(()), 4_000));
}

#[test]
fn damaged_messages_are_refused_and_change_nothing() {
    let mut rng = Rng::new(5);
    let mut one = filled(1, 40);
    let mut two = doc(2);
    two.import(&one.export()).expect("it fits");
    one.transact(6, None, |doc| doc.delete(&place(3))).expect("a delete");
    one.prune(&one.version());
    for _ in 0..3_000 {
        let before = (two.save(), one.save());
        let (mut opening, mut message) = Session::open(&two, 7, None);
        let mut answering = Session::answer();
        for step in 0..rng.below(4) {
            let reply = match step % 2 {
                0 => answering.handle(&message, &mut one, None),
                _ => opening.handle(&message, &mut two, None),
            };
            message = reply.expect("sound so far").expect("there is more to say");
        }
        for _ in 0..rng.between(1, 3) {
            let at = rng.below(message.len());
            message[at] = rng.bits() as u8;
        }
        message.truncate(rng.between(1, message.len() as u64) as usize);
        let _ = opening.handle(&message, &mut two, None);
        let _ = answering.handle(&message, &mut one, None);
        if before != (two.save(), one.save()) {
            // What is well-formed may be joined; it must leave a sound document.
            assert_eq!((two.check(), one.check()), (Ok(()), Ok(())));
            return;
        }
    }
}

/// One side deletes a leaf, and keeps the record of it. To the other side somebody else brings, in the middle of the session,
/// a value of that leaf that the first had seen and deleted with it.
#[test]
fn what_comes_in_meanwhile_brings_nothing_back_that_the_other_side_deletes() {
    let [mut ada, mut bob, mut eve] = [doc(1), doc(2), doc(3)];
    let (shared, gone, late) = (place(0), place(1), place(2));
    let set =
        |doc: &mut Doc, path: &Path, value| doc.transact(9, None, |doc| doc.set(path, Value::Int(value))).map(drop);
    let pull = |to: &mut Doc, from: &Doc| to.import(&from.export_from(&to.version())).map(drop);
    // Records that are pruned, so that deltas do not suffice: of what ada has, and of what eve is to bring her.
    set(&mut bob, &gone, 0).unwrap();
    pull(&mut ada, &bob).unwrap();
    set(&mut eve, &late, 3).unwrap();
    pull(&mut bob, &eve).unwrap();
    bob.transact(9, None, |doc| doc.delete(&gone).and_then(|_| doc.delete(&late))).unwrap();
    bob.prune(&bob.version());
    set(&mut ada, &shared, 1).unwrap();
    set(&mut eve, &shared, 2).unwrap();
    pull(&mut bob, &ada).unwrap();
    pull(&mut bob, &eve).unwrap();
    bob.transact(9, None, |doc| doc.delete(&shared)).unwrap();

    let (mut one, first) = Session::open(&ada, 7, None);
    let mut two = Session::answer();
    let welcome = two.handle(&first, &mut bob, None).unwrap().unwrap();
    let mut message = one.handle(&welcome, &mut ada, None).unwrap().unwrap();
    pull(&mut ada, &eve).unwrap();
    while let Some(answer) = two.handle(&message, &mut bob, None).unwrap() {
        let Some(next) = one.handle(&answer, &mut ada, None).unwrap() else { break };
        message = next;
    }
    assert!(one.is_done() && two.is_done());
    assert_eq!([&shared, &gone, &late].map(|path| ada.get(path)), [None, None, None]);
    assert_eq!((ada.version(), ada.digest()), (bob.version(), bob.digest()));
    ada.check().unwrap();
}
