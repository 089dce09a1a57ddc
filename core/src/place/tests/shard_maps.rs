//! F36: one routing function, an even layout, and rebalancing in bounded steps.

use super::*;

fn cluster(nodes: usize) -> Topology {
    let start = Topology::builder().region("eu", ["a", "b", "c"]);
    let add = |all: TopologyBuilder, at: usize| all.node(&format!("n{at}"), "eu", ["a", "b", "c"][at % 3]);
    (0..nodes).fold(start, add).build().expect("valid")
}

fn map(topology: &Topology, layout: Layout) -> ShardMap {
    ShardMap::new(topology, 256, layout).expect("enough nodes")
}

fn loads(topology: &Topology, map: &ShardMap) -> Vec<f64> {
    let held = |node: &Node| (0..map.shards()).filter(|shard| map.members(*shard).contains(&node.name)).count() as f64;
    topology.nodes().iter().map(held).collect()
}

fn sorted(map: &ShardMap) -> Vec<Vec<String>> {
    let members = |shard| {
        let mut members = map.members(shard).to_vec();
        members.sort_unstable();
        members
    };
    (0..map.shards()).map(members).collect()
}

#[test]
fn keys_of_a_range_stay_together_and_hashed_keys_are_even() {
    let ranges = Partitioner::range(["m", "d", "t"]).expect("distinct");
    let shards: Vec<u32> = ["", "c", "d", "dog", "lzz", "m", "t", "zzz"].iter().map(|key| ranges.shard(key)).collect();
    assert_eq!((shards.as_slice(), ranges.shards()), ([0, 0, 1, 1, 1, 2, 3, 3].as_slice(), 4));
    let hashed = Partitioner::hash(16).expect("some");
    let counts = counts(16, 0..160_000, |key| hashed.shard(&format!("room {key}")) as usize);
    assert!(peak(&counts) < 1.04, "{counts:?}");
    assert_eq!(Partitioner::hash(0), Err(PlaceError::NoBuckets));
    assert_eq!(Partitioner::hash(65_537).map_err(|error| error.code()), Err("too_many"));
    assert_eq!(Partitioner::range(["a", "b", "a"]).map_err(|error| error.code()), Err("duplicate"));
}

#[test]
fn every_shard_has_members_in_distinct_zones_and_slack_makes_it_even() {
    let topology = cluster(9);
    let zone = |name: &String| topology.nodes()[topology.node(name).expect("known")].zone;
    for (slack_percent, limit) in [(None, 1.4), (Some(5), 1.06), (Some(0), 1.02)] {
        let map = map(&topology, Layout { slack_percent, ..Layout::default() });
        for shard in 0..map.shards() {
            let zones: Vec<u32> = map.members(shard).iter().map(zone).collect();
            assert!(zones.len() == 3 && zones[0] != zones[1] && zones[1] != zones[2] && zones[0] != zones[2]);
        }
        let peak = peak(&loads(&topology, &map));
        assert!(peak <= limit, "{slack_percent:?}: {peak}");
    }
    assert!(ShardMap::new(&cluster(2), 1, Layout::default()).is_err_and(|error| error.code() == "too_few"));
}

#[test]
fn a_plan_is_bounded_touches_a_shard_once_and_ends_at_the_target() {
    let layout = Layout::default();
    let (small, large) = (map(&cluster(9), layout), map(&cluster(10), layout));
    for (from, to) in [(&small, &large), (&large, &small)] {
        let (mut current, mut steps, mut rounds) = (from.clone(), 0, 0);
        loop {
            let moves = plan(&current, to, 7);
            if moves.is_empty() {
                break;
            }
            let mut shards: Vec<u32> = moves.iter().map(|step| step.shard).collect();
            shards.dedup();
            assert!(moves.len() <= 7 && shards.len() == moves.len());
            for step in &moves {
                let before = current.members(step.shard).to_vec();
                current.apply(step).expect("planned for this map");
                let kept = current.members(step.shard).iter().filter(|name| before.contains(name)).count();
                assert!(kept >= 2 && current.members(step.shard).len() == 3);
            }
            steps += moves.len();
            rounds += 1;
            assert!(rounds < 200, "it does not end");
        }
        assert_eq!(sorted(&current), sorted(to));
        // A tenth of 768 replicas has to move; zones make it a little more.
        assert!((60..=140).contains(&steps), "{steps} moves");
    }
}

#[test]
fn draining_moves_exactly_what_the_node_holds_and_missing_replicas_come_first() {
    let mut topology = cluster(9);
    let layout = Layout { spread: Spread::Nodes, ..Layout::default() };
    let before = map(&topology, layout);
    let held = loads(&topology, &before)[4] as usize;
    topology.mark("n4", Mark::Draining).expect("known");
    let after = map(&topology, layout);
    let moves = plan(&before, &after, usize::MAX);
    assert_eq!(moves.len(), held);
    assert!(moves.iter().all(|step| step.remove.as_deref() == Some("n4") && step.add.is_some()));
    let mut holed = before.clone();
    holed.apply(&Move { shard: 200, add: None, remove: Some(before.members(200)[0].clone()) }).expect("it is a member");
    let urgent = plan(&holed, &after, 1);
    assert_eq!(urgent.len(), 1);
    assert!(urgent[0].shard == 200 && urgent[0].add.is_some() && urgent[0].remove.is_none(), "{urgent:?}");
}

#[test]
fn a_move_for_another_map_is_refused_and_changes_nothing() {
    let mut map = map(&cluster(9), Layout::default());
    let copy = map.clone();
    let member = map.members(3)[1].clone();
    let stranger = Some("nobody".to_owned());
    let wrong = [
        Move { shard: 256, add: stranger.clone(), remove: None },
        Move { shard: 3, add: Some(member), remove: None },
        Move { shard: 3, add: stranger.clone(), remove: stranger },
    ];
    for step in wrong {
        assert_eq!(map.apply(&step), Err(PlaceError::StaleMove { shard: step.shard }));
    }
    assert_eq!(map, copy);
}
