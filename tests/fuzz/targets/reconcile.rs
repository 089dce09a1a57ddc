//! The cold path between two documents: messages that are damaged on their way make no panic and no unsound document, and
//! a session without damage brings both together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::reconcile::Session;
use syncline_tests::rng::Rng;

const NOON: u64 = 1_700_000_000_000;
/// More than any session needs.
const MESSAGES: usize = 20;

fuzz_target!(|data: &[u8]| {
    let mut rng = Rng::scripted(data);
    let mut docs = [1, 2].map(|number| Doc::new(ReplicaId::new(NOON, number)));
    for _ in 0..rng.between(1, 12) {
        let which = rng.below(2);
        edit(&mut docs[which], &mut rng);
        if rng.chance(30) {
            let update = docs[which].export_from(&docs[1 - which].version());
            docs[1 - which].import(&update).expect("nothing is missing");
        }
        if rng.chance(30) {
            let seen = docs[1 - which].version();
            docs[which].prune(&seen);
        }
    }
    // Damage that goes unnoticed makes other events of the same names, which no session can bring together again.
    let mut copies = [1, 2].map(|number| Doc::new(ReplicaId::new(NOON, number)));
    for (copy, doc) in copies.iter_mut().zip(&docs) {
        copy.import(&doc.save()).expect("what is saved can be loaded");
    }
    talk(&mut copies, &mut rng, true);
    copies.iter().for_each(|doc| doc.check().expect("a damaged session leaves the document sound"));
    talk(&mut docs, &mut rng, false);
    docs.iter().for_each(|doc| doc.check().expect("the document is sound"));
    assert_eq!((docs[0].version(), docs[0].digest()), (docs[1].version(), docs[1].digest()));
});

fn edit(doc: &mut Doc, rng: &mut Rng) {
    let path = Path::from_segments([*rng.pick(&["a", "b", "c", "d"])]);
    let number = Value::Int(rng.below(3) as i64);
    let edited = doc.transact(NOON + rng.between(0, 9), None, |doc| match rng.below(4) {
        0 => doc.set(&path, number),
        1 => doc.counter_add(&path, 1),
        2 => doc.set_add(&path, number).map(drop),
        _ => doc.delete(&path).map(drop),
    });
    edited.expect("the edit is a valid one");
}

fn talk(docs: &mut [Doc; 2], rng: &mut Rng, damage: bool) {
    let (mut opening, mut message) = Session::open(&docs[0], rng.bits(), None);
    let mut answering = Session::answer();
    for turn in 0..MESSAGES {
        if damage && rng.chance(60) {
            for _ in 0..rng.between(1, 4) {
                let at = rng.below(message.len());
                message[at] = rng.bits() as u8;
            }
        }
        let end = if turn % 2 == 0 { &mut answering } else { &mut opening };
        match end.handle(&message, &mut docs[1 - turn % 2], None) {
            Ok(Some(reply)) => message = reply,
            Ok(None) => return,
            Err(error) => {
                assert!(damage, "refused without damage: {error}");
                return;
            }
        }
    }
    assert!(damage, "a session without damage ends");
}
