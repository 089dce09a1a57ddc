//! What is known of one document: blocks by author and what is deleted, without the algorithm that makes a text of them.
//!
//! That is all a relay needs to say what a client lacks. Nothing is ever placed, so no update from a stranger can make the
//! algorithm fail or search, and a block takes its bytes and sixteen more.

use std::collections::{BTreeMap, HashMap};

use super::author::Author;
use super::block::Block;
use super::bytes::{Malformed, Reader, push_number};
use super::ranges::Ranges;
use super::update::{Part, walk, walk_vector};
use crate::limits::{YJS_DOCUMENT_BYTES, YJS_GAPS};
use crate::store::Saved;

/// Memory of one author beside its blocks in bytes, roughly.
const AUTHOR_BYTES: usize = 224;

/// Memory of one block or range beside its bytes, roughly.
const PART_BYTES: usize = 24;

/// A document of Yjs as a relay knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    authors: BTreeMap<u64, Author>,
    deleted: Ranges,
    /// Bytes of all authors.
    bytes: usize,
    /// Blocks behind gaps.
    gaps: usize,
}

/// What an update brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that was not known.
    Nothing,
    /// Nothing but news.
    All,
    /// News among what was known; the update with the news alone.
    Part(Vec<u8>),
}

/// Says why an update is not taken, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It is not one.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It builds on too much that is not there.
    #[error("the update builds on others that the relay does not have; connect anew so that they are sent")]
    Gaps,
    /// The document is as large as one may be.
    #[error("the document is as large as a relay keeps one; begin a new one")]
    Full,
}

/// What an update would do.
#[derive(Debug, Default)]
struct Outlook {
    news: bool,
    known: bool,
    gaps: usize,
    bytes: usize,
}

impl Document {
    /// Takes an update in. All of it or nothing.
    ///
    /// # Errors
    /// [`Refused`] with what to tell the client.
    pub(crate) fn merge(&mut self, update: &[u8]) -> Result<Change, Refused> {
        let outlook = self.outlook(update)?;
        if !outlook.news {
            return Ok(Change::Nothing);
        }
        if outlook.gaps > 0 && self.gaps + outlook.gaps > YJS_GAPS {
            return Err(Refused::Gaps);
        }
        if self.size() + outlook.bytes > YJS_DOCUMENT_BYTES {
            return Err(Refused::Full);
        }
        if !outlook.known {
            return Ok(self.add(update, None).map(|()| Change::All)?);
        }
        let mut news = Document::default();
        self.add(update, Some(&mut news))?;
        Ok(Change::Part(news.encode(&HashMap::new())))
    }

    /// Puts together what was stored.
    pub(crate) fn restored(saved: &Saved) -> Result<Document, Malformed> {
        let mut document = Document::default();
        let snapshot = saved.snapshot.iter().map(|(_, blob)| blob);
        snapshot.chain(saved.log.iter().map(|(_, blob)| blob)).try_for_each(|blob| document.restore(blob))?;
        Ok(document)
    }

    /// Takes in what was stored: its limits held when it was written.
    pub(crate) fn restore(&mut self, update: &[u8]) -> Result<(), Malformed> {
        super::update::check(update)?;
        self.add(update, None)
    }

    /// Whether an update has news.
    pub(crate) fn has_news(&self, update: &[u8]) -> Result<bool, Malformed> {
        Ok(self.outlook(update)?.news)
    }

    /// Memory that it takes, roughly.
    pub(crate) fn size(&self) -> usize {
        self.bytes + self.authors.len() * AUTHOR_BYTES + self.deleted.bytes()
    }

    /// How many authors there are, and how much of them is there without a gap.
    pub(crate) fn known(&self) -> (u64, u64) {
        let events = self.authors.values().map(|author| u64::from(author.known())).sum();
        (self.authors.len() as u64, events)
    }

    /// The state vector: how much of each author is there without a gap.
    pub(crate) fn vector(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let known = || self.authors.iter().filter(|(_, author)| author.known() > 0);
        push_number(&mut out, known().count() as u64);
        for (&author, blocks) in known().rev() {
            push_number(&mut out, author);
            push_number(&mut out, u64::from(blocks.known()));
        }
        out
    }

