//! Every state that small systems of the real state machines can reach, by the model checker `stateright`.
//!
//! Each model is also run with one thing wrong, which the checker must find: a model that finds nothing may be blind.

#[path = "models/commit.rs"]
mod commit;
#[path = "models/fence.rs"]
mod fence;
#[path = "models/write.rs"]
mod write;

use stateright::{Checker, HasDiscoveries, Model, Property};
use std::fmt::Debug;
use std::hash::Hash;

/// Explores every state and fails if a promise is broken somewhere, or if something that should happen never does.
fn holds<M>(name: &str, model: M)
where
    M: Model<State: Debug + Clone + Hash + PartialEq + Send + Sync, Action: Debug + Clone + PartialEq>,
    M: Send + Sync + 'static,
{
    // A broken promise ends the search; else it goes on to the last state.
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    println!("{name}: {} states, {} distinct", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
}

/// Fails unless the checker finds that a promise is broken.
fn breaks<M>(name: &str, model: M)
where
    M: Model<State: Debug + Clone + Hash + PartialEq + Send + Sync, Action: Debug + Clone + PartialEq>,
    M: Send + Sync + 'static,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let failures: Vec<Property<M>> = checker.model().properties();
    let failures = failures.into_iter().filter(|property| property.expectation == stateright::Expectation::Always);
    let found = failures.filter_map(|property| Some((property.name, checker.discovery(property.name)?)));
    let found: Vec<_> = found.map(|(property, path)| (property, path.into_actions())).collect();
    println!("{name}: {found:?} after {} distinct states", checker.unique_state_count());
    assert!(!found.is_empty(), "{name} was not found in {} states", checker.unique_state_count());
}
