use super::{Library, Sets};
use crate::data::{Entry, Random};
use loro::{ExportMode, LoroCounter, LoroDoc, LoroMap};
use std::sync::{Arc, Mutex};

/// Whole documents are encoded with their history or, with `SHALLOW`, without.
pub(crate) struct Loro<const SHALLOW: bool>;

pub(crate) struct Opened {
    doc: LoroDoc,
    map: LoroMap,
    set: LoroMap,
    counter: LoroCounter,
}

fn empty(replica: u64) -> LoroDoc {
    let doc = LoroDoc::new();
    doc.set_peer_id(Random::new(replica).next()).expect("it is not the largest number");
    doc
}

impl From<LoroDoc> for Opened {
    fn from(doc: LoroDoc) -> Self {
        let (map, set, counter) = (doc.get_map("m"), doc.get_map("s"), doc.get_counter("c"));
        Self { doc, map, set, counter }
    }
}

impl<const SHALLOW: bool> Sets for Loro<SHALLOW> {
    type Doc = Opened;

    fn create(replica: u64) -> Opened {
        Opened::from(empty(replica))
    }

    fn add_all(doc: &mut Opened, elements: &[String]) {
        for element in elements {
            doc.set.insert(element, true).expect("the map is attached");
        }
        doc.doc.commit();
    }

    fn remove_all(doc: &mut Opened, elements: &[String]) {
        for element in elements {
            doc.set.delete(element).expect("the element is there");
        }
        doc.doc.commit();
    }

    fn has(doc: &Opened, element: &str) -> bool {
        doc.set.get(element).is_some()
    }

    fn set_len(doc: &Opened) -> usize {
        doc.set.len()
    }

    fn merge(left: &mut Opened, right: &mut Opened) {
        let to_right = left.doc.export(ExportMode::updates(&right.doc.oplog_vv())).expect("the version is known");
        let to_left = right.doc.export(ExportMode::updates(&left.doc.oplog_vv())).expect("the version is known");
        left.doc.import(&to_left).expect("the update is its own");
        right.doc.import(&to_right).expect("the update is its own");
    }
}

impl<const SHALLOW: bool> Library for Loro<SHALLOW> {
    fn set_each(doc: &mut Opened, entries: &[Entry]) {
        for (key, value) in entries {
            doc.map.insert(key, *value).expect("the map is attached");
            doc.doc.commit();
        }
    }

    fn set_all(doc: &mut Opened, entries: &[Entry]) {
        for (key, value) in entries {
            doc.map.insert(key, *value).expect("the map is attached");
        }
        doc.doc.commit();
    }

    fn delete_each(doc: &mut Opened, entries: &[Entry]) {
        for (key, _) in entries {
            doc.map.delete(key).expect("the key is there");
            doc.doc.commit();
        }
    }

    fn get(doc: &Opened, key: &str) -> Option<i64> {
        doc.map.get(key)?.into_value().ok()?.into_i64().ok()
    }

    fn len(doc: &Opened) -> usize {
        doc.map.len()
    }

    fn replicate(from: &mut Opened, to: &mut Opened, entries: &[Entry]) -> usize {
        let updates = Arc::new(Mutex::new(Vec::new()));
        let sink = updates.clone();
        let subscription = from.doc.subscribe_local_update(Box::new(move |update| {
            if let Ok(mut updates) = sink.lock() {
                updates.push(update.clone());
            }
            true
        }));
        let mut bytes = 0;
        for (key, value) in entries {
            from.map.insert(key, *value).expect("the map is attached");
            from.doc.commit();
            for update in updates.lock().expect("nobody panicked").drain(..) {
                bytes += update.len();
                to.doc.import(&update).expect("the update is its own");
            }
        }
        drop(subscription);
        bytes
    }

    fn encode(doc: &mut Opened) -> Vec<u8> {
        let frontiers = doc.doc.oplog_frontiers();
        let mode = if SHALLOW { ExportMode::shallow_snapshot(&frontiers) } else { ExportMode::Snapshot };
        doc.doc.export(mode).expect("the version is known")
    }

    fn load(replica: u64, bytes: &[u8]) -> Opened {
        // Without a container: one that is there before is empty after the import of a shallow snapshot.
        let doc = empty(replica);
        doc.import(bytes).expect("the snapshot is its own");
        Opened::from(doc)
    }

    fn count_each(doc: &mut Opened, times: usize) {
        for _ in 0..times {
            doc.counter.increment(1.0).expect("the counter is attached");
            doc.doc.commit();
        }
    }

    fn count(doc: &Opened) -> i64 {
        doc.counter.get() as i64
    }

    fn state(doc: &mut Opened) -> Vec<u8> {
        doc.doc.export(ExportMode::all_updates()).expect("the history is there")
    }

    fn import(doc: &mut Opened, state: &[u8]) {
        doc.doc.import(state).expect("the update is its own");
    }
}
