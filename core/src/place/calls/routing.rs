//! Topologies, routes and shard maps by name.

use super::args::{Args, wrong};
use super::{CallError, int, list, map, nodes, text};
use crate::crdt::Value;
use crate::place::{
    Access, Layout, Mark, Request, Role, Router, ShardMap, Strategy, Topology, TopologyBuilder, USUAL_WEIGHT, plan,
};

/// Reads `{regions: {name: [zones]}, nodes: [{name, region, zone, weight?}]}`.
pub(super) fn read(args: &Args<'_>) -> Result<Topology, CallError> {
    let mut builder: TopologyBuilder = Topology::builder();
    for (name, regions) in args.names_in("regions")? {
        builder = builder.region(name, regions.texts(name)?);
    }
    for node in args.rows("nodes")? {
        node.only(&["name", "region", "zone", "weight"])?;
        let weight = node.small_or("weight", USUAL_WEIGHT)?;
        builder = builder.weighted_node(node.text("name")?, node.text("region")?, node.text("zone")?, weight);
    }
    Ok(builder.build()?)
}

pub(super) fn topology(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["regions", "nodes"])?;
    Ok(list(read(args)?.nodes(), |node| text(&*node.name)))
}

pub(super) fn shard_map(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["topology", "shards", "replicas", "spread", "slack", "draining"])?;
    let map = make_map(args, args)?;
    Ok(list(0..map.shards(), |shard| list(map.members(shard), |name| text(&**name))))
}

/// The map of the topology in `place`, with the layout in `args`.
fn make_map(args: &Args<'_>, place: &Args<'_>) -> Result<ShardMap, CallError> {
    let mut topology = read(&place.child("topology")?)?;
    for node in place.texts("draining")? {
        topology.mark(&node, Mark::Draining)?;
    }
    let usual = Layout::default();
    let layout = Layout {
        replicas: args.small_or("replicas", usual.replicas as u32)? as usize,
        spread: nodes::spread(args)?,
        slack_percent: if args.has("slack") { Some(args.small_or("slack", 0)?) } else { None },
    };
    Ok(ShardMap::new(&topology, args.small_or("shards", 16)?, layout)?)
}

pub(super) fn next_moves(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["topology", "shards", "replicas", "spread", "slack", "draining", "target", "most"])?;
    let goal = args.child("target")?;
    goal.only(&["topology", "draining"])?;
    let (current, target) = (make_map(args, args)?, make_map(args, &goal)?);
    let most = args.small_or("most", u32::MAX)? as usize;
    let name = |name: Option<String>| name.map_or(Value::Null, text);
    Ok(list(plan(&current, &target, most), |step| {
        map(&mut [("shard", int(step.shard.into())), ("add", name(step.add)), ("remove", name(step.remove))])
    }))
}

pub(super) fn route(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["topology", "strategy", "order", "homes", "otherwise", "residency", "steps"])?;
    let topology = read(&args.child("topology")?)?;
    let residency = args.names_in("residency")?;
    let residency = residency.iter().map(|(name, rules)| Ok(((*name).to_owned(), rules.texts(name)?)));
    let mut router = Router::new(topology, strategy(args)?, residency.collect::<Result<_, CallError>>()?)?;
    let mut answers = Vec::new();
    for row in args.rows("steps")? {
        answers.extend(step(&mut router, &row)?);
    }
    Ok(Value::List(answers))
}

fn strategy(args: &Args<'_>) -> Result<Strategy, CallError> {
    match args.text("strategy")? {
        "active-active" => Ok(Strategy::ActiveActive),
        "primary-replica" => Ok(Strategy::PrimaryReplica { regions: args.texts("order")? }),
        "multi-master" => {
            let homes = args.names_in("homes")?;
            let homes = homes.iter().map(|(name, homes)| Ok(((*name).to_owned(), homes.text(name)?.to_owned())));
            let otherwise = if args.has("otherwise") { Some(args.text("otherwise")?.to_owned()) } else { None };
            Ok(Strategy::MultiMaster { homes: homes.collect::<Result<_, CallError>>()?, otherwise })
        }
        _ => Err(wrong("strategy", "active-active, primary-replica or multi-master")),
    }
}

/// One step: news about health, or a request and what was decided.
fn step(router: &mut Router, row: &Args<'_>) -> Result<Option<Value>, CallError> {
    let topology = router.topology_mut();
    match row.text("do")? {
        "mark" => topology.mark(row.text("node")?, mark(row)?)?,
        "ping" => {
            topology.pinged(row.text("node")?, row.flag_or("ok", true)?)?;
        }
        "measured" => topology.measured(row.text("from")?, row.text("node")?, row.number("ms")?)?,
        "read" => return ask(router, row, Access::Read).map(Some),
        "write" => return ask(router, row, Access::Write).map(Some),
        _ => return Err(wrong("do", "mark, ping, measured, read or write")),
    }
    Ok(None)
}

fn mark(row: &Args<'_>) -> Result<Mark, CallError> {
    match row.text("as")? {
        "up" => Ok(Mark::Up),
        "down" => Ok(Mark::Down),
        "draining" => Ok(Mark::Draining),
        _ => Err(wrong("as", "up, down or draining")),
    }
}

fn ask(router: &Router, row: &Args<'_>, access: Access) -> Result<Value, CallError> {
    row.only(&["do", "from", "zone", "namespace", "key"])?;
    let zone = if row.has("zone") { Some(row.text("zone")?) } else { None };
    let (from, namespace, key) = (row.text("from")?, row.text("namespace")?, row.text("key")?);
    let decision = match router.route(&Request { from, zone, namespace, key, access }) {
        Ok(decision) => decision,
        Err(error) => return Ok(map(&mut [("error", text(error.code()))])),
    };
    let role = match decision.role {
        Role::Nearest => "nearest",
        Role::Primary => "primary",
        Role::Home => "home",
        Role::Failover => "failover",
    };
    let names = list(decision.nodes, |at| text(&*router.topology().nodes()[at].name));
    Ok(map(&mut [("nodes", names), ("role", text(role))]))
}