    /// All of it as one update.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.encode(&HashMap::new())
    }

    /// What someone with this state vector lacks, as one update.
    ///
    /// # Errors
    /// [`Malformed`] if that is no state vector.
    pub(crate) fn lacking(&self, vector: &[u8]) -> Result<Vec<u8>, Malformed> {
        // Of authors that are not here nothing can be lacking: what is kept of the vector is bounded by the document.
        let mut known = HashMap::new();
        walk_vector(vector, |author, clock| {
            if self.authors.contains_key(&author) {
                known.insert(author, clock);
            }
        })?;
        Ok(self.encode(&known))
    }

    /// The same without the contents of what is deleted, and in as few blocks as can be.
    pub(crate) fn compacted(&self) -> Document {
        let compact = |(&author, blocks): (&u64, &Author)| (author, blocks.compacted(author, &self.deleted));
        let mut compact = Document {
            authors: self.authors.iter().map(compact).collect(),
            deleted: self.deleted.clone(),
            ..Document::default()
        };
        compact.bytes = compact.authors.values().map(Author::size).sum();
        compact.gaps = compact.authors.values().map(Author::unsettled).sum();
        compact
    }

    fn outlook(&self, update: &[u8]) -> Result<Outlook, Malformed> {
        let (mut outlook, nobody) = (Outlook::default(), Author::default());
        let mut run = (u64::MAX, 0);
        walk(update, |part| {
            outlook.bytes += PART_BYTES;
            match part {
                Part::Block { author, clock, block } => {
                    let blocks = self.authors.get(&author).unwrap_or(&nobody);
                    if run.0 != author {
                        run = (author, blocks.known());
                        outlook.bytes += AUTHOR_BYTES;
                    }
                    let end = clock + block.length;
                    if block.is_gap {
                        return;
                    }
                    if clock <= run.1 {
                        run.1 = run.1.max(end)
                    } else {
                        outlook.gaps += 1
                    }
                    let missing = blocks.missing(clock, end);
                    outlook.news |= missing > 0;
                    outlook.known |= missing < block.length;
                    outlook.bytes += block.bytes.len();
                }
                Part::Deleted { author, from, to } => {
                    outlook.news |= !self.deleted.covers(author, from, to);
                    outlook.known |= self.deleted.touches(author, from, to);
                }
            }
        })?;
        Ok(outlook)
    }

    fn add(&mut self, update: &[u8], mut news: Option<&mut Document>) -> Result<(), Malformed> {
        walk(update, |part| match part {
            Part::Block { block, .. } if block.is_gap => {}
            Part::Block { author, clock, block } => {
                let blocks = self.authors.entry(author).or_default();
                let (size, gaps) = (blocks.size(), blocks.unsettled());
                blocks.insert((author, clock), &block, |from, to| {
                    let Some(news) = &mut news else { return };
                    let mut bytes = Vec::new();
                    block.write_part(&mut bytes, (author, clock), from - clock, to - clock);
                    if let Ok(part) = Block::read(&mut Reader::new(&bytes)) {
                        news.authors.entry(author).or_default().insert((author, from), &part, |_, _| {});
                    }
                });
                self.bytes = self.bytes + blocks.size() - size;
                self.gaps = self.gaps + blocks.unsettled() - gaps;
            }
            Part::Deleted { author, from, to } => {
                if let Some(news) = news.as_mut().filter(|_| !self.deleted.covers(author, from, to)) {
                    news.deleted.insert(author, from, to);
                }
                self.deleted.insert(author, from, to);
            }
        })
    }

    fn encode(&self, known: &HashMap<u64, u32>) -> Vec<u8> {
        let (mut sections, mut count) = (Vec::new(), 0u64);
        // The highest author first, as Yjs itself does.
        for (&author, blocks) in self.authors.iter().rev() {
            let after = known.get(&author).copied().unwrap_or(0);
            count += u64::from(blocks.encode(author, after, &mut sections));
        }
        let mut out = Vec::with_capacity(sections.len() + 10 + self.deleted.bytes() / 2);
        push_number(&mut out, count);
        out.append(&mut sections);
        self.deleted.encode(&mut out);
        out
    }
}
