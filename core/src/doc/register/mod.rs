//! Registers in a document: one value, or several concurrent ones with a policy that resolves them.

mod conflict;
mod policy;
#[cfg(test)]
mod tests;

use super::Doc;
use super::leaf::{dots, newest};
use super::state::{Entry, State};
use crate::bytes::cbor::CborReader;
use crate::crdt::{Key, Kind, Path, Policy, Resolution, ResolveError, Sibling, UNDEFINED, Value};
use ciborium_ll::Header;
use policy::{policy_at, source_of};

pub use conflict::Conflict;
pub(super) use conflict::Conflicts;

/// A function that picks one of several concurrent values by its index, the last writer's standing first. It must depend on
/// nothing but them, or replicas show different values.
pub type Resolver = Box<dyn Fn(&[Sibling]) -> usize + Send + Sync>;

/// What a policy picks of the dots of a register.
enum Pick<'a> {
    Nothing,
    One(&'a Entry),
    /// All values, and the first of them.
    All(&'a Entry),
}

impl Doc {
    /// The value at a path, as its [policy](Doc::set_policy) has it: without one, of concurrent values the last writer's.
    ///
    /// Of values that are all to be kept it is the last writer's, too; [`Doc::get_all`] has the others. Where the policy
    /// cannot be applied (see [`Doc::resolve`]) it is again the last writer's, so all replicas show the same.
    pub fn get(&self, path: &Path) -> Option<Value> {
        self.register_value(&Key::new(path, Kind::REGISTER))
    }

    /// All concurrent values at a path, the last writer's first: the multi-value register. The next write replaces those
    /// that its writer has seen.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let [mut ada, mut bob] = [1, 2].map(|random| Doc::new(ReplicaId::new(1, random)));
    /// let title = Path::from_segments(["title"]);
    /// ada.transact(5, None, |doc| doc.set(&title, "draft".into()))?;
    /// bob.transact(6, None, |doc| doc.set(&title, "final".into()))?;
    /// ada.import(&bob.export())?;
    /// assert_eq!(ada.get_all(&title), ["final".into(), "draft".into()]);
    /// ada.transact(7, None, |doc| doc.set(&title, "both".into()))?;
    /// assert_eq!(ada.get_all(&title), ["both".into()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_all(&self, path: &Path) -> Vec<Value> {
        self.siblings_with_origin(path).into_iter().map(|sibling| sibling.value).collect()
    }

    /// All concurrent values at a path, the last writer's first. The same as [`Doc::get_all`].
    pub fn siblings(&self, path: &Path) -> Vec<Value> {
        self.get_all(path)
    }

    /// All concurrent values at a path with who wrote them and when, the last writer's first.
    pub fn siblings_with_origin(&self, path: &Path) -> Vec<Sibling> {
        let key = Key::new(path, Kind::REGISTER);
        let entries = dots(&self.state, &key);
        match pick_without_resolver(&self.state, &key, entries) {
            Pick::Nothing => Vec::new(),
            _ => self.values(entries),
        }
    }

    /// What the policy of a path makes of the values there.
    ///
    /// # Errors
    /// [`ResolveError`] if the policy cannot be applied here.
    pub fn resolve(&self, path: &Path) -> Result<Resolution, ResolveError> {
        let key = Key::new(path, Kind::REGISTER);
        let entries = dots(&self.state, &key);
        Ok(match self.pick(&key, entries)? {
            Pick::Nothing => Resolution::Absent,
            Pick::One(entry) => Resolution::Value(value(entry)),
            Pick::All(_) => Resolution::All(self.values(entries).into_iter().map(|sibling| sibling.value).collect()),
        })
    }

    /// Makes a function known by the name that [`Policy::Custom`] refers to. All replicas need the same one.
    pub fn register_resolver(&mut self, name: &str, resolver: Resolver) {
        self.resolvers.retain(|(known, _)| known != name);
        self.resolvers.push((name.to_owned(), resolver));
    }

    /// The encoded value at a path, without a copy: deterministic CBOR (RFC 8949 4.2).
    pub fn value_bytes(&self, path: &Path) -> Option<&[u8]> {
        self.winner(&Key::new(path, Kind::REGISTER)).map(|entry| &*entry.payload)
    }

    /// The packed vector at a path, without a copy: 32-bit floats, little-endian, four bytes each and not aligned. `None` if
    /// there is another value.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let at = Path::from_segments(["embedding"]);
    /// doc.transact(5, None, |doc| doc.set(&at, Value::Vector(vec![1.0, -2.0])))?;
    /// assert_eq!(doc.vector_bytes(&at), Some(&[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0][..]));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn vector_bytes(&self, path: &Path) -> Option<&[u8]> {
        const TAG_F32_LE: u64 = 85;
        let bytes = self.value_bytes(path)?;
        let mut reader = CborReader::new(bytes);
        match (reader.header().ok()?, reader.header().ok()?) {
            (Header::Tag(TAG_F32_LE), Header::Bytes(Some(length)))
                if length % 4 == 0 && length == reader.remaining() =>
            {
                Some(&bytes[bytes.len() - length..])
            }
            _ => None,
        }
    }

    /// The value of the leaf of a register.
    pub(super) fn register_value(&self, key: &Key) -> Option<Value> {
        self.winner(key).map(value)
    }

    fn winner(&self, key: &Key) -> Option<&Entry> {
        let entries = dots(&self.state, key);
        match entries {
            [only] if !is_mark(only) => return Some(only),
            _ => {}
        }
        let picked = self.pick(key, entries).unwrap_or_else(|_| last(&self.state, entries));
        match picked {
            Pick::Nothing => None,
            Pick::One(entry) | Pick::All(entry) => Some(entry),
        }
    }

    fn pick<'a>(&self, key: &Key, entries: &'a [Entry]) -> Result<Pick<'a>, ResolveError> {
        match policy_at(&self.state, key.path_bytes()) {
            Policy::Custom(name) if values_of(entries).count() > 1 => self.pick_custom(name, entries),
            policy => pick(&self.state, &policy, entries),
        }
    }

    fn pick_custom<'a>(&self, name: String, entries: &'a [Entry]) -> Result<Pick<'a>, ResolveError> {
        let Some((_, resolver)) = self.resolvers.iter().find(|(known, _)| *known == name) else {
            return Err(ResolveError::NoResolver(name));
        };
        let siblings = self.values(entries);
        let picked = resolver(&siblings);
        let chosen = siblings.get(picked).and_then(|sibling| {
            let same = |entry: &&Entry| {
                entry.seq == sibling.seq && self.state.writers[entry.writer as usize].id == sibling.replica
            };
            entries.iter().find(same)
        });
        chosen.map(Pick::One).ok_or(ResolveError::Choice { name, picked, count: siblings.len() })
    }

    /// The values among the dots, the last writer's first.
    fn values(&self, entries: &[Entry]) -> Vec<Sibling> {
        let mut sorted: Vec<&Entry> = Vec::new();
        for entry in values_of(entries) {
            let newer = |other: &&Entry| self.state.stamp(other) > self.state.stamp(entry);
            sorted.insert(sorted.partition_point(newer), entry);
        }
        let sibling = |entry: &Entry| {
            let replica = self.state.writers[entry.writer as usize].id;
            let source = source_of(&self.state, &replica);
            Sibling { value: value(entry), replica, seq: entry.seq, hlc: entry.hlc, source }
        };
        sorted.into_iter().map(sibling).collect()
    }
}

