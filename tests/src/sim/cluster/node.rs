//! One node: its disk, which outlives it, and the real state machines, which do not.

use std::collections::{BTreeMap, VecDeque};

use syncline::clock::{ReplicaId, VersionVector};
use syncline::doc::{Doc, ImportError};
use syncline::quorum::{
    Ack, CommitRecord, CommitTimes, Configuration, Coordinator, Fence, FenceRecord, HINT_BYTES, Hints, MemberId,
    Participant, TRANSACTIONS, TxId, WAITING, WriteInput, WriteTracker,
};

use super::cold::Cold;
use super::disk::{Disk, Record};
use super::fence::Primacy;
use super::message::{Bytes, Message, Shown};
use super::peer::Peer;
use super::read::Reading;
use super::scene::{Event, Scene, Told};
use super::write::Sloppy;

/// How often a node looks at its clock, in ms.
pub const TICK_MS: u64 = 100;

/// How long two-phase commit waits.
const COMMIT_TIMES: CommitTimes = CommitTimes { prepare_ms: 1_500, retry_ms: 300 };

/// What is to be done once an entry is on disk.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// Acknowledge frames or a delta: to whom, their number.
    Ack(usize, u64),
    /// Answer a quorum read: to whom, its number.
    Answer(usize, u64),
    /// The term is on disk.
    Fenced(FenceRecord),
    /// A fenced write is on disk: to whom, by whom, its number.
    Admitted(usize, FenceRecord, u64),
    /// A transaction is prepared.
    Prepared(TxId),
    /// A transaction is merged.
    Applied(TxId),
    /// A transaction is committed.
    Committed(TxId),
    /// Hints are kept: for whom they were asked, for which member.
    StoodIn(usize, MemberId),
    /// The members in force are known.
    Adopt(Configuration),
}

/// A node.
pub struct Node {
    /// Its number, which is its address.
    pub index: usize,
    /// Its name as a member.
    pub name: MemberId,
    /// What outlives it.
    pub disk: Disk,
    /// Whether it runs.
    pub up: bool,
    /// How far its clock is ahead, in ms.
    pub ahead_ms: i64,
    /// How often it has started.
    pub starts: u64,
    /// What a crash takes away.
    pub live: Live,
}

/// The running part of a node.
pub struct Live {
    /// The document.
    pub doc: Doc,
    /// The members in force, as this node knows.
    pub config: Configuration,
    pub(super) peers: Vec<Peer>,
    pub(super) writes: WriteTracker,
    pub(super) sloppy: BTreeMap<u64, Sloppy>,
    pub(super) reads: BTreeMap<u64, Reading>,
    pub(super) hints: Hints,
    pub(super) fence: Fence,
    pub(super) primacy: Option<Primacy>,
    pub(super) coordinator: Coordinator,
    pub(super) participant: Participant,
    pub(super) cold: [Option<Cold>; 2],
    /// Transactions merged in memory and not on disk: nothing may leave the document before.
    pub(super) unsynced_applies: usize,
    pub(super) last_tx_ms: u64,
    waiting: VecDeque<(usize, Done)>,
    syncing: bool,
}

impl Node {
    /// A node that was never started.
    pub fn new(index: usize, nodes: usize, config: &Configuration, scene: &mut Scene) -> Node {
        let name = name_of(index, 0);
        let ahead_ms = scene.rng.between(0, 400) as i64 - 200;
        let disk = Disk::default();
        let live = Live::empty(ReplicaId::new(0, 0), name.clone(), config.clone(), nodes, scene);
        Node { index, name, disk, up: false, ahead_ms, starts: 0, live }
    }

    /// The time as this node believes it to be.
    pub fn clock(&self, scene: &Scene) -> u64 {
        scene.now_ms.saturating_add_signed(self.ahead_ms)
    }

