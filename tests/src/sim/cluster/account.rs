//! The account: what was promised to programs, held against what the disks really hold.

use std::collections::{BTreeMap, BTreeSet};

use syncline::clock::{Dot, ReplicaId, VersionVector};
use syncline::crdt::{Path, Value};
use syncline::delta::Digest;
use syncline::quorum::{Configuration, Level, MemberId, ReadOutcome, ReadReport, TxId, WriteOutcome, WriteReport};

use super::counts::Counts;
use super::message::{Shown, TERM_BITS, session, short_tx};
use super::node::{Node, index_of, room_of};
use super::scene::Told;

/// Events by writer: a version as plain data, compared without the help of the core.
type Plain = BTreeMap<ReplicaId, u64>;

/// What was promised, and what is known to be true.
#[derive(Default)]
pub struct Account {
    /// The most that was acknowledged by a majority, by writer.
    floor: Plain,
    /// What was acknowledged at any level, with the machines that had it and how often each had lost its disk.
    acked: Vec<(WriteReport, Vec<(usize, usize)>)>,
    /// Versions that reads have agreed on, in the order in which they ended.
    agreed: Vec<Plain>,
    /// Reads under way: what they must see, and how many reads had agreed before.
    reads: BTreeMap<u64, (Plain, usize)>,
    digests: BTreeMap<Vec<u8>, Digest>,
    /// The last term that a member has promised.
    promised: BTreeMap<MemberId, u64>,
    /// Who was seen as the primary of a term.
    holders: BTreeMap<u64, MemberId>,
    /// Claims held, with what their members had.
    held: Vec<(u64, Plain)>,
    /// Fenced writes on a majority.
    fenced: Vec<(u64, Dot)>,
    /// Transactions: rooms, amount, how it ended as far as anybody knows, rooms that have merged it.
    transactions: BTreeMap<TxId, Transaction>,
    /// What is counted for the summary.
    pub counts: Counts,
}

struct Transaction {
    rooms: Vec<usize>,
    amount: i64,
    committed: Option<bool>,
    merged: BTreeSet<usize>,
}

fn plain(version: &VersionVector) -> Plain {
    version.iter().collect()
}

fn includes(more: &Plain, less: &Plain) -> bool {
    less.iter().all(|(id, seq)| more.get(id).is_some_and(|have| have >= seq))
}

/// Whether the machine behind a name really has an event on disk; for a lost disk, whether it had it.
fn holds(nodes: &[Node], name: &MemberId, writer: &ReplicaId, seq: u64) -> bool {
    let Some(node) = nodes.get(index_of(name)) else { return false };
    let former = node.disk.former.iter().find(|(former, _)| former == name).map(|(_, durable)| durable);
    former.or((node.name == *name).then_some(node.disk.durable())).is_some_and(|disk| disk.get(writer) >= seq)
}

/// How many disks the machine of this name had lost when it got it.
fn losses_of(name: &MemberId) -> usize {
    name.as_str().split_once('-').and_then(|(_, losses)| losses.parse().ok()).unwrap_or(0)
}

/// How many of `members` a level needs, from its definition.
fn needed(level: Level, members: usize) -> usize {
    match level {
        Level::One => 1,
        Level::All => members,
        Level::N(count) => count.into(),
        _ => members / 2 + 1,
    }
}

/// The old members and, during a change, the new ones.
fn sides(config: &Configuration) -> Vec<Vec<MemberId>> {
    let side = |members: &[syncline::quorum::Member]| members.iter().map(|member| member.id.clone()).collect();
    std::iter::once(side(config.members())).chain(config.next().map(side)).collect()
}

