use super::Library;
use crate::data::{Entry, Random};
use loro::{ExportMode, LoroDoc, LoroMap};
use std::sync::{Arc, Mutex};

/// Whole documents are encoded with their history or, with `SHALLOW`, without.
pub(crate) struct Loro<const SHALLOW: bool>;

pub(crate) struct LoroPair {
    doc: LoroDoc,
    map: LoroMap,
    set: LoroMap,
}

impl<const SHALLOW: bool> Library for Loro<SHALLOW> {
    type Doc = LoroPair;

    fn create(replica: u64) -> LoroPair {
        let doc = LoroDoc::new();
        doc.set_peer_id(Random::new(replica).next()).expect("it is not the largest number");
        let (map, set) = (doc.get_map("m"), doc.get_map("s"));
        LoroPair { doc, map, set }
    }

    fn set_each(doc: &mut LoroPair, entries: &[Entry]) {
        for (key, value) in entries {
            doc.map.insert(key, *value).expect("the map is attached");
            doc.doc.commit();
        }
    }

    fn set_all(doc: &mut LoroPair, entries: &[Entry]) {
        for (key, value) in entries {
            doc.map.insert(key, *value).expect("the map is attached");
        }
        doc.doc.commit();
    }

    fn delete_each(doc: &mut LoroPair, entries: &[Entry]) {
        for (key, _) in entries {
            doc.map.delete(key).expect("the key is there");
            doc.doc.commit();
        }
    }

    fn get(doc: &LoroPair, key: &str) -> Option<i64> {
        doc.map.get(key)?.into_value().ok()?.into_i64().ok()
    }

    fn len(doc: &LoroPair) -> usize {
        doc.map.len()
    }

    fn add_all(doc: &mut LoroPair, elements: &[String]) {
        for element in elements {
            doc.set.insert(element, true).expect("the map is attached");
        }
        doc.doc.commit();
    }

    fn remove_all(doc: &mut LoroPair, elements: &[String]) {
        for element in elements {
            doc.set.delete(element).expect("the element is there");
        }
        doc.doc.commit();
    }

    fn has(doc: &LoroPair, element: &str) -> bool {
        doc.set.get(element).is_some()
    }

    fn set_len(doc: &LoroPair) -> usize {
        doc.set.len()
    }

    fn replicate(from: &mut LoroPair, to: &mut LoroPair, entries: &[Entry]) -> usize {
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

    fn merge(left: &mut LoroPair, right: &mut LoroPair) {
        let to_right = left.doc.export(ExportMode::updates(&right.doc.oplog_vv())).expect("the version is known");
        let to_left = right.doc.export(ExportMode::updates(&left.doc.oplog_vv())).expect("the version is known");
        left.doc.import(&to_left).expect("the update is its own");
        right.doc.import(&to_right).expect("the update is its own");
    }

    fn encode(doc: &mut LoroPair) -> Vec<u8> {
        let frontiers = doc.doc.oplog_frontiers();
        let mode = if SHALLOW { ExportMode::shallow_snapshot(&frontiers) } else { ExportMode::Snapshot };
        doc.doc.export(mode).expect("the version is known")
    }

    fn load(replica: u64, bytes: &[u8]) -> LoroPair {
        let doc = Self::create(replica);
        doc.doc.import(bytes).expect("the snapshot is its own");
        doc
    }
}