    /// Starts from what the disk has kept.
    pub fn start(&mut self, first: &Configuration, scene: &mut Scene) -> Result<(), String> {
        self.starts += 1;
        let tail = u128::from(self.starts) << 8 | self.index as u128;
        let id = ReplicaId::new(self.clock(scene), u128::from(scene.rng.bits()) << 16 | tail);
        let nodes = self.live.peers.len();
        self.live = Live::empty(id, self.name.clone(), first.clone(), nodes, scene);
        let now_ms = self.clock(scene);
        self.recover(now_ms)?;
        self.up = true;
        scene.tell(|| {
            let (n, starts) = (self.index, self.starts);
            format!("n{n} STARTS as {}, session n{n}.{starts}, with {}", self.name, Shown(self.disk.durable()))
        });
        let delay_ms = scene.rng.between(1, TICK_MS);
        scene.after(delay_ms, Event::Tick(self.index, self.disk.incarnation));
        Ok(())
    }

    fn recover(&mut self, now_ms: u64) -> Result<(), String> {
        let (live, name) = (&mut self.live, &self.name);
        let (mut room, mut coordinator, mut fence) = (Vec::new(), Vec::new(), None);
        let decode = |bytes: &[u8]| CommitRecord::decode(bytes).map_err(|error| format!("{name}: its log: {error}"));
        for record in self.disk.records() {
            match record {
                Record::Data(blob) | Record::Save(blob) | Record::Applied(blob, _) => {
                    live.doc.import(blob).map_err(|error| format!("{name}: its log does not load: {error}"))?;
                    if let Record::Applied(_, record) = record {
                        room.push(decode(record)?);
                    }
                }
                Record::Fence(bytes) => fence = Some(FenceRecord::decode(bytes).map_err(text)?),
                Record::Room(bytes) => room.push(decode(bytes)?),
                Record::Coordinator(bytes) => coordinator.push(decode(bytes)?),
                Record::Hints(bytes) => live.hints = Hints::decode(bytes).map_err(text)?,
                Record::Cursor(peer, version) => live.peers[*peer].cursor = version.clone(),
                Record::Configuration(bytes) => live.config = Configuration::decode(bytes).map_err(text)?,
            }
        }
        if live.doc.version() != *self.disk.durable() {
            let (found, noted) = (live.doc.version(), self.disk.durable());
            return Err(format!("{name}: the log loads as {}, written was {}", Shown(&found), Shown(noted)));
        }
        live.doc.check()?;
        live.doc.keep_batches(true);
        live.writes = WriteTracker::new(live.config.clone(), None);
        live.fence = Fence::recover(fence);
        live.coordinator = Coordinator::recover(name.clone(), COMMIT_TIMES, coordinator);
        live.participant = Participant::recover(room_of(self.index), COMMIT_TIMES, room);
        live.last_tx_ms = now_ms;
        Ok(())
    }

    /// Ends without warning. Of what was not synced the disk keeps a part from its beginning.
    pub fn crash(&mut self, scene: &mut Scene) {
        let open = self.disk.len() - self.disk.synced();
        let lost = self.disk.crash(scene.rng.below(open + 1));
        self.up = false;
        scene.tell(|| format!("FATE crashes n{}, {lost} of {open} unsynced entries are lost", self.index));
    }

    /// A message has arrived.
    pub fn receive(&mut self, from: usize, message: Message, scene: &mut Scene) -> Result<(), String> {
        match message {
            Message::Frames(number, blobs) => self.take_blobs(from, number, &blobs, scene)?,
            Message::Delta(number, blob) => self.take_blobs(from, number, &[blob], scene)?,
            Message::Ack(number, ack) => self.acked(from, number, &ack, scene)?,
            Message::Gap(number, have) => self.gap(from, number, have, scene),
            Message::Ask(_) | Message::Answer(..) | Message::Fetch(..) | Message::Fetched(..) | Message::Offer(..) => {
                self.reading(from, message, scene)?;
            }
            Message::StandIn(target, since, until, blob) => {
                self.stand_in(from, &target, (&since, &until), &blob, scene)?;
            }
            Message::StoodIn(target, ack) => self.stood_in(target, ack, scene)?,
            Message::Claim(..) | Message::Promised(..) | Message::Outrun(..) => self.claiming(from, message, scene),
            Message::Fenced(..) | Message::Admitted(..) | Message::Refused(..) => self.fenced(from, message, scene)?,
            Message::Commit(bytes) => self.committing(&bytes, scene)?,
            Message::Cold(number, turn, bytes) => self.cold(from, number, turn, &bytes, scene)?,
            Message::Configure(bytes) => self.configure(&bytes, scene)?,
            Message::Report(_) => {}
        }
        self.drain(scene)
    }

