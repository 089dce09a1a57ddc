//! Hashes, buckets, rings and rendezvous by name.

use super::args::{Args, wrong};
use super::{CallError, int, list, routing, text};
use crate::crdt::Value;
use crate::place::{Partitioner, RING_POINTS, Rendezvous, Ring, Spread, USUAL_WEIGHT, hash, jump};

pub(super) fn hash_of(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["key"])?;
    let hash = hash(args.text("key")?);
    let digit = |shift: u32| char::from_digit((hash >> shift & 15) as u32, 16);
    Ok(text((0..16).rev().filter_map(|at| digit(at * 4)).collect::<String>()))
}

pub(super) fn jump_to(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["key", "hash", "buckets"])?;
    let hash = match args.has("hash") {
        true => u64::from_str_radix(args.text("hash")?, 16).map_err(|_| wrong("hash", "16 hexadecimal digits"))?,
        false => hash(args.text("key")?),
    };
    let buckets = u32::try_from(args.number("buckets")?).map_err(|_| wrong("buckets", "below 2^32"))?;
    Ok(int(jump(hash, buckets)?.into()))
}

pub(super) fn shard(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["key", "shards", "splits"])?;
    let partitioner = match args.has("splits") {
        true => Partitioner::range(args.texts("splits")?)?,
        false => Partitioner::hash(args.small_or("shards", 16)?)?,
    };
    Ok(int(partitioner.shard(args.text("key")?).into()))
}

pub(super) fn ring(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["nodes", "points", "key", "count"])?;
    let (nodes, ring) = make_ring(args)?;
    let count = args.small_or("count", 1)? as usize;
    Ok(list(ring.walk(hash(args.text("key")?)).take(count), |at| text(nodes[at].0)))
}

pub(super) fn ring_bounded(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["nodes", "points", "key", "loads", "slack"])?;
    let (nodes, ring) = make_ring(args)?;
    let (loads, slack) = (args.numbers("loads")?, args.small_or("slack", 0)?);
    Ok(text(nodes[ring.lookup_bounded(hash(args.text("key")?), &loads, slack)?].0))
}

/// Names and weights.
type Listed<'a> = Vec<(&'a str, u32)>;

fn make_ring<'a>(args: &Args<'a>) -> Result<(Listed<'a>, Ring), CallError> {
    let nodes = listed(args)?;
    let ring = Ring::new(&nodes, args.small_or("points", RING_POINTS)?)?;
    Ok((nodes, ring))
}

pub(super) fn rendezvous(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["nodes", "topology", "key", "count", "spread", "distinct"])?;
    let (names, table) = make_table(args)?;
    let (key, count) = (hash(args.text("key")?), args.small_or("count", 1)? as usize);
    let spread = spread(args)?;
    let chosen = match args.flag_or("distinct", false)? {
        true => table.choose_distinct(key, count, spread)?,
        false => table.choose(key, count, spread)?,
    };
    Ok(list(chosen, |at| text(&*names[at])))
}

pub(super) fn rendezvous_bounded(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["nodes", "topology", "key", "loads", "slack"])?;
    let (names, table) = make_table(args)?;
    let (loads, slack) = (args.numbers("loads")?, args.small_or("slack", 0)?);
    Ok(text(&*names[table.pick_bounded(hash(args.text("key")?), &loads, slack)?]))
}

pub(super) fn spread(args: &Args<'_>) -> Result<Spread, CallError> {
    match args.text_or("spread", "zones")? {
        "nodes" => Ok(Spread::Nodes),
        "zones" => Ok(Spread::Zones),
        "regions" => Ok(Spread::Regions),
        _ => Err(wrong("spread", "nodes, zones or regions")),
    }
}

fn make_table(args: &Args<'_>) -> Result<(Vec<String>, Rendezvous), CallError> {
    if args.has("topology") {
        let topology = routing::read(&args.child("topology")?)?;
        let names = topology.nodes().iter().map(|node| node.name.clone()).collect();
        return Ok((names, Rendezvous::of(&topology)));
    }
    let nodes = listed(args)?;
    Ok((nodes.iter().map(|(name, _)| (*name).to_owned()).collect(), Rendezvous::new(&nodes)?))
}

fn listed<'a>(args: &Args<'a>) -> Result<Listed<'a>, CallError> {
    let node = |row: Args<'a>| {
        row.only(&["name", "weight"])?;
        Ok((row.text("name")?, row.small_or("weight", USUAL_WEIGHT)?))
    };
    args.rows("nodes")?.into_iter().map(node).collect()
}
