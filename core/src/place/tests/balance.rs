//! F14 and F16: evenness, weights and movement of ring and rendezvous.

use super::*;

/// Who owns what before and after a node is added at the end; panics if a key goes anywhere but to the new one.
fn moved(before: impl Fn(u64) -> usize, after: impl Fn(u64) -> usize, new: usize, count: u64) -> f64 {
    let moves = keys(count).filter(|key| {
        let (from, to) = (before(*key), after(*key));
        assert!(from == to || to == new, "a key moved between old nodes");
        from != to
    });
    moves.count() as f64
}

#[test]
fn a_ring_varies_by_at_most_twelve_percent() {
    for nodes in [10, 100] {
        for prefix in ["node-", "10.0.0.", "relay.eu/"] {
            let names: Vec<String> = (0..nodes).map(|node| format!("{prefix}{node}")).collect();
            let ring = Ring::new(&weighted(&names, 100), RING_POINTS).expect("valid");
            let cv = variation(&counts(nodes, keys(4_000 * nodes as u64), |key| ring.lookup(key)));
            assert!(cv <= 0.12, "{nodes} nodes {prefix}: {cv}");
        }
    }
}

#[test]
fn a_node_added_to_a_ring_takes_about_its_share_and_nothing_else_moves() {
    for nodes in [3, 10, 30] {
        let names = named(nodes + 1);
        let before = Ring::new(&weighted(&names[..nodes], 100), RING_POINTS).expect("valid");
        let after = Ring::new(&weighted(&names, 100), RING_POINTS).expect("valid");
        let count = 20_000 * nodes as u64;
        let part = moved(|key| before.lookup(key), |key| after.lookup(key), nodes, count) / count as f64;
        let ideal = 1.0 / (nodes + 1) as f64;
        // The new node's own arc varies by 8 % like every other: three times that.
        assert!((part / ideal - 1.0).abs() < 0.25, "{nodes}: {part}, ideal {ideal}");
    }
}

#[test]
fn a_ring_does_not_depend_on_the_order_of_the_list() {
    let names = named(12);
    let nodes = weighted(&names, 100);
    let turned: Vec<(&str, u32)> = nodes.iter().rev().copied().collect();
    let (one, other) = (Ring::new(&nodes, 20).expect("valid"), Ring::new(&turned, 20).expect("valid"));
    for key in keys(5_000) {
        assert_eq!(nodes[one.lookup(key)], turned[other.lookup(key)]);
        assert!(one.walk(key).map(|at| nodes[at]).eq(other.walk(key).map(|at| turned[at])));
    }
}