impl Account {
    /// Holds what a node has told against the truth.
    pub fn hear(&mut self, told: Told, nodes: &[Node], config: &Configuration) -> Result<(), String> {
        match told {
            Told::Wrote(members, report) => self.wrote(&members, report, nodes)?,
            Told::Read(_, number, report) => return self.read(number, &report),
            Told::Decided(tx, committed) => return self.settle(tx, committed),
            Told::Settled(room, tx, merged) => {
                self.settle(tx, merged)?;
                let twice = merged && self.transactions.get_mut(&tx).is_some_and(|known| !known.merged.insert(room));
                return if twice { Err(format!("room {room} merged {} twice", short_tx(&tx))) } else { Ok(()) };
            }
            Told::Promised(member, term) => {
                let last = self.promised.entry(member.clone()).or_default();
                if term < *last {
                    return Err(format!("{member} promised term {last}, then the earlier term {term}"));
                }
                *last = term;
                return Ok(());
            }
            Told::Admitted(member, term, holder) => {
                let last = self.promised.get(&member).copied().unwrap_or(0);
                if term < last {
                    return Err(format!("{member} took a write of term {term}, but has promised term {last}"));
                }
                return self.one_holder(term, holder);
            }
            Told::Held(term, holder, inherited) => {
                self.counts.terms += 1;
                self.held.push((term, plain(&inherited)));
                self.one_holder(term, holder)?;
                return self.check_terms();
            }
            Told::Fenced(term, dot) => {
                self.counts.fenced += 1;
                self.fenced.push((term, dot));
                return self.check_terms();
            }
            Told::Delivered(node, target, until) => {
                self.counts.hints += 1;
                let lacks = until.iter().find(|(writer, seq)| !holds(nodes, &target, writer, *seq));
                if let Some((writer, seq)) = lacks {
                    let lacks = format!("{}:{seq}", session(&writer));
                    return Err(format!("n{node} dropped its hint for {target}, which does not have {lacks}"));
                }
                return Ok(());
            }
            Told::Reconfigured => self.counts.changes += 1,
        }
        self.majorities(nodes, config)
    }

    fn wrote(&mut self, members: &Configuration, report: WriteReport, nodes: &[Node]) -> Result<(), String> {
        if report.outcome == WriteOutcome::Indeterminate {
            return Ok(());
        }
        let (dot, level, sloppy) = (report.dot, report.level, report.outcome == WriteOutcome::Sloppy);
        let what = format!("write {} at {level}", report.ticket);
        let mut machines = BTreeSet::new();
        for name in report.acked_by.iter().chain(report.hinted_by.iter().map(|(holder, _)| holder)) {
            if !holds(nodes, name, &dot.replica, dot.seq) {
                return Err(format!("{what} is said to be on {name}, which does not have it on disk"));
            }
            if !machines.insert(name.clone()) {
                return Err(format!("{what} counts {name} twice"));
            }
        }
        for side in sides(members) {
            let strict = report.acked_by.iter().filter(|name| side.contains(name)).count();
            // During a change one machine may stand in for a member of either side; the report names it once.
            let holders: BTreeSet<_> = report.hinted_by.iter().map(|(holder, _)| holder).collect();
            let hinted = holders.len();
            let found = strict + if sloppy { hinted } else { 0 };
            if found < needed(level, side.len()) {
                return Err(format!("{what} was acknowledged by {found} of {side:?}: {report:?}"));
            }
            let majority = strict >= needed(Level::Quorum, side.len());
            if majority && !sloppy && matches!(level, Level::Quorum | Level::All) {
                let last = self.floor.entry(dot.replica).or_default();
                *last = dot.seq.max(*last);
            }
        }
        self.counts.acknowledged += 1;
        self.counts.sloppy += u64::from(sloppy);
        let machines = machines.iter().map(|name| (index_of(name), losses_of(name))).collect();
        self.acked.push((report, machines));
        Ok(())
    }

    /// What a majority has acknowledged is on every majority of the members in force; of the old ones during a change.
    pub fn majorities(&self, nodes: &[Node], config: &Configuration) -> Result<(), String> {
        let members: Vec<&MemberId> = config.members().iter().map(|member| &member.id).collect();
        for (writer, seq) in &self.floor {
            let with = members.iter().filter(|name| holds(nodes, name, writer, *seq)).count();
            if with < needed(Level::Quorum, members.len()) {
                let event = format!("{}:{seq}", session(writer));
                return Err(format!("{event} was acknowledged by a majority, but only {with} of {members:?} have it"));
            }
        }
        Ok(())
    }

    /// A quorum read begins.
    pub fn begin_read(&mut self, number: u64) {
        self.reads.insert(number, (self.floor.clone(), self.agreed.len()));
    }

    fn read(&mut self, number: u64, report: &ReadReport) -> Result<(), String> {
        let Some((floor, before)) = self.reads.remove(&number) else { return Ok(()) };
        let seen = plain(&report.version);
        if report.outcome == ReadOutcome::Unavailable {
            return Ok(());
        }
        if !includes(&seen, &floor) {
            let shown = Shown(&report.version);
            return Err(format!("read {number} ended {:?} with {shown}, before it {floor:?}", report.outcome));
        }
        if report.outcome == ReadOutcome::Merged {
            self.counts.merged += 1;
            return Ok(());
        }
        self.counts.agreed += 1;
        if let Some(missed) = self.agreed[..before].iter().find(|earlier| !includes(&seen, earlier)) {
            return Err(format!("read {number} agreed on less than a read before it: {missed:?}"));
        }
        let apart = |other: &&Plain| !includes(&seen, other) && !includes(other, &seen);
        if let Some(other) = self.agreed.iter().find(apart) {
            return Err(format!("read {number} agreed on {seen:?}, another one on {other:?}: in no order"));
        }
        self.agreed.push(seen);
        Ok(())
    }

