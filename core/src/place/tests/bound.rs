//! Bounded loads, and replicas that are far apart.

use super::*;

/// Places `count` keys one after another and returns the loads; checks the bound at every step.
fn fill(weights: &[u32], count: u64, slack: u32, pick: impl Fn(u64, &[u64]) -> usize) -> Vec<u64> {
    let mut loads = vec![0u64; weights.len()];
    let all: u32 = weights.iter().sum();
    for (placed, key) in (1..).zip(keys(count)) {
        let at = pick(key, &loads);
        loads[at] += 1;
        let share = placed as f64 * f64::from(weights[at]) / f64::from(all);
        let cap = (share * f64::from(100 + slack) / 100.0 - 1e-9).ceil();
        assert!(loads[at] as f64 <= cap, "{} above {cap} after {placed}", loads[at]);
    }
    loads
}

#[test]
fn no_node_ever_holds_more_than_its_share_and_the_slack() {
    for weights in [vec![100; 10], vec![50, 100, 150, 200]] {
        let names = named(weights.len());
        let nodes: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(weights.iter().copied()).collect();
        let (ring, table) = (Ring::new(&nodes, 20).expect("valid"), Rendezvous::new(&nodes).expect("valid"));
        for slack in [0, 5, 25, 100] {
            let by_ring = fill(&weights, 3_000, slack, |key, loads| {
                ring.lookup_bounded(key, loads, slack).expect("as many loads as nodes")
            });
            let by_rank = fill(&weights, 3_000, slack, |key, loads| {
                table.pick_bounded(key, loads, slack).expect("as many loads as nodes")
            });
            assert_eq!((by_ring.iter().sum(), by_rank.iter().sum()), (3_000u64, 3_000u64));
        }
    }
}

#[test]
fn with_room_everywhere_the_bound_changes_nothing() {
    let names = named(10);
    let nodes = weighted(&names, 100);
    let (ring, table) = (Ring::new(&nodes, 150).expect("valid"), Rendezvous::new(&nodes).expect("valid"));
    let loads = [100; 10];
    for key in keys(2_000) {
        assert_eq!(ring.lookup_bounded(key, &loads, 10), Ok(ring.lookup(key)));
        assert_eq!(table.pick_bounded(key, &loads, 10), Ok(table.pick(key)));
    }
    assert_eq!(ring.lookup_bounded(7, &[0; 9], 10), Err(PlaceError::Loads { given: 9, nodes: 10 }));
}

/// The theorem: a change of one node moves, beside its own keys, only a constant times 1 / slack squared.
#[test]
fn a_node_that_leaves_a_bounded_ring_moves_few_keys_of_others() {
    let names = named(20);
    let nodes = weighted(&names, 100);
    let place = |nodes: &[(&str, u32)]| {
        let ring = Ring::new(nodes, 150).expect("valid");
        let mut loads = vec![0; nodes.len()];
        let put = |key| {
            let at = ring.lookup_bounded(key, &loads, 25).expect("as many loads as nodes");
            loads[at] += 1;
            at
        };
        keys(10_000).map(put).collect::<Vec<usize>>()
    };
    let (before, after) = (place(&nodes), place(&nodes[..19]));
    let own = before.iter().filter(|at| **at == 19).count();
    let others = before.iter().zip(&after).filter(|(from, to)| **from != 19 && from != to).count();
    assert!(others < own * 2, "{others} others moved for {own} of the node's own");
}

fn three_zones() -> Topology {
    let start = Topology::builder().region("eu", ["a", "b"]).region("us", ["a", "b"]).region("as", ["a"]);
    let places = [("eu", "a"), ("eu", "b"), ("us", "a"), ("us", "b"), ("as", "a")];
    let add = |all: TopologyBuilder, at: usize| {
        let (region, zone) = places[at % 5];
        all.node(&format!("n{at:02}"), region, zone)
    };
    (0..20).fold(start, add).build().expect("valid")
}

fn distinct(topology: &Topology, chosen: &[usize]) -> (usize, usize, usize) {
    let count = |part: fn(&Node) -> u32| {
        let mut parts: Vec<u32> = chosen.iter().map(|at| part(&topology.nodes()[*at])).collect();
        parts.sort_unstable();
        parts.dedup();
        parts.len()
    };
    let mut nodes = chosen.to_vec();
    nodes.sort_unstable();
    nodes.dedup();
    (count(|node| node.region), count(|node| node.zone), nodes.len())
}

#[test]
fn replicas_are_in_as_many_regions_and_zones_as_there_are() {
    let topology = three_zones();
    let table = Rendezvous::of(&topology);
    let mut plain = 0;
    for key in keys(2_000) {
        for count in [1, 2, 3, 5, 8, 20] {
            let of = |spread| table.choose(key, count, spread).expect("there are 20 nodes");
            let (by_node, by_zone, by_region) = (of(Spread::Nodes), of(Spread::Zones), of(Spread::Regions));
            assert_eq!(by_node, table.rank(key)[..count]);
            assert_eq!((by_zone[0], by_region[0]), (by_node[0], by_node[0]));
            let (_, zones, nodes) = distinct(&topology, &by_zone);
            assert_eq!((zones, nodes), (count.min(5), count));
            let (regions, zones, nodes) = distinct(&topology, &by_region);
            assert_eq!((regions, zones, nodes), (count.min(3), count.min(5), count));
            plain += usize::from(count == 3 && distinct(&topology, &by_node).1 == 3);
        }
    }
    assert!(plain < 1_600, "without asking, {plain} of 2,000 would have been distinct");
}

#[test]
fn too_few_zones_or_nodes_are_a_typed_error_where_distinct_ones_are_demanded() {
    let table = Rendezvous::of(&three_zones());
    assert!(table.choose_distinct(7, 5, Spread::Zones).is_ok());
    let error = |what, wanted, have| Err(PlaceError::TooFew { what, wanted, have });
    assert_eq!(table.choose_distinct(7, 6, Spread::Zones), error("zones", 6, 5));
    assert_eq!(table.choose_distinct(7, 4, Spread::Regions), error("regions", 4, 3));
    assert_eq!(table.choose(7, 21, Spread::Nodes), error("nodes", 21, 20));
}
