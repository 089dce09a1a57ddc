//! Rendezvous hashing, the way in which rooms are placed.

use super::bounded::Caps;
use super::error::check_nodes;
use super::hash::hash_node;
use super::weight::{cost, costs_more};
use super::{PlaceError, Topology};
use crate::assoc::order;
use crate::flow::mix;

/// How far apart the replicas of one key shall be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spread {
    /// On distinct nodes.
    Nodes,
    /// In distinct zones as long as there are any, then on distinct nodes.
    #[default]
    Zones,
    /// In distinct regions as long as there are any, then in distinct zones, then on distinct nodes.
    Regions,
}

/// Rendezvous (highest random weight) hashing (Thaler and Ravishankar, 1998), weighted by the logarithm method.
///
/// Every node draws a number for a key, and the best draw wins; the order of the draws gives the replicas. A node that
/// comes takes only what it wins, one that goes gives only what it had. A draw is a mix of both hashes; with unequal
/// weights it is turned into a cost by steps that every machine rounds alike, see the source of `weight.rs`.
///
/// ```
/// use syncline::place::{Rendezvous, hash};
/// let nodes = Rendezvous::new(&[("a", 100), ("b", 100), ("c", 300)])?;
/// let replicas = nodes.rank(hash("room 7"));
/// assert_eq!(nodes.pick(hash("room 7")), replicas[0]);
/// # Ok::<(), syncline::place::PlaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rendezvous {
    seats: Vec<Seat>,
    /// Equal weights need no logarithm: the order of the draws is that of the costs.
    equal: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    hash: u64,
    weight: u32,
    zone: u32,
    region: u32,
}

impl Rendezvous {
    /// Takes nodes with their weights, each in a zone of its own.
    ///
    /// # Errors
    /// [`PlaceError`] if there are no nodes or too many, two have one name, or a weight is 0.
    pub fn new(nodes: &[(&str, u32)]) -> Result<Self, PlaceError> {
        check_nodes(nodes)?;
        let seat = |(at, (name, weight)): (u32, &(&str, u32))| Seat {
            hash: hash_node(name),
            weight: *weight,
            zone: at,
            region: at,
        };
        Ok(Rendezvous::from_seats((0..).zip(nodes).map(seat).collect()))
    }

    /// Takes all nodes of a topology with their weights, zones and regions, whatever their health: a node that is down for
    /// a while keeps its place.
    pub fn of(topology: &Topology) -> Self {
        let seat = |node: &super::Node| Seat {
            hash: hash_node(&node.name),
            weight: node.weight,
            zone: node.zone,
            region: node.region,
        };
        Rendezvous::from_seats(topology.nodes().iter().map(seat).collect())
    }

    fn from_seats(seats: Vec<Seat>) -> Self {
        let equal = seats.windows(2).all(|pair| pair[0].weight == pair[1].weight);
        Rendezvous { seats, equal }
    }

    /// The best node for a hashed key, as its place in the list of nodes.
    pub fn pick(&self, hash: u64) -> usize {
        let (mut best, mut at) = ((u64::MAX, u64::MAX), 0);
        for (place, seat) in self.seats.iter().enumerate() {
            // The first best is no number, and nothing costs more than that.
            if !self.equal && costs_more(seat.draw(hash), seat.weight, f64::from_bits(best.0)) {
                continue;
            }
            let cost = self.cost(seat, hash);
            if cost < best {
                (best, at) = (cost, place);
            }
        }
        at
    }

    /// All nodes for a hashed key, the best first.
    pub fn rank(&self, hash: u64) -> Vec<usize> {
        order(self.seats.iter().map(|seat| self.cost(seat, hash))).into_iter().map(|at| at as usize).collect()
    }

    /// The best `count` nodes for a hashed key, spread as far as there are zones or regions.
    ///
    /// # Errors
    /// [`PlaceError::TooFew`] if there are fewer nodes than that.
    pub fn choose(&self, hash: u64, count: usize, spread: Spread) -> Result<Vec<usize>, PlaceError> {
        self.choose_from(&self.rank(hash), count, spread)
    }

    /// As [`Rendezvous::choose`], but never two in one zone or region.
    ///
    /// # Errors
    /// [`PlaceError::TooFew`] if there are fewer zones or regions than replicas.
    pub fn choose_distinct(&self, hash: u64, count: usize, spread: Spread) -> Result<Vec<usize>, PlaceError> {
        let chosen = self.choose(hash, count, spread)?;
        let (what, domain): (_, fn(&Seat) -> u32) = match spread {
            Spread::Nodes => return Ok(chosen),
            Spread::Zones => ("zones", |seat| seat.zone),
            Spread::Regions => ("regions", |seat| seat.region),
        };
        let mut domains: Vec<u32> = Vec::new();
        for domain in chosen.iter().map(|at| domain(&self.seats[*at])) {
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        match domains.len() {
            have if have < count => Err(PlaceError::TooFew { what, wanted: count, have }),
            _ => Ok(chosen),
        }
    }

    /// The best node that holds no more than its fair share and `slack_percent` above it (the bound of Mirrokni, Thorup,
    /// Zadimoghaddam, 2018, on the order of draws). `loads` says what each node holds, without the key.
    ///
    /// # Errors
    /// [`PlaceError::Loads`] if there is not one load for each node.
    pub fn pick_bounded(&self, hash: u64, loads: &[u64], slack_percent: u32) -> Result<usize, PlaceError> {
        let caps = Caps::new(loads, self.seats.iter().map(|seat| seat.weight), slack_percent)?;
        let roomy = self.rank(hash).into_iter().find(|at| caps.has_room(*at, self.seats[*at].weight));
        Ok(roomy.unwrap_or_else(|| self.pick(hash)))
    }

    /// Takes `count` of the ranked nodes: first the best of each new region (or zone), then of each new zone, then the rest.
    pub(super) fn choose_from(&self, ranked: &[usize], count: usize, spread: Spread) -> Result<Vec<usize>, PlaceError> {
        if ranked.len() < count {
            return Err(PlaceError::TooFew { what: "nodes", wanted: count, have: ranked.len() });
        }
        let mut chosen: Vec<usize> = Vec::with_capacity(count);
        let apart: &[fn(&Seat, &Seat) -> bool] = match spread {
            Spread::Nodes => &[|_, _| true],
            Spread::Zones => &[|one, other| one.zone != other.zone, |_, _| true],
            Spread::Regions => {
                &[|one, other| one.region != other.region, |one, other| one.zone != other.zone, |_, _| true]
            }
        };
        for apart in apart {
            for at in ranked {
                let fits = |other: &usize| other != at && apart(&self.seats[*at], &self.seats[*other]);
                if chosen.len() < count && chosen.iter().all(fits) {
                    chosen.push(*at);
                }
            }
        }
        Ok(chosen)
    }

    /// What a key costs a node, the least first, and the node's hash to decide between equals. Costs are positive floats,
    /// whose bits sort as their values do.
    fn cost(&self, seat: &Seat, hash: u64) -> (u64, u64) {
        let draw = seat.draw(hash);
        (if self.equal { !draw } else { cost(draw, seat.weight).to_bits() }, seat.hash)
    }
}

impl Seat {
    fn draw(&self, hash: u64) -> u64 {
        mix(hash ^ self.hash)
    }
}