    fn one_holder(&mut self, term: u64, holder: MemberId) -> Result<(), String> {
        let known = self.holders.entry(term).or_insert_with(|| holder.clone());
        if *known == holder { Ok(()) } else { Err(format!("term {term} has two primaries: {known} and {holder}")) }
    }

    /// Whoever holds a later term has been handed every write of an earlier one that a majority has taken. Terms of
    /// other members are covered by the handover.
    fn check_terms(&self) -> Result<(), String> {
        for (term, inherited) in &self.held {
            let earlier = |(other, _): &&(u64, Dot)| other < term && other >> TERM_BITS == term >> TERM_BITS;
            let lost = |(_, dot): &&(u64, Dot)| inherited.get(&dot.replica).is_none_or(|seq| *seq < dot.seq);
            if let Some((other, dot)) = self.fenced.iter().filter(earlier).find(lost) {
                let event = format!("{}:{}", session(&dot.replica), dot.seq);
                return Err(format!("a majority took {event} of term {other}, but term {term} began without it"));
            }
        }
        Ok(())
    }

    /// A transaction was begun.
    pub fn begin_transaction(&mut self, tx: TxId, rooms: &[usize], amount: i64) {
        let (rooms, merged) = (rooms.to_vec(), BTreeSet::new());
        self.transactions.insert(tx, Transaction { rooms, amount, committed: None, merged });
    }

    fn settle(&mut self, tx: TxId, committed: bool) -> Result<(), String> {
        let Some(known) = self.transactions.get_mut(&tx) else { return Ok(()) };
        let before = known.committed.replace(committed);
        self.counts.committed += u64::from(before.is_none() && committed);
        self.counts.aborted += u64::from(before.is_none() && !committed);
        if before.is_some_and(|before| before != committed) {
            return Err(format!("{} is committed here and aborted there", short_tx(&tx)));
        }
        Ok(())
    }

    /// Equal versions have equal digests, at any time and in any node.
    pub fn check_digest(&mut self, node: &Node) -> Result<(), String> {
        let (doc, key) = (&node.live.doc, node.live.doc.version().encode());
        let known = *self.digests.entry(key).or_insert_with(|| doc.digest());
        let shown = doc.version();
        if known == doc.digest() { Ok(()) } else { Err(format!("one version, two digests: {}", Shown(&shown))) }
    }

    /// The account of a run that has come to rest.
    pub fn close(&self, nodes: &[Node], config: &Configuration) -> Result<(), String> {
        self.majorities(nodes, config)?;
        let doc = &nodes[0].live.doc;
        let version = plain(&doc.version());
        if !includes(&version, &self.floor) {
            return Err(format!("what a majority acknowledged is lost: {:?} of {:?}", version, self.floor));
        }
        for (report, machines) in &self.acked {
            let kept = machines.iter().any(|(at, losses)| nodes[*at].disk.former.len() == *losses);
            if kept && !doc.version().covers(&report.dot) {
                return Err(format!("write {} was acknowledged at {} and is lost", report.ticket, report.level));
            }
        }
        self.close_transactions(nodes)
    }

    /// A transaction is in all its rooms or in none, as was told, and once.
    fn close_transactions(&self, nodes: &[Node]) -> Result<(), String> {
        let doc = &nodes[0].live.doc;
        let mut sums = vec![0; nodes.len()];
        for (tx, known) in &self.transactions {
            let in_room = |room: &usize| {
                let path = Path::from_segments(["tx", &tx.to_string(), &room_of(*room)]);
                doc.get(&path) == Some(Value::Int(known.amount))
            };
            let found = known.rooms.iter().filter(|room| in_room(room)).count();
            // Nobody was told of one whose coordinator crashed as its record reached the disk; it is in all rooms or in none.
            let committed = known.committed.unwrap_or(found > 0);
            if found != if committed { known.rooms.len() } else { 0 } {
                let (tx, rooms) = (short_tx(tx), &known.rooms);
                return Err(format!("{tx} over {rooms:?} ended {:?} and is in {found} rooms", known.committed));
            }
            known.rooms.iter().filter(|_| found > 0).for_each(|room| sums[*room] += known.amount);
        }
        for (room, sum) in sums.iter().enumerate() {
            let found = doc.counter(&Path::from_segments(["sum", &room_of(room)]));
            if found != *sum {
                return Err(format!("room {room} has counted {found}, its transactions make {sum}"));
            }
        }
        Ok(())
    }
}
