//! A hash ring with virtual nodes.

use super::bounded::Caps;
use super::error::{at_most, check_nodes};
use super::hash::hash_node;
use super::{PlaceError, USUAL_WEIGHT};
use crate::assoc::order;
use crate::flow::Random;

/// Points of a node of the usual weight: even to about 8 % of the mean (one by the root of 150).
pub const RING_POINTS: u32 = 150;

/// Most points on a ring; with its index that is 20 MB.
const POINTS: usize = 1 << 20;

/// A consistent hash ring (Karger et al., 1997): each node owns many points, and a key belongs to the first point at or
/// after its hash. A node that comes takes keys only for itself, one that goes gives away only its own.
///
/// The points of a node are the first numbers of the SplitMix64 sequence whose seed is the hash of its name: as many as the
/// ring has points per node, times the node's weight in percent, at least one. An index by leading bits finds the point in
/// about one step, whatever the number of nodes.
///
/// ```
/// use syncline::place::{RING_POINTS, Ring, hash};
/// let ring = Ring::new(&[("a", 100), ("b", 100), ("c", 200)], RING_POINTS)?;
/// let owner = ring.lookup(hash("room 7"));
/// assert_eq!(ring.walk(hash("room 7")).next(), Some(owner));
/// assert_eq!(ring.walk(hash("room 7")).count(), 3);
/// # Ok::<(), syncline::place::PlaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ring {
    points: Vec<u64>,
    owners: Vec<u32>,
    /// For each value of the leading bits, the first point that is not below it.
    index: Vec<u32>,
    shift: u32,
    weights: Vec<u32>,
}

impl Ring {
    /// Makes a ring of nodes with their weights in percent, `points` points for a node of weight 100.
    ///
    /// # Errors
    /// [`PlaceError`] if there are no nodes or too many, two have one name, a weight is 0, or there are too many points.
    pub fn new(nodes: &[(&str, u32)], points: u32) -> Result<Self, PlaceError> {
        check_nodes(nodes)?;
        let share = |weight: u32| (u64::from(points) * u64::from(weight) / u64::from(USUAL_WEIGHT)).max(1) as usize;
        let count = nodes.iter().fold(0, |sum: usize, (_, weight)| sum.saturating_add(share(*weight)));
        at_most("points on a ring", count, POINTS)?;
        let mut found = Vec::with_capacity(count);
        for (node, (name, weight)) in (0..).zip(nodes) {
            let seed = hash_node(name);
            let mut sequence = Random(seed);
            // The name's hash decides between equal points, so the order of the list does not matter.
            found.extend((0..share(*weight)).map(|_| (sequence.next(), seed, node)));
        }
        let sorted = order(found.iter().map(|(point, seed, _)| (*point, *seed)));
        let points: Vec<u64> = sorted.iter().map(|at| found[*at as usize].0).collect();
        let owners = sorted.iter().map(|at| found[*at as usize].2).collect();
        let (index, shift) = index_of(&points);
        Ok(Ring { points, owners, index, shift, weights: nodes.iter().map(|node| node.1).collect() })
    }

    /// The node of a hashed key, as its place in the list of nodes.
    pub fn lookup(&self, hash: u64) -> usize {
        self.owners[self.point(hash)] as usize
    }

    /// All nodes, each once, in the order in which their first points come after a hashed key: the first `n` hold its replicas.
    pub fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let start = self.point(hash);
        let mut seen = vec![false; self.weights.len()];
        let turn = (start..self.owners.len()).chain(0..start);
        turn.map(|at| self.owners[at] as usize).filter(move |node| !std::mem::replace(&mut seen[*node], true))
    }

    /// The node of a hashed key when none may hold more than its fair share and `slack_percent` above it: the first on the
    /// walk that has room (Mirrokni, Thorup, Zadimoghaddam, 2018). `loads` says what each node holds, without the key.
    ///
    /// # Errors
    /// [`PlaceError::Loads`] if there is not one load for each node.
    pub fn lookup_bounded(&self, hash: u64, loads: &[u64], slack_percent: u32) -> Result<usize, PlaceError> {
        let caps = Caps::new(loads, self.weights.iter().copied(), slack_percent)?;
        let roomy = self.walk(hash).find(|node| caps.has_room(*node, self.weights[*node]));
        Ok(roomy.unwrap_or_else(|| self.lookup(hash)))
    }

    /// Where the first point at or after a hash is.
    fn point(&self, hash: u64) -> usize {
        let first = self.index[(hash >> self.shift) as usize] as usize;
        let after = self.points[first..].iter().position(|point| *point >= hash);
        after.map_or(0, |steps| first + steps)
    }
}

/// As many entries as points, up to a power of two, and by how much a hash is shifted to give the entry.
fn index_of(points: &[u64]) -> (Vec<u32>, u32) {
    let bits = points.len().next_power_of_two().trailing_zeros().max(1);
    let shift = 64 - bits;
    let mut next = 0;
    let first_from = |entry: u64| {
        while points.get(next).is_some_and(|point| point >> shift < entry) {
            next += 1;
        }
        next as u32
    };
    ((0..1u64 << bits).map(first_from).collect(), shift)
}
