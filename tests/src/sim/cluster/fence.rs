//! Terms: who may write as the primary, and what its fenced writes meet at the members.

use std::collections::{BTreeMap, BTreeSet};

use syncline::clock::{Dot, VersionVector};
use syncline::quorum::{Claim, Fence, FenceInput, FenceOutput, FenceRecord, Level, MemberId};

use super::disk::Record;
use super::ledger::Committed;
use super::message::{Message, TERM_BITS};
use super::node::{Done, Node, index_of};
use super::scene::{Scene, Told};

/// A claim, and what became of it.
pub(super) struct Primacy {
    claim: Claim,
    /// The epoch of the members that are asked.
    epoch: u64,
    /// What the members hold that have promised.
    inherited: VersionVector,
    held: bool,
    next: u64,
    open: BTreeMap<u64, (Dot, BTreeSet<MemberId>)>,
}

impl Node {
    /// Claims the next term that this node can think of.
    pub fn claim(&mut self, scene: &mut Scene) {
        let config = &self.live.config;
        if !config.contains(&self.name) {
            return;
        }
        let (epoch, low) = (config.epoch(), (1 << TERM_BITS) - 1);
        let known = self.live.fence.promised().filter(|known| known.epoch >> TERM_BITS == epoch);
        let own = self.live.primacy.as_ref().filter(|primacy| primacy.epoch == epoch);
        let own = own.map_or(0, |primacy| primacy.claim.record().epoch & low);
        let number = known.map_or(0, |known| known.epoch & low).max(own) + 1;
        let record = FenceRecord { epoch: epoch << TERM_BITS | number, holder: self.name.clone() };
        scene.tell(|| format!("n{} CLAIMS term {epoch}/{number}", self.index));
        let members: Vec<usize> = config.ids().into_iter().map(index_of).collect();
        let claim = Claim::new(config.clone(), record.clone());
        let (inherited, open) = (VersionVector::default(), BTreeMap::new());
        self.live.primacy = Some(Primacy { claim, epoch, inherited, held: false, next: 1, open });
        members.into_iter().for_each(|to| scene.send(self.index, to, Message::Claim(record.clone(), epoch)));
    }

    /// Whether this node may write as the primary, as far as it knows.
    pub fn is_primary(&self) -> bool {
        let current = |primacy: &&Primacy| {
            primacy.held
                && primacy.epoch == self.live.config.epoch()
                && self.live.doc.version().includes(&primacy.inherited)
        };
        self.live.primacy.as_ref().filter(current).is_some()
    }

    /// Sends what was just committed here to all members as a write of the primary.
    pub fn write_fenced(&mut self, committed: &Committed, scene: &mut Scene) -> Result<(), String> {
        self.commit_here(committed, scene)?;
        let Some(primacy) = &mut self.live.primacy else { return Ok(()) };
        let (ticket, by) = (primacy.next, primacy.claim.record().clone());
        primacy.next += 1;
        primacy.open.insert(ticket, (committed.dot, BTreeSet::new()));
        for to in self.live.config.ids().into_iter().map(index_of) {
            scene.send(self.index, to, Message::Fenced(by.clone(), ticket, committed.blob.clone()));
        }
        Ok(())
    }

    /// A claim, or what is said to one.
    pub(super) fn claiming(&mut self, from: usize, message: Message, scene: &mut Scene) {
        match message {
            Message::Claim(claim, epoch) if epoch == self.live.config.epoch() => {
                if !self.live.config.contains(&self.name) {
                    return;
                }
                self.live.fence.handle(FenceInput::Claim(claim));
                self.drain_fence(scene);
            }
            Message::Promised(record, ack) => {
                let Some(primacy) = &mut self.live.primacy else { return };
                if ack.epoch != primacy.epoch || record != *primacy.claim.record() || primacy.held {
                    return;
                }
                primacy.inherited.join(&ack.durable);
                if primacy.claim.promise(&ack.from, &record) {
                    primacy.held = true;
                    scene.tell(|| format!("n{} HOLDS term {}", self.index, record.epoch & ((1 << TERM_BITS) - 1)));
                    scene.told.push(Told::Held(record.epoch, record.holder, primacy.inherited.clone()));
                }
                let version = self.live.doc.version();
                scene.send(self.index, from, Message::Fetch(super::write::HINT_READ, version));
            }
            Message::Outrun(claim, _) => {
                self.live.primacy.take_if(|primacy| *primacy.claim.record() == claim);
            }
            _ => {}
        }
    }

    /// A fenced write, or what is said to one.
    pub(super) fn fenced(&mut self, from: usize, message: Message, scene: &mut Scene) -> Result<(), String> {
        match message {
            Message::Fenced(by, ticket, blob) => {
                self.live.fence.handle(FenceInput::Write { by: by.clone(), ticket });
                match self.live.fence.poll() {
                    FenceOutput::Admit(ticket) if self.import(&blob, scene)? => {
                        self.after_sync(Done::Admitted(from, by, ticket), scene)?;
                    }
                    FenceOutput::Refuse { ticket, known } => {
                        scene.send(self.index, from, Message::Refused(ticket, known));
                    }
                    _ => {}
                }
            }
            Message::Admitted(by, ticket, ack) => {
                let Some(primacy) = &mut self.live.primacy else { return Ok(()) };
                if by != *primacy.claim.record() || ack.epoch != primacy.epoch {
                    return Ok(());
                }
                let Some((dot, members)) = primacy.open.get_mut(&ticket) else { return Ok(()) };
                members.insert(ack.from);
                let holds = |id: &MemberId| members.contains(id);
                if self.live.config.satisfied(Level::Quorum, None, &holds) == Ok(true) {
                    scene.told.push(Told::Fenced(by.epoch, *dot));
                    primacy.open.remove(&ticket);
                }
            }
            Message::Refused(..) => self.live.primacy = None,
            _ => {}
        }
        Ok(())
    }

    /// A term is on disk.
    pub(super) fn term_synced(&mut self, record: FenceRecord, scene: &mut Scene) {
        self.live.fence.handle(FenceInput::Forced(record));
        self.drain_fence(scene);
    }

    fn drain_fence(&mut self, scene: &mut Scene) {
        loop {
            match self.live.fence.poll() {
                FenceOutput::Force(record) => {
                    self.persist(Record::Fence(record.encode()), Some(Done::Fenced(record)), scene);
                }
                FenceOutput::Promise(record) => {
                    scene.told.push(Told::Promised(self.name.clone(), record.epoch));
                    let to = index_of(&record.holder);
                    scene.send(self.index, to, Message::Promised(record, self.ack()));
                }
                FenceOutput::Outrun { claim, known } => {
                    let to = index_of(&claim.holder);
                    scene.send(self.index, to, Message::Outrun(claim, known));
                }
                FenceOutput::Admit(_) | FenceOutput::Refuse { .. } => {}
                FenceOutput::Idle => break,
            }
        }
    }

    /// The promise that is on disk, for the account.
    pub fn promised(&self) -> Option<&FenceRecord> {
        Fence::promised(&self.live.fence)
    }
}
