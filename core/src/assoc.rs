//! Small sorted tables and one way to sort: few enough kinds of them that the WASM stays small.

/// Pairs in the order of their keys, for tables that are small or that grow at the end: looking up takes O(log n), adding
/// in the middle O(n).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where a key stands, or where it would.
    pub(crate) fn position(&self, key: &K) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if last < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(found, _)| found.cmp(key)),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.position(key).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.position(key).ok().map(|at| &mut self.0[at].1)
    }

    pub(crate) fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let at = match self.position(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (key, value()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Sets the value of a key and returns the one it had.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.position(key).ok().map(|at| self.0.remove(at).1)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The order of rows by their keys: the indices of the rows, the one with the least key first. Equal keys keep their order.
pub(crate) fn order(keys: impl ExactSizeIterator<Item = (u64, u64)>) -> Vec<u32> {
    let mut rows: Vec<(u64, u64, u32)> = Vec::with_capacity(keys.len());
    let mut sorted = true;
    for (index, (high, low)) in (0..).zip(keys) {
        sorted = sorted && rows.last().is_none_or(|last| (last.0, last.1) <= (high, low));
        rows.push((high, low, index));
    }
    if !sorted {
        rows.sort_unstable();
    }
    rows.into_iter().map(|row| row.2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sorted_map_keeps_its_pairs_in_order() {
        let mut map = SortedMap::default();
        for key in [5, 1, 9, 3] {
            assert_eq!(map.insert(key, key * 10), None);
        }
        assert_eq!((map.insert(3, 7), map.remove(&5)), (Some(30), Some(50)));
        assert_eq!((map.get(&3), map.get(&5)), (Some(&7), None));
        *map.get_or_insert_with(2, || 1) += 1;
        assert_eq!(map.iter().copied().collect::<Vec<_>>(), [(1, 10), (2, 2), (3, 7), (9, 90)]);
    }

    #[test]
    fn rows_are_ordered_by_both_parts_and_then_by_place() {
        let keys = [(2, 0), (1, 9), (1, 3), (2, 0)];
        assert_eq!(order(keys.into_iter()), [2, 1, 0, 3]);
    }
}
