//! The order of keys, made when it is asked for.

use crate::assoc::order_of_keys;

/// Most numbers of one row: adding one moves half of them on average.
const ROW: usize = 128;

/// Numbers of slots that wait to be taken out of the order, beyond the number of leaves: then making it anew costs less.
const WAITING: usize = 64;

/// The keys by their numbers.
type Keys<'a> = &'a dyn Fn(u32) -> &'a [u8];

/// The numbers of leaves in the order of their keys, in rows that are never empty, and the numbers that are free.
///
/// Nothing is kept until somebody asks. From then on, what is added and removed is noted, and put into the rows when
/// somebody asks again.
#[derive(Default)]
pub(super) struct Order {
    rows: Option<Vec<Vec<u32>>>,
    added: Vec<u32>,
    /// Removed leaves whose numbers stand in rows; their slots keep the keys until then.
    removed: Vec<u32>,
    free: Vec<u32>,
}

impl Order {
    /// A number that is free.
    pub(super) fn reuse(&mut self) -> Option<u32> {
        self.free.pop()
    }

    pub(super) fn add(&mut self, id: u32) {
        if self.rows.is_some() {
            self.added.push(id);
        }
    }

    /// Frees the number of a leaf. `left` leaves are still there.
    pub(super) fn remove(&mut self, id: u32, left: usize) {
        if self.rows.is_none() {
            return self.free.push(id);
        }
        self.removed.push(id);
        if self.removed.len() > left + WAITING {
            self.rows = None;
            self.added = Vec::new();
            self.free.append(&mut self.removed);
        }
    }

    /// Brings the rows up to date; `all` gives the numbers of all leaves.
    pub(super) fn settle(&mut self, all: &dyn Fn() -> Vec<u32>, keys: Keys<'_>) {
        let Some(rows) = &mut self.rows else {
            let mut rows = Vec::new();
            sorted(&all(), keys).chunks(ROW * 3 / 4).for_each(|row| rows.push(row.to_vec()));
            self.rows = Some(rows);
            return;
        };
        if self.added.is_empty() && self.removed.is_empty() {
            return;
        }
        let held: usize = rows.iter().map(Vec::len).sum();
        if (self.added.len() + self.removed.len()) * 8 > held {
            let mut rest = all();
            rest = sorted(&rest, keys);
            *rows = rest.chunks(ROW * 3 / 4).map(<[u32]>::to_vec).collect();
        } else {
            self.removed.iter().for_each(|&id| take(rows, id, keys));
            self.removed.sort_unstable();
            for &id in &self.added {
                if self.removed.binary_search(&id).is_err() {
                    put(rows, id, keys);
                }
            }
        }
        self.added.clear();
        self.free.append(&mut self.removed);
    }

    /// The row in which the first key from `from` on stands: its place, and its numbers from there on.
    pub(super) fn from(&self, from: &[u8], keys: Keys<'_>) -> (usize, Vec<u32>) {
        let Some(rows) = &self.rows else { return (0, Vec::new()) };
        let (row, place) = find(rows, from, keys);
        (row, rows.get(row).map_or(Vec::new(), |ids| ids[place.unwrap_or_else(|at| at)..].to_vec()))
    }

    /// The numbers of a row.
    pub(super) fn row(&self, row: usize) -> Option<Vec<u32>> {
        self.rows.as_ref()?.get(row).cloned()
    }
}

fn sorted(ids: &[u32], keys: Keys<'_>) -> Vec<u32> {
    let mut listed = Vec::with_capacity(ids.len());
    ids.iter().for_each(|&id| listed.push(keys(id)));
    order_of_keys(&listed).into_iter().map(|at| ids[at as usize]).collect()
}

/// The row and the place in it where a key stands, or where it would.
fn find(rows: &[Vec<u32>], key: &[u8], keys: Keys<'_>) -> (usize, Result<usize, usize>) {
    let row = rows.partition_point(|row| keys(row[0]) <= key).saturating_sub(1);
    let place = rows.get(row).map(|ids| ids.binary_search_by(|&id| keys(id).cmp(key)));
    (row, place.unwrap_or(Err(0)))
}

fn take(rows: &mut Vec<Vec<u32>>, id: u32, keys: Keys<'_>) {
    if let (row, Ok(at)) = find(rows, keys(id), keys) {
        // Another leaf with that key may have been added and removed since.
        if rows[row][at] == id {
            rows[row].remove(at);
        }
        if rows[row].is_empty() {
            rows.remove(row);
        }
    }
}

fn put(rows: &mut Vec<Vec<u32>>, id: u32, keys: Keys<'_>) {
    let (mut row, place) = find(rows, keys(id), keys);
    let Err(mut at) = place else { return };
    match rows.get(row).map(Vec::len) {
        None => rows.push(Vec::new()),
        Some(ROW) => {
            // Keys that come in order leave full rows behind.
            let kept = if at == ROW { ROW } else { ROW / 2 };
            let rest = rows[row].split_off(kept);
            rows.insert(row + 1, rest);
            if at >= kept {
                (row, at) = (row + 1, at - kept);
            }
        }
        _ => {}
    }
    rows[row].insert(at, id);
}
