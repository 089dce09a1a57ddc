//! Taking edits of a text back: by the numbers of its characters, so that it works wherever they are by then.
//!
//! An insertion is taken back by an update that deletes just those characters. A deletion is taken back by inserting them
//! again where they were; they get new numbers, which the caller is told. Attributes get the values they had, where nobody
//! has set others since. (The scheme of Yjs' undo manager, Jahns; there the document itself remembers.)

use super::cursor::{index_of, pieces};
use super::marks;
use super::splice::Run;
use super::text::{Ids, Text, exactly};
use super::update::own_blocks;
use super::{Attributes, Value};
use crate::assoc::sort_by_numbers;
use crate::bytes::Writer;
use yrs::block::ClientID;
use yrs::{Any, Assoc, ID, ReadTxn, StickyIndex, Text as _, TextRef, TransactionMut};

/// What an edit did, as far as it takes to take it back.
#[derive(Clone, Debug)]
pub(crate) enum TextStep {
    /// Characters. The blocks of their attributes stay: by now others may rest on them.
    Inserted(Vec<Ids>),
    /// Characters and what they read.
    Deleted(Vec<Stretch>),
    /// Attributes of characters.
    Formatted(Vec<Formatted>),
}

/// An attribute of some characters, with the value it had and the one it got.
#[derive(Clone, Debug)]
pub(crate) struct Formatted {
    ids: Ids,
    name: String,
    old: Value,
    new: Value,
}

/// Deleted characters that stood side by side.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    ids: Ids,
    runs: Vec<Run>,
    /// The characters in front and behind. What was deleted is found by its own traces, but stays between these: they may
    /// have come back since, and stand elsewhere than their traces.
    front: Option<Ids>,
    back: Option<Ids>,
}

/// An edit taken back.
pub(crate) struct Reverted {
    /// The update that does the same elsewhere.
    pub(crate) update: Vec<u8>,
    /// What it did.
    pub(crate) step: TextStep,
    /// Characters that came back: what they were, and what they are now.
    pub(crate) renamed: Vec<(Ids, Ids)>,
}

impl TextStep {
    /// What an insertion did, by its update.
    pub(crate) fn inserted(update: &[u8]) -> Self {
        let all = own_blocks(update);
        TextStep::Inserted(all.into_iter().map(|(author, first, end)| Ids { author, first, end }).collect())
    }

    /// Takes in what was inserted next. Returns whether it could.
    pub(crate) fn extend(&mut self, next: &TextStep) -> bool {
        let (TextStep::Inserted(own), TextStep::Inserted(others)) = (self, next) else { return false };
        own.extend_from_slice(others);
        true
    }

    /// Learns that characters have other numbers now.
    pub(crate) fn rename(&mut self, old: Ids, new: Ids) {
        let moved = |ids: &Ids| {
            let (first, end) = (ids.first.max(old.first), ids.end.min(old.end));
            let shifted = |clock: u64| clock - old.first + new.first;
            let hit = ids.author == old.author && first < end;
            hit.then(|| Ids { author: new.author, first: shifted(first), end: shifted(end) })
        };
        match self {
            TextStep::Inserted(all) => {
                let news: Vec<Ids> = all.iter().filter_map(moved).collect();
                all.extend(news);
            }
            TextStep::Formatted(all) => {
                let news: Vec<Formatted> = all
                    .iter()
                    .filter_map(|step| moved(&step.ids).map(|ids| Formatted { ids, ..step.clone() }))
                    .collect();
                all.extend(news);
            }
            // What was deleted after it came back is listed with its new numbers already.
            TextStep::Deleted(all) => {
                for beside in all.iter_mut().flat_map(|stretch| [&mut stretch.front, &mut stretch.back]) {
                    *beside = beside.as_ref().and_then(moved).or(*beside);
                }
            }
        }
    }

    /// Bytes that it occupies, roughly.
    pub(crate) fn weight(&self) -> usize {
        match self {
            TextStep::Inserted(all) => 24 * all.len(),
            TextStep::Deleted(all) => {
                all.iter().map(|stretch| 96 + stretch.runs.iter().map(|run| 64 + run.text.len()).sum::<usize>()).sum()
            }
            TextStep::Formatted(all) => 160 * all.len(),
        }
    }
}

