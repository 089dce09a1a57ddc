//! Policies, by example.

use super::*;
use crate::clock::ReplicaId;
use crate::doc::EditError;

const NOW: u64 = 1_700_000_000_000;

fn docs() -> [Doc; 3] {
    [1, 2, 3].map(|random| Doc::new(ReplicaId::new(NOW, random)))
}

fn path(segments: &str) -> Path {
    Path::from_segments(segments.split('/'))
}

fn edit<R>(doc: &mut Doc, now: u64, edit: impl FnOnce(&mut Doc) -> Result<R, EditError>) -> R {
    let result = doc.transact(NOW + now, None, edit).unwrap();
    doc.check().unwrap();
    result
}

fn sync(docs: &mut [Doc]) {
    for pair in 0..2 * docs.len() * docs.len() {
        let (to, from) = (pair / docs.len() % docs.len(), pair % docs.len());
        let blob = docs[from].export_from(&docs[to].version());
        docs[to].import(&blob).unwrap();
        docs[to].check().unwrap();
    }
}

#[test]
fn the_longest_prefix_decides_and_is_no_part_of_the_data() {
    let [mut a, ..] = docs();
    edit(&mut a, 1, |doc| {
        doc.set_policy(&Path::root(), &Policy::KeepAll)?;
        doc.set_policy(&path("a"), &Policy::RemoveWins)?;
        doc.set_policy(&path("a/b/c"), &Policy::Custom("f".into()))
    });
    let policies = ["x", "a", "ab", "a/b", "a/b/c", "a/b/c/d"].map(|at| a.policy(&path(at)));
    let (all, remove, custom) = (Policy::KeepAll, Policy::RemoveWins, Policy::Custom("f".into()));
    assert_eq!(policies, [all.clone(), remove.clone(), all.clone(), remove.clone(), custom.clone(), custom]);
    assert!(a.is_empty() && a.keys(&Path::root()).is_empty() && !a.contains(&Path::root()));
    assert_eq!((a.view(&Path::root()), a.kind(&Path::root())), (Some(Value::Map(Default::default())), None));
    edit(&mut a, 2, |doc| doc.set(&path("a"), 1.into()));
    edit(&mut a, 3, |doc| doc.delete(&Path::root()));
    assert_eq!((a.policy(&path("x")), a.policy(&path("a"))), (all, remove));
    assert!(edit(&mut a, 4, |doc| doc.clear_policy(&path("a"))));
    assert!(!edit(&mut a, 5, |doc| doc.clear_policy(&path("a"))));
    assert_eq!(a.policy(&path("a")), Policy::KeepAll);
}

#[test]
fn a_delete_of_everything_spares_a_policy_in_the_midst_of_what_it_removes() {
    let [mut a, b, _] = docs();
    edit(&mut a, 1, |doc| {
        doc.set(&path("x"), 1.into())?;
        doc.set_policy(&path("x"), &Policy::KeepAll)?;
        doc.set(&path("y"), 1.into())
    });
    a.keep_batches(true);
    let mut docs = [a, b];
    sync(&mut docs);
    edit(&mut docs[0], 2, |doc| doc.delete(&Path::root()));
    let batch = docs[0].take_batch().unwrap();
    docs[1].apply(&batch, &crate::doc::Origin::Link).unwrap();
    assert_eq!((docs[1].policy(&path("x")), docs[1].digest()), (Policy::KeepAll, docs[0].digest()));
    let version = docs[0].version();
    assert_eq!(docs[0].prune(&version), 1);
}

#[test]
fn sources_decide_in_the_order_of_the_list() {
    let mut docs = docs();
    for (doc, source) in docs.iter_mut().zip(["us", "eu", "asia"]) {
        doc.set_source(source).unwrap();
    }
    edit(&mut docs[0], 1, |doc| doc.set_policy(&path("p"), &Policy::SourcePriority(vec!["eu".into(), "us".into()])));
    for (at, doc) in (10..).zip(&mut docs) {
        edit(doc, at, |doc| doc.set(&path("p"), Value::Int(at as i64)));
        edit(doc, at, |doc| doc.set(&path("q"), Value::Int(at as i64)));
    }
    sync(&mut docs);
    for doc in &docs {
        assert_eq!((doc.get(&path("p")), doc.get(&path("q"))), (Some(11.into()), Some(12.into())));
        assert_eq!(doc.resolve(&path("p")), Ok(Resolution::Value(11.into())));
        let sources: Vec<_> = doc.siblings_with_origin(&path("p")).into_iter().filter_map(|one| one.source).collect();
        assert_eq!(sources, ["asia", "eu", "us"]);
    }
}

#[test]
fn a_writer_without_a_source_is_a_typed_error_and_the_last_writer_is_shown() {
    let [mut a, mut b, _] = docs();
    a.set_source("eu").unwrap();
    edit(&mut a, 1, |doc| doc.set_policy(&path("p"), &Policy::SourcePriority(vec!["eu".into()])));
    edit(&mut a, 2, |doc| doc.set(&path("p"), 1.into()));
    edit(&mut b, 3, |doc| doc.set(&path("p"), 2.into()));
    a.import(&b.export()).unwrap();
    assert_eq!(a.resolve(&path("p")), Err(ResolveError::UnknownSource(b.id())));
    assert_eq!((a.get(&path("p")), a.source(a.id()), a.source(b.id())), (Some(2.into()), Some("eu".into()), None));
}

