use super::Sets;
use crdts::{CmRDT, CvRDT, Orswot};

/// The set of the crate `crdts`.
pub(crate) struct Orswots;

pub(crate) struct Replica {
    id: u64,
    set: Orswot<String, u64>,
}

impl Sets for Orswots {
    type Doc = Replica;

    fn create(replica: u64) -> Replica {
        Replica { id: crate::data::Random::new(replica).next(), set: Orswot::new() }
    }

    fn add_all(doc: &mut Replica, elements: &[String]) {
        for element in elements {
            let add = doc.set.add(element.clone(), doc.set.read_ctx().derive_add_ctx(doc.id));
            doc.set.apply(add);
        }
    }

    fn remove_all(doc: &mut Replica, elements: &[String]) {
        for element in elements {
            let remove = doc.set.rm(element.clone(), doc.set.contains(element).derive_rm_ctx());
            doc.set.apply(remove);
        }
    }

    fn has(doc: &Replica, element: &str) -> bool {
        doc.set.contains(&element.to_owned()).val
    }

    fn set_len(doc: &Replica) -> usize {
        doc.set.read().val.len()
    }

    // It merges a set that it takes, so one that is to live on is copied.
    fn merge(left: &mut Replica, right: &mut Replica) {
        left.set.merge(right.set.clone());
        right.set.merge(left.set.clone());
    }
}