impl Text {
    /// What a deletion is about to do; positions in UTF-16 units.
    pub(crate) fn before_delete(&self, from: usize, to: usize) -> TextStep {
        let runs = self.runs();
        let mut found = Vec::new();
        if from < to {
            pieces(&self.root, &self.transact(), &utf16(&runs), (from as u32, to as u32), &mut found);
        }
        TextStep::Deleted(self.stretches(&runs, found))
    }

    /// What a change of attributes is about to do; positions in UTF-16 units.
    pub(crate) fn before_format(&self, from: usize, to: usize, attributes: &Attributes) -> TextStep {
        let (runs, txn, mut steps) = (self.runs(), self.transact(), Vec::new());
        for (name, new) in attributes {
            note_format(&self.root, &txn, &runs, (from as u32, to as u32), (name, new), &mut steps);
        }
        TextStep::Formatted(steps)
    }

    /// Takes a step back; `None` if nothing of it is left, or if the text does not know the characters, unless it
    /// was begun `anew`.
    pub(crate) fn revert(&mut self, step: &TextStep, anew: bool) -> Option<Reverted> {
        match step {
            TextStep::Inserted(ids) => self.delete_again(ids),
            TextStep::Deleted(stretches) => {
                let mut renamed = Vec::new();
                let marks = |stretch: &Stretch| stretch.runs.iter().any(|run| !run.attributes.is_empty());
                self.marked |= stretches.iter().any(marks);
                let (author, marked) = (self.author(), self.marked);
                let update = self.listened_edit(|root, txn| {
                    let mut places = Vec::new();
                    for stretch in stretches {
                        let first = places.len();
                        plan(txn, stretch.ids, stretch.runs.clone(), anew, &mut places);
                        let from = stretch.front.and_then(|front| ends(txn, front)).map_or(0, |(_, end)| end);
                        let to = stretch.back.and_then(|back| ends(txn, back)).map_or(u32::MAX, |(start, _)| start);
                        let to = to.min(root.len(txn));
                        places[first..].iter_mut().for_each(|back| (back.from, back.to) = (from, to));
                    }
                    // What stands in front of one that has to be in front of something has to be there, too.
                    let mut limit = u32::MAX;
                    for back in places.iter_mut().rev() {
                        limit = limit.min(back.to);
                        back.at = back.at.min(limit).max(back.from);
                    }
                    // In the order of the text, so that what was side by side comes back so.
                    let (mut shift, mut last) = (0, 0);
                    for back in &mut places {
                        back.at = back.at.max(last);
                        last = back.at;
                        shift += restore(root, txn, back, shift, (author, marked), &mut renamed);
                    }
                });
                let step = TextStep::inserted(&update);
                (update != [0, 0]).then_some(Reverted { update, step, renamed })
            }
            TextStep::Formatted(steps) => {
                let mut done = Vec::new();
                self.marked = true;
                let update = self.listened_edit(|root, txn| {
                    steps.iter().for_each(|step| unformat(root, txn, step, &mut done));
                });
                let step = TextStep::Formatted(done);
                (update != [0, 0]).then_some(Reverted { update, step, renamed: Vec::new() })
            }
        }
    }

    /// Deletes characters by their numbers.
    fn delete_again(&mut self, all: &[Ids]) -> Option<Reverted> {
        let (runs, mut shown) = (self.runs(), Vec::new());
        let txn = self.transact();
        let (text, mut known) = (utf16(&runs), Vec::new());
        for ids in all {
            // Of a text that was deleted as a whole nothing is left to delete.
            if find(&self.root, &txn, &text, *ids, &mut shown).is_some() {
                known.push(*ids);
            }
        }
        drop(txn);
        sort_by_numbers(&mut shown, |(from, ..)| (u64::from(*from), 0));
        let step = self.stretches(&runs, shown);
        let update = deletion(known);
        // Nothing is missing: each number was found above.
        self.apply(&update).ok()?;
        (!step.is_empty()).then_some(Reverted { update, step: TextStep::Deleted(step), renamed: Vec::new() })
    }

