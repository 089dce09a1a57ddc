//! Quorum reads: ask, pull, write back, until enough members say the same.

use syncline::quorum::{Level, QuorumRead, ReadInput, ReadOutput, ReadPlan};

use super::message::{Message, Shown};
use super::node::{Done, Node, index_of};
use super::scene::{Scene, Told};
use super::write::HINT_READ;

/// How long a read tries, in ms of its node's clock.
const READ_MS: u64 = 2_000;

/// A read under way.
pub(super) struct Reading {
    machine: QuorumRead,
}

impl Node {
    /// Begins a read. Whether the level can be reached at all.
    pub fn read(&mut self, number: u64, level: Level, scene: &mut Scene) -> Result<bool, String> {
        let now_ms = self.clock(scene);
        let plan = ReadPlan { level, rounds: 3, retry_ms: 300, deadline_ms: now_ms + READ_MS };
        let (config, local) = (self.live.config.clone(), self.live.doc.version());
        scene.tell(|| format!("n{} READ {number} at {level}, has seen {}", self.index, Shown(&local)));
        let Ok(machine) = QuorumRead::new(config, None, plan, local, now_ms) else { return Ok(false) };
        self.live.reads.insert(number, Reading { machine });
        self.drain_read(number, scene)?;
        Ok(true)
    }

    /// A message of a quorum read, here or elsewhere.
    pub(super) fn reading(&mut self, from: usize, message: Message, scene: &mut Scene) -> Result<(), String> {
        match message {
            Message::Ask(read) => scene.send(self.index, from, Message::Answer(read, self.ack())),
            Message::Answer(read, ack) => {
                self.hear(ack.clone(), scene)?;
                self.read_on(read, ReadInput::Answer(ack), scene)?;
            }
            Message::Fetch(read, since) => {
                if let Some(blob) = self.blob_since(&since) {
                    scene.send(self.index, from, Message::Fetched(read, blob));
                }
            }
            Message::Fetched(read, blob) => {
                self.import(&blob, scene)?;
                let version = self.live.doc.version();
                self.read_on(read, ReadInput::Local(version), scene)?;
            }
            Message::Offer(read, blob) => {
                self.import(&blob, scene)?;
                self.after_sync(Done::Answer(from, read), scene)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads hear that the document has changed.
    pub(super) fn tell_reads(&mut self, scene: &mut Scene) -> Result<(), String> {
        let version = self.live.doc.version();
        let numbers: Vec<u64> = self.live.reads.keys().copied().collect();
        numbers.into_iter().try_for_each(|read| self.read_on(read, ReadInput::Local(version.clone()), scene))
    }

    /// Time for reads.
    pub(super) fn tick_reads(&mut self, scene: &mut Scene) -> Result<(), String> {
        let numbers: Vec<u64> = self.live.reads.keys().copied().collect();
        numbers.into_iter().try_for_each(|read| self.read_on(read, ReadInput::Tick, scene))
    }

    fn read_on(&mut self, number: u64, input: ReadInput, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        if number == HINT_READ {
            return Ok(());
        }
        if let Some(reading) = self.live.reads.get_mut(&number) {
            // An answer that does not count changes nothing.
            let _ = reading.machine.handle(input, now_ms);
        }
        self.drain_read(number, scene)
    }

    fn drain_read(&mut self, number: u64, scene: &mut Scene) -> Result<(), String> {
        let index = self.index;
        while let Some(reading) = self.live.reads.get_mut(&number) {
            match reading.machine.poll() {
                ReadOutput::Ask(id) if index_of(&id) == index => {
                    let own = self.ack();
                    scene.send(index, index, Message::Answer(number, own));
                }
                ReadOutput::Ask(id) => scene.send(index, index_of(&id), Message::Ask(number)),
                ReadOutput::Pull { from, since } => scene.send(index, index_of(&from), Message::Fetch(number, since)),
                ReadOutput::Push { to, .. } if index_of(&to) == index => {
                    self.after_sync(Done::Answer(index, number), scene)?;
                }
                ReadOutput::Push { to, since } => {
                    if let Some(blob) = self.blob_since(&since) {
                        scene.send(index, index_of(&to), Message::Offer(number, blob));
                    }
                }
                ReadOutput::Finished(report) => {
                    self.live.reads.remove(&number);
                    let (outcome, by) = (report.outcome, &report.answered_by);
                    scene.tell(|| format!("n{index} TELLS read {number} {outcome:?} with {by:?}"));
                    scene.told.push(Told::Read(index, number, report));
                }
                ReadOutput::Idle(_) => break,
            }
        }
        Ok(())
    }
}
