//! Which nodes hold which shard.

use super::bounded::{MOST_SLACK, capacity};
use super::error::{at_most, check_distinct};
use super::{PlaceError, Rendezvous, SHARDS, Spread, Topology, hash, jump};

/// Says to which shard a key belongs.
///
/// ```
/// use syncline::place::Partitioner;
/// let ranges = Partitioner::range(["g", "p"])?;
/// assert_eq!((ranges.shard("alpha"), ranges.shard("g"), ranges.shard("zulu")), (0, 1, 2));
/// assert!(Partitioner::hash(16)?.shard("alpha") < 16);
/// # Ok::<(), syncline::place::PlaceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitioner(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Hash(u32),
    Range(Vec<String>),
}

impl Partitioner {
    /// Spreads keys evenly over shards, by jump hash: one more shard moves only the keys that it gets.
    ///
    /// # Errors
    /// [`PlaceError`] if there are no shards or more than [`SHARDS`].
    pub fn hash(shards: u32) -> Result<Self, PlaceError> {
        at_most("shards", shards as usize, SHARDS)?;
        if shards == 0 { Err(PlaceError::NoBuckets) } else { Ok(Partitioner(Kind::Hash(shards))) }
    }

    /// Keeps neighbouring keys together: each split is the first key of a further shard.
    ///
    /// # Errors
    /// [`PlaceError`] if there are too many splits or two are equal.
    pub fn range<S: Into<String>>(splits: impl IntoIterator<Item = S>) -> Result<Self, PlaceError> {
        let splits: Vec<String> = splits.into_iter().map(Into::into).collect();
        at_most("shards", splits.len() + 1, SHARDS)?;
        let order = check_distinct("split", &splits.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Partitioner(Kind::Range(order.into_iter().map(|at| splits[at as usize].clone()).collect())))
    }

    /// How many shards there are.
    pub fn shards(&self) -> u32 {
        match &self.0 {
            Kind::Hash(shards) => *shards,
            Kind::Range(splits) => splits.len() as u32 + 1,
        }
    }

    /// The shard of a key.
    pub fn shard(&self, key: &str) -> u32 {
        match &self.0 {
            Kind::Hash(shards) => jump(hash(key), *shards).unwrap_or(0),
            Kind::Range(splits) => splits.partition_point(|split| split.as_str() <= key) as u32,
        }
    }
}

/// How shards are laid out over the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many nodes hold each shard.
    pub replicas: usize,
    /// How far apart.
    pub spread: Spread,
    /// How much above its fair share a node may hold, in percent, as far as distances allow; without it, chance decides.
    pub slack_percent: Option<u32>,
}

impl Default for Layout {
    /// Three replicas in distinct zones, as chance has it.
    fn default() -> Self {
        Layout { replicas: 3, spread: Spread::Zones, slack_percent: None }
    }
}

/// The members of every shard, by name, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardMap {
    members: Vec<Vec<String>>,
}

impl ShardMap {
    /// Lays `shards` shards out over the nodes of a topology that are not draining, by rendezvous hashing. It depends on
    /// nothing else: all who know the topology get the same map.
    ///
    /// # Errors
    /// [`PlaceError`] if there are too many shards, or fewer nodes than replicas.
    pub fn new(topology: &Topology, shards: u32, layout: Layout) -> Result<Self, PlaceError> {
        at_most("shards", shards as usize, SHARDS)?;
        let nodes = Rendezvous::of(topology);
        let keepers = topology.keepers();
        let weight = |at: usize| topology.nodes()[at].weight;
        let weights = keepers.iter().map(|at| u64::from(weight(*at))).sum();
        let total = u64::from(shards).saturating_mul(layout.replicas as u64);
        let mut loads = vec![0u64; topology.nodes().len()];
        let mut members = Vec::with_capacity(shards as usize);
        for shard in 0..shards {
            let mut ranked = nodes.rank(hash(shard.to_le_bytes()));
            ranked.retain(|at| keepers.binary_search(at).is_ok());
            if let Some(slack) = layout.slack_percent {
                // Nodes that are full come last: they take a shard only where the others are too few or too close.
                let has_room = |at: &usize| loads[*at] < capacity(total, weight(*at), weights, slack.min(MOST_SLACK));
                let (roomy, full): (Vec<usize>, Vec<usize>) = ranked.into_iter().partition(has_room);
                ranked = [roomy, full].concat();
            }
            let chosen = nodes.choose_from(&ranked, layout.replicas, layout.spread)?;
            chosen.iter().for_each(|at| loads[*at] += 1);
            members.push(chosen.into_iter().map(|at| topology.nodes()[at].name.clone()).collect());
        }
        Ok(ShardMap { members })
    }

