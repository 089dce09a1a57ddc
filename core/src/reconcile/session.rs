//! Bringing two replicas together, whatever they have forgotten of each other.

use super::audit::{Audit, Finding, Record, is_sound};
use super::cell::ItemHasher;
use super::cells::{CellCache, Pinned};
use super::dots::DotNumbers;
use super::error::SessionError;
use super::message::{Hello, Message};
use super::set::{Asker, Teller, list_bytes};
use crate::clock::{Dot, VersionVector};
use crate::delta::{Delta, Digest};
use crate::doc::{Doc, Origin, Preview};

/// What a session came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events that were new here.
    pub applied: u64,
    /// Live dots dropped because the other side had seen them and no longer held them.
    pub dropped: u64,
    /// What an audit found, and what became of it.
    pub findings: Vec<Finding>,
    /// Where the next audit goes on, if this one had to stop: hand it to [`Session::resume_at`].
    pub resume: Option<u32>,
}

/// One end of a reconciliation. See the [module documentation](super).
///
/// Both ends hand in every message and send what comes back, until both are [`Session::is_done`]. A session that fails or
/// is given up leaves the document as it was.
///
/// ```
/// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc, reconcile::Session};
/// let mut ada = Doc::new(ReplicaId::new(1, 1));
/// let mut bob = Doc::new(ReplicaId::new(1, 2));
/// let path = Path::from_segments(["key"]);
/// ada.transact(5, None, |doc| doc.set(&path, Value::Int(1)))?;
/// bob.import(&ada.export())?;
/// ada.transact(6, None, |doc| doc.delete(&path))?;
/// ada.prune(&ada.version());
///
/// let (mut one, mut message) = Session::open(&bob, 7, None);
/// let mut two = Session::answer();
/// while let Some(answer) = two.handle(&message, &mut ada, None)? {
///     let Some(next) = one.handle(&answer, &mut bob, None)? else { break };
///     message = next;
/// }
/// assert_eq!(bob.get(&path), None);
/// assert_eq!(ada.digest(), bob.digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    state: State,
    /// This replica as it was when it told its version.
    pinned: Option<(VersionVector, Digest)>,
    origin: Origin,
    record: Option<Record>,
    cursor: u32,
    outcome: Outcome,
}

enum State {
    /// Waits for the other side's greeting.
    Answering,
    /// Has greeted.
    Greeted {
        hasher: ItemHasher,
    },
    /// Has told a delta, and waits for the other side's delta and opening.
    Told {
        hasher: ItemHasher,
        there: VersionVector,
    },
    Asking(Box<Staged>, Box<Asker>),
    Telling(Box<Staged>, Box<Teller>),
    /// Waits for the other side's last delta.
    Closing,
    Auditing(Box<Audit>),
    Done,
    Failed,
}

/// The other side's delta, which is joined together with what the cells find.
struct Staged {
    delta: Delta,
    numbers: DotNumbers,
    preview: Preview,
}

impl Session {
    /// Begins a session. `seed` is any number that others do not foresee; with `cells`, theirs. Returns the greeting.
    pub fn open(doc: &Doc, seed: u64, cells: Option<&CellCache>) -> (Session, Vec<u8>) {
        let hasher = cells.map_or(ItemHasher::new(seed), CellCache::hasher);
        let mut session = Session::answer();
        session.pinned = Some((doc.version(), doc.digest()));
        session.state = State::Greeted { hasher };
        (session, Message::Hello(Hello::of(doc, hasher.seed())).encode())
    }

    /// Waits for a greeting.
    pub fn answer() -> Session {
        Session {
            state: State::Answering,
            pinned: None,
            origin: Origin::Import,
            record: None,
            cursor: 0,
            outcome: Outcome::default(),
        }
    }

    /// Shows this origin with the changes.
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Vouches for the content: what was recorded when it was last known to be sound. See [`Record`].
    pub fn with_record(mut self, record: Record) -> Self {
        self.record = Some(record);
        self
    }

    /// Begins an audit where the last one stopped.
    pub fn resume_at(mut self, cursor: u32) -> Self {
        self.cursor = cursor;
        self
    }

    /// Tells whether this end has all it needs and nothing to wait for.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// What was done to the document.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Takes a message. Returns what to send; `None` if there is nothing to say.
    ///
    /// # Errors
    /// [`SessionError`]; the session is over then without being done, and a new one may be begun.
    pub fn handle(
        &mut self,
        message: &[u8],
        doc: &mut Doc,
        cells: Option<&CellCache>,
    ) -> Result<Option<Vec<u8>>, SessionError> {
        let state = std::mem::replace(&mut self.state, State::Done);
        let reply = Message::decode(message).map_err(SessionError::from);
        let reply = reply.and_then(|message| self.step(state, message, doc, cells));
        if reply.is_err() {
            self.state = State::Failed;
        }
        Ok(reply?.map(|message| message.encode()))
    }