/// Whether the leaf of a register shows a value. Functions are not asked: they pick one of the values, if there are any.
pub(super) fn shows_value(state: &State, key: &Key, entries: &[Entry]) -> bool {
    entries.iter().all(|entry| !is_mark(entry)) || !matches!(pick_without_resolver(state, key, entries), Pick::Nothing)
}

fn pick_without_resolver<'a>(state: &State, key: &Key, entries: &'a [Entry]) -> Pick<'a> {
    let policy = policy_at(state, key.path_bytes());
    pick(state, &policy, entries).unwrap_or_else(|_| last(state, entries))
}

/// Applies a policy; one that goes by a function is taken as insert-wins.
fn pick<'a>(state: &State, policy: &Policy, entries: &'a [Entry]) -> Result<Pick<'a>, ResolveError> {
    let last_value = || values_of(entries).max_by_key(|entry| state.stamp(entry));
    Ok(match policy {
        Policy::LastWriterWins => last(state, entries),
        Policy::KeepAll => last_value().map_or(Pick::Nothing, Pick::All),
        Policy::InsertWins | Policy::Custom(_) => last_value().map_or(Pick::Nothing, Pick::One),
        Policy::RemoveWins if entries.iter().any(is_mark) => Pick::Nothing,
        Policy::RemoveWins => last(state, entries),
        Policy::SourcePriority(_) if entries.len() < 2 => last(state, entries),
        Policy::SourcePriority(sources) => by_source(state, sources, entries)?,
    })
}

/// The last of the dots whose source comes first.
fn by_source<'a>(state: &State, sources: &[String], entries: &'a [Entry]) -> Result<Pick<'a>, ResolveError> {
    let mut best: Option<(usize, &Entry)> = None;
    for entry in entries {
        let replica = state.writers[entry.writer as usize].id;
        let source = source_of(state, &replica).ok_or(ResolveError::UnknownSource(replica))?;
        let rank = sources.iter().position(|name| *name == source).unwrap_or(sources.len());
        let better =
            |(other, than): (usize, &Entry)| rank < other || (rank == other && state.stamp(entry) > state.stamp(than));
        if best.is_none_or(better) {
            best = Some((rank, entry));
        }
    }
    Ok(best.map_or(Pick::Nothing, |(_, entry)| one(entry)))
}

/// The last writer's, which may be a delete.
fn last<'a>(state: &State, entries: &'a [Entry]) -> Pick<'a> {
    newest(state, entries).map_or(Pick::Nothing, one)
}

fn one(entry: &Entry) -> Pick<'_> {
    if is_mark(entry) { Pick::Nothing } else { Pick::One(entry) }
}

fn is_mark(entry: &Entry) -> bool {
    *entry.payload == [UNDEFINED]
}

fn values_of(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| !is_mark(entry))
}

fn value(entry: &Entry) -> Value {
    Value::from_cbor(&entry.payload).unwrap_or_default()
}
