//! When a write or a read is done: members, levels, trackers, hints, session tokens, fences and two-phase commit.
//!
//! Nothing here sends or stores anything. Each machine takes one enum in (`handle(input, now_ms)`) and gives one enum out
//! (`poll()`, until it says `Idle` with the time at which it wants to be called again). A driver sends what it is told to
//! send, puts on disk what it is told to put on disk, and says when that is done.
//!
//! | asked for | guaranteed |
//! |---|---|
//! | write [`Level::One`] | on the disk of one member |
//! | write [`Level::Quorum`] | on most members: survives the loss of any minority, every later quorum read sees it |
//! | write [`Level::All`] | on every member |
//! | write [`Level::N`] | on so many distinct members |
//! | write [`Level::LocalQuorum`], [`Level::EachQuorum`] | on most members of the own, of every region |
//! | a write that timed out | nothing is lost: [`WriteOutcome::Indeterminate`] names who has it |
//! | a sloppy write | as many machines have it, but a quorum read may miss it |
//! | read [`ReadLevel::Local`] | what this replica has seen |
//! | read [`ReadLevel::Session`] | one's own writes, and no less than before |
//! | read at [`Level::Quorum`], [`ReadOutcome::Merged`] | every quorum write acknowledged before; **not** linearizable |
//! | read at [`Level::Quorum`], [`ReadOutcome::Agreed`] | the same, and such reads are linearizable |
//! | a transaction over several rooms | in all of them or in none, see [`CommitRecord`]; readers may see some rooms earlier |
//!
//! An event is done by a *cumulative* ack: a member says up to where its disk holds everything, so what one ack says, any
//! later one says too. Whoever acknowledges is kept by name. Counting acks instead lets one member acknowledge twice.

mod ack;
mod commit;
mod configuration;
mod decide;
mod fence;
mod hint;
mod level;
mod member;
mod read;
mod session;
mod setback;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod write;

pub use ack::{Ack, AckError, Handover};
pub use commit::{
    AbortReason, BeginError, CommitMessage, CommitRecord, CommitTimes, Coordinator, CoordinatorInput,
    CoordinatorOutput, Outcome, Participant, ParticipantInput, ParticipantOutput, REMEMBERED, TRANSACTION_BYTES,
    TRANSACTION_ROOMS, TRANSACTIONS, TxId,
};
pub use configuration::Configuration;
pub use decide::decide;
pub use fence::{Claim, Fence, FenceInput, FenceOutput, FenceRecord};
pub use hint::{HINT_BYTES, Hint, HintError, Hints};
pub use level::{Level, LevelError};
pub use member::{MEMBERS, Member, MemberError, MemberId, NAME_BYTES};
pub use read::{QuorumRead, ReadInput, ReadLevel, ReadOutcome, ReadOutput, ReadPlan, ReadReport};
pub use session::{SessionToken, TOKEN_ENTRIES};
pub use write::{
    STAND_INS, WAITING, Write, WriteError, WriteInput, WriteOutcome, WriteOutput, WriteReport, WriteTracker,
};
