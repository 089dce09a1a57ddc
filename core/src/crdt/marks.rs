//! Attributes of texts, and what an edit of the text algorithm looks like from outside.

use super::text::{Text, TextError};
use super::update::check_attribute;
use super::{Attributes, Run, Splice, Value};
use crate::bounds;
use yrs::types::text::YChange;
use yrs::types::{Attrs, Delta};
use yrs::{Any, Number, Out, ReadTxn, Text as _, TextRef};

/// The largest integer that every reader takes from a JSON number.
const SAFE: i64 = (1 << 53) - 1;

/// Attributes in the order of their names, as the text algorithm wants them: one at a time, because it keeps several in an
/// order of its own.
pub(crate) fn parse(attributes: &Attributes) -> Result<Vec<(&str, Any)>, TextError> {
    if attributes.len() > bounds::ATTRIBUTES {
        return Err(TextError::Attribute);
    }
    let checked = attributes.iter().map(|(name, value)| {
        let any = to_any(value).filter(|_| !name.is_empty() && name.len() <= bounds::ATTRIBUTE_NAME_BYTES);
        let any = any.ok_or(TextError::Attribute)?;
        let mut json = String::new();
        any.to_json(&mut json);
        let fits = json.len() <= bounds::ATTRIBUTE_BYTES && check_attribute(name.as_bytes(), json.as_bytes()).is_ok();
        if fits { Ok((name.as_str(), any)) } else { Err(TextError::Attribute) }
    });
    checked.collect()
}

/// One attribute alone.
pub(crate) fn single(name: &str, value: Any) -> Attrs {
    Attrs::from([(name.into(), value)])
}

pub(crate) fn to_any(value: &Value) -> Option<Any> {
    match value {
        Value::Null => Some(Any::Null),
        Value::Bool(truth) => Some(Any::Bool(*truth)),
        Value::Int(number) if number.unsigned_abs() <= SAFE as u64 => Some(Any::Number(Number::Int(*number))),
        Value::Float(number) if number.is_finite() => Some(Any::Number(Number::Float(*number))),
        Value::Str(text) => Some(Any::String(text.as_str().into())),
        _ => None,
    }
}

fn from_any(any: &Any) -> Value {
    match any {
        Any::Bool(truth) => Value::Bool(*truth),
        Any::Number(Number::Int(number)) => Value::Int(*number),
        Any::Number(Number::Float(number)) if number.fract() == 0.0 && number.abs() <= SAFE as f64 => {
            Value::Int(*number as i64)
        }
        Any::Number(Number::Float(number)) => Value::Float(*number),
        Any::String(text) => Value::Str(text.to_string()),
        _ => Value::Null,
    }
}

fn from_attrs(attrs: Option<&Attrs>) -> Attributes {
    attrs.into_iter().flatten().map(|(name, any)| (name.to_string(), from_any(any))).collect()
}

/// The parts of a text with equal attributes, as long as they can be.
pub(crate) fn runs<T: ReadTxn>(root: &TextRef, txn: &T) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for part in root.diff(txn, YChange::identity) {
        let Out::Any(Any::String(text)) = part.insert else { continue };
        let attributes = from_attrs(part.attributes.as_deref());
        match runs.last_mut().filter(|last| last.attributes == attributes) {
            Some(last) => last.text.push_str(&text),
            None => runs.push(Run { text: text.to_string(), attributes }),
        }
    }
    runs
}

/// Splices of what the text algorithm says has changed. Code points are counted as UTF-16 units here.
pub(crate) fn splices(delta: &[Delta]) -> Vec<Splice> {
    let (mut splices, mut index) = (Vec::new(), 0);
    for step in delta {
        let mut splice = Splice { index, points: (index, 0), ..Splice::default() };
        match step {
            Delta::Retain(count, attrs) => {
                index += *count as usize;
                let Some(attrs) = attrs else { continue };
                splice.retain = *count as usize;
                splice.retain_points = splice.retain;
                splice.attributes = from_attrs(Some(attrs));
            }
            Delta::Deleted(count) => {
                splice.delete = *count as usize;
                splice.points.1 = splice.delete;
            }
            Delta::Inserted(Out::Any(Any::String(text)), attrs) => {
                splice.insert = text.to_string();
                splice.attributes = from_attrs(attrs.as_deref());
                index += text.encode_utf16().count();
            }
            Delta::Inserted(..) => continue,
        }
        append(&mut splices, splice);
    }
    splices
}

/// Counts the code points of splices that lead from one text to another.
pub(crate) fn count_points(splices: &mut [Splice], old: &str, new: &str) {
    // What stands in front of a splice is as in the new text; what it deletes is what is left of the old one behind it.
    let (mut grown, mut shrunk) = (0isize, old.encode_utf16());
    let mut passed = 0;
    let mut skip = |upto: usize| {
        let points = shrunk.by_ref().take(upto - passed).filter(|unit| !is_low(*unit)).count();
        passed = upto;
        points
    };
    for splice in splices.iter_mut() {
        splice.points.0 = points_of(new, splice.index);
        let from = splice.index.saturating_add_signed(-grown);
        skip(from);
        splice.points.1 = skip(from + splice.delete);
        splice.retain_points = skip(from + splice.delete + splice.retain);
        grown += splice.insert.encode_utf16().count() as isize - splice.delete as isize;
    }
}

pub(super) fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

/// The number of code points in the first `units` UTF-16 units.
pub(crate) fn points_of(text: &str, units: usize) -> usize {
    text.encode_utf16().take(units).filter(|unit| !is_low(*unit)).count()
}

/// Appends a splice to others, as a part of the last one where that says the same.
pub(super) fn append(splices: &mut Vec<Splice>, next: Splice) {
    let last = splices.last_mut().filter(|last| last.retain == 0 && next.retain == 0);
    match last {
        Some(last) if last.insert.is_empty() && last.index == next.index => {
            last.delete += next.delete;
            last.points.1 += next.points.1;
            last.insert = next.insert;
            last.attributes = next.attributes;
        }
        Some(last) if follows(last, &next) && next.delete == 0 && last.attributes == next.attributes => {
            last.insert.push_str(&next.insert);
        }
        _ => splices.push(next),
    }
}

/// Whether a splice begins where what another one inserts ends.
fn follows(last: &Splice, next: &Splice) -> bool {
    next.index == last.index + last.insert.encode_utf16().count()
}

impl Text {
    /// The parts of the text with equal attributes.
    pub(crate) fn runs(&self) -> Vec<Run> {
        runs(&self.root, &self.transact())
    }
}