    fn step(
        &mut self,
        state: State,
        message: Message,
        doc: &mut Doc,
        cells: Option<&CellCache>,
    ) -> Result<Option<Message>, SessionError> {
        Ok(match (state, message) {
            (State::Answering, Message::Hello(hello)) => self.greet(&hello, doc)?,
            (State::Greeted { .. }, Message::Same) => None,
            (State::Greeted { .. }, Message::Welcome { plain: true, delta, .. }) => {
                self.check_pin(doc)?;
                self.finish(delta, doc)?
            }
            (State::Greeted { hasher }, Message::Welcome { whole, delta, .. }) => {
                self.welcomed(hasher, whole, delta, doc, cells)?
            }
            (State::Greeted { .. }, Message::Audit(step)) => {
                let audit = Audit::new(doc, self.record.take());
                self.audit(audit, &step, doc)?
            }
            (State::Told { .. }, Message::Last(delta)) => self.close(delta, doc)?,
            (State::Told { hasher, there }, Message::Delta { delta, open }) => {
                self.tell(hasher, there, delta, &open, doc, cells)?
            }
            (State::Asking(staged, asker), Message::Set(set)) => self.ask_on(staged, asker, &set, doc)?,
            (State::Telling(staged, teller), Message::Set(set)) => self.tell_on(staged, teller, &set, doc)?,
            (State::Closing, Message::Same) => None,
            (State::Auditing(audit), Message::Audit(step)) => self.audit(*audit, &step, doc)?,
            _ => return Err(SessionError::OutOfTurn),
        })
    }

    /// The answering side says what the other lacks, or that nothing does.
    fn greet(&mut self, hello: &Hello, doc: &Doc) -> Result<Option<Message>, SessionError> {
        let (version, digest) = (doc.version(), doc.digest());
        if version == hello.version {
            if digest == hello.digest {
                return Ok(Some(Message::Same));
            }
            let (audit, first) = Audit::begin(doc, self.record.take(), self.cursor);
            self.state = State::Auditing(Box::new(audit));
            return Ok(Some(Message::Audit(first)));
        }
        // Where ids were retired on one side only, or some of their dots are left, a complete listing takes the place of
        // the cells.
        let cells = hello.cells && !doc.holds_retired() && hello.version.horizon() == version.horizon();
        let whole = doc.floor().is_met_by(&hello.version);
        let delta = if cells { doc.delta_beyond(&hello.version) } else { doc.delta_since(&hello.version) };
        self.pinned = Some((version.clone(), digest));
        self.state = State::Told { hasher: ItemHasher::new(hello.seed), there: hello.version.clone() };
        Ok(Some(Message::Welcome { whole, plain: !cells, delta }))
    }

    /// The opening side has the other's delta. If no deletes were pruned that either has not seen, deltas do.
    fn welcomed(
        &mut self,
        hasher: ItemHasher,
        whole: bool,
        delta: Delta,
        doc: &mut Doc,
        cells: Option<&CellCache>,
    ) -> Result<Option<Message>, SessionError> {
        let own = self.check_pin(doc)?;
        let there = delta.version.clone();
        if whole && doc.floor().is_met_by(&there) {
            return self.finish(delta, doc);
        }
        let answer = doc.delta_beyond(&there);
        let (staged, pinned) = self.stage(hasher, &own, delta, doc, cells)?;
        let (asker, open) = Asker::open(pinned);
        self.state = State::Asking(Box::new(staged), Box::new(asker));
        Ok(Some(Message::Delta { delta: answer, open }))
    }

    /// Deltas do: joins the one, and answers with the other.
    fn finish(&mut self, delta: Delta, doc: &mut Doc) -> Result<Option<Message>, SessionError> {
        let answer = doc.delta_since(&delta.version);
        self.outcome.applied = doc.join(&delta, &self.origin)?;
        self.state = State::Closing;
        Ok(Some(Message::Last(answer)))
    }

    fn close(&mut self, delta: Delta, doc: &mut Doc) -> Result<Option<Message>, SessionError> {
        self.outcome.applied = doc.join(&delta, &self.origin)?;
        Ok(Some(Message::Same))
    }

    fn tell(
        &mut self,
        hasher: ItemHasher,
        there: VersionVector,
        delta: Delta,
        open: &[u8],
        doc: &mut Doc,
        cells: Option<&CellCache>,
    ) -> Result<Option<Message>, SessionError> {
        let own = self.check_pin(doc)?;
        if delta.version != there {
            return Err(SessionError::Contradiction);
        }
        let (staged, pinned) = self.stage(hasher, &own, delta, doc, cells)?;
        // Above this number of bytes the exact size is asked for where the items are at hand anyway.
        let listed = self.list_bound(doc, &staged, &pinned);
        self.tell_on(Box::new(staged), Box::new(Teller::new(pinned, listed)), open, doc)
    }

    fn tell_on(
        &mut self,
        staged: Box<Staged>,
        mut teller: Box<Teller>,
        set: &[u8],
        doc: &mut Doc,
    ) -> Result<Option<Message>, SessionError> {
        let answer = teller.handle(set, &mut || staged.items(doc))?;
        if let Some(gone) = teller.only_here() {
            self.commit(&staged, gone, doc)?;
        } else {
            self.state = State::Telling(staged, teller);
        }
        Ok(answer.map(Message::Set))
    }

