//! What becomes of concurrent values of a register.
//!
//! A policy is a rule for reading: the concurrent values stay in the document until someone who has seen them writes, so a
//! policy may differ from path to path, and may be changed later, without replicas ending up unequal.

use super::Value;
use crate::clock::{Hlc, ReplicaId};

/// How the concurrent values of a register are resolved when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The last writer's, by (hybrid time, replica). What is not said otherwise.
    #[default]
    LastWriterWins,
    /// All of them, the last writer's first.
    KeepAll,
    /// That of the writer whose source stands first in this list, of several the last. Sources that are not in the list come
    /// after those that are.
    SourcePriority(Vec<String>),
    /// A value wins over a concurrent delete, whatever their times; of several values the last writer's. Without marks of
    /// deletes, which only [`Policy::RemoveWins`] leaves, this is last-writer-wins.
    InsertWins,
    /// A delete wins over concurrent values. A deleted register keeps one dot until it is written again.
    RemoveWins,
    /// The one that a function of this name picks, see `Doc::register_resolver`.
    Custom(String),
}

impl Policy {
    /// The policy as a list of texts: its name, then what belongs to it. Documents hold it so, and bindings hand it on.
    pub fn to_value(&self) -> Value {
        let (name, rest): (_, &[String]) = match self {
            Policy::LastWriterWins => ("last-writer-wins", &[]),
            Policy::KeepAll => ("keep-all", &[]),
            Policy::SourcePriority(sources) => ("source-priority", sources),
            Policy::InsertWins => ("insert-wins", &[]),
            Policy::RemoveWins => ("remove-wins", &[]),
            Policy::Custom(name) => ("custom", std::slice::from_ref(name)),
        };
        let mut texts = vec![Value::Str(name.to_owned())];
        texts.extend(rest.iter().map(|text| Value::Str(text.clone())));
        Value::List(texts)
    }

    /// Reads what [`Policy::to_value`] made; anything else is last-writer-wins.
    pub fn from_value(value: Value) -> Policy {
        let Value::List(items) = value else { return Policy::default() };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let Value::Str(text) = item else { return Policy::default() };
            texts.push(text);
        }
        let rest = texts.split_off(texts.len().min(1));
        match texts.first().map(String::as_str) {
            Some("keep-all") => Policy::KeepAll,
            Some("source-priority") => Policy::SourcePriority(rest),
            Some("insert-wins") => Policy::InsertWins,
            Some("remove-wins") => Policy::RemoveWins,
            Some("custom") => rest.into_iter().next().map_or(Policy::LastWriterWins, Policy::Custom),
            _ => Policy::LastWriterWins,
        }
    }
}

/// One of the concurrent values of a register.
#[derive(Clone, Debug, PartialEq)]
pub struct Sibling {
    /// The value.
    pub value: Value,
    /// Who wrote it.
    pub replica: ReplicaId,
    /// The number of the event.
    pub seq: u64,
    /// When.
    pub hlc: Hlc,
    /// The source that the writer has named, if it has.
    pub source: Option<String>,
}

/// What a policy makes of the concurrent values of a register.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// There is no value.
    Absent,
    /// One counts.
    Value(Value),
    /// All of them count, the last writer's first.
    All(Vec<Value>),
}

/// A policy cannot be applied here. Reading falls back on the last writer's value, which is the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// A writer has not said which source it belongs to.
    #[error(
        "{0} has not named its source, and the policy goes by sources: call set_source on that replica before it writes"
    )]
    UnknownSource(ReplicaId),
    /// There is no function of this name here.
    #[error("no resolver {0:?} is registered in this document: register the function that the policy names")]
    NoResolver(String),
    /// The function picked a value that is not there.
    #[error("the resolver {name:?} picked value {picked} of {count}: it must return the index of one of them")]
    Choice {
        /// The function's name.
        name: String,
        /// What it returned.
        picked: usize,
        /// How many values there are.
        count: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_come_back_from_their_values() {
        let sources = vec!["eu".to_owned(), "us".to_owned()];
        let all = [
            Policy::LastWriterWins,
            Policy::KeepAll,
            Policy::SourcePriority(sources),
            Policy::SourcePriority(Vec::new()),
            Policy::InsertWins,
            Policy::RemoveWins,
            Policy::Custom("longest".into()),
        ];
        for policy in all {
            assert_eq!(Policy::from_value(policy.to_value()), policy);
        }
        let odd = [Value::Null, Value::List(vec![]), Value::List(vec![1.into()]), Value::List(vec!["custom".into()])];
        assert!(odd.into_iter().all(|value| Policy::from_value(value) == Policy::LastWriterWins));
    }
}