#[test]
fn a_function_picks_and_where_it_is_missing_the_last_writer_is_shown() {
    let [mut a, mut b, _] = docs();
    edit(&mut a, 1, |doc| doc.set_policy(&path("p"), &Policy::Custom("longest".into())));
    edit(&mut a, 2, |doc| doc.set(&path("p"), "a long one".into()));
    edit(&mut b, 3, |doc| doc.set(&path("p"), "short".into()));
    a.import(&b.export()).unwrap();
    assert_eq!(a.resolve(&path("p")), Err(ResolveError::NoResolver("longest".into())));
    assert_eq!(a.get(&path("p")), Some("short".into()));
    let length = |sibling: &Sibling| if let Value::Str(text) = &sibling.value { text.len() } else { 0 };
    let longest = move |all: &[Sibling]| (0..all.len()).max_by_key(|&at| length(&all[at])).unwrap_or(0);
    a.register_resolver("longest", Box::new(longest));
    assert_eq!((a.get(&path("p")), a.get_all(&path("p")).len()), (Some("a long one".into()), 2));
    a.register_resolver("longest", Box::new(|_| 9));
    let choice = ResolveError::Choice { name: "longest".into(), picked: 9, count: 2 };
    assert_eq!((a.resolve(&path("p")), a.get(&path("p"))), (Err(choice), Some("short".into())));
}

#[test]
fn a_delete_wins_under_remove_wins_and_leaves_nothing_to_see() {
    let mut docs = docs();
    edit(&mut docs[0], 1, |doc| {
        doc.set_policy(&path("m"), &Policy::RemoveWins)?;
        doc.set(&path("m/x"), 1.into())?;
        doc.set(&path("m/y"), 1.into())?;
        doc.counter_add(&path("m/n"), 5)
    });
    sync(&mut docs);
    assert!(edit(&mut docs[0], 2, |doc| doc.delete(&path("m"))));
    assert!(!edit(&mut docs[0], 3, |doc| doc.delete(&path("m"))));
    edit(&mut docs[1], 9, |doc| doc.set(&path("m/x"), 2.into()));
    edit(&mut docs[2], 9, |doc| doc.set(&path("m/z"), 3.into()));
    sync(&mut docs);
    for doc in &docs {
        assert_eq!((doc.get(&path("m/x")), doc.get_all(&path("m/x")).len()), (None, 0));
        assert_eq!((doc.keys(&path("m")), doc.len(&path("m"))), (vec!["z".into()], 1));
        assert_eq!((doc.contains(&path("m/x")), doc.kind(&path("m/x"))), (false, None));
        assert_eq!(doc.resolve(&path("m/x")), Ok(Resolution::Absent));
    }
    edit(&mut docs[2], 10, |doc| doc.set(&path("m/x"), 4.into()));
    sync(&mut docs);
    assert!(docs.iter().all(|doc| doc.get(&path("m/x")) == Some(4.into())));
}

#[test]
fn conflicts_are_told_when_they_arise_and_not_again() {
    let [mut a, mut b, mut c] = docs();
    a.observe(true);
    edit(&mut a, 1, |doc| doc.set(&path("x"), 1.into()));
    edit(&mut b, 2, |doc| doc.set(&path("x"), 2.into()));
    edit(&mut c, 3, |doc| doc.set(&path("y"), 3.into()));
    a.import(&c.export()).unwrap();
    assert!(a.take_conflicts().is_empty());
    a.import(&b.export()).unwrap();
    a.import(&b.export()).unwrap();
    let conflicts = a.take_conflicts();
    assert_eq!((conflicts.len(), &conflicts[0].path), (1, &path("x")));
    let values: Vec<_> = conflicts[0].siblings.iter().map(|sibling| sibling.value.clone()).collect();
    assert_eq!((values, &conflicts[0].resolution), (vec![2.into(), 1.into()], &Ok(Resolution::Value(2.into()))));
    edit(&mut a, 4, |doc| doc.set(&path("x"), 5.into()));
    assert_eq!((a.take_conflicts(), a.lost_conflicts()), (vec![], 0));
}

#[test]
fn values_are_read_without_a_copy() {
    let [mut a, ..] = docs();
    edit(&mut a, 1, |doc| {
        doc.set(&path("v"), Value::Vector(vec![1.5; 100]))?;
        doc.set(&path("s"), "x".into())
    });
    let bytes: Vec<u8> = [1.5f32; 100].iter().flat_map(|number| number.to_le_bytes()).collect();
    assert_eq!(a.vector_bytes(&path("v")), Some(&bytes[..]));
    assert_eq!((a.vector_bytes(&path("s")), a.value_bytes(&path("s"))), (None, Some(&b"\x61x"[..])));
    assert_eq!(a.value_bytes(&path("nothing")), None);
}
