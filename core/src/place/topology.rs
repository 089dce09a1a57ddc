//! Regions, their zones, the nodes in them, and how they are.

use super::error::{at_most, check_distinct, check_name, check_weight};
use super::health::{Mark, Pulse};
use super::{MOST_WEIGHT, NODES, PlaceError, REGIONS, USUAL_WEIGHT, ZONES};
use crate::assoc::SortedMap;

/// A node, as the topology knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, which no other node has.
    pub name: String,
    /// The place of its zone in the list of all zones.
    pub zone: u32,
    /// The place of its region in [`Topology::regions`].
    pub region: u32,
    /// Its weight in percent of the usual one.
    pub weight: u32,
}

/// Where the nodes are, and how they are: all that routing and placement ask.
///
/// Names of zones need to differ within their region only. Lists are in the order of names, so that the order in which
/// things were added decides nothing.
///
/// ```
/// use syncline::place::{Mark, Topology};
/// let mut topology = Topology::builder()
///     .region("eu", ["a", "b"])
///     .region("us", ["a"])
///     .node("n1", "eu", "a")
///     .node("n2", "eu", "b")
///     .weighted_node("n3", "us", "a", 200)
///     .build()?;
/// topology.mark("n2", Mark::Draining)?;
/// topology.measured("us", "n1", 85)?;
/// assert_eq!(topology.nodes().len(), 3);
/// # Ok::<(), syncline::place::PlaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Topology {
    regions: Vec<String>,
    zones: Vec<(u32, String)>,
    nodes: Vec<Node>,
    pub(super) pulses: Vec<Pulse>,
    /// Smoothed time from a region to a node, in microseconds.
    pub(super) latencies: SortedMap<(u32, u32), u64>,
}

impl Topology {
    /// Starts an empty description.
    pub fn builder() -> TopologyBuilder {
        TopologyBuilder::default()
    }

    /// The names of the regions, in order.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    /// The nodes, in the order of their names.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The name of a zone, without that of its region.
    pub fn zone_name(&self, zone: u32) -> &str {
        self.zones.get(zone as usize).map_or("", |(_, name)| name)
    }

    /// The name of a region.
    pub fn region_name(&self, region: u32) -> &str {
        self.regions.get(region as usize).map_or("", String::as_str)
    }

    /// The place of a region in [`Topology::regions`].
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such region.
    pub fn region(&self, name: &str) -> Result<u32, PlaceError> {
        let found = self.regions.binary_search_by(|region| region.as_str().cmp(name));
        found.map(|at| at as u32).map_err(|_| PlaceError::Unknown { what: "region", name: name.to_owned() })
    }

    /// The place of a zone of a region in the list of zones.
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if the region has no such zone.
    pub fn zone(&self, region: u32, name: &str) -> Result<u32, PlaceError> {
        let found = self.zones.binary_search_by(|zone| (zone.0, zone.1.as_str()).cmp(&(region, name)));
        found.map(|at| at as u32).map_err(|_| PlaceError::Unknown { what: "zone", name: name.to_owned() })
    }

    /// The place of a node in [`Topology::nodes`].
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such node.
    pub fn node(&self, name: &str) -> Result<usize, PlaceError> {
        let found = self.nodes.binary_search_by(|node| node.name.as_str().cmp(name));
        found.map_err(|_| PlaceError::Unknown { what: "node", name: name.to_owned() })
    }

    /// How a node is.
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such node.
    pub fn mark_of(&self, name: &str) -> Result<Mark, PlaceError> {
        Ok(self.pulses[self.node(name)?].mark())
    }

    /// The nodes that new shards are placed on: all but those that are draining. A node that is down keeps its shards, since
    /// moving them costs more than waiting; whoever knows that it will not come back removes it.
    pub fn keepers(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.pulses[*at].mark() != Mark::Draining).collect()
    }

    /// Takes over the marks and latencies that an earlier topology has for nodes and regions of the same names.
    pub fn adopt_health(&mut self, earlier: &Topology) {
        for (node, pulse) in self.nodes.iter().zip(&mut self.pulses) {
            if let Ok(at) = earlier.node(&node.name) {
                *pulse = earlier.pulses[at];
            }
        }
        for ((region, node), micros) in earlier.latencies.iter() {
            let region = self.region(earlier.region_name(*region));
            if let (Ok(region), Ok(node)) = (region, self.node(&earlier.nodes[*node as usize].name)) {
                self.latencies.insert((region, node as u32), *micros);
            }
        }
    }
}

/// Describes a [`Topology`]; [`TopologyBuilder::build`] checks it.
#[derive(Clone, Debug, Default)]
pub struct TopologyBuilder {
    regions: Vec<(String, Vec<String>)>,
    nodes: Vec<[String; 3]>,
    weights: Vec<u32>,
}

impl TopologyBuilder {
    /// Adds a region with its zones.
    #[must_use]
    pub fn region<Z: Into<String>>(mut self, name: &str, zones: impl IntoIterator<Item = Z>) -> Self {
        self.regions.push((name.to_owned(), zones.into_iter().map(Into::into).collect()));
        self
    }

    /// Adds a node of the usual weight to a zone of a region.
    #[must_use]
    pub fn node(self, name: &str, region: &str, zone: &str) -> Self {
        self.weighted_node(name, region, zone, USUAL_WEIGHT)
    }

    /// Adds a node with a weight in percent of the usual one, from 1 to [`MOST_WEIGHT`].
    #[must_use]
    pub fn weighted_node(mut self, name: &str, region: &str, zone: &str, weight: u32) -> Self {
        self.nodes.push([name, region, zone].map(str::to_owned));
        self.weights.push(weight);
        self
    }

