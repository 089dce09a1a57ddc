use super::{Library, Sets};
use crate::data::{Entry, Random};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT, ReadDoc, ScalarValue, Value};

/// Both the map and the set are the root: maps made by two replicas at one key would be two maps, of which one is seen.
pub(crate) struct Automerge;

const COUNTER: &str = "c";

fn actor(replica: u64) -> ActorId {
    let mut random = Random::new(replica);
    ActorId::from([random.next().to_be_bytes(), random.next().to_be_bytes()].concat())
}

impl Sets for Automerge {
    type Doc = AutoCommit;

    fn create(replica: u64) -> AutoCommit {
        AutoCommit::new().with_actor(actor(replica))
    }

    fn add_all(doc: &mut AutoCommit, elements: &[String]) {
        for element in elements {
            doc.put(ROOT, element.as_str(), true).expect("the root is a map");
        }
        doc.commit();
    }

    fn remove_all(doc: &mut AutoCommit, elements: &[String]) {
        for element in elements {
            doc.delete(ROOT, element.as_str()).expect("the element is there");
        }
        doc.commit();
    }

    fn has(doc: &AutoCommit, element: &str) -> bool {
        doc.get(ROOT, element).is_ok_and(|found| found.is_some())
    }

    fn set_len(doc: &AutoCommit) -> usize {
        doc.length(ROOT)
    }

    fn merge(left: &mut AutoCommit, right: &mut AutoCommit) {
        let (left_heads, right_heads) = (left.get_heads(), right.get_heads());
        let (to_right, to_left) = (left.save_after(&right_heads), right.save_after(&left_heads));
        left.load_incremental(&to_left).expect("the update is its own");
        right.load_incremental(&to_right).expect("the update is its own");
    }
}

impl Library for Automerge {
    fn set_each(doc: &mut AutoCommit, entries: &[Entry]) {
        for (key, value) in entries {
            doc.put(ROOT, key.as_str(), *value).expect("the root is a map");
            doc.commit();
        }
    }

    fn set_all(doc: &mut AutoCommit, entries: &[Entry]) {
        for (key, value) in entries {
            doc.put(ROOT, key.as_str(), *value).expect("the root is a map");
        }
        doc.commit();
    }

    fn delete_each(doc: &mut AutoCommit, entries: &[Entry]) {
        for (key, _) in entries {
            doc.delete(ROOT, key.as_str()).expect("the key is there");
            doc.commit();
        }
    }

    fn get(doc: &AutoCommit, key: &str) -> Option<i64> {
        match doc.get(ROOT, key).ok()?? {
            (Value::Scalar(scalar), _) => match *scalar {
                ScalarValue::Int(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    fn len(doc: &AutoCommit) -> usize {
        doc.length(ROOT)
    }

    fn replicate(from: &mut AutoCommit, to: &mut AutoCommit, entries: &[Entry]) -> usize {
        let mut bytes = 0;
        for (key, value) in entries {
            from.put(ROOT, key.as_str(), *value).expect("the root is a map");
            from.commit();
            let update = from.save_incremental();
            bytes += update.len();
            to.load_incremental(&update).expect("the update is its own");
        }
        bytes
    }

    fn encode(doc: &mut AutoCommit) -> Vec<u8> {
        doc.save()
    }

    fn load(replica: u64, bytes: &[u8]) -> AutoCommit {
        AutoCommit::load(bytes).expect("the snapshot is its own").with_actor(actor(replica))
    }

    /// A counter is made once: two that are made at one key are two counters, of which one is seen.
    fn create_counting(replicas: u64) -> Vec<AutoCommit> {
        let mut base = Self::create(0);
        base.put(ROOT, COUNTER, ScalarValue::counter(0)).expect("the root is a map");
        base.commit();
        (1..=replicas).map(|replica| base.fork().with_actor(actor(replica))).collect()
    }

    fn count_each(doc: &mut AutoCommit, times: usize) {
        for _ in 0..times {
            doc.increment(ROOT, COUNTER, 1).expect("the counter is there");
            doc.commit();
        }
    }

    fn count(doc: &AutoCommit) -> i64 {
        match doc.get(ROOT, COUNTER) {
            Ok(Some((Value::Scalar(scalar), _))) => scalar.as_i64().unwrap_or_default(),
            _ => 0,
        }
    }

    fn import(doc: &mut AutoCommit, state: &[u8]) {
        doc.load_incremental(state).expect("the snapshot is its own");
    }
}
