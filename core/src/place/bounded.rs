//! No node gets more than its share and a little.

use super::PlaceError;

/// Most slack in percent: ten times the fair share bounds nothing any more.
pub(super) const MOST_SLACK: u32 = 900;

/// How much each node may hold: its fair share of what there is, times `1 + slack`
/// (Mirrokni, Thorup, Zadimoghaddam: "Consistent hashing with bounded loads", SODA 2018).
pub(super) struct Caps<'a> {
    loads: &'a [u64],
    /// What there is, the newcomer included.
    total: u64,
    /// Sum of all weights.
    weights: u64,
    slack_percent: u32,
}

impl<'a> Caps<'a> {
    pub(super) fn new(
        loads: &'a [u64],
        weights: impl ExactSizeIterator<Item = u32>,
        slack_percent: u32,
    ) -> Result<Self, PlaceError> {
        if loads.len() != weights.len() {
            return Err(PlaceError::Loads { given: loads.len(), nodes: weights.len() });
        }
        let total = loads.iter().fold(1, |sum: u64, load| sum.saturating_add(*load));
        let weights = weights.map(u64::from).sum();
        Ok(Caps { loads, total, weights, slack_percent: slack_percent.min(MOST_SLACK) })
    }

    /// Whether a node of that weight may take one more. The caps add up to more than all loads, so there is such a node.
    pub(super) fn has_room(&self, node: usize, weight: u32) -> bool {
        self.loads.get(node).is_some_and(|load| *load < capacity(self.total, weight, self.weights, self.slack_percent))
    }
}

/// `total * (1 + slack) * weight / weights`, rounded up, in whole numbers and without overflow.
pub(super) fn capacity(total: u64, weight: u32, weights: u64, slack_percent: u32) -> u64 {
    // At most 4,096 nodes of weight 10,000: the divisor is below 2^32, the factor below 2^24.
    let divisor = weights.max(1) * 100;
    let factor = u64::from(weight) * u64::from(100 + slack_percent);
    let whole = (total / divisor).saturating_mul(factor);
    whole.saturating_add(((total % divisor) * factor).div_ceil(divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capacity_is_the_rounded_up_share_with_its_slack() {
        assert_eq!(capacity(10, 100, 300, 0), 4);
        assert_eq!(capacity(10, 200, 300, 25), 9);
        assert_eq!(capacity(1_000, 1, 1, 5), 1_050);
        assert_eq!(capacity(u64::MAX, 10_000, 10_000, 900), u64::MAX);
        for (total, weight, weights, slack) in [(1u64 << 40, 17, 40_960_000, 3), (999_999_937, 10_000, 31_000, 900)] {
            let exact = u128::from(total) * u128::from(weight) * u128::from(100 + slack);
            let exact = exact.div_ceil(u128::from(weights) * 100);
            assert_eq!(u128::from(capacity(total, weight, weights, slack)), exact);
        }
    }
}
