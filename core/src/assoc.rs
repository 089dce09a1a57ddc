//! Sorted tables and one way to sort: few enough kinds of them that the WASM stays small.

mod index;

pub(crate) use index::HashIndex;

/// Pairs in the order of their keys, for tables that are small or that grow at the end: looking up takes O(log n), adding
/// in the middle O(n).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

    /// Removes the pairs that `keep` does not want.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(crate) fn as_slice(&self) -> &[(K, V)] {
        &self.0
    }

    /// Takes in the pairs of another table; `merge` decides where both have one. Both are walked once.
    pub(crate) fn join(&mut self, other: &Self, mut merge: impl FnMut(&mut V, &V))
    where
        K: Clone,
        V: Clone,
    {
        let mut at = 0;
        for (key, value) in &other.0 {
            while self.0.get(at).is_some_and(|(own, _)| own < key) {
                at += 1;
            }
            match self.0.get_mut(at) {
                Some((own, kept)) if own == key => merge(kept, value),
                _ => return self.join_rest(other, merge),
            }
            at += 1;
        }
    }

    /// Makes a table anew where some keys are missing here.
    fn join_rest(&mut self, other: &Self, mut merge: impl FnMut(&mut V, &V))
    where
        K: Clone,
        V: Clone,
    {
        let mut own = std::mem::take(&mut self.0).into_iter().peekable();
        self.0.reserve(own.len().max(other.0.len()));
        for (key, value) in &other.0 {
            while let Some(pair) = own.next_if(|(before, _)| before < key) {
                self.0.push(pair);
            }
            let mut pair = own.next_if(|(found, _)| found == key);
            match &mut pair {
                Some((_, kept)) => merge(kept, value),
                None => pair = Some((key.clone(), value.clone())),
            }
            self.0.extend(pair);
        }
        self.0.extend(own);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Most pairs of one row of a [`Table`]: adding one moves half of them, 64 pairs, on average.
const ROW: usize = 128;

/// Values by keys, which are bytes: a list of rows in the order of keys, none of them empty. Looking up takes O(log n);
/// adding moves at most a row, and the list of rows once in a while.
pub(crate) struct Table<K, V> {
    rows: Vec<Vec<(K, V)>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { rows: Vec::new() }
    }
}

impl<K: AsRef<[u8]>, V> Table<K, V> {
    pub(crate) fn get(&self, key: impl AsRef<[u8]>) -> Option<&(K, V)> {
        let (row, place) = self.find(key.as_ref());
        place.ok().map(|at| &self.rows[row][at])
    }

    /// The value of a key, which becomes `value` if there was none.
    pub(crate) fn get_or_insert(&mut self, key: K, value: V) -> &mut V {
        let (mut row, place) = self.find(key.as_ref());
        let mut at = match place {
            Ok(at) => return &mut self.rows[row][at].1,
            Err(at) => at,
        };
        match self.rows.get(row).map(Vec::len) {
            None => self.rows.push(Vec::new()),
            Some(ROW) => {
                // Keys that come in order leave full rows behind.
                let kept = if at == ROW { ROW } else { ROW / 2 };
                let rest = self.rows[row].split_off(kept);
                self.rows.insert(row + 1, rest);
                if at >= kept {
                    (row, at) = (row + 1, at - kept);
                }
            }
            _ => {}
        }
        self.rows[row].insert(at, (key, value));
        &mut self.rows[row][at].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.rows.iter().flatten()
    }

    /// The row and the place in it where a key stands, or where it would.
    fn find(&self, key: &[u8]) -> (usize, Result<usize, usize>) {
        let row = self.rows.partition_point(|row| row[0].0.as_ref() <= key).saturating_sub(1);
        let place = self.rows.get(row).map(|pairs| pairs.binary_search_by(|(found, _)| found.as_ref().cmp(key)));
        (row, place.unwrap_or(Err(0)))
    }
}

/// The item at an index from outside.
pub(crate) fn at<T>(items: &[T], index: u64) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
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

/// Sorts items by numbers, by the one sort that all share; equal ones keep their order.
pub(crate) fn sort_by_numbers<T>(items: &mut Vec<T>, numbers: impl Fn(&T) -> (u64, u64)) {
    let sorted = order(items.iter().map(numbers));
    let mut rest: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(sorted.iter().filter_map(|&at| rest[at as usize].take()));
}

