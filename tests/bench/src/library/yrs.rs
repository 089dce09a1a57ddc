use super::{Library, Sets};
use crate::data::{Entry, Random};
use std::sync::{Arc, Mutex};
use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, Map, MapRef, Number, Out, ReadTxn, StateVector, Transact, TransactionMut, Update};

/// Whole documents are encoded in the first or, with `V2`, the second of the two encodings.
pub(crate) struct Yrs<const V2: bool>;

pub(crate) struct YrsDoc {
    doc: Doc,
    map: MapRef,
    set: MapRef,
    /// What each replica counted: there is no counter, and this is what its users put together.
    counts: MapRef,
}

fn apply(txn: &mut TransactionMut, update: &[u8]) {
    let update = Update::decode_v1(update).expect("the update is its own");
    txn.apply_update(update).expect("the update is its own");
}

impl<const V2: bool> Sets for Yrs<V2> {
    type Doc = YrsDoc;

    fn create(replica: u64) -> YrsDoc {
        // Client ids of the Yjs family are 32 random bits.
        let doc = Doc::with_client_id(Random::new(replica).next() >> 32);
        let [map, set, counts] = ["m", "s", "c"].map(|name| doc.get_or_insert_map(name));
        YrsDoc { doc, map, set, counts }
    }

    fn add_all(doc: &mut YrsDoc, elements: &[String]) {
        let mut txn = doc.doc.transact_mut();
        for element in elements {
            doc.set.insert(&mut txn, element.as_str(), true);
        }
    }

    fn remove_all(doc: &mut YrsDoc, elements: &[String]) {
        let mut txn = doc.doc.transact_mut();
        for element in elements {
            doc.set.remove(&mut txn, element);
        }
    }

    fn has(doc: &YrsDoc, element: &str) -> bool {
        doc.set.contains_key(&doc.doc.transact(), element)
    }

    fn set_len(doc: &YrsDoc) -> usize {
        doc.set.len(&doc.doc.transact()) as usize
    }

    fn merge(left: &mut YrsDoc, right: &mut YrsDoc) {
        let (left_version, right_version) = (left.doc.transact().state_vector(), right.doc.transact().state_vector());
        let to_right = left.doc.transact().encode_diff_v1(&right_version);
        let to_left = right.doc.transact().encode_diff_v1(&left_version);
        apply(&mut left.doc.transact_mut(), &to_left);
        apply(&mut right.doc.transact_mut(), &to_right);
    }
}

impl<const V2: bool> Library for Yrs<V2> {
    fn set_each(doc: &mut YrsDoc, entries: &[Entry]) {
        for (key, value) in entries {
            doc.map.insert(&mut doc.doc.transact_mut(), key.as_str(), *value);
        }
    }

    fn set_all(doc: &mut YrsDoc, entries: &[Entry]) {
        let mut txn = doc.doc.transact_mut();
        for (key, value) in entries {
            doc.map.insert(&mut txn, key.as_str(), *value);
        }
    }

    fn delete_each(doc: &mut YrsDoc, entries: &[Entry]) {
        for (key, _) in entries {
            doc.map.remove(&mut doc.doc.transact_mut(), key);
        }
    }

    fn get(doc: &YrsDoc, key: &str) -> Option<i64> {
        match doc.map.get(&doc.doc.transact(), key)? {
            Out::Any(Any::Number(Number::Int(value))) => Some(value),
            _ => None,
        }
    }

    fn len(doc: &YrsDoc) -> usize {
        doc.map.len(&doc.doc.transact()) as usize
    }

    fn replicate(from: &mut YrsDoc, to: &mut YrsDoc, entries: &[Entry]) -> usize {
        let updates = Arc::new(Mutex::new(Vec::new()));
        let sink = updates.clone();
        from.doc
            .observe_update_v1("bench", move |_, event| {
                if let Ok(mut updates) = sink.lock() {
                    updates.push(event.update.clone());
                }
            })
            .expect("no transaction is open");
        let mut bytes = 0;
        for (key, value) in entries {
            from.map.insert(&mut from.doc.transact_mut(), key.as_str(), *value);
            for update in updates.lock().expect("nobody panicked").drain(..) {
                bytes += update.len();
                apply(&mut to.doc.transact_mut(), &update);
            }
        }
        from.doc.unobserve_update_v1("bench").expect("no transaction is open");
        bytes
    }

    fn encode(doc: &mut YrsDoc) -> Vec<u8> {
        let (txn, nothing) = (doc.doc.transact(), StateVector::default());
        if V2 { txn.encode_state_as_update_v2(&nothing) } else { txn.encode_state_as_update_v1(&nothing) }
    }

    fn load(replica: u64, bytes: &[u8]) -> YrsDoc {
        let mut doc = Self::create(replica);
        Self::import(&mut doc, bytes);
        doc
    }

    fn count_each(doc: &mut YrsDoc, times: usize) {
        let own = doc.doc.client_id().to_string();
        (1..=times as i64).for_each(|count| {
            doc.counts.insert(&mut doc.doc.transact_mut(), own.as_str(), count);
        });
    }

    fn count(doc: &YrsDoc) -> i64 {
        let counted = |count| match count {
            Out::Any(Any::Number(Number::Int(count))) => count,
            _ => 0,
        };
        doc.counts.values(&doc.doc.transact()).map(|counts| counts.into_iter().map(counted).sum::<i64>()).sum()
    }

    fn import(doc: &mut YrsDoc, state: &[u8]) {
        let update = if V2 { Update::decode_v2(state) } else { Update::decode_v1(state) };
        let update = update.expect("the update is its own");
        doc.doc.transact_mut().apply_update(update).expect("the update is its own");
    }
}
