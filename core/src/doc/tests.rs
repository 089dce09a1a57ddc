//! The behaviour of documents, by example. The oracle that checks random histories lives in the workspace's tests.

use super::*;
use crate::crdt::{Path, Value};

pub(super) const NOW: u64 = 1_700_000_000_000;

pub(super) fn doc(random: u128) -> Doc {
    Doc::new(ReplicaId::new(NOW, random))
}

pub(super) fn path(segments: &str) -> Path {
    Path::from_segments(segments.split('/'))
}

pub(super) fn edit(doc: &mut Doc, edit: impl FnOnce(&mut Doc) -> Result<(), EditError>) {
    doc.transact(NOW + 1, None, edit).unwrap();
    doc.check().unwrap();
}

pub(super) fn set(doc: &mut Doc, at: &str, value: i64) {
    edit(doc, |doc| doc.set(&path(at), Value::Int(value)));
}

pub(super) fn sync(left: &mut Doc, right: &mut Doc) {
    right.import(&left.export_from(&right.version())).unwrap();
    left.import(&right.export_from(&left.version())).unwrap();
    left.check().unwrap();
    right.check().unwrap();
    assert_eq!((left.version(), left.digest()), (right.version(), right.digest()));
    assert_eq!(left.export(), right.export());
}

#[test]
fn concurrent_creation_of_a_nested_map_loses_nothing() {
    let (mut a, mut b) = (doc(1), doc(2));
    set(&mut a, "users/ada", 1);
    set(&mut b, "users/bob", 2);
    sync(&mut a, &mut b);
    assert_eq!(a.keys(&path("users")), ["ada", "bob"]);
}

#[test]
fn a_concurrent_write_survives_a_subtree_delete() {
    let (mut a, mut b) = (doc(1), doc(2));
    set(&mut a, "m/old", 1);
    sync(&mut a, &mut b);
    edit(&mut a, |doc| doc.delete(&path("m")).map(drop));
    set(&mut b, "m/new", 2);
    sync(&mut a, &mut b);
    assert_eq!(a.keys(&path("m")), ["new"]);
}

#[test]
fn a_nested_map_keeps_what_was_written_while_it_was_deleted_at_any_depth() {
    let (mut a, mut b) = (doc(1), doc(2));
    set(&mut a, "m/deep/er/old", 1);
    set(&mut a, "m/deep/gone", 1);
    edit(&mut a, |doc| doc.create_map(&path("m/empty")));
    sync(&mut a, &mut b);
    edit(&mut a, |doc| doc.delete(&path("m")).map(drop));
    set(&mut b, "m/deep/er/new", 2);
    edit(&mut b, |doc| doc.delete(&path("m/deep/gone")).map(drop));
    set(&mut b, "m/deep/er/old", 3);
    sync(&mut a, &mut b);
    let er = Value::Map([("new".into(), 2.into()), ("old".into(), 3.into())].into());
    let deep = Value::Map([("er".into(), er)].into());
    assert_eq!(a.view(&path("m")), Some(Value::Map([("deep".into(), deep)].into())));
    edit(&mut b, |doc| doc.delete(&path("m")).map(drop));
    sync(&mut a, &mut b);
    assert!(a.is_empty() && b.is_empty());
}

#[test]
fn a_dot_that_a_concurrent_delete_covers_in_place_only_survives_further_syncs() {
    let (mut a, mut b, mut c) = (doc(1), doc(2), doc(3));
    set(&mut a, "m/x", 1);
    sync(&mut a, &mut b);
    set(&mut b, "m/y", 2);
    sync(&mut b, &mut c);
    edit(&mut a, |doc| doc.delete(&path("m")).map(drop));
    sync(&mut a, &mut b);
    sync(&mut b, &mut c);
    assert_eq!(c.keys(&path("m")), ["y"]);
}

#[test]
fn removal_of_an_element_loses_to_a_concurrent_add() {
    let (mut a, mut b) = (doc(1), doc(2));
    edit(&mut a, |doc| doc.set_add(&path("s"), "x".into()).map(drop));
    sync(&mut a, &mut b);
    edit(&mut a, |doc| doc.set_remove(&path("s"), &"x".into()).map(drop));
    edit(&mut b, |doc| doc.set_add(&path("s"), "x".into()).map(drop));
    sync(&mut a, &mut b);
    assert_eq!(a.set_elements(&path("s")), ["x".into()]);
}