    fn stretches(&self, runs: &[Run], found: Vec<(u32, u32, Ids)>) -> Vec<Stretch> {
        let (txn, text) = (self.transact(), utf16(runs));
        let stretch = |(from, to, ids): (u32, u32, Ids)| {
            let unit = |at: u32| {
                let mut found = Vec::new();
                if (at as usize) < text.len() {
                    pieces(&self.root, &txn, &text, (at, at + 1), &mut found);
                }
                found.pop().map(|(_, _, ids)| ids)
            };
            let front = from.checked_sub(1).and_then(unit);
            Stretch { ids, runs: slice(runs, from, to), front, back: unit(to) }
        };
        found.into_iter().map(stretch).collect()
    }
}

/// The update that deletes characters: no blocks, and ranges by author.
fn deletion(mut sorted: Vec<Ids>) -> Vec<u8> {
    sort_by_numbers(&mut sorted, |ids| (ids.author, ids.first));
    let mut out = Writer::default();
    out.varint(0);
    out.varint(sorted.chunk_by(|one, two| one.author == two.author).count() as u64);
    for ranges in sorted.chunk_by(|one, two| one.author == two.author) {
        out.varint(ranges[0].author);
        out.varint(ranges.len() as u64);
        for ids in ranges {
            out.varint(ids.first);
            out.varint(ids.end - ids.first);
        }
    }
    out.into_bytes()
}

/// Deleted characters that are to stand at one place.
struct Back {
    at: u32,
    /// Between what it has to stand.
    from: u32,
    to: u32,
    ids: Ids,
    runs: Vec<Run>,
    /// Whether each number stands for one unit of the runs.
    exact: bool,
}

/// Where a character begins and ends; `None` if it is not shown.
fn ends<T: ReadTxn>(txn: &T, of: Ids) -> Option<(u32, u32)> {
    let id = ID::new(ClientID::new(of.author), of.first as u32);
    let (start, end) = (index_of(txn, of.author, of.first)?, StickyIndex::from_id(id, Assoc::Before));
    end.get_offset(txn).map(|offset| (start, offset.index)).filter(|(start, end)| end > start)
}

/// Finds the places of deleted characters. Where others have inserted in the middle, each half goes to its side.
fn plan<T: ReadTxn>(txn: &T, ids: Ids, runs: Vec<Run>, anew: bool, out: &mut Vec<Back>) {
    let len = units(&runs);
    let exact = ids.end - ids.first == len;
    // A text that was begun anew has no traces of it: its place is beside what it stood beside.
    let Some(at) = index_of(txn, ids.author, ids.first).or(anew.then_some(0)) else { return };
    if exact && len > 1 && index_of(txn, ids.author, ids.end - 1).is_some_and(|last| last != at) {
        let middle = boundary(&runs, len / 2);
        if middle > 0 && middle < len {
            let cut = ids.first + middle;
            plan(txn, Ids { end: cut, ..ids }, slice(&runs, 0, middle as u32), anew, out);
            return plan(txn, Ids { first: cut, ..ids }, slice(&runs, middle as u32, len as u32), anew, out);
        }
    }
    out.push(Back { at, from: 0, to: u32::MAX, ids, runs, exact });
}

/// Inserts deleted characters again, `shift` units further on. Returns the number of units.
fn restore(
    root: &TextRef,
    txn: &mut TransactionMut<'_>,
    back: &Back,
    shift: u32,
    (author, marked): (ClientID, bool),
    renamed: &mut Vec<(Ids, Ids)>,
) -> u32 {
    let mut done = 0;
    for run in &back.runs {
        let first = u64::from(txn.state_vector().get(&author));
        let at = back.at + shift + done;
        root.insert(txn, at, &run.text);
        let count = run.text.encode_utf16().count() as u32;
        if back.exact {
            let old = back.ids.first + u64::from(done);
            let old = Ids { author: back.ids.author, first: old, end: old + u64::from(count) };
            renamed.push((old, Ids { author: author.get(), first, end: first + u64::from(count) }));
        }
        if marked {
            let wanted = run.attributes.iter().filter_map(|(name, value)| Some((&**name, marks::to_any(value)?)));
            for (name, value) in exactly(root, txn, at as usize, wanted.collect()) {
                root.format(txn, at, count, marks::single(&name, value));
            }
        }
        done += count;
    }
    done
}

