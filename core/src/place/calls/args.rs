//! Reading arguments, which may be anything.

use super::CallError;
use crate::crdt::Value;
use std::collections::BTreeMap;

/// The arguments of a call, or a map within them.
pub(super) struct Args<'a>(&'a BTreeMap<String, Value>);

impl<'a> Args<'a> {
    pub(super) fn of(name: &str, value: &'a Value) -> Result<Self, CallError> {
        match value {
            Value::Map(entries) => Ok(Args(entries)),
            _ => Err(wrong(name, "a map")),
        }
    }

    /// Refuses arguments that nobody reads: a misspelt one would silently do nothing.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), CallError> {
        match self.0.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(wrong(name, "left out: this call does not know it")),
            None => Ok(()),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, CallError> {
        match self.0.get(name) {
            Some(Value::Str(text)) => Ok(text),
            _ => Err(wrong(name, "text")),
        }
    }

    pub(super) fn text_or(&self, name: &str, otherwise: &'a str) -> Result<&'a str, CallError> {
        if self.has(name) { self.text(name) } else { Ok(otherwise) }
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, CallError> {
        whole(name, self.0.get(name))
    }

    pub(super) fn number_or(&self, name: &str, otherwise: u64) -> Result<u64, CallError> {
        if self.has(name) { self.number(name) } else { Ok(otherwise) }
    }

    pub(super) fn small_or(&self, name: &str, otherwise: u32) -> Result<u32, CallError> {
        let number = self.number_or(name, otherwise.into())?;
        u32::try_from(number).map_err(|_| wrong(name, "a whole number below 2^32"))
    }

    pub(super) fn flag_or(&self, name: &str, otherwise: bool) -> Result<bool, CallError> {
        match self.0.get(name) {
            None => Ok(otherwise),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], CallError> {
        match self.0.get(name) {
            Some(Value::List(items)) => Ok(items),
            _ => Err(wrong(name, "a list")),
        }
    }

    /// A list of maps.
    pub(super) fn rows(&self, name: &str) -> Result<Vec<Args<'a>>, CallError> {
        self.list(name)?.iter().map(|item| Args::of(name, item)).collect()
    }

    /// A list of texts; none if it was left out.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, CallError> {
        let items = if self.has(name) { self.list(name)? } else { &[] };
        let text = |item: &Value| match item {
            Value::Str(text) => Ok(text.clone()),
            _ => Err(wrong(name, "a list of texts")),
        };
        items.iter().map(text).collect()
    }

    pub(super) fn numbers(&self, name: &str) -> Result<Vec<u64>, CallError> {
        self.list(name)?.iter().map(|item| whole(name, Some(item))).collect()
    }

    pub(super) fn child(&self, name: &str) -> Result<Args<'a>, CallError> {
        self.0.get(name).map_or_else(|| Err(wrong(name, "a map")), |value| Args::of(name, value))
    }

    /// The names in a map; none if it was left out.
    pub(super) fn names_in(&self, name: &str) -> Result<Vec<(&'a str, Args<'a>)>, CallError> {
        if !self.has(name) {
            return Ok(Vec::new());
        }
        let entries = self.child(name)?.0;
        Ok(entries.keys().map(|key| (key.as_str(), Args(entries))).collect())
    }
}

pub(super) fn wrong(name: &str, wanted: &'static str) -> CallError {
    CallError::Argument { name: name.to_owned(), wanted }
}

fn whole(name: &str, value: Option<&Value>) -> Result<u64, CallError> {
    const WANTED: &str = "a whole number from 0 to 2^53";
    const MOST: f64 = (1u64 << 53) as f64;
    match value {
        Some(Value::Int(number)) => u64::try_from(*number).map_err(|_| wrong(name, WANTED)),
        // JavaScript has one kind of numbers.
        Some(Value::Float(number)) if number.fract() == 0.0 && (0.0..=MOST).contains(number) => Ok(*number as u64),
        _ => Err(wrong(name, WANTED)),
    }
}