    /// Checks the description and makes the topology of it, with every node up.
    ///
    /// # Errors
    /// [`PlaceError`] if a name is empty, too long or taken, if a region has no zones or a topology no nodes, if a node's
    /// region or zone is unknown, if a weight is 0, or if there is too much of something.
    pub fn build(self) -> Result<Topology, PlaceError> {
        const { assert!(MOST_WEIGHT as usize * NODES <= u32::MAX as usize) };
        at_most("regions", self.regions.len(), REGIONS)?;
        at_most("nodes", self.nodes.len(), NODES)?;
        at_most("zones", self.regions.iter().map(|(_, zones)| zones.len()).sum(), ZONES)?;
        let names: Vec<&str> = self.regions.iter().map(|(name, _)| name.as_str()).collect();
        let regions = check_distinct("region", &names)?;
        let names: Vec<&str> = self.nodes.iter().map(|[name, ..]| name.as_str()).collect();
        let nodes = check_distinct("node", &names)?;
        let mut topology = Topology {
            regions: Vec::new(),
            zones: Vec::new(),
            nodes: Vec::new(),
            pulses: vec![Pulse::default(); self.nodes.len()],
            latencies: SortedMap::default(),
        };
        for (at, region) in (0..).zip(regions) {
            let (name, zones) = &self.regions[region as usize];
            check_name("region", name)?;
            let order = check_zones(zones)?;
            topology.regions.push(name.clone());
            topology.zones.extend(order.into_iter().map(|zone| (at, zones[zone as usize].clone())));
        }
        if nodes.is_empty() {
            return Err(PlaceError::Empty("topology"));
        }
        for at in nodes {
            let ([name, region, zone], weight) = (&self.nodes[at as usize], self.weights[at as usize]);
            check_name("node", name)?;
            check_weight(name, weight)?;
            let region = topology.region(region)?;
            let zone = topology.zone(region, zone)?;
            topology.nodes.push(Node { name: name.clone(), zone, region, weight });
        }
        Ok(topology)
    }
}

fn check_zones(zones: &[String]) -> Result<Vec<u32>, PlaceError> {
    if zones.is_empty() {
        return Err(PlaceError::Empty("region"));
    }
    let names: Vec<&str> = zones.iter().map(String::as_str).collect();
    names.iter().try_for_each(|name| check_name("zone", name))?;
    check_distinct("zone", &names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(builder: TopologyBuilder) -> String {
        builder.build().map_or_else(|error| error.to_string(), |_| "fine".into())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let eu = || Topology::builder().region("eu", ["a"]);
        let good = || eu().node("n", "eu", "a");
        let long = "x".repeat(129);
        let cases = [
            (good(), "fine"),
            (Topology::builder(), "a topology is empty"),
            (eu(), "a topology is empty"),
            (good().region("us", [""; 0]), "a region is empty"),
            (good().region("eu", ["b"]), "two regions named 'eu'"),
            (good().region("us", ["b", "b"]), "two zones named 'b'"),
            (good().node("n", "eu", "a"), "two nodes named 'n'"),
            (good().node("m", "mars", "a"), "no region named 'mars'"),
            (good().node("m", "eu", "b"), "no zone named 'b'"),
            (good().weighted_node("m", "eu", "a", 0), "the weight of 'm' is 0"),
            (good().weighted_node("m", "eu", "a", 10_001), "the weight of 'm' is 10001"),
            (good().node("", "eu", "a"), "the name of a node has 0 bytes"),
            (good().node(&long, "eu", "a"), "the name of a node has 129 bytes"),
            (good().region(&long, ["a"]), "the name of a region has 129 bytes"),
            (good().region("us", [""]), "the name of a zone has 0 bytes"),
            ((0..64).fold(good(), |all, n| all.region(&n.to_string(), ["a"])), "65 regions are too many"),
            (good().region("us", (0..1_024).map(|n| n.to_string())), "1025 zones are too many"),
            ((0..4_096).fold(good(), |all, n| all.node(&n.to_string(), "eu", "a")), "4097 nodes are too many"),
        ];
        for (builder, wanted) in cases {
            let found = code(builder);
            assert!(found.contains(wanted), "{found}, wanted {wanted}");
        }
    }

    #[test]
    fn the_order_of_adding_decides_nothing_and_zones_belong_to_their_region() {
        let one = Topology::builder().region("eu", ["b", "a"]).region("as", ["a"]);
        let one = one.node("n2", "as", "a").node("n1", "eu", "a").build().expect("valid");
        let two = Topology::builder().region("as", ["a"]).region("eu", ["a", "b"]);
        let two = two.node("n1", "eu", "a").node("n2", "as", "a").build().expect("valid");
        assert_eq!((one.regions(), one.nodes()), (two.regions(), two.nodes()));
        assert_ne!(one.nodes()[0].zone, one.nodes()[1].zone, "two zones named a");
        assert_eq!(one.zone_name(one.nodes()[0].zone), "a");
    }

    #[test]
    fn health_is_kept_for_nodes_that_stay() {
        let build = |names: &[&str]| {
            let start = Topology::builder().region("eu", ["a"]).region("us", ["a"]);
            names.iter().fold(start, |all, name| all.node(name, "eu", "a")).build().expect("valid")
        };
        let mut before = build(&["m", "n"]);
        before.mark("n", Mark::Down).expect("known");
        before.measured("us", "n", 80).expect("known");
        let mut after = build(&["a", "n"]);
        after.adopt_health(&before);
        assert_eq!((after.mark_of("n"), after.mark_of("a")), (Ok(Mark::Down), Ok(Mark::Up)));
        assert_eq!(after.latency_ms("us", "n"), Ok(Some(80)));
        assert_eq!(after.keepers(), [0, 1]);
        after.mark("a", Mark::Draining).expect("known");
        assert_eq!(after.keepers(), [1]);
    }
}
