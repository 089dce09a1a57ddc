//! Edits of a text, as events show them.

use super::Value;
use std::collections::BTreeMap;

/// Attributes of a part of a text, by name, such as `bold: true`. Scalars only; in an edit, null takes an attribute away.
pub type Attributes = BTreeMap<String, Value>;

/// An edit of a text: first `delete`, then `insert`, then the attributes of what follows.
///
/// Several are applied one after the other, each to what the one before has left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Splice {
    /// Where, in UTF-16 code units.
    pub index: usize,
    /// How much is deleted there, in UTF-16 code units.
    pub delete: usize,
    /// What is inserted there.
    pub insert: String,
    /// `index` and `delete`, in code points.
    pub points: (usize, usize),
    /// How much of what stands there gets `attributes`, in UTF-16 code units; 0 unless it is a change of attributes alone.
    pub retain: usize,
    /// `retain` in code points.
    pub retain_points: usize,
    /// The attributes of `insert`, all of them; or those that the retained part gets, with null for those it loses.
    pub attributes: Attributes,
}

/// A part of a text whose characters have the same attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The characters.
    pub text: String,
    /// What they are marked with.
    pub attributes: Attributes,
}

/// The smallest replacement of one range that makes `new` of `old`.
pub(crate) fn difference(old: &[Run], new: &[Run]) -> Vec<Splice> {
    let letters = |runs: &[Run]| -> Vec<(char, u32)> {
        let numbered = runs.iter().enumerate();
        numbered.flat_map(|(at, run)| run.text.chars().map(move |letter| (letter, at as u32))).collect()
    };
    let (before, after) = (letters(old), letters(new));
    let same = |&(one, two): &(&(char, u32), &(char, u32))| {
        one.0 == two.0 && old[one.1 as usize].attributes == new[two.1 as usize].attributes
    };
    let prefix = before.iter().zip(&after).take_while(same).count();
    let (old_rest, new_rest) = (&before[prefix..], &after[prefix..]);
    let suffix = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let (deleted, inserted) = (&old_rest[..old_rest.len() - suffix], &new_rest[..new_rest.len() - suffix]);
    let units = |letters: &[(char, u32)]| letters.iter().map(|(letter, _)| letter.len_utf16()).sum::<usize>();
    let mut at = Splice {
        index: units(&before[..prefix]),
        delete: units(deleted),
        points: (prefix, deleted.len()),
        ..Splice::default()
    };
    let mut splices = Vec::new();
    for part in inserted.chunk_by(|one, two| one.1 == two.1) {
        at.insert = part.iter().map(|(letter, _)| letter).collect();
        at.attributes = new[part[0].1 as usize].attributes.clone();
        let next = Splice { index: at.index + units(part), points: (at.points.0 + part.len(), 0), ..Splice::default() };
        splices.push(std::mem::replace(&mut at, next));
    }
    if at.delete > 0 {
        splices.push(at);
    }
    splices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<Run> {
        vec![Run { text: text.into(), ..Run::default() }]
    }

    #[test]
    fn the_difference_of_two_texts_is_one_splice_in_utf16_units() {
        let cases = [
            ("", "abc", (0, 0, "abc")),
            ("abc", "", (0, 3, "")),
            ("a😀b", "a😀xb", (3, 0, "x")),
            ("aaa", "aa", (2, 1, "")),
            ("one", "two", (0, 3, "two")),
        ];
        for (old, new, (index, delete, insert)) in cases {
            let splice = &difference(&plain(old), &plain(new))[0];
            assert_eq!((splice.index, splice.delete, &*splice.insert), (index, delete, insert), "{old} -> {new}");
        }
        assert_eq!(difference(&plain("a😀b"), &plain("a😀xb"))[0].points, (2, 0));
        assert_eq!(difference(&plain("same"), &plain("same")), []);
    }

    #[test]
    fn a_change_of_attributes_replaces_what_changed_run_by_run() {
        let bold = Attributes::from([("bold".into(), Value::Bool(true))]);
        let new = [&plain("ab")[..], &[Run { text: "cd".into(), attributes: bold.clone() }], &plain("ef")].concat();
        let splices = difference(&plain("abcdef"), &new);
        assert_eq!(splices.len(), 1);
        assert_eq!((splices[0].index, splices[0].delete, &*splices[0].insert), (2, 2, "cd"));
        assert_eq!(splices[0].attributes, bold);
        let back = difference(&new, &plain("abcdef"));
        assert_eq!((back[0].delete, back[0].attributes.len()), (2, 0));
    }
}