    /// Time passes.
    pub fn tick(&mut self, scene: &mut Scene) -> Result<(), String> {
        let delay_ms = if scene.slow.contains(&self.index) { 5 * TICK_MS } else { TICK_MS };
        scene.after(delay_ms, Event::Tick(self.index, self.disk.incarnation));
        self.tick_peers(scene)?;
        self.tick_writes(scene)?;
        self.tick_reads(scene)?;
        self.tick_commit(scene);
        self.tick_cold(scene);
        self.check()?;
        self.drain(scene)
    }

    /// The disk has synced up to an entry.
    pub fn synced(&mut self, upto: usize, scene: &mut Scene) -> Result<(), String> {
        self.disk.sync(upto);
        self.live.syncing = false;
        while self.live.waiting.front().is_some_and(|(at, _)| *at <= upto) {
            if let Some((_, done)) = self.live.waiting.pop_front() {
                self.done(done, scene)?;
            }
        }
        let own = self.ack();
        self.hear(own, scene)?;
        self.sync_soon(scene);
        self.drain(scene)
    }

    fn done(&mut self, done: Done, scene: &mut Scene) -> Result<(), String> {
        let (index, ack) = (self.index, self.ack());
        match done {
            Done::Ack(to, number) => scene.send(index, to, Message::Ack(number, ack)),
            Done::Answer(to, read) => scene.send(index, to, Message::Answer(read, ack)),
            Done::Fenced(record) => self.term_synced(record, scene),
            Done::Admitted(to, by, ticket) => {
                scene.told.push(Told::Admitted(self.name.clone(), by.epoch, by.holder.clone()));
                scene.send(index, to, Message::Admitted(by, ticket, ack));
            }
            Done::Prepared(tx) => self.prepared(tx, scene),
            Done::Applied(tx) => self.applied(tx, scene),
            Done::Committed(tx) => self.committed(tx, scene)?,
            Done::StoodIn(to, target) => scene.send(index, to, Message::StoodIn(target, ack)),
            Done::Adopt(config) => self.adopt(config, scene)?,
        }
        Ok(())
    }

    /// Writes an entry and says what follows once it is synced.
    pub(super) fn persist(&mut self, record: Record, done: Option<Done>, scene: &mut Scene) {
        let at = self.disk.append(record, self.live.doc.version());
        self.live.waiting.extend(done.map(|done| (at, done)));
        self.sync_soon(scene);
    }

    /// Does something once all that is written by now is synced.
    pub(super) fn after_sync(&mut self, done: Done, scene: &mut Scene) -> Result<(), String> {
        if self.disk.is_settled() {
            return self.done(done, scene);
        }
        self.live.waiting.push_back((self.disk.len(), done));
        Ok(())
    }

    fn sync_soon(&mut self, scene: &mut Scene) {
        if !self.live.syncing && !self.disk.is_settled() {
            self.live.syncing = true;
            let delay_ms = scene.sync_ms(self.index);
            scene.after(delay_ms, Event::Synced(self.index, self.disk.incarnation, self.disk.len()));
        }
    }

    /// What this node can vouch for.
    pub(super) fn ack(&self) -> Ack {
        Ack { from: self.name.clone(), epoch: self.live.config.epoch(), durable: self.disk.durable().clone() }
    }

    /// Takes in a blob and writes it down if it brought anything. Whether it fits.
    pub(super) fn import(&mut self, blob: &Bytes, scene: &mut Scene) -> Result<bool, String> {
        let before = self.live.doc.version();
        match self.live.doc.import(blob) {
            Ok(_) => {}
            Err(ImportError::Gap { .. }) => return Ok(false),
            Err(error) => return Err(format!("{}: an honest blob is refused: {error}", self.name)),
        }
        if self.live.doc.version() != before {
            self.persist(Record::Data(blob.clone()), None, scene);
            self.changed(scene)?;
        }
        Ok(true)
    }

