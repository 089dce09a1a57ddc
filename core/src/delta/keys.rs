//! Columns of keys: the tree of containers, then for each row its container, its kind and its item.

use super::budget::Budget;
use super::column::{read_ints, write_ints};
use super::strings::{read_strings, write_strings};
use crate::assoc::{Table, at};
use crate::bytes::{DecodeError, Reader, SmallBytes, Writer};
use crate::crdt::{Container, Key, Kind, last_separator};

/// Added to the kind of a row whose leaf stands at the root itself and so has no item.
const ITSELF: u64 = 0x10;

/// Container, kind and item. The item is the last segment of the path, or for kinds that carry something behind the
/// path (elements, and all kinds unknown here) that something, with the whole path as the container. `None` for what
/// stands at the root itself.
pub(super) fn split_key(key: &Key) -> (&[u8], Kind, Option<&[u8]>) {
    let (path, kind, rest) = key.split();
    if carries_item(kind) {
        return (path, kind, Some(rest));
    }
    match last_separator(path) {
        Some(at) => (&path[..at], kind, Some(&path[at + 2..])),
        None => (path, kind, None),
    }
}

pub(super) fn join_key(container: &[u8], kind: Kind, item: Option<&[u8]>) -> Result<Key, DecodeError> {
    let parts: [&[u8]; 4] = match item {
        Some(item) if carries_item(kind) => [container, &[0, kind.0], item, &[]],
        Some(item) => [container, &[0, 0x10], item, &[0, kind.0]],
        None => [container, &[0, kind.0], &[], &[]],
    };
    Key::check(SmallBytes::concat(&parts))
}

fn carries_item(kind: Kind) -> bool {
    kind.has_rest()
}

/// The containers that keys name, each after its parent; number 0 is the root and not listed.
#[derive(Default)]
struct Nodes<'a> {
    parents: Vec<u64>,
    segments: Vec<&'a [u8]>,
    index: Table<&'a [u8], u64>,
    last: Option<(&'a [u8], u64)>,
}

impl<'a> Nodes<'a> {
    fn number(&mut self, path: &'a [u8]) -> u64 {
        if let Some((_, number)) = self.last.filter(|(last, _)| *last == path) {
            return number;
        }
        let number = self.find_or_add(path);
        self.last = Some((path, number));
        number
    }

    fn find_or_add(&mut self, path: &'a [u8]) -> u64 {
        let Some(at) = last_separator(path) else { return 0 };
        if let Some(&(_, number)) = self.index.get(path) {
            return number;
        }
        let parent = self.find_or_add(&path[..at]);
        self.parents.push(parent);
        self.segments.push(&path[at + 2..]);
        *self.index.get_or_insert(path, self.parents.len() as u64)
    }
}

/// Appends the columns of `keys`; their number is not written.
pub(super) fn write_keys(out: &mut Writer, keys: &[&Key]) {
    let mut nodes = Nodes::default();
    let (mut containers, mut kinds) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
    let mut items: [Vec<&[u8]>; ITSELF as usize] = Default::default();
    for key in keys {
        let (container, kind, item) = split_key(key);
        let kind = u64::from(kind.0) | if item.is_none() { ITSELF } else { 0 };
        containers.push(nodes.number(container));
        kinds.push(kind);
        if let Some(item) = item {
            items[kind as usize].push(item);
        }
    }
    out.varint(nodes.parents.len() as u64);
    write_ints(out, &nodes.parents);
    write_strings(out, &nodes.segments);
    write_ints(out, &containers);
    write_ints(out, &kinds);
    items.iter().for_each(|items| write_strings(out, items));
}

/// Reads the columns of `count` keys.
pub(super) fn read_keys(reader: &mut Reader<'_>, count: usize, budget: &mut Budget) -> Result<Vec<Key>, DecodeError> {
    let mut containers = read_containers(reader, budget)?;
    budget.spend(count.saturating_mul(size_of::<Key>()))?;
    let (rows, kinds) = (read_ints(reader, count)?, read_ints(reader, count)?);
    let mut items: [std::vec::IntoIter<SmallBytes>; ITSELF as usize] = Default::default();
    for (kind, items) in (0..).zip(&mut items) {
        let rows = kinds.iter().filter(|&row| *row == kind).count();
        *items = read_strings(reader, rows, budget)?.into_iter();
    }
    let mut keys = Vec::with_capacity(count);
    for (&container, &kind) in rows.iter().zip(&kinds) {
        let container = usize::try_from(container).ok().and_then(|at| containers.get_mut(at));
        let container = container.ok_or(DecodeError::Range("container"))?;
        let item = usize::try_from(kind).ok().and_then(|kind| items.get_mut(kind)).and_then(Iterator::next);
        let kind = Kind(u8::try_from(kind & !ITSELF).map_err(|_| DecodeError::Range("kind"))?);
        budget.spend(container.as_bytes().len() + item.as_ref().map_or(0, |item| item.len()))?;
        keys.push(match &item {
            Some(item) => container.key(kind, item)?,
            None => join_key(container.as_bytes(), kind, None)?,
        });
    }
    Ok(keys)
}

fn read_containers(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Vec<Container>, DecodeError> {
    let count = usize::try_from(reader.varint()?).map_err(|_| DecodeError::Range("containers"))?;
    budget.spend(count.saturating_mul(size_of::<SmallBytes>() + size_of::<Container>()))?;
    let parents = read_ints(reader, count)?;
    let segments = read_strings(reader, count, budget)?;
    let mut containers = vec![Container::default()];
    for (parent, segment) in parents.into_iter().zip(segments) {
        let parent = at(&containers, parent).ok_or(DecodeError::Range("container"))?;
        budget.spend(parent.as_bytes().len() + 2 + segment.len())?;
        // Refusing here what a key would be refused for also bounds the memory.
        containers.push(Container::check([parent.as_bytes(), &[0, 0x10][..], &segment].concat())?);
    }
    Ok(containers)
}
