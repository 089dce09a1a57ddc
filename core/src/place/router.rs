//! Which node a request goes to.

use super::hash::{hash, hash_node};
use super::strategy::{self, Residency, Strategy};
use super::{Mark, PlaceError, Topology};
use crate::assoc::order;
use crate::flow::mix;

/// Most nodes named in one [`Decision`]: whoever has tried that many asks again with fresh health.
pub const CANDIDATES: usize = 3;

/// Time to a node that was never measured, in milliseconds: in the same zone, the same region, elsewhere.
const GUESS_MS: [u64; 3] = [1, 2, 100];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading: any node that may hold the data will do.
    Read,
    /// Writing: the strategy says who takes it.
    Write,
}

/// A request, as far as routing is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The region that it comes from.
    pub from: &'a str,
    /// The zone that it comes from, if that is known.
    pub zone: Option<&'a str>,
    /// The namespace that it is about: the first part of a room's name, a customer.
    pub namespace: &'a str,
    /// What it is about: the name of a room.
    pub key: &'a str,
    /// Reading or writing.
    pub access: Access,
}

/// Why a node was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It is the nearest.
    Nearest,
    /// It is in the first region of the failover order.
    Primary,
    /// It is in the home region of the namespace.
    Home,
    /// It stands in for the primary or the home region, where no node is up.
    Failover,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Places in [`Topology::nodes`], the best first, at most [`CANDIDATES`]. There is at least one.
    pub nodes: Vec<usize>,
    /// Why the first of them.
    pub role: Role,
}

/// A request cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The request names something that the topology does not have.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The namespace has no home region, and there is none for all others.
    #[error("the namespace '{0}' has no home region: add one, or set one for all other namespaces")]
    NoHome(String),
    /// Residency and strategy have no region in common that has nodes.
    #[error("the namespace '{0}' may not be served by any node: widen its residency or add nodes to its regions")]
    Forbidden(String),
    /// All nodes that may serve are down.
    #[error("all nodes that may serve the namespace '{0}' are down: keep the request and try again")]
    AllDown(String),
}

impl RouteError {
    /// The name of the cause, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            RouteError::Place(error) => error.code(),
            RouteError::NoHome(_) => "no_home",
            RouteError::Forbidden(_) => "forbidden",
            RouteError::AllDown(_) => "all_down",
        }
    }
}

/// Decides from the topology and its health alone which node a request goes to: two routers that were told the same
/// decide the same.
///
/// Nodes that are draining serve only where no other node may. Between nodes equally near, the key decides by
/// rendezvous, which spreads the load.
///
/// ```
/// use syncline::place::{Access, Mark, Request, Role, Router, Strategy, Topology};
/// let topology = Topology::builder().region("eu", ["a"]).region("us", ["a"]);
/// let topology = topology.node("e1", "eu", "a").node("u1", "us", "a").build()?;
/// let order = vec!["eu".to_owned(), "us".to_owned()];
/// let mut router = Router::new(topology, Strategy::PrimaryReplica { regions: order }, Vec::new())?;
/// let write = Request { from: "us", zone: None, namespace: "acme", key: "room 7", access: Access::Write };
/// assert_eq!(router.route(&write)?.role, Role::Primary);
/// router.topology_mut().mark("e1", Mark::Down)?;
/// assert_eq!(router.route(&write)?.role, Role::Failover);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Router {
    topology: Topology,
    strategy: Strategy,
    residency: Vec<Residency>,
}

impl Router {
    /// Takes a topology, who takes the writes, and where the data of which namespaces may be.
    ///
    /// # Errors
    /// [`PlaceError`] if a region is unknown, a list is empty or names one thing twice, or a home lies outside the residency.
    pub fn new(topology: Topology, strategy: Strategy, residency: Vec<Residency>) -> Result<Self, PlaceError> {
        strategy::check(&topology, &strategy, &residency)?;
        Ok(Router { topology, strategy, residency })
    }

    /// The topology and its health.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The topology, to hand in marks, pings and latencies.
    pub fn topology_mut(&mut self) -> &mut Topology {
        &mut self.topology
    }

    /// Takes another topology; health of nodes that stay is kept.
    ///
    /// # Errors
    /// As [`Router::new`]; then the router stays as it was.
    pub fn replace_topology(&mut self, mut topology: Topology) -> Result<(), PlaceError> {
        strategy::check(&topology, &self.strategy, &self.residency)?;
        topology.adopt_health(&self.topology);
        self.topology = topology;
        Ok(())
    }