    fn ask_on(
        &mut self,
        staged: Box<Staged>,
        mut asker: Box<Asker>,
        set: &[u8],
        doc: &mut Doc,
    ) -> Result<Option<Message>, SessionError> {
        let answer = asker.handle(set, &mut || staged.items(doc))?;
        if let Some(difference) = asker.difference() {
            let gone = difference.only_here.clone();
            self.commit(&staged, &gone, doc)?;
        } else {
            self.state = State::Asking(staged, asker);
        }
        Ok(answer.map(Message::Set))
    }

    /// Joins the other side's delta and drops what only this side holds: both versions cover it, so it was deleted.
    fn commit(&mut self, staged: &Staged, gone: &[u64], doc: &mut Doc) -> Result<(), SessionError> {
        let since = self.pinned.take().map(|(version, _)| version).unwrap_or_default();
        let dots: Option<Vec<Dot>> = gone.iter().map(|&item| staged.numbers.dot(item)).collect();
        let dots = dots.filter(|dots| dots.iter().all(|dot| staged.delta.version.covers(dot)));
        let dots = dots.ok_or(SessionError::Contradiction)?;
        self.outcome.applied = doc.join_dropping(staged.delta.clone(), &dots, &since, &self.origin)?;
        self.outcome.dropped = dots.len() as u64;
        self.state = State::Done;
        Ok(())
    }

    /// Both sides tell of one and the same state: what they tell after a change would not fit what they told before.
    fn check_pin(&self, doc: &Doc) -> Result<VersionVector, SessionError> {
        let (version, digest) = self.pinned.as_ref().ok_or(SessionError::OutOfTurn)?;
        let same = *version == doc.version() && *digest == doc.digest();
        same.then(|| version.clone()).ok_or(SessionError::Changed)
    }

    /// Pins the dots that are live once `delta` is joined.
    fn stage(
        &self,
        hasher: ItemHasher,
        own: &VersionVector,
        delta: Delta,
        doc: &Doc,
        cells: Option<&CellCache>,
    ) -> Result<(Staged, Pinned), SessionError> {
        let mut union = own.clone();
        union.join(&delta.version);
        let numbers = DotNumbers::new(hasher, &union).ok_or(SessionError::Writers)?;
        let preview = doc.preview(&delta);
        let staged = Staged { delta, numbers, preview };
        let cached = cells.filter(|cells| cells.hasher() == hasher && staged.numbers.hashed());
        let pinned = match cached {
            Some(cells) => {
                let mut pinned = cells.pin();
                pinned.adjust(&staged.numbered(&staged.preview.dropped), -1);
                pinned.adjust(&staged.numbered(&staged.preview.added), 1);
                pinned
            }
            None => Pinned::of(hasher, &staged.items(doc)),
        };
        let expected = doc.stats().dots + staged.preview.added.len() - staged.preview.dropped.len();
        if pinned.len() != expected as u64 || cached.is_none() && !is_sound(doc) {
            return Err(SessionError::Damaged);
        }
        Ok((staged, pinned))
    }

    /// What the list of live dots costs at most: every dead event may end a run.
    fn list_bound(&self, doc: &Doc, staged: &Staged, pinned: &Pinned) -> usize {
        if pinned.len() <= SMALL_SET {
            return list_bytes(&staged.items(doc));
        }
        let events: u64 = doc.version().iter().map(|(_, seq)| seq).sum();
        let runs = events.saturating_sub(pinned.len()) + doc.version().len() as u64;
        usize::try_from(runs).unwrap_or(usize::MAX).saturating_mul(RUN_BYTES)
    }

    fn audit(&mut self, mut audit: Audit, step: &[u8], doc: &mut Doc) -> Result<Option<Message>, SessionError> {
        let answer = audit.handle(step, doc, &self.origin)?;
        if audit.is_done() {
            self.outcome.findings = audit.take_findings();
            self.outcome.resume = audit.resume();
        } else {
            self.state = State::Auditing(Box::new(audit));
        }
        Ok(answer.map(Message::Audit))
    }
}

/// Up to this number of dots the list is made to know what it costs.
const SMALL_SET: u64 = 20_000;

/// Bytes of one run in a list, at most in all but the longest gaps.
const RUN_BYTES: usize = 4;

impl Staged {
    fn numbered(&self, dots: &[Dot]) -> Vec<u64> {
        dots.iter().filter_map(|dot| self.numbers.item(dot)).collect()
    }

    /// The dots that are live once the delta is joined, in order.
    fn items(&self, doc: &Doc) -> Vec<u64> {
        let mut dropped = self.numbered(&self.preview.dropped);
        dropped.sort_unstable();
        let mut items = self.numbered(&self.preview.added);
        doc.each_live_dot(&mut |live| {
            items.extend(self.numbers.item(&live.dot).filter(|item| dropped.binary_search(item).is_err()));
        });
        items.sort_unstable();
        items.dedup();
        items
    }
}