/// Gives an attribute the value it had, where it still has the one it got.
fn unformat(root: &TextRef, txn: &mut TransactionMut<'_>, step: &Formatted, done: &mut Vec<Formatted>) {
    let (runs, mut shown) = (marks::runs(root, txn), Vec::new());
    find(root, txn, &utf16(&runs), step.ids, &mut shown);
    for (from, to, _) in shown {
        let mut at = 0;
        for run in &runs {
            let (start, end) = (at.max(from), (at + units(std::slice::from_ref(run)) as u32).min(to));
            at += units(std::slice::from_ref(run)) as u32;
            if start < end && run.attributes.get(&step.name).unwrap_or(&Value::Null) == &step.new {
                note_format(root, txn, &runs, (start, end), (&step.name, &step.old), done);
                let old = marks::to_any(&step.old).unwrap_or(Any::Null);
                root.format(txn, start, end - start, marks::single(&step.name, old));
            }
        }
    }
}

/// Finds where characters are shown; `None` if the text does not know them.
fn find<T: ReadTxn>(root: &TextRef, txn: &T, text: &[u16], ids: Ids, shown: &mut Vec<(u32, u32, Ids)>) -> Option<()> {
    let (from, last) = (index_of(txn, ids.author, ids.first)?, index_of(txn, ids.author, ids.end - 1)?);
    let (len, mut found) = (text.len() as u32, Vec::new());
    if from < len {
        pieces(root, txn, text, (from, (last + 1).clamp(from + 1, len)), &mut found);
    }
    for (at, _, piece) in found {
        let (first, end) = (piece.first.max(ids.first), piece.end.min(ids.end));
        if piece.author == ids.author && first < end {
            let from = at + (first - piece.first) as u32;
            shown.push((from, from + (end - first) as u32, Ids { author: ids.author, first, end }));
        }
    }
    Some(())
}

/// Notes the values that an attribute has in a range before it gets another.
fn note_format<T: ReadTxn>(
    root: &TextRef,
    txn: &T,
    runs: &[Run],
    (from, to): (u32, u32),
    (name, new): (&str, &Value),
    steps: &mut Vec<Formatted>,
) {
    let mut at = 0;
    for run in runs {
        let (start, end) = (at.max(from), (at + run.text.encode_utf16().count() as u32).min(to));
        at += run.text.encode_utf16().count() as u32;
        let old = run.attributes.get(name).unwrap_or(&Value::Null);
        if start < end && old != new {
            let mut found = Vec::new();
            pieces(root, txn, &utf16(runs), (start, end), &mut found);
            let step = |(_, _, ids)| Formatted { ids, name: name.to_owned(), old: old.clone(), new: new.clone() };
            steps.extend(found.into_iter().map(step));
        }
    }
}

fn units(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.text.encode_utf16().count() as u64).sum()
}

fn utf16(runs: &[Run]) -> Vec<u16> {
    runs.iter().flat_map(|run| run.text.encode_utf16()).collect()
}

/// The end of the character that the unit `at` belongs to.
fn boundary(runs: &[Run], at: u64) -> u64 {
    let mut end = 0;
    runs.iter().flat_map(|run| run.text.chars()).find(|letter| {
        end += letter.len_utf16() as u64;
        end >= at
    });
    end
}

/// The part of a text between two positions in UTF-16 units.
fn slice(runs: &[Run], from: u32, to: u32) -> Vec<Run> {
    let (mut at, mut out) = (0, Vec::new());
    for run in runs {
        let inside = run.text.chars().filter(|letter| {
            let start = at;
            at += letter.len_utf16() as u32;
            start >= from && start < to
        });
        let text: String = inside.collect();
        if !text.is_empty() {
            out.push(Run { text, attributes: run.attributes.clone() });
        }
    }
    out
}
