//! The behaviour of documents with texts, by example.

use super::tests::{NOW, doc, edit, path, set, sync};
use super::*;
use crate::crdt::TextUnit;

#[test]
fn rollback_restores_state_digest_and_numbers() {
    let mut a = doc(1);
    set(&mut a, "m/x", 1);
    edit(&mut a, |doc| doc.text_insert(&path("t"), 0, "hello", TextUnit::Utf16));
    let (bytes, seq) = (a.save(), a.last_seq());
    let failed = a.transact(NOW + 2, None, |doc| {
        doc.set(&path("m/x"), 2.into())?;
        doc.delete(&path("m"))?;
        doc.set(&path("m/z"), 3.into())?;
        doc.text_insert(&path("t"), 5, " world", TextUnit::Utf16)?;
        doc.text_insert(&path("t"), 99, "!", TextUnit::Utf16)
    });
    assert_eq!(failed, Err(EditError::OutOfText(11)));
    a.check().unwrap();
    assert_eq!((a.save(), a.last_seq(), a.text(&path("t"))), (bytes, seq, "hello".into()));
}

#[test]
fn a_long_text_session_is_put_together_now_and_then() {
    let (mut a, mut b) = (doc(1), doc(2));
    for i in 0..3_000 {
        edit_text(&mut a, i);
    }
    a.check().unwrap();
    assert!(a.stats().dots < 2_500, "{:?}", a.stats());
    sync(&mut a, &mut b);
    assert_eq!(b.text(&path("t")).len(), 3_000);
}

fn edit_text(doc: &mut Doc, index: usize) {
    doc.transact(NOW + 1, None, |doc| doc.text_insert(&path("t"), index, "x", TextUnit::Utf16)).unwrap();
}

#[test]
fn retyping_a_deleted_text_merges_with_what_others_saw_of_it() {
    let (mut a, mut b, mut c) = (doc(1), doc(2), doc(3));
    edit(&mut a, |doc| doc.text_insert(&path("t"), 0, "abc", TextUnit::Utf16));
    sync(&mut a, &mut b);
    edit(&mut b, |doc| doc.text_insert(&path("t"), 3, "!", TextUnit::Utf16));
    edit(&mut a, |doc| doc.delete(&path("t")).map(drop));
    edit(&mut a, |doc| doc.text_insert(&path("t"), 0, "xyz", TextUnit::Utf16));
    sync(&mut b, &mut c);
    sync(&mut a, &mut c);
    sync(&mut a, &mut b);
    assert_eq!(a.text(&path("t")), b.text(&path("t")));
    assert_eq!(a.text(&path("t")), c.text(&path("t")));
    assert!(a.text(&path("t")).contains("xyz"));
}

#[test]
fn changes_tell_old_and_new_and_who() {
    let (mut a, mut b) = (doc(1), doc(2));
    b.observe(true);
    set(&mut a, "x", 1);
    b.import(&a.export()).unwrap();
    edit(&mut b, |doc| doc.text_insert(&path("t"), 0, "hey", TextUnit::Utf16));
    let changes = b.take_changes();
    assert_eq!(
        (changes[0].new.clone(), changes[0].by, changes[0].origin.clone()),
        (Some(1.into()), a.id(), Origin::Import)
    );
    assert_eq!(changes[1].splices, [Splice { index: 0, delete: 0, insert: "hey".into(), ..Splice::default() }]);
    assert_eq!((changes.len(), b.take_changes().len()), (2, 0));
}
