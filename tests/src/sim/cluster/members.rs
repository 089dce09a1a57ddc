//! Who counts: the one who decides about it, and how nodes hear of it.

use syncline::quorum::{Ack, Configuration, Handover, Member, MemberId};

use super::disk::Record;
use super::message::Message;
use super::node::{Done, Node, text};
use super::scene::{Event, Scene, Told};

/// How often the members in force are told to the nodes, in ms.
const REVIEW_MS: u64 = 250;

/// Decides about membership. It stands for a group that agrees and never forgets.
pub struct Registry {
    /// Its address: the one behind the last node.
    pub index: usize,
    /// The members in force.
    pub config: Configuration,
    handover: Option<Handover>,
}

impl Registry {
    /// The first members.
    pub fn new(index: usize, config: Configuration) -> Registry {
        Registry { index, config, handover: None }
    }

    /// Whether a change is under way.
    pub fn is_changing(&self) -> bool {
        self.handover.is_some()
    }

    /// Begins a change.
    pub fn begin(&mut self, next: &[MemberId], scene: &mut Scene) -> Result<(), String> {
        let members: Vec<Member> = next.iter().cloned().map(Into::into).collect();
        self.config = self.config.begin_change(members).map_err(text)?;
        self.handover = Some(Handover::new(self.config.clone()).map_err(text)?);
        scene.tell(|| format!("MEMBERS become {next:?}, in joint epoch {}", self.config.epoch()));
        scene.told.push(Told::Reconfigured);
        Ok(())
    }

    /// Takes a change back.
    pub fn abandon(&mut self, scene: &mut Scene) -> Result<(), String> {
        self.config = self.config.abandon_change().map_err(text)?;
        self.handover = None;
        scene.tell(|| format!("MEMBERS stay, the change is taken back, epoch {}", self.config.epoch()));
        scene.told.push(Told::Reconfigured);
        Ok(())
    }

    /// Tells all nodes who counts.
    pub fn review(&mut self, nodes: usize, scene: &mut Scene) {
        scene.after(REVIEW_MS, Event::Review);
        let bytes: super::message::Bytes = self.config.encode().into();
        (0..nodes).for_each(|to| scene.send(self.index, to, Message::Configure(bytes.clone())));
    }

    /// A node has said what it holds, in its epoch.
    pub fn hear(&mut self, ack: &Ack, scene: &mut Scene) {
        let Some(handover) = &mut self.handover else { return };
        // A report that does not count changes nothing.
        let _ = handover.report(ack);
        if let Some(next) = handover.ready() {
            scene.tell(|| format!("MEMBERS are {:?} from epoch {}", next.ids(), next.epoch()));
            (self.config, self.handover) = (next, None);
            scene.told.push(Told::Reconfigured);
        }
    }
}

impl Node {
    /// Hears who counts: first onto the disk, then in force. Reports what is held, in the epoch that is in force here.
    pub(super) fn configure(&mut self, bytes: &[u8], scene: &mut Scene) -> Result<(), String> {
        let config = Configuration::decode(bytes).map_err(text)?;
        if config.epoch() > self.live.config.epoch() {
            self.persist(Record::Configuration(bytes.to_vec()), Some(Done::Adopt(config)), scene);
        }
        let registry = self.live.peers.len();
        scene.send(self.index, registry, Message::Report(self.ack()));
        Ok(())
    }

    /// The members in force are on disk.
    pub(super) fn adopt(&mut self, config: Configuration, scene: &mut Scene) -> Result<(), String> {
        if config.epoch() <= self.live.config.epoch() {
            return Ok(());
        }
        let now_ms = self.clock(scene);
        scene.tell(|| format!("n{} is in epoch {} now", self.index, config.epoch()));
        self.live.config = config.clone();
        self.live.primacy = None;
        self.live.writes.handle(syncline::quorum::WriteInput::Configure(config), now_ms).map_err(text)?;
        let registry = self.live.peers.len();
        scene.send(self.index, registry, Message::Report(self.ack()));
        self.drain_writes(scene)
    }
}
