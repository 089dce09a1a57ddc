//! Reads a state the way a document shows it.

use std::collections::{BTreeMap, BTreeSet};

use syncline::crdt::Value;

use super::{Event, Fact, History, Leaf};

/// What stands for a text, whose letters the oracle does not know: the live updates are looked up in a table.
pub type Spelling<'a> = &'a dyn Fn(&BTreeSet<Event>) -> Option<String>;

impl History {
    /// Everything at and below `path` as one value; `None` if nothing is there.
    pub fn view(&self, live: &BTreeSet<Event>, path: &[String], spell: Spelling<'_>) -> Option<Value> {
        let live = self.within(live, path);
        let here = |leaf: &Leaf| self.at(&live, path, leaf);
        let children = self.children(&live, path);
        if !children.is_empty() || !here(&Leaf::Marker).is_empty() || path.is_empty() {
            let child = |key: String| {
                let below = [path, std::slice::from_ref(&key)].concat();
                Some((key, self.view(&live, &below, spell)?))
            };
            return Some(Value::Map(children.into_iter().filter_map(child).collect()));
        }
        if !self.elements(&live, path).is_empty() {
            return Some(Value::List(self.elements(&live, path)));
        }
        if !here(&Leaf::Text).is_empty() {
            return spell(&here(&Leaf::Text)).map(Value::Str);
        }
        if !here(&Leaf::Counter).is_empty() {
            return Some(Value::Int(self.sum(&live, path)));
        }
        self.siblings(&live, path).into_iter().next()
    }

    /// The values of a register, the one to read first.
    pub fn siblings(&self, live: &BTreeSet<Event>, path: &[String]) -> Vec<Value> {
        let mut facts: Vec<_> =
            self.at(live, path, &Leaf::Register).into_iter().map(|event| &self.facts[event]).collect();
        facts.sort_by_key(|fact| std::cmp::Reverse((fact.time, fact.author, fact.seq)));
        facts.into_iter().map(|fact| fact.value.clone()).collect()
    }

    /// The sum of a counter.
    pub fn sum(&self, live: &BTreeSet<Event>, path: &[String]) -> i64 {
        let amount = |event: Event| match self.facts[event].value {
            Value::Int(by) => i128::from(by),
            _ => 0,
        };
        let sum: i128 = self.at(live, path, &Leaf::Counter).into_iter().map(amount).sum();
        sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// The increment of the open transaction, and its amount: counting again in it adds to the dot that is there.
    pub fn counted_in_transaction(&self, live: &BTreeSet<Event>, path: &[String]) -> (BTreeSet<Event>, i64) {
        let here = self.at(live, path, &Leaf::Counter).into_iter();
        let open: BTreeSet<Event> = here.filter(|event| self.facts[*event].seq == u64::MAX).collect();
        let before = self.sum(&open, path);
        (open, before)
    }

    /// The elements of a set, in the order of their encoding.
    pub fn elements(&self, live: &BTreeSet<Event>, path: &[String]) -> Vec<Value> {
        let mut found = BTreeMap::new();
        for event in live {
            match &self.facts[*event] {
                Fact { path: at, leaf: Some(Leaf::Element(code)), value, .. } if at == path => {
                    found.insert(code.clone(), value.clone());
                }
                _ => {}
            }
        }
        found.into_values().collect()
    }

    /// The keys of a map, sorted.
    pub fn children(&self, live: &BTreeSet<Event>, path: &[String]) -> BTreeSet<String> {
        let below = |event: &Event| self.facts[*event].path.strip_prefix(path).and_then(|rest| rest.first()).cloned();
        live.iter().filter_map(below).collect()
    }
}