/// The order of keys: their indices, the one of the least key first.
///
/// Sorts by 16 bytes at a time: keys of one container differ early behind what they share, and comparing numbers does
/// not have to visit the keys again.
pub(crate) fn order_of_keys(keys: &[&[u8]]) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..keys.len() as u32).collect();
    let mut open = vec![(0, rows.len(), 0)];
    while let Some((from, to, at)) = open.pop() {
        let part: Vec<u32> = rows[from..to].to_vec();
        let tail = |row: &u32| keys[*row as usize].get(at..).unwrap_or_default();
        let first = part.first().map_or(&[][..], tail);
        let common = |length, row| first[..length].iter().zip(tail(row)).take_while(|(a, b)| a == b).count();
        let shared = part.iter().fold(first.len(), common);
        let heads: Vec<(u64, u64)> = part.iter().map(|row| head(&tail(row)[shared..])).collect();
        // Equal but for zeros at the end.
        let over = part.iter().all(|row| tail(row).is_empty());
        let lengths = part.iter().map(|&row| (keys[row as usize].len() as u64, 0));
        let sorted = if over { order(lengths) } else { order(heads.iter().copied()) };
        rows[from..to].iter_mut().zip(&sorted).for_each(|(row, index)| *row = part[*index as usize]);
        let mut start = from;
        for run in sorted.chunk_by(|a, b| heads[*a as usize] == heads[*b as usize]).filter(|_| !over) {
            if run.len() > 1 {
                open.push((start, start + run.len(), at + shared + 16));
            }
            start += run.len();
        }
    }
    rows
}

/// The first sixteen bytes as numbers, filled up with zeros.
fn head(bytes: &[u8]) -> (u64, u64) {
    let word = |part: &[u8]| (0..8).fold(0, |word, at| word << 8 | u64::from(part.get(at).copied().unwrap_or(0)));
    (word(bytes), word(bytes.get(8..).unwrap_or_default()))
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
    fn a_table_agrees_with_a_map_of_the_standard_library() {
        let (mut table, mut map) = (Table::default(), std::collections::BTreeMap::new());
        let mut random = 1u64;
        for step in 0..if cfg!(miri) { 300 } else { 20_000u64 } {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // In order at first, then anywhere.
            let key = (if step < 1_000 { step } else { random >> 52 }).to_be_bytes();
            assert_eq!(*table.get_or_insert(key, step), *map.entry(key).or_insert(step));
        }
        assert!(table.iter().map(|(key, value)| (key, value)).eq(map.iter()));
        for key in 0..if cfg!(miri) { 300 } else { 4_096u64 } {
            assert_eq!(table.get(key.to_be_bytes()).map(|pair| &pair.1), map.get(&key.to_be_bytes()));
        }
    }

    #[test]
    fn keys_are_ordered_by_their_bytes() {
        let long = "x".repeat(40);
        let mut keys: Vec<String> = ["", "b", "a", "\0", "\0\0", "ab", "a\0", "a\0\0\0", "b"].map(str::to_owned).into();
        keys.extend(["", "\0", "y", "x", "\0\0"].map(|end| format!("{long}{end}")));
        let listed: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let sorted: Vec<&[u8]> = order_of_keys(&listed).iter().map(|&row| listed[row as usize]).collect();
        let mut expected = listed.clone();
        expected.sort();
        assert_eq!(sorted, expected);
        assert!(order_of_keys(&[]).is_empty());
    }

    #[test]
    fn items_are_sorted_by_numbers_and_equal_ones_keep_their_order() {
        let mut items = vec![("c", 2), ("a", 1), ("d", 2), ("b", 0)];
        sort_by_numbers(&mut items, |item| (item.1, 0));
        assert_eq!(items.iter().map(|item| item.0).collect::<Vec<_>>(), ["b", "a", "c", "d"]);
    }

    #[test]
    fn rows_are_ordered_by_both_parts_and_then_by_place() {
        let keys = [(2, 0), (1, 9), (1, 3), (2, 0)];
        assert_eq!(order(keys.into_iter()), [2, 1, 0, 3]);
    }
}
