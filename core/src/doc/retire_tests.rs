//! Retired ids, by example. Histories at random are in the workspace's tests.

use super::*;
use crate::clock::Handover;
use crate::crdt::{Path, Value};
use crate::delta::{Blob, Round};

const NOW: u64 = 1_700_000_000_000;

fn doc(random: u128) -> Doc {
    Doc::new(ReplicaId::new(NOW, random))
}

fn path(name: &str) -> Path {
    Path::from_segments([name])
}

fn edit(doc: &mut Doc, edit: impl FnOnce(&mut Doc) -> Result<(), EditError>) {
    doc.transact(NOW + 1, None, edit).unwrap();
    doc.check().unwrap();
}

fn count(doc: &mut Doc, amount: i64) {
    edit(doc, |doc| doc.counter_add(&path("n"), amount));
}

fn bring(from: &Doc, to: &mut Doc) {
    to.import(&from.export_from(&to.version())).unwrap();
    to.check().unwrap();
}

fn round(doc: &Doc, horizon: u64, keep: &[ReplicaId]) -> Round {
    let finals = doc.version().iter().filter(|(id, _)| id.birth_ms() < horizon && !keep.contains(id)).collect();
    Round { horizon, keep: keep.to_vec(), finals, ..Round::default() }
}

#[test]
fn values_of_retired_writers_stay_and_reach_those_who_come_later() {
    let (mut a, mut b, mut late, mut behind) = (doc(1), doc(2), doc(3), doc(4));
    edit(&mut a, |doc| doc.set(&path("x"), 1.into()));
    bring(&a, &mut behind);
    edit(&mut a, |doc| doc.set(&path("y"), 2.into()));
    edit(&mut a, |doc| doc.delete(&path("x")).map(drop));
    bring(&a, &mut b);
    let digest = b.digest();
    b.retire(&round(&b, NOW + 10, &[])).unwrap();
    b.check().unwrap();
    assert_eq!((b.version().len(), b.digest(), b.stats().deletes), (0, digest, 0));
    for peer in [&mut late, &mut behind] {
        bring(&b, peer);
        assert_eq!((peer.version(), peer.digest()), (b.version(), digest));
        assert_eq!(peer.keys(&Path::root()), ["y"]);
        assert_eq!(peer.export(), b.export());
    }
    // Nothing was written under their ids, so they took others, and go on.
    assert!(late.id().birth_ms() >= NOW + 10);
    edit(&mut late, |doc| doc.delete(&path("y")).map(drop));
    bring(&late, &mut b);
    assert!(b.is_empty());
    bring(&b, &mut behind);
    assert_eq!(behind.export(), late.export());
    assert_eq!(behind.version().len(), 1);
}

#[test]
fn a_round_is_refused_where_the_numbers_differ_or_the_horizon_is_not_later() {
    let mut a = doc(1);
    count(&mut a, 1);
    let agreed = round(&a, NOW + 10, &[]);
    count(&mut a, 1);
    assert!(matches!(a.retire(&agreed), Err(RetireError::Disagreement { have: 2, agreed: 1, .. })));
    a.retire(&round(&a, NOW + 10, &[])).unwrap();
    assert!(matches!(a.retire(&round(&a, NOW + 10, &[])), Err(RetireError::Horizon { .. })));
}

#[test]
fn ids_in_use_are_kept_even_if_they_have_not_written() {
    let (mut relay, quiet) = (doc(1), ReplicaId::new(NOW + 1, 5));
    count(&mut relay, 1);
    let own = relay.id();
    relay.retire(&round(&relay, NOW + 10, &[own, quiet])).unwrap();
    let version = relay.version();
    assert_eq!((version.get(&own), version.get(&quiet), version.len()), (1, 0, 2));
    // A floor is not a version: ids that are kept have had nothing pruned, so nobody needs a complete listing for them.
    assert!(!relay.delta_since(&version).complete);
    let mut writer = Doc::new(quiet);
    bring(&relay, &mut writer);
    assert_eq!(writer.id(), quiet);
    count(&mut writer, 4);
    bring(&writer, &mut relay);
    assert_eq!((relay.counter(&path("n")), relay.version()), (5, writer.version()));
}

#[test]
fn a_handover_renames_what_is_beyond_and_doing_it_again_changes_nothing() {
    let (mut relay, mut a) = (doc(9), doc(1));
    (0..3).for_each(|_| count(&mut a, 10));
    bring(&a, &mut relay);
    let stored = a.save();
    (0..2).for_each(|_| count(&mut a, 1));
    edit(&mut a, |doc| doc.set(&path("x"), 1.into()));
    edit(&mut a, |doc| doc.set(&path("x"), 2.into()));
    let journal = a.save();
    relay.retire(&round(&relay, NOW + 10, &[])).unwrap();
    assert_eq!(a.import(&relay.export_from(&a.version())), Err(ImportError::Apply(ApplyError::Retired(a.id()))));
    let handover = relay.retired().heir(&a.id(), &relay.version()).unwrap();
    assert_eq!(handover.taken, 3);
    assert_eq!(a.hand_over(&handover, &Origin::Link), 4);
    a.check().unwrap();
    a.renew(ReplicaId::new(NOW + 50, 1));
    bring(&relay, &mut a);
    bring(&a, &mut relay);
    assert_eq!((relay.counter(&path("n")), relay.get(&path("x"))), (32, Some(2.into())));
    // The store of the first attempt, loaded again: before the handover, and with less than was sent.
    for (stored, renamed) in [(journal, 4), (stored, 0)] {
        let mut again = doc(77);
        again.import(&stored).unwrap();
        assert_eq!(again.hand_over(&handover, &Origin::Link), renamed);
        bring(&relay, &mut again);
        bring(&again, &mut relay);
        assert_eq!((again.digest(), again.counter(&path("n"))), (relay.digest(), 32));
    }
    let blob = Blob::encode_handover(&handover);
    assert_eq!(relay.import(&blob).unwrap().applied, 0);
}

#[test]
fn a_handover_that_meets_its_own_events_keeps_one_of_each() {
    let (mut a, mut other) = (doc(1), doc(2));
    for _ in 0..4 {
        count(&mut a, 1);
        bring(&a, &mut other);
    }
    let handover = Handover { from: a.id(), taken: 1, heir: ReplicaId::new(NOW + 5, 8) };
    other.hand_over(&handover, &Origin::Link);
    a.import(&other.export()).unwrap();
    // Both the old and the new names are here now.
    assert_eq!(a.counter(&path("n")), 7);
    a.hand_over(&handover, &Origin::Link);
    a.check().unwrap();
    assert_eq!((a.counter(&path("n")), a.digest(), a.version()), (4, other.digest(), other.version()));
}

#[test]
fn the_memory_of_retired_ids_is_stored_and_told_to_members_only() {
    let mut a = doc(1);
    count(&mut a, 1);
    let id = a.id();
    a.retire(&round(&a, NOW + 10, &[])).unwrap();
    let (mut restored, mut member, mut client) = (doc(5), doc(6), doc(7));
    restored.import(&a.save()).unwrap();
    member.join(&a.delta_for_member(&member.version()), &Origin::Link).unwrap();
    client.import(&a.export()).unwrap();
    assert_eq!((restored.retired(), member.retired()), (a.retired(), a.retired()));
    assert!(client.retired().is_empty());
    assert!(member.retired().heir(&id, &member.version()).is_some());
    assert_eq!(member.delta_for_member(&a.version()).memory.len(), 0);
    assert_eq!(restored.get(&path("n")), None::<Value>);
}