#[test]
fn concurrent_values_are_kept_until_someone_who_saw_them_writes() {
    let (mut a, mut b) = (doc(1), doc(2));
    set(&mut a, "x", 1);
    set(&mut b, "x", 2);
    sync(&mut a, &mut b);
    assert_eq!(a.siblings(&path("x")), [2.into(), 1.into()]);
    set(&mut a, "x", 3);
    sync(&mut a, &mut b);
    assert_eq!(b.siblings(&path("x")), [3.into()]);
}

#[test]
fn counters_count_each_increment_once() {
    let (mut a, mut b) = (doc(1), doc(2));
    edit(&mut a, |doc| doc.counter_add(&path("n"), 5));
    edit(&mut b, |doc| doc.counter_add(&path("n"), -2));
    sync(&mut a, &mut b);
    b.import(&a.export()).unwrap();
    assert_eq!((a.counter(&path("n")), b.counter(&path("n"))), (3, 3));
}

#[test]
fn setting_a_value_replaces_the_subtree_that_was_seen() {
    let mut a = doc(1);
    set(&mut a, "m/x", 1);
    set(&mut a, "m", 2);
    assert_eq!(a.view(&Path::root()), Some(Value::Map([("m".into(), 2.into())].into())));
}

#[test]
fn an_inner_rollback_takes_the_outer_transaction_with_it() {
    let mut a = doc(1);
    a.begin(NOW, None).unwrap();
    a.set(&path("x"), 1.into()).unwrap();
    a.begin(NOW, None).unwrap();
    a.rollback();
    assert_eq!(a.set(&path("x"), 2.into()), Err(EditError::RolledBack));
    assert_eq!(a.commit(), Err(EditError::RolledBack));
    assert!(a.is_empty() && !a.in_transaction());
}

#[test]
fn deleting_ten_thousand_keys_leaves_next_to_nothing() {
    let (mut a, mut b) = (doc(1), doc(2));
    edit(&mut a, |doc| (0..10_000).try_for_each(|i| doc.set(&path(&format!("k/{i}")), i.into())));
    sync(&mut a, &mut b);
    for i in 0..10_000 {
        edit_unchecked(&mut b, &format!("k/{i}"));
    }
    sync(&mut a, &mut b);
    let version = a.version().encode().len();
    assert!(a.export().len() < 100 + version, "{} bytes", a.export().len());
    assert!(a.stats().deletes <= 1_024 + 1, "{:?}", a.stats());
}

fn edit_unchecked(doc: &mut Doc, at: &str) {
    doc.transact(NOW + 1, None, |doc| doc.delete(&path(at)).map(drop)).unwrap();
}

#[test]
fn a_peer_below_the_floor_gets_a_complete_listing() {
    let (mut a, mut b) = (doc(1), doc(2));
    set(&mut a, "x", 1);
    set(&mut a, "y", 1);
    sync(&mut a, &mut b);
    edit(&mut a, |doc| doc.delete(&path("x")).map(drop));
    let all = a.version();
    assert_eq!(a.prune(&all), 1);
    set(&mut b, "z", 1);
    sync(&mut a, &mut b);
    assert_eq!(b.keys(&Path::root()), ["y", "z"]);
}

#[test]
fn batches_are_refused_with_a_gap_and_passed_over_when_known() {
    let (mut a, mut b) = (doc(1), doc(2));
    a.keep_batches(true);
    (1..=3).for_each(|i| set(&mut a, "x", i));
    let batches: Vec<Batch> = std::iter::from_fn(|| a.take_batch()).collect();
    assert!(matches!(b.apply(&batches[1], &Origin::Link), Err(ApplyError::Gap { have: 0, needed: 1, .. })));
    for batch in batches.iter().chain(&batches) {
        b.apply(batch, &Origin::Link).unwrap();
    }
    b.check().unwrap();
    assert_eq!((b.digest(), b.export()), (a.digest(), a.export()));
}
