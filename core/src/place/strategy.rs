//! Who may write where.

use super::error::{at_most, check_distinct, check_name};
use super::{NAMESPACES, PlaceError, REGIONS, Topology};

/// Who takes the writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// Every node takes reads and writes: both go to the nearest one.
    ActiveActive,
    /// One node takes the writes of a key: in the first of these regions that has a node up. Reads go to the nearest node.
    PrimaryReplica {
        /// The regions, in the order of failover.
        regions: Vec<String>,
    },
    /// Each namespace has a home region, where one node takes the writes of a key. Reads go to the nearest node.
    MultiMaster {
        /// Namespaces with their home regions.
        homes: Vec<(String, String)>,
        /// The home of all other namespaces; without it, writes to those are refused.
        otherwise: Option<String>,
    },
}

/// Where the data of a namespace may be: its namespace, and the regions in the order of preference.
pub type Residency = (String, Vec<String>);

/// Checks that every region exists, and that no namespace has two rules or a home where its data may not be.
pub(super) fn check(topology: &Topology, strategy: &Strategy, residency: &[Residency]) -> Result<(), PlaceError> {
    at_most("namespaces", residency.len(), NAMESPACES)?;
    check_namespaces(residency.iter().map(|(namespace, _)| namespace.as_str()))?;
    for (_, regions) in residency {
        check_regions(topology, "residency", regions)?;
    }
    match strategy {
        Strategy::ActiveActive => Ok(()),
        Strategy::PrimaryReplica { regions } => check_regions(topology, "failover order", regions),
        Strategy::MultiMaster { homes, otherwise } => {
            at_most("namespaces", homes.len(), NAMESPACES)?;
            check_namespaces(homes.iter().map(|(namespace, _)| namespace.as_str()))?;
            for region in homes.iter().map(|(_, region)| region).chain(otherwise) {
                topology.region(region)?;
            }
            homes.iter().try_for_each(|(namespace, home)| check_home(residency, namespace, home))
        }
    }
}

fn check_home(residency: &[Residency], namespace: &str, home: &str) -> Result<(), PlaceError> {
    let forbidden = |(name, regions): &&Residency| name == namespace && !regions.iter().any(|region| region == home);
    match residency.iter().find(forbidden) {
        Some(_) => Err(PlaceError::Home { namespace: namespace.to_owned(), home: home.to_owned() }),
        None => Ok(()),
    }
}

fn check_namespaces<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), PlaceError> {
    let names: Vec<&str> = names.collect();
    names.iter().try_for_each(|name| check_name("namespace", name))?;
    check_distinct("namespace", &names).map(drop)
}

fn check_regions(topology: &Topology, list: &'static str, regions: &[String]) -> Result<(), PlaceError> {
    at_most("regions", regions.len(), REGIONS)?;
    if regions.is_empty() {
        return Err(PlaceError::Empty(list));
    }
    regions.iter().try_for_each(|region| topology.region(region).map(|_| ()))?;
    let names: Vec<&str> = regions.iter().map(String::as_str).collect();
    check_distinct("region", &names).map(drop)
}
