//! Types that merge, without a document: for those who want just one of them.
//!
//! Each is a value in memory. It is changed on any number of replicas, travels as bytes by whatever way there is, and
//! [`Crdt::merge`] brings all of them to the same state, whatever arrived how often and in which order. The functions
//! that change it return a *delta*: a small value of the same type, which merges like a whole one and is enough to
//! bring another replica up to date (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018).
//!
//! | type | concurrent changes |
//! |---|---|
//! | [`VectorClock`] | the greater number wins; [`VectorClock::compare`] tells what happened before what |
//! | [`GCounter`], [`PnCounter`] | all are counted; a reset takes away just what it saw |
//! | [`LwwRegister`], [`LwwSet`], [`LwwMap`] | the last writer wins: by time, then replica, then content |
//! | [`MvRegister`] | all values stay until someone who has seen them writes |
//! | [`GSet`], [`TwoPhaseSet`] | all adds stay; in the latter a removal is for ever |
//! | [`OrSet`], [`RwSet`] | adds win; removals win |
//! | [`EwFlag`], [`DwFlag`] | enabling wins; disabling wins |
//! | [`OrMap`] | its children merge; removing a key takes away just what was seen below it |
//!
//! [`Machine`] has the state machines of the core with plain values in and out, and [`decide`] its decisions, for bindings.
//!
//! # Replicas and time
//! Changes are signed with a [`ReplicaId`]. One id belongs to one running copy: a process that
//! starts, and whoever copies a value to go on from there, takes a new id, since two changes under one name are one.
//! Where time decides, it comes from an [`HlcClock`](crate::clock::HlcClock) of yours; check what comes from strangers with
//! [`HlcClock::check`](crate::clock::HlcClock::check) before merging, and let the clock observe what you merge.
//!
//! # Example
//! ```
//! use syncline::{clock::ReplicaId, standalone::{Crdt, OrSet}};
//! let (ada, bob) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
//!
//! let mut here = OrSet::default();
//! here.add(ada, "milk".to_owned())?;
//! let mut there = here.clone();
//! let removal = here.remove("milk");
//! let addition = there.add(bob, "milk".to_owned())?;
//!
//! here.merge(&addition);
//! there.merge(&OrSet::decode(&removal.encode())?);
//! assert_eq!(here, there);
//! assert!(here.contains("milk"), "the removal had not seen bob's add");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod counter;
mod decide;
mod dotted;
mod elements;
mod flag;
mod g_set;
mod index;
mod item;
mod lookup;
mod lww;
mod lww_map;
mod lww_set;
mod machine;
mod mv_register;
mod or_map;
mod or_set;
mod rw_set;
mod show;
mod siblings;
mod two_phase_set;
mod vector_clock;
mod wire;

pub use counter::{GCounter, PnCounter};
pub use decide::{CallError, decide};
pub use dotted::{Causal, DotStore, Dotted};
pub use flag::{DwFlag, DwFlagState, EwFlag, EwFlagState};
pub use g_set::GSet;
pub use item::{Item, Packed};
pub use lww::{LwwRegister, Stamp};
pub use lww_map::LwwMap;
pub use lww_set::LwwSet;
pub use machine::Machine;
pub use mv_register::{MvRegister, MvRegisterState};
pub use or_map::{OrMap, OrMapState};
pub use or_set::{OrSet, OrSetState};
pub use rw_set::{RwSet, RwSetState};
pub use two_phase_set::TwoPhaseSet;
pub use vector_clock::VectorClock;
pub use wire::{Input, Output};

use crate::bytes::DecodeError;
use crate::clock::ReplicaId;
use lookup::Lookup;

/// A value whose copies merge: a join semilattice (Shapiro, Preguiça, Baquero, Zawirski: "Conflict-free replicated data
/// types", 2011). The default is the empty state, which changes nothing where it is merged.
pub trait Crdt: Clone + Default + PartialEq {
    /// Takes in what the other has. The order, the grouping and repetitions of merges make no difference.
    fn merge(&mut self, other: &Self);

    /// Encodes the state or the delta. Equal states have equal bytes.
    fn encode(&self) -> Vec<u8>;

    /// Decodes what [`Crdt::encode`] made. Memory is bounded by the input.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are of another type, cut short or damaged.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// A change could not be made. Nothing was changed by the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The id has no sequence number left, or is retired.
    #[error("replica {0} has no sequence numbers left: go on under a new replica id")]
    Exhausted(ReplicaId),
    /// The sum of one replica's changes would leave the range of 64 bits.
    #[error("the count of replica {0} would leave 64 bits: go on under a new replica id")]
    Overflow(ReplicaId),
}
