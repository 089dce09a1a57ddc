//! What nodes say to each other. Any message may be lost, late or come twice.

use std::fmt;
use std::sync::Arc;

use syncline::clock::VersionVector;
use syncline::quorum::{Ack, CommitMessage, FenceRecord, MemberId};

/// A blob that several nodes are sent.
pub type Bytes = Arc<[u8]>;

/// One message.
#[derive(Clone, Debug)]
pub enum Message {
    /// Hot path: committed batches in order.
    Frames(u64, Vec<Bytes>),
    /// Hot path: what the receiver lacks, as far as the sender knows.
    Delta(u64, Bytes),
    /// What the receiver of the two above has on disk.
    Ack(u64, Ack),
    /// Something before it is missing; this is there.
    Gap(u64, VersionVector),
    /// A quorum read asks what is on disk.
    Ask(u64),
    /// The answer.
    Answer(u64, Ack),
    /// A quorum read asks for what it lacks.
    Fetch(u64, VersionVector),
    /// That.
    Fetched(u64, Bytes),
    /// A quorum read writes back; the answer is what is on disk then.
    Offer(u64, Bytes),
    /// Please keep this for a member that is down: the member, what it has, what it shall have, the data.
    StandIn(MemberId, VersionVector, VersionVector, Bytes),
    /// It is kept.
    StoodIn(MemberId, Ack),
    /// Someone wants to be primary: the term, and the epoch of the configuration.
    Claim(FenceRecord, u64),
    /// A member promises the term.
    Promised(FenceRecord, Ack),
    /// A later term is known.
    Outrun(FenceRecord, u64),
    /// A write of a primary: its term, its number, the data.
    Fenced(FenceRecord, u64, Bytes),
    /// It is taken and on disk.
    Admitted(FenceRecord, u64, Ack),
    /// It is refused.
    Refused(u64, u64),
    /// Two-phase commit, encoded.
    Commit(Bytes),
    /// Cold path: number of the session, turn, the session's message.
    Cold(u64, u32, Bytes),
    /// The members in force, encoded.
    Configure(Bytes),
    /// What a node holds, in its epoch, for the handover.
    Report(Ack),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Frames(number, blobs) => write!(f, "frames #{number}: {} batches", blobs.len()),
            Message::Delta(number, blob) => write!(f, "delta #{number}: {} bytes", blob.len()),
            Message::Ack(number, ack) => write!(f, "ack of #{number}: {}", Shown(&ack.durable)),
            Message::Gap(number, have) => write!(f, "gap before #{number}: only {} is here", Shown(have)),
            Message::Ask(read) => write!(f, "read {read} asks"),
            Message::Answer(read, ack) => write!(f, "answer to read {read}: {}", Shown(&ack.durable)),
            Message::Fetch(read, _) => write!(f, "read {read} fetches"),
            Message::Fetched(read, blob) => write!(f, "for read {read}: {} bytes", blob.len()),
            Message::Offer(read, blob) => write!(f, "read {read} writes back {} bytes", blob.len()),
            Message::StandIn(target, ..) => write!(f, "asks to stand in for {target}"),
            Message::StoodIn(target, _) => write!(f, "stands in for {target}"),
            Message::Claim(claim, epoch) => write!(f, "claim of {} in epoch {epoch}", Term(claim)),
            Message::Promised(claim, _) => write!(f, "promise of {}", Term(claim)),
            Message::Outrun(claim, known) => write!(f, "{} is outrun by term {known}", Term(claim)),
            Message::Fenced(by, ticket, _) => write!(f, "fenced write {ticket} by {}", Term(by)),
            Message::Admitted(_, ticket, _) => write!(f, "admits fenced write {ticket}"),
            Message::Refused(ticket, known) => write!(f, "refuses fenced write {ticket}, term {known} is known"),
            Message::Commit(bytes) => match CommitMessage::decode(bytes) {
                Ok(message) => commit(f, &message),
                Err(error) => write!(f, "a damaged message: {error}"),
            },
            Message::Cold(number, turn, bytes) => write!(f, "cold session {number}.{turn}: {} bytes", bytes.len()),
            Message::Configure(_) => f.write_str("the members in force"),
            Message::Report(ack) => write!(f, "report in epoch {}: {}", ack.epoch, Shown(&ack.durable)),
        }
    }
}

fn commit(f: &mut fmt::Formatter<'_>, message: &CommitMessage) -> fmt::Result {
    let tx = short_tx(&message.tx());
    match message {
        CommitMessage::Prepare { .. } => write!(f, "prepare {tx}"),
        CommitMessage::Vote { refusal: None, .. } => write!(f, "votes yes on {tx}"),
        CommitMessage::Vote { refusal: Some(reason), .. } => write!(f, "votes no on {tx}: {reason}"),
        CommitMessage::Decide { commit: true, .. } => write!(f, "commit {tx}"),
        CommitMessage::Decide { commit: false, .. } => write!(f, "abort {tx}"),
        CommitMessage::Ack { .. } => write!(f, "{tx} is merged"),
        CommitMessage::Inquire { .. } => write!(f, "how did {tx} end?"),
    }
}

/// The last letters of a transaction's name, enough to tell those of one run apart.
pub fn short_tx(tx: &syncline::quorum::TxId) -> String {
    format!("tx-{}", &tx.to_string()[26..])
}

struct Term<'a>(&'a FenceRecord);

impl fmt::Display for Term<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "term {}/{} of {}", self.0.epoch >> TERM_BITS, self.0.epoch & ((1 << TERM_BITS) - 1), self.0.holder)
    }
}

/// A term is the epoch of the configuration, then a number of so many bits.
pub const TERM_BITS: u32 = 20;

/// A version vector for people: sessions are named by their node and start.
pub struct Shown<'a>(pub &'a VersionVector);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (id, seq) in self.0.iter() {
            write!(f, "{}{}:{seq}", if first { "{" } else { " " }, session(&id))?;
            first = false;
        }
        f.write_str(if first { "nothing" } else { "}" })
    }
}

/// The name of a session: its node and how often that had started, which are the last bytes of its id.
pub fn session(id: &syncline::clock::ReplicaId) -> String {
    let bytes = id.as_bytes();
    format!("n{}.{}", bytes[15], bytes[14])
}
