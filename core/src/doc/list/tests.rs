//! Lists, by example.

use super::*;
use crate::clock::ReplicaId;

const NOW: u64 = 1_700_000_000_000;

fn docs() -> [Doc; 3] {
    [1, 2, 3].map(|random| Doc::new(ReplicaId::new(NOW, random)))
}

fn path() -> Path {
    Path::from_segments(["list"])
}

fn edit<R>(doc: &mut Doc, edit: impl FnOnce(&mut Doc) -> Result<R, EditError>) -> R {
    let result = doc.transact(NOW, None, edit).unwrap();
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

fn push(doc: &mut Doc, text: &str) {
    edit(doc, |doc| {
        text.chars().try_for_each(|letter| doc.list_push(&path(), letter.to_string().as_str().into()).map(drop))
    });
}

fn letters(doc: &Doc) -> String {
    let letter = |value: &Value| if let Value::Str(text) = value { text.clone() } else { "?".into() };
    doc.list_values(&path()).iter().map(letter).collect()
}

#[test]
fn concurrent_runs_do_not_mix_in_either_direction() {
    let [mut a, mut b, _] = docs();
    push(&mut a, "|");
    b.import(&a.export()).unwrap();
    let mut docs = [a, b];
    for (doc, text) in docs.iter_mut().zip(["abc", "xyz"]) {
        for letter in text.chars() {
            edit(doc, |doc| doc.list_push(&path(), letter.to_string().as_str().into()));
        }
    }
    for (doc, text) in docs.iter_mut().zip(["321", "987"]) {
        for letter in text.chars() {
            edit(doc, |doc| doc.list_insert(&path(), 0, letter.to_string().as_str().into()));
        }
    }
    sync(&mut docs);
    let found = letters(&docs[0]);
    assert_eq!(found, letters(&docs[1]));
    let all = ["123789|abcxyz", "123789|xyzabc", "789123|abcxyz", "789123|xyzabc"];
    assert!(all.contains(&&*found), "{found}");
}

#[test]
fn a_concurrent_move_never_duplicates_and_goes_well_with_a_set() {
    let mut docs = docs();
    push(&mut docs[0], "abcd");
    sync(&mut docs);
    edit(&mut docs[0], |doc| doc.list_move(&path(), 0, 3));
    edit(&mut docs[1], |doc| doc.list_move(&path(), 0, 2));
    edit(&mut docs[2], |doc| doc.list_set(&path(), 0, "A".into()));
    sync(&mut docs);
    let found = letters(&docs[0]);
    assert!(["bcAd", "bcdA"].contains(&&*found), "{found}");
    assert!(docs.iter().all(|doc| letters(doc) == found));
}

#[test]
fn a_deleted_item_stays_if_it_was_set_or_moved_at_the_same_time() {
    let mut docs = docs();
    push(&mut docs[0], "abc");
    sync(&mut docs);
    edit(&mut docs[0], |doc| doc.list_delete(&path(), 0));
    edit(&mut docs[1], |doc| doc.list_set(&path(), 0, "A".into()));
    edit(&mut docs[0], |doc| doc.list_delete(&path(), 1));
    edit(&mut docs[2], |doc| doc.list_move(&path(), 2, 0));
    edit(&mut docs[2], |doc| doc.list_delete(&path(), 2));
    sync(&mut docs);
    assert_eq!(letters(&docs[1]), "cA");
}

#[test]
fn what_is_nested_in_an_item_moves_and_goes_with_it() {
    let [mut a, ..] = docs();
    let id = edit(&mut a, |doc| doc.list_push(&path(), Value::Null));
    push(&mut a, "b");
    edit(&mut a, |doc| doc.set(&path().child(&id).child("name"), "ada".into()));
    edit(&mut a, |doc| doc.list_move(&path(), 0, 1));
    let nested = Value::Map([("name".into(), "ada".into())].into());
    assert_eq!(a.view(&path()), Some(Value::List(vec!["b".into(), nested])));
    assert_eq!((a.list_index(&path(), &id), a.list_ids(&path())[1].clone()), (Some(1), id.clone()));
    edit(&mut a, |doc| doc.list_delete(&path(), 1));
    assert_eq!((a.view(&path()), a.contains(&path().child(&id))), (Some(Value::List(vec!["b".into()])), false));
    edit(&mut a, |doc| doc.delete(&path()));
    assert_eq!((a.list_len(&path()), a.kind(&path()), a.is_empty()), (0, None, true));
}

#[test]
fn indices_beyond_the_end_are_refused() {
    let [mut a, ..] = docs();
    push(&mut a, "ab");
    a.begin(NOW, None).unwrap();
    assert_eq!(a.list_insert(&path(), 3, Value::Null), Err(EditError::OutOfList(2)));
    assert_eq!(a.list_move(&path(), 0, 2), Err(EditError::OutOfList(2)));
    assert_eq!(a.list_set(&path(), 2, Value::Null), Err(EditError::OutOfList(2)));
    assert_eq!(a.list_delete(&path(), 2), Err(EditError::OutOfList(2)));
    assert_eq!(a.list_insert(&Path::root(), 0, Value::Null), Err(EditError::Root("list")));
    assert_eq!(a.commit(), Ok(None));
    assert_eq!((a.list_get(&path(), 1), a.list_get(&path(), 2)), (Some("b".into()), None));
}

#[test]
fn the_kept_order_agrees_with_reading_anew() {
    let [mut a, mut b, _] = docs();
    let mut random = 7u64;
    for step in 0..if cfg!(miri) { 51 } else { 2_000u64 } {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let (index, length) = ((random >> 33) as usize, a.list_len(&path()));
        edit(&mut a, |doc| match random >> 60 {
            0..9 => doc.list_insert(&path(), index % (length + 1), Value::Int(step as i64)).map(drop),
            _ if length == 0 => Ok(()),
            9..12 => doc.list_move(&path(), index % length, index / 7 % length),
            12..14 => doc.list_delete(&path(), index % length),
            _ => doc.list_set(&path(), index % length, Value::Int(-1)),
        });
        if step % 50 == 0 {
            b.list_len(&path());
            b.import(&a.export_from(&b.version())).unwrap();
            let values: Vec<Value> = (0..a.list_len(&path())).filter_map(|index| b.list_get(&path(), index)).collect();
            assert_eq!(values, a.list_values(&path()));
            assert_eq!(values, b.list_values(&path()));
        }
    }
}

#[test]
fn a_rolled_back_list_is_as_before() {
    let [mut a, ..] = docs();
    push(&mut a, "abc");
    a.begin(NOW, None).unwrap();
    a.list_move(&path(), 0, 2).unwrap();
    a.list_delete(&path(), 0).unwrap();
    a.list_push(&path(), "d".into()).unwrap();
    a.rollback();
    assert_eq!((letters(&a), a.list_len(&path()), a.list_get(&path(), 0)), ("abc".into(), 3, Some("a".into())));
}

#[test]
fn changes_tell_of_moves_too() {
    let [mut a, ..] = docs();
    push(&mut a, "ab");
    a.observe(true);
    edit(&mut a, |doc| doc.list_move(&path(), 0, 1));
    let changes = a.take_changes();
    let ids = a.list_ids(&path());
    assert_eq!(changes.len(), 1);
    assert_eq!((&changes[0].path, &changes[0].old), (&path().child(&ids[1]), &changes[0].new));
}
