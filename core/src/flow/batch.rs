//! A batch size that finds what the other side can take.

use super::OptionError;
use super::options::{LONGEST_MS, within};

/// How an [`AdaptiveBatch`] moves. Sizes are numbers of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// The smallest batch; from 1.
    pub least: u32,
    /// The largest batch; up to 1,000,000.
    pub most: u32,
    /// The first batch.
    pub first: u32,
    /// What a full batch in good time adds.
    pub step: u32,
    /// A batch that takes longer is lag, in milliseconds.
    pub lag_ms: u64,
}

impl Default for BatchOptions {
    /// From 50 to 1,000, first 100, steps of 50, lag beyond 500 ms.
    fn default() -> Self {
        BatchOptions { least: 50, most: 1_000, first: 100, step: 50, lag_ms: 500 }
    }
}

impl BatchOptions {
    fn check(&self) -> Result<(), OptionError> {
        within("batch.least", self.least.into(), 1, 1_000_000)?;
        within("batch.most", self.most.into(), self.least.into(), 1_000_000)?;
        within("batch.first", self.first.into(), self.least.into(), self.most.into())?;
        within("batch.step", self.step.into(), 1, 1_000_000)?;
        within("batch.lag_ms", self.lag_ms, 1, LONGEST_MS)
    }
}

/// One batch under way: hand it back to [`AdaptiveBatch::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTicket {
    /// At most this many items belong into the batch.
    pub size: u32,
    sent_ms: u64,
    cut: u32,
}

/// The size of the next batch: additive increase, multiplicative decrease (Chiu and Jain, 1989; RFC 5681).
///
/// A full batch that is done in good time adds [`BatchOptions::step`]; a failure or lag halves. A batch that was not full
/// says nothing about what the other side can take and changes nothing. Of several batches that were under way together,
/// only the first failure halves: the others were sent before the answer to it (RFC 6582).
///
/// ```
/// use syncline::flow::{AdaptiveBatch, BatchOptions};
/// let mut batch = AdaptiveBatch::new(BatchOptions::default())?;
/// let ticket = batch.start(0);
/// assert_eq!(ticket.size, 100);
/// batch.finish(ticket, 100, true, 20);
/// assert_eq!(batch.size(), 150);
/// let ticket = batch.start(20);
/// batch.finish(ticket, 150, false, 30);
/// assert_eq!(batch.size(), 75);
/// # Ok::<(), syncline::flow::OptionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveBatch {
    options: BatchOptions,
    size: u32,
    /// Counts the decreases: a ticket from before one is no news.
    cut: u32,
}

impl AdaptiveBatch {
    /// Starts with [`BatchOptions::first`].
    ///
    /// # Errors
    /// [`OptionError`] if an option is out of range.
    pub fn new(options: BatchOptions) -> Result<Self, OptionError> {
        options.check()?;
        Ok(AdaptiveBatch { options, size: options.first, cut: 0 })
    }

    /// How many items the next batch may have.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Notes that a batch of up to [`BatchTicket::size`] items leaves now.
    pub fn start(&self, now_ms: u64) -> BatchTicket {
        BatchTicket { size: self.size, sent_ms: now_ms, cut: self.cut }
    }

    /// Learns how a batch of `items` items ended.
    pub fn finish(&mut self, ticket: BatchTicket, items: u32, ok: bool, now_ms: u64) {
        if ticket.cut != self.cut {
            return;
        }
        if !ok || now_ms.saturating_sub(ticket.sent_ms) > self.options.lag_ms {
            self.size = (self.size / 2).max(self.options.least);
            self.cut = self.cut.wrapping_add(1);
        } else if items >= ticket.size {
            self.size = self.size.saturating_add(self.options.step).min(self.options.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A receiver that takes `per_ms` items in a millisecond, with a batch always waiting.
    fn run(batch: &mut AdaptiveBatch, now: &mut u64, per_ms: u64, batches: usize) -> Vec<u32> {
        let step = |_| {
            let ticket = batch.start(*now);
            *now += u64::from(ticket.size) / per_ms;
            batch.finish(ticket, ticket.size, true, *now);
            batch.size()
        };
        (0..batches).map(step).collect()
    }

    #[test]
    fn under_a_step_of_load_sizes_rise_by_addition_and_fall_by_halves() {
        let (mut batch, mut now) = (AdaptiveBatch::new(BatchOptions::default()).expect("defaults fit"), 0);
        // 2 items per ms: 1,000 items take 500 ms, still no lag.
        let rising = run(&mut batch, &mut now, 2, 20);
        let expected: Vec<u32> = (1..=20).map(|step| (100 + step * 50).min(1_000)).collect();
        assert_eq!(rising, expected);
        // The receiver becomes slower: more than 500 items are lag.
        let falling = run(&mut batch, &mut now, 1, 3);
        assert_eq!(falling, [500, 550, 275]);
        // It saws between half of what it can take and just beyond it.
        let saw = run(&mut batch, &mut now, 1, 200);
        assert!(saw.iter().all(|size| (250..=550).contains(size)), "{saw:?}");
        for pair in saw.windows(2) {
            assert!(pair[1] == pair[0] + 50 || pair[1] == pair[0] / 2, "{pair:?}");
        }
        // The load falls again: back to the top by addition alone.
        let again = run(&mut batch, &mut now, 10, 20);
        assert!(again.windows(2).all(|pair| pair[1] == (pair[0] + 50).min(1_000)));
        assert_eq!(again.last(), Some(&1_000));
    }

    #[test]
    fn an_idle_sender_keeps_its_size() {
        let mut batch = AdaptiveBatch::new(BatchOptions::default()).expect("defaults fit");
        for now in 0..50 {
            let ticket = batch.start(now);
            batch.finish(ticket, 3, true, now + 1);
        }
        assert_eq!(batch.size(), 100);
    }

    #[test]
    fn failures_of_batches_under_way_together_halve_once() {
        let mut batch = AdaptiveBatch::new(BatchOptions { first: 800, ..Default::default() }).expect("in range");
        let tickets: Vec<BatchTicket> = (0..4).map(|now| batch.start(now)).collect();
        tickets.iter().for_each(|ticket| batch.finish(*ticket, 800, false, 10));
        assert_eq!(batch.size(), 400);
        let ticket = batch.start(11);
        batch.finish(ticket, 400, false, 12);
        assert_eq!(batch.size(), 200);
    }

    #[test]
    fn failures_never_go_below_the_least() {
        let mut batch = AdaptiveBatch::new(BatchOptions::default()).expect("defaults fit");
        for now in 0..20 {
            let ticket = batch.start(now);
            batch.finish(ticket, ticket.size, false, now);
        }
        assert_eq!(batch.size(), 50);
    }

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        let wrong = [
            BatchOptions { least: 0, ..Default::default() },
            BatchOptions { most: 10, ..Default::default() },
            BatchOptions { first: 2_000, ..Default::default() },
            BatchOptions { step: 0, ..Default::default() },
            BatchOptions { lag_ms: 0, ..Default::default() },
        ];
        let names: Vec<_> = wrong.iter().filter_map(|options| AdaptiveBatch::new(*options).err()).collect();
        let names: Vec<_> = names.iter().map(|error| error.name).collect();
        assert_eq!(names, ["batch.least", "batch.most", "batch.first", "batch.step", "batch.lag_ms"]);
    }
}
