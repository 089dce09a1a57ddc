//! Why something cannot be placed.

/// A key or a shard cannot be placed, or what decides about it is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// There are no buckets.
    #[error("there are no buckets to choose from: give at least 1")]
    NoBuckets,
    /// There are no nodes.
    #[error("there are no nodes to choose from: add a node, or mark one as up")]
    NoNodes,
    /// Two things of one kind have one name.
    #[error("there are two {what}s named '{name}': names must differ")]
    Duplicate {
        /// Of which kind: `node`, `zone`, `region`, `namespace`, `split`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Nothing has that name.
    #[error("there is no {what} named '{name}': add it to the topology or mend the name")]
    Unknown {
        /// Of which kind.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name is empty or too long.
    #[error("the name of a {what} has {length} bytes: it takes 1 to {most}", most = super::NAME_BYTES)]
    Name {
        /// Of which kind.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// A region without zones, a topology without nodes.
    #[error("a {0} is empty: give it at least one member")]
    Empty(&'static str),
    /// A weight out of range.
    #[error("the weight of '{name}' is {weight}: it takes 1 to {most}, and 100 is the usual one", most = super::MOST_WEIGHT)]
    Weight {
        /// Whose weight.
        name: String,
        /// The weight.
        weight: u32,
    },
    /// More than a limit.
    #[error("{count} {what} are too many: at most {most} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be there.
        most: usize,
    },
    /// Fewer nodes, zones or regions than replicas.
    #[error("{wanted} replicas want as many {what}, and only {have} can be had: add some or ask for fewer replicas")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many are asked for.
        wanted: usize,
        /// How many there are.
        have: usize,
    },
    /// Lists that belong together differ in length.
    #[error("{given} loads were given for {nodes} nodes: give one for each node, in the same order")]
    Loads {
        /// How many were given.
        given: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// The home region of a namespace is not among the regions where its data may be.
    #[error("the home region '{home}' of the namespace '{namespace}' is not in its residency: mend one of them")]
    Home {
        /// Which namespace.
        namespace: String,
        /// Its home region.
        home: String,
    },
    /// A move does not fit the map it is applied to.
    #[error("the move of shard {shard} was planned for another map: plan again from the present one")]
    StaleMove {
        /// Which shard.
        shard: u32,
    },
}

impl PlaceError {
    /// The name of the cause, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            PlaceError::NoBuckets => "no_buckets",
            PlaceError::NoNodes => "no_nodes",
            PlaceError::Duplicate { .. } => "duplicate",
            PlaceError::Unknown { .. } => "unknown",
            PlaceError::Name { .. } => "name",
            PlaceError::Empty(_) => "empty",
            PlaceError::Weight { .. } => "weight",
            PlaceError::TooMany { .. } => "too_many",
            PlaceError::TooFew { .. } => "too_few",
            PlaceError::Loads { .. } => "loads",
            PlaceError::Home { .. } => "home",
            PlaceError::StaleMove { .. } => "stale_move",
        }
    }
}

pub(super) fn at_most(what: &'static str, count: usize, most: usize) -> Result<(), PlaceError> {
    if count > most { Err(PlaceError::TooMany { what, count, most }) } else { Ok(()) }
}

pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), PlaceError> {
    match name.len() {
        1..=super::NAME_BYTES => Ok(()),
        length => Err(PlaceError::Name { what, length }),
    }
}

pub(super) fn check_weight(name: &str, weight: u32) -> Result<(), PlaceError> {
    match weight {
        1..=super::MOST_WEIGHT => Ok(()),
        _ => Err(PlaceError::Weight { name: name.to_owned(), weight }),
    }
}

/// Checks names, weights and the number of nodes in a list.
pub(super) fn check_nodes(nodes: &[(&str, u32)]) -> Result<(), PlaceError> {
    at_most("nodes", nodes.len(), super::NODES)?;
    if nodes.is_empty() {
        return Err(PlaceError::NoNodes);
    }
    for (name, weight) in nodes {
        check_name("node", name)?;
        check_weight(name, *weight)?;
    }
    let names: Vec<&str> = nodes.iter().map(|(name, _)| *name).collect();
    check_distinct("node", &names).map(drop)
}

/// Checks that no two names are equal, and returns their places in the order of names. It is the only way in which names
/// are sorted here: each further kind of sort costs some kilobytes of WASM.
pub(super) fn check_distinct(what: &'static str, names: &[&str]) -> Result<Vec<u32>, PlaceError> {
    let mut places: Vec<u32> = (0..names.len() as u32).collect();
    places.sort_unstable_by_key(|at| names[*at as usize]);
    let same = places.windows(2).find(|pair| names[pair[0] as usize] == names[pair[1] as usize]);
    match same {
        Some(pair) => Err(PlaceError::Duplicate { what, name: names[pair[0] as usize].to_owned() }),
        None => Ok(places),
    }
}
