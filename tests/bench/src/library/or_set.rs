use super::Sets;
use syncline::clock::ReplicaId;
use syncline::standalone::{Crdt, OrSet};

/// Syncline's set without a document around it.
pub(crate) struct OrSets;

pub(crate) struct Replica {
    id: ReplicaId,
    set: OrSet<String>,
}

impl Sets for OrSets {
    type Doc = Replica;

    fn create(replica: u64) -> Replica {
        let random = crate::data::Random::new(replica).next();
        let id = ReplicaId::new(1_700_000_000_000, u128::from(replica) << 64 | u128::from(random));
        Replica { id, set: OrSet::default() }
    }

    fn add_all(doc: &mut Replica, elements: &[String]) {
        for element in elements {
            doc.set.add(doc.id, element.clone()).expect("there are numbers left");
        }
    }

    fn remove_all(doc: &mut Replica, elements: &[String]) {
        elements.iter().for_each(|element| drop(doc.set.remove(element)));
    }

    fn has(doc: &Replica, element: &str) -> bool {
        doc.set.contains(element)
    }

    fn set_len(doc: &Replica) -> usize {
        doc.set.len()
    }

    fn merge(left: &mut Replica, right: &mut Replica) {
        left.set.merge(&right.set);
        right.set.merge(&left.set);
    }
}
