//! Transactions over several rooms. Each node is in charge of one room and may coordinate.

use syncline::crdt::{Path, Value};
use syncline::delta::Blob;
use syncline::quorum::{
    CommitMessage, CommitRecord, CoordinatorInput, CoordinatorOutput, Outcome, ParticipantInput, ParticipantOutput,
    TxId,
};

use super::disk::Record;
use super::message::{Message, short_tx};
use super::node::{Done, Node, index_of, room_of, text};
use super::scene::{Scene, Told};

impl Node {
    /// Begins a transaction that adds `amount` in each of these rooms. Its name, if it could begin.
    pub fn transact(&mut self, rooms: &[usize], amount: i64, scene: &mut Scene) -> Result<Option<TxId>, String> {
        let now_ms = self.clock(scene);
        self.live.last_tx_ms = now_ms.max(self.live.last_tx_ms + 1);
        let tx = TxId::new(self.live.last_tx_ms, u128::from(scene.rng.bits()));
        let parts = rooms.iter().map(|room| (room_of(*room), amount.to_le_bytes().to_vec())).collect();
        scene.tell(|| format!("n{} TRANSACTION {} over rooms {rooms:?}: {amount}", self.index, short_tx(&tx)));
        let begun = self.live.coordinator.handle(CoordinatorInput::Begin { tx, parts }, now_ms).is_ok();
        self.drain_commit(scene)?;
        Ok(begun.then_some(tx))
    }

    /// A message of two-phase commit.
    pub(super) fn committing(&mut self, bytes: &[u8], scene: &mut Scene) -> Result<(), String> {
        let (now_ms, message) = (self.clock(scene), CommitMessage::decode(bytes).map_err(text)?);
        match message {
            CommitMessage::Prepare { .. } | CommitMessage::Decide { .. } => {
                self.live.participant.handle(ParticipantInput::Message(message), now_ms);
                Ok(())
            }
            _ => self.live.coordinator.handle(CoordinatorInput::Message(message), now_ms).map_err(text),
        }
    }

    pub(super) fn tick_commit(&mut self, scene: &mut Scene) {
        let now_ms = self.clock(scene);
        // Only a beginning can be refused.
        let _ = self.live.coordinator.handle(CoordinatorInput::Tick, now_ms);
        self.live.participant.handle(ParticipantInput::Tick, now_ms);
    }

    pub(super) fn prepared(&mut self, tx: TxId, scene: &mut Scene) {
        let now_ms = self.clock(scene);
        self.live.participant.handle(ParticipantInput::Forced(tx), now_ms);
    }

    pub(super) fn applied(&mut self, tx: TxId, scene: &mut Scene) {
        let now_ms = self.clock(scene);
        self.live.unsynced_applies -= 1;
        self.live.participant.handle(ParticipantInput::Applied(tx), now_ms);
        scene.tell(|| format!("n{} has merged {}", self.index, short_tx(&tx)));
        scene.told.push(Told::Settled(self.index, tx, true));
    }

    pub(super) fn committed(&mut self, tx: TxId, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        self.live.coordinator.handle(CoordinatorInput::Forced(tx), now_ms).map_err(text)
    }

    pub(super) fn drain_commit(&mut self, scene: &mut Scene) -> Result<(), String> {
        self.drain_coordinator(scene);
        self.drain_participant(scene)
    }

    fn drain_coordinator(&mut self, scene: &mut Scene) {
        loop {
            match self.live.coordinator.poll() {
                CoordinatorOutput::Force(record) => {
                    let done = tx_of(&record).map(Done::Committed);
                    self.persist(Record::Coordinator(record.encode()), done, scene);
                }
                CoordinatorOutput::Note(record) => self.persist(Record::Coordinator(record.encode()), None, scene),
                CoordinatorOutput::Send { to, message } => {
                    let to = to.trim_start_matches("room-").parse().unwrap_or(usize::MAX);
                    scene.send(self.index, to, Message::Commit(message.encode().into()));
                }
                CoordinatorOutput::Finished { tx, outcome } => {
                    scene.tell(|| format!("n{} TELLS {} {outcome:?}", self.index, short_tx(&tx)));
                    scene.told.push(Told::Decided(tx, outcome == Outcome::Committed));
                }
                CoordinatorOutput::Idle(_) => break,
            }
        }
    }

    fn drain_participant(&mut self, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        loop {
            match self.live.participant.poll() {
                ParticipantOutput::Validate { tx, .. } => {
                    let refusal = scene.rng.chance(15).then(|| "the room does not want it".to_owned());
                    self.live.participant.handle(ParticipantInput::Validated { tx, refusal }, now_ms);
                }
                ParticipantOutput::Force(record) => {
                    let done = tx_of(&record).map(Done::Prepared);
                    self.persist(Record::Room(record.encode()), done, scene);
                }
                ParticipantOutput::Apply { tx, payload, record } => self.apply(tx, &payload, &record, scene)?,
                ParticipantOutput::Release { tx, record } => {
                    self.persist(Record::Room(record.encode()), None, scene);
                    scene.told.push(Told::Settled(self.index, tx, false));
                }
                ParticipantOutput::Send { to, message } => {
                    scene.send(self.index, index_of(&to), Message::Commit(message.encode().into()));
                }
                ParticipantOutput::Idle(_) => return Ok(()),
            }
        }
    }

    /// Mints the writes; they and the record are one entry, and nothing leaves before it is synced.
    fn apply(&mut self, tx: TxId, payload: &[u8], record: &CommitRecord, scene: &mut Scene) -> Result<(), String> {
        let (now_ms, room) = (self.clock(scene), room_of(self.index));
        let amount = payload.first_chunk::<8>().map(|bytes| i64::from_le_bytes(*bytes));
        let amount = amount.ok_or("a room applies what nobody wrote")?;
        let doc = &mut self.live.doc;
        doc.begin(now_ms, None).map_err(text)?;
        doc.set(&Path::from_segments(["tx", &tx.to_string(), &room]), Value::Int(amount)).map_err(text)?;
        doc.counter_add(&Path::from_segments(["sum", &room]), amount).map_err(text)?;
        doc.commit().map_err(text)?;
        let batch = doc.take_batch().ok_or("a commit left no batch")?;
        let blob: super::message::Bytes = Blob::encode_batch(&batch).into();
        self.live.unsynced_applies += 1;
        self.persist(Record::Applied(blob.clone(), record.encode()), Some(Done::Applied(tx)), scene);
        self.publish(batch.first, &blob, scene);
        self.changed(scene)
    }
}

fn tx_of(record: &CommitRecord) -> Option<TxId> {
    match record {
        CommitRecord::Committed { tx, .. } | CommitRecord::Prepared { tx, .. } => Some(*tx),
        _ => None,
    }
}