/// The oracle: look at every point.
#[test]
fn the_index_of_a_ring_finds_what_a_search_of_all_points_finds() {
    for (nodes, points) in [(1, 1), (1, 150), (2, 1), (3, 7), (50, 40)] {
        let names = named(nodes);
        let ring = Ring::new(&weighted(&names, 100), points).expect("valid");
        let mut all: Vec<(u64, usize)> = Vec::new();
        for (node, name) in names.iter().enumerate() {
            let start = crate::place::hash::hash_node(name);
            let point = |turn: u64| mix(start.wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            all.extend((1..=u64::from(points)).map(|turn| (point(turn), node)));
        }
        let first = |key: u64| all.iter().filter(|point| point.0 >= key).min().or(all.iter().min()).map(|p| p.1);
        let edges = all.iter().flat_map(|point| [point.0, point.0.wrapping_add(1), point.0.wrapping_sub(1)]);
        for key in keys(500).chain([0, u64::MAX]).chain(edges.take(300)) {
            assert_eq!(Some(ring.lookup(key)), first(key));
        }
    }
}

#[test]
fn rendezvous_is_even_within_three_percent() {
    for nodes in [3, 10, 50] {
        let names = named(nodes);
        let table = Rendezvous::new(&weighted(&names, 100)).expect("valid");
        let peak = peak(&counts(nodes, keys(8_000 * nodes as u64), |key| table.pick(key)));
        assert!(peak <= 1.03, "{nodes} nodes: {peak}");
    }
}

#[test]
fn a_node_added_by_rendezvous_moves_at_most_five_percent_more_than_ideal() {
    for nodes in [3, 10, 50] {
        for weight in [100, 250] {
            let names = named(nodes + 1);
            let mut list = weighted(&names, 100);
            list[nodes].1 = weight;
            let before = Rendezvous::new(&list[..nodes]).expect("valid");
            let after = Rendezvous::new(&list).expect("valid");
            let count = 8_000 * nodes as u64;
            let part = moved(|key| before.pick(key), |key| after.pick(key), nodes, count) / count as f64;
            let ideal = f64::from(weight) / (100.0 * nodes as f64 + f64::from(weight));
            assert!(part <= ideal * 1.05 && part >= ideal * 0.95, "{nodes}: {part}, ideal {ideal}");
        }
    }
}

#[test]
fn nodes_get_keys_by_their_weights() {
    let weights = [25, 50, 100, 100, 200, 800];
    let names = named(weights.len());
    let nodes: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(weights).collect();
    let total = f64::from(weights.iter().sum::<u32>());
    let table = Rendezvous::new(&nodes).expect("valid");
    let ring = Ring::new(&nodes, 1_000).expect("valid");
    let by_rendezvous = counts(nodes.len(), keys(400_000), |key| table.pick(key));
    let by_ring = counts(nodes.len(), keys(400_000), |key| ring.lookup(key));
    for (at, weight) in weights.iter().enumerate() {
        let ideal = 400_000.0 * f64::from(*weight) / total;
        let (one, other) = (by_rendezvous[at] / ideal, by_ring[at] / ideal);
        assert!((one - 1.0).abs() < 0.03, "rendezvous, weight {weight}: {one}");
        assert!((other - 1.0).abs() < 0.2, "ring, weight {weight}: {other}");
    }
}

#[test]
fn ranks_begin_with_the_pick_and_lose_only_the_node_that_goes() {
    for weights in [[100; 8], [50, 100, 150, 200, 250, 300, 350, 400]] {
        let names = named(8);
        let nodes: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(weights).collect();
        let all = Rendezvous::new(&nodes).expect("valid");
        let fewer = Rendezvous::new(&nodes[..7]).expect("valid");
        for key in keys(5_000) {
            let mut rank = all.rank(key);
            assert_eq!(rank[0], all.pick(key));
            rank.retain(|at| *at != 7);
            assert_eq!(rank, fewer.rank(key));
        }
    }
}

#[test]
fn the_second_choice_is_as_even_as_the_first() {
    let names = named(10);
    let table = Rendezvous::new(&weighted(&names, 100)).expect("valid");
    for place in [1, 2, 9] {
        let peak = peak(&counts(10, keys(80_000), |key| table.rank(key)[place]));
        assert!(peak <= 1.03, "choice {place}: {peak}");
    }
}

#[test]
fn what_is_wrong_with_a_list_of_nodes_is_named() {
    let code = |nodes: &[(&str, u32)]| {
        let (ring, table) = (Ring::new(nodes, 150).map(drop), Rendezvous::new(nodes).map(drop));
        assert_eq!(ring, table);
        table.map_err(|error| error.code())
    };
    assert_eq!(code(&[]), Err("no_nodes"));
    assert_eq!(code(&[("a", 0)]), Err("weight"));
    assert_eq!(code(&[("a", 10_001)]), Err("weight"));
    assert_eq!(code(&[("", 1)]), Err("name"));
    assert_eq!(code(&[("a", 1), ("b", 1), ("a", 1)]), Err("duplicate"));
    let names = named(4_097);
    assert_eq!(code(&weighted(&names, 1)), Err("too_many"));
    let points = Ring::new(&[("a", 10_000)], u32::MAX).map(drop);
    assert_eq!(points.map_err(|error| error.code()), Err("too_many"));
    assert!(Ring::new(&[("a", 1)], 0).is_ok_and(|ring| ring.lookup(7) == 0), "at least one point");
}
