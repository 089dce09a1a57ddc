//! How often things happened in a run, so that a run in which little happens is noticed.

/// How often things happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes acknowledged at their level.
    pub acknowledged: u64,
    /// Of these with the help of stand-ins.
    pub sloppy: u64,
    /// Reads that agreed.
    pub agreed: u64,
    /// Reads that merged.
    pub merged: u64,
    /// Reads of sessions that were answered.
    pub sessions: u64,
    /// Transactions committed.
    pub committed: u64,
    /// Transactions aborted.
    pub aborted: u64,
    /// Terms held.
    pub terms: u64,
    /// Fenced writes on a majority.
    pub fenced: u64,
    /// Hints delivered.
    pub hints: u64,
    /// Changes of members.
    pub changes: u64,
    /// Crashes.
    pub crashes: u64,
    /// Disks lost.
    pub disasters: u64,
}

impl Counts {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Counts) {
        self.acknowledged += other.acknowledged;
        self.sloppy += other.sloppy;
        self.agreed += other.agreed;
        self.merged += other.merged;
        self.sessions += other.sessions;
        self.committed += other.committed;
        self.aborted += other.aborted;
        self.terms += other.terms;
        self.fenced += other.fenced;
        self.hints += other.hints;
        self.changes += other.changes;
        self.crashes += other.crashes;
        self.disasters += other.disasters;
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("acknowledged", self.acknowledged),
            ("sloppy", self.sloppy),
            ("agreed", self.agreed),
            ("merged", self.merged),
            ("sessions", self.sessions),
            ("committed", self.committed),
            ("aborted", self.aborted),
            ("terms", self.terms),
            ("fenced", self.fenced),
            ("hints", self.hints),
            ("changes", self.changes),
            ("crashes", self.crashes),
            ("disasters", self.disasters),
        ]
    }
}
