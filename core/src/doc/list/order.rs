//! The order of the items of one list, kept from one access by index to the next.

use super::super::state::State;
use super::{item_at, item_keys};
use crate::bytes::SmallBytes;
use crate::crdt::{Key, Kind};

/// Most items of one row: putting one in between moves half of them on average.
const ROW: usize = 128;

/// Items that were touched since the last access, at most; beyond it reading the list anew is as quick.
const PENDING: usize = 256;

/// Lists whose order is kept at a time; the one used longest ago makes room.
const LISTS: usize = 8;

/// The place of an item: its position, a zero, its id and the length of that. The order of places is that of items.
type Place = SmallBytes;

/// The items of one list in their order.
#[derive(Default)]
pub(super) struct Order {
    path: SmallBytes,
    rows: Vec<Vec<Place>>,
    /// Ids of items that are out of the order until the next access, because they are about to change.
    pending: Vec<SmallBytes>,
}

/// The lists that were accessed by index last.
#[derive(Default)]
pub(in super::super) struct Lists(Vec<Order>);

impl Lists {
    /// Forgets all.
    pub(in super::super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes an item out of its list's order, before it is changed.
    pub(in super::super) fn touch(&mut self, state: &State, key: &Key) {
        if self.0.is_empty() {
            return;
        }
        let (path, kind, id) = key.split();
        if kind != Kind::ITEM {
            return;
        }
        let Some(at) = self.0.iter().position(|order| *order.path == *path) else { return };
        let order = &mut self.0[at];
        if order.pending.iter().any(|pending| **pending == *id) {
            return;
        }
        if order.pending.len() == PENDING {
            self.0.swap_remove(at);
            return;
        }
        if let Some(item) = item_at(state, key) {
            order.remove(&place(item.position, id));
        }
        order.pending.push(id.into());
    }

    /// The order of the list at an encoded path, up to date.
    pub(super) fn get(&mut self, state: &State, path: &[u8]) -> &mut Order {
        let mut order = match self.0.iter().position(|order| *order.path == *path) {
            Some(at) => self.0.remove(at),
            None => Order::read(state, path),
        };
        for id in std::mem::take(&mut order.pending) {
            order.add(state, &Key::assemble(path, Kind::ITEM, &id));
        }
        if self.0.len() == LISTS {
            self.0.remove(0);
        }
        self.0.push(order);
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

impl Order {
    /// Reads the whole list.
    pub(super) fn read(state: &State, path: &[u8]) -> Order {
        let mut order = Order { path: path.into(), ..Order::default() };
        for key in item_keys(state, path) {
            order.add(state, key);
        }
        order
    }

    pub(super) fn len(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Position and id of the item at an index.
    pub(super) fn at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let mut index = index;
        for row in &self.rows {
            match row.get(index) {
                Some(place) => return Some(parts(place)),
                None => index -= row.len(),
            }
        }
        None
    }

    /// The index of an item.
    pub(super) fn index(&self, position: &[u8], id: &[u8]) -> Option<usize> {
        let (row, at) = self.find(&place(position, id));
        let before: usize = self.rows[..row.min(self.rows.len())].iter().map(Vec::len).sum();
        at.ok().map(|at| before + at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().flatten().map(parts)
    }

    fn add(&mut self, state: &State, key: &Key) {
        let Some(item) = item_at(state, key) else { return };
        let place = place(item.position, key.split().2);
        let (mut row, Err(mut at)) = self.find(&place) else { return };
        if row == self.rows.len() {
            self.rows.push(Vec::new());
        } else if self.rows[row].len() == ROW {
            // Items that come in order leave full rows behind.
            let kept = if at == ROW { ROW } else { ROW / 2 };
            let rest = self.rows[row].split_off(kept);
            self.rows.insert(row + 1, rest);
            if at >= kept {
                (row, at) = (row + 1, at - kept);
            }
        }
        self.rows[row].insert(at, place);
    }

    fn remove(&mut self, place: &Place) {
        if let (row, Ok(at)) = self.find(place) {
            self.rows[row].remove(at);
            if self.rows[row].is_empty() {
                self.rows.remove(row);
            }
        }
    }

    fn find(&self, place: &Place) -> (usize, Result<usize, usize>) {
        let row = self.rows.partition_point(|row| row[0] <= *place).saturating_sub(1);
        (row, self.rows.get(row).map_or(Err(0), |places| places.binary_search(place)))
    }
}

fn place(position: &[u8], id: &[u8]) -> Place {
    [position, &[0], id, &[id.len() as u8]].concat().into()
}

fn parts(place: &Place) -> (&[u8], &[u8]) {
    let (length, rest) = place.split_last().map_or((0, &[][..]), |(length, rest)| (usize::from(*length), rest));
    let (position, id) = rest.split_at(rest.len().saturating_sub(length));
    (&position[..position.len().saturating_sub(1)], id)
}