    /// Decides which node a request goes to.
    ///
    /// # Errors
    /// [`RouteError`] if the request names an unknown region or zone, or if no node may serve it.
    pub fn route(&self, request: &Request<'_>) -> Result<Decision, RouteError> {
        let from = self.topology.region(request.from)?;
        let zone = request.zone.map(|zone| self.topology.zone(from, zone)).transpose()?;
        let ranked = match (request.access, &self.strategy) {
            (Access::Read, _) | (_, Strategy::ActiveActive) => {
                let near = |at: usize| (self.distance(from, zone, at), self.draw(request.key, at));
                vec![(Role::Nearest, self.sorted(self.allowed(request.namespace)?, near))]
            }
            (Access::Write, Strategy::PrimaryReplica { regions }) => self.by_region(request, regions, Role::Primary)?,
            (Access::Write, Strategy::MultiMaster { homes, otherwise }) => {
                let home = homes.iter().find(|(name, _)| name == request.namespace).map(|(_, home)| home);
                let home = home.or(otherwise.as_ref()).ok_or_else(|| RouteError::NoHome(request.namespace.into()))?;
                self.by_region(request, &self.substitutes(request.namespace, home), Role::Home)?
            }
        };
        self.decide(request.namespace, &ranked)
    }

    /// The first nodes that are up; if there are none, the first that are draining.
    fn decide(&self, namespace: &str, ranked: &[(Role, Vec<usize>)]) -> Result<Decision, RouteError> {
        if ranked.iter().all(|(_, nodes)| nodes.is_empty()) {
            return Err(RouteError::Forbidden(namespace.to_owned()));
        }
        for mark in [Mark::Up, Mark::Draining] {
            let serving = ranked.iter().flat_map(|(role, nodes)| nodes.iter().map(move |at| (*role, *at)));
            let mut serving = serving.filter(|(_, at)| self.topology.pulses[*at].mark() == mark).peekable();
            if let Some(&(role, _)) = serving.peek() {
                return Ok(Decision { nodes: serving.map(|(_, at)| at).take(CANDIDATES).collect(), role });
            }
        }
        Err(RouteError::AllDown(namespace.to_owned()))
    }

    /// The nodes of each region in turn, those of one region in the order in which the key draws them: every router names
    /// the same first node, wherever the request comes from.
    fn by_region(
        &self,
        request: &Request<'_>,
        regions: &[String],
        first: Role,
    ) -> Result<Vec<(Role, Vec<usize>)>, RouteError> {
        let allowed = self.allowed(request.namespace)?;
        let mut ranked: Vec<(Role, Vec<usize>)> = Vec::new();
        for region in regions {
            let region = self.topology.region(region)?;
            let of_region = allowed.iter().copied().filter(|at| self.topology.nodes()[*at].region == region).collect();
            let role = if ranked.is_empty() { first } else { Role::Failover };
            let nodes = self.sorted(of_region, |at| (0, self.draw(request.key, at)));
            if self.may_hold(request.namespace, self.topology.region_name(region)) {
                ranked.push((role, nodes));
            }
        }
        Ok(ranked)
    }

    /// The home region, and then those that stand in for it: the residency in its order, or without one all other regions
    /// in an order that the namespace draws.
    fn substitutes(&self, namespace: &str, home: &String) -> Vec<String> {
        let draw = |region: &String| (!mix(hash(namespace) ^ hash_node(region)), 0);
        let others = match self.residence(namespace) {
            Some(regions) => regions.to_vec(),
            None => {
                let regions = self.topology.regions();
                order(regions.iter().map(draw)).into_iter().map(|at| regions[at as usize].clone()).collect()
            }
        };
        std::iter::once(home.clone()).chain(others.into_iter().filter(|other| other != home)).collect()
    }

    /// All nodes that may hold the data of a namespace.
    fn allowed(&self, namespace: &str) -> Result<Vec<usize>, RouteError> {
        let nodes = self.topology.nodes();
        let may = |at: &usize| self.may_hold(namespace, self.topology.region_name(nodes[*at].region));
        let allowed: Vec<usize> = (0..nodes.len()).filter(may).collect();
        if allowed.is_empty() { Err(RouteError::Forbidden(namespace.to_owned())) } else { Ok(allowed) }
    }

    fn may_hold(&self, namespace: &str, region: &str) -> bool {
        self.residence(namespace).is_none_or(|regions| regions.iter().any(|allowed| allowed == region))
    }

    fn residence(&self, namespace: &str) -> Option<&[String]> {
        self.residency.iter().find(|(name, _)| name == namespace).map(|(_, regions)| regions.as_slice())
    }

    fn sorted(&self, nodes: Vec<usize>, key: impl Fn(usize) -> (u64, u64)) -> Vec<usize> {
        order(nodes.iter().map(|at| key(*at))).into_iter().map(|at| nodes[at as usize]).collect()
    }

    /// How far a node is: measured or guessed milliseconds, and between equals the same zone before the same region.
    fn distance(&self, from: u32, zone: Option<u32>, at: usize) -> u64 {
        let node = &self.topology.nodes()[at];
        let apart = match (zone == Some(node.zone), from == node.region) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        };
        let measured = self.topology.latencies.get(&(from, at as u32)).map(|micros| micros / 1_000);
        measured.unwrap_or(GUESS_MS[apart]) * 4 + apart as u64
    }

    /// The order in which a key prefers nodes that are alike: the best draw first.
    fn draw(&self, key: &str, at: usize) -> u64 {
        !mix(hash(key) ^ hash_node(&self.topology.nodes()[at].name))
    }
}