    /// A member has said what it has on disk.
    pub(super) fn hear(&mut self, ack: Ack, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        self.delivered(&ack, scene);
        // An ack that does not count changes nothing.
        let _ = self.live.writes.handle(WriteInput::Ack(ack), now_ms);
        self.drain_writes(scene)
    }

    /// The document has changed.
    pub(super) fn changed(&mut self, scene: &mut Scene) -> Result<(), String> {
        self.tell_reads(scene)
    }

    /// Whether anything may leave the document.
    pub(super) fn may_publish(&self) -> bool {
        self.live.unsynced_applies == 0
    }

    /// Bounds that hold at any time.
    fn check(&self) -> Result<(), String> {
        let live = &self.live;
        let held = [
            ("writes wait", live.writes.waiting(), WAITING),
            ("bytes of hints", live.hints.encode().len(), HINT_BYTES),
            ("transactions are coordinated", live.coordinator.active(), TRANSACTIONS),
            ("transactions are staged", live.participant.in_doubt().count(), TRANSACTIONS),
        ];
        let over = held.iter().find(|(_, found, most)| found > most);
        over.map_or(Ok(()), |(what, found, most)| Err(format!("{}: {found} {what}, at most {most} may", self.name)))
    }

    /// Whether everything has come to rest, as it must in peace.
    pub fn settled(&self, version: &VersionVector, names: &[MemberId]) -> Result<(), String> {
        let live = &self.live;
        if !self.disk.is_settled() {
            return Err("not all is on disk".into());
        }
        if let Some(to) = (0..live.peers.len()).find(|to| *to != self.index && !live.peers[*to].is_settled(version)) {
            return Err(format!("n{to} is not known to have everything"));
        }
        let idle = [
            ("a write waits", live.writes.waiting() > 0),
            ("a read is under way", !live.reads.is_empty()),
            ("a hint is not delivered", live.hints.targets().any(|target| names.contains(target))),
            ("a transaction is not decided", live.coordinator.active() > 0),
            ("a room is in doubt", live.participant.in_doubt().next().is_some()),
        ];
        idle.iter().find(|(_, busy)| *busy).map_or(Ok(()), |(what, _)| Err((*what).into()))
    }

    fn drain(&mut self, scene: &mut Scene) -> Result<(), String> {
        self.drain_writes(scene)?;
        self.drain_commit(scene)
    }

    /// A blob of what a peer with this version lacks; nothing while nothing may leave.
    pub(super) fn blob_since(&self, since: &VersionVector) -> Option<Bytes> {
        self.may_publish().then(|| self.live.doc.export_from(since).into())
    }
}

impl Live {
    fn empty(id: ReplicaId, name: MemberId, config: Configuration, nodes: usize, scene: &mut Scene) -> Live {
        Live {
            doc: Doc::new(id),
            writes: WriteTracker::new(config.clone(), None),
            config,
            peers: (0..nodes).map(|_| Peer::new(scene)).collect(),
            sloppy: BTreeMap::new(),
            reads: BTreeMap::new(),
            hints: Hints::default(),
            fence: Fence::default(),
            primacy: None,
            participant: Participant::new("empty".into(), COMMIT_TIMES),
            coordinator: Coordinator::new(name, COMMIT_TIMES),
            cold: [None, None],
            unsynced_applies: 0,
            last_tx_ms: 0,
            waiting: VecDeque::new(),
            syncing: false,
        }
    }
}

/// The name of a node that has lost its disk so many times.
pub fn name_of(index: usize, losses: usize) -> MemberId {
    let text = if losses == 0 { format!("n{index}") } else { format!("n{index}-{losses}") };
    MemberId::new(&text).unwrap_or_else(|error| panic!("{text} is a name: {error}"))
}

/// The node behind a name.
pub fn index_of(name: &MemberId) -> usize {
    let digits: String = name.as_str().chars().skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(usize::MAX)
}

/// The room of which a node is in charge.
pub fn room_of(index: usize) -> String {
    format!("room-{index}")
}

/// An error as text.
pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