    /// How many shards there are.
    pub fn shards(&self) -> u32 {
        self.members.len() as u32
    }

    /// The nodes that hold a shard; none if there is no such shard.
    pub fn members(&self, shard: u32) -> &[String] {
        self.members.get(shard as usize).map_or(&[], Vec::as_slice)
    }

    /// Carries out a move.
    ///
    /// # Errors
    /// [`PlaceError::StaleMove`] if the shard does not have the node that shall go, or has the one that shall come; then
    /// nothing is changed.
    pub fn apply(&mut self, step: &Move) -> Result<(), PlaceError> {
        let stale = PlaceError::StaleMove { shard: step.shard };
        let Some(members) = self.members.get_mut(step.shard as usize) else { return Err(stale) };
        let place_of = |name: &String| members.iter().position(|member| member == name);
        let (going, coming) = (step.remove.as_ref().map(place_of), step.add.as_ref().and_then(place_of));
        match (going, coming, &step.add) {
            (Some(None), ..) | (_, Some(_), _) => return Err(stale),
            (Some(Some(at)), None, Some(add)) => members[at].clone_from(add),
            (Some(Some(at)), None, None) => drop(members.remove(at)),
            (None, None, Some(add)) => members.push(add.clone()),
            (None, None, None) => {}
        }
        Ok(())
    }
}

/// One replica of one shard comes, goes, or goes from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which shard.
    pub shard: u32,
    /// The node that gets a replica.
    pub add: Option<String>,
    /// The node that gives its replica up, once the new one is complete.
    pub remove: Option<String>,
}

/// The next moves from one map to another: at most `most`, and at most one for each shard, so that every shard keeps all
/// its members but one while it moves. Replicas that are missing come first, replicas too many last.
///
/// Carrying the moves out and planning again ends, when the plan is empty, with the members of the target, however small
/// `most` is; the order of the members may differ.
///
/// ```
/// use syncline::place::{Layout, Mark, ShardMap, Topology, plan};
/// let build = || Topology::builder().region("eu", ["a"]).node("m", "eu", "a").node("n", "eu", "a").build();
/// let layout = Layout { replicas: 1, ..Layout::default() };
/// let mut topology = build()?;
/// let mut map = ShardMap::new(&topology, 16, layout)?;
/// topology.mark("m", Mark::Draining)?;
/// let target = ShardMap::new(&topology, 16, layout)?;
/// loop {
///     let moves = plan(&map, &target, 2);
///     if moves.is_empty() {
///         break;
///     }
///     moves.iter().try_for_each(|step| map.apply(step))?;
/// }
/// assert_eq!(map, target);
/// # Ok::<(), syncline::place::PlaceError>(())
/// ```
pub fn plan(current: &ShardMap, target: &ShardMap, most: usize) -> Vec<Move> {
    let mut kinds: [Vec<Move>; 3] = Default::default();
    for (shard, (now, then)) in (0..).zip(current.members.iter().zip(&target.members)) {
        let add = then.iter().find(|name| !now.contains(name)).cloned();
        let remove = now.iter().find(|name| !then.contains(name)).cloned();
        let kind = match (&add, &remove) {
            (None, None) => continue,
            (Some(_), None) => 0,
            (Some(_), Some(_)) => 1,
            (None, Some(_)) => 2,
        };
        kinds[kind].push(Move { shard, add, remove });
    }
    kinds.into_iter().flatten().take(most).collect()
}
