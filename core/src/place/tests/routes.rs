//! F22, F38, F39: topology and health alone decide where requests go.

use super::*;

fn world() -> Topology {
    Topology::builder()
        .region("eu", ["a", "b"])
        .region("us", ["a", "b"])
        .region("as", ["a"])
        .node("e1", "eu", "a")
        .node("e2", "eu", "b")
        .node("u1", "us", "a")
        .node("u2", "us", "b")
        .node("s1", "as", "a")
        .build()
        .expect("valid")
}

fn router(strategy: Strategy, residency: &[(&str, &[&str])]) -> Router {
    Router::new(world(), strategy, rules(residency)).expect("valid")
}

fn rules(residency: &[(&str, &[&str])]) -> Vec<Residency> {
    residency.iter().map(|(name, regions)| (name.to_string(), owned(regions))).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn ask<'a>(from: &'a str, namespace: &'a str, access: Access) -> Request<'a> {
    Request { from, zone: None, namespace, key: "room 7", access }
}

/// The names of the candidates and the role, or the code of the error.
fn answer(router: &Router, request: &Request<'_>) -> (String, Option<Role>) {
    match router.route(request) {
        Ok(decision) => {
            let names: Vec<&str> =
                decision.nodes.iter().map(|at| router.topology().nodes()[*at].name.as_str()).collect();
            (names.join(" "), Some(decision.role))
        }
        Err(error) => (error.code().to_owned(), None),
    }
}

fn first(router: &Router, request: &Request<'_>) -> String {
    answer(router, request).0.split(' ').next().unwrap_or_default().to_owned()
}

fn mark(router: &mut Router, nodes: &[&str], mark: Mark) {
    nodes.iter().for_each(|node| router.topology_mut().mark(node, mark).expect("known"));
}

#[test]
fn active_active_goes_to_the_nearest_node_that_is_up_and_back() {
    let mut router = router(Strategy::ActiveActive, &[]);
    for access in [Access::Read, Access::Write] {
        let request = Request { zone: Some("b"), ..ask("eu", "acme", access) };
        assert_eq!(answer(&router, &request), ("e2 e1 s1".replace("s1", &third(&router)), Some(Role::Nearest)));
        mark(&mut router, &["e2"], Mark::Down);
        assert_eq!(first(&router, &request), "e1");
        mark(&mut router, &["e1"], Mark::Down);
        assert!(!first(&router, &request).starts_with('e'));
        mark(&mut router, &["e1", "e2"], Mark::Up);
        assert_eq!(first(&router, &request), "e2");
    }
}

/// The best node outside of eu for the key, by rendezvous: they are equally far.
fn third(router: &Router) -> String {
    let nodes = [("s1", 100), ("u1", 100), ("u2", 100)];
    assert_eq!(router.topology().nodes().len(), 5);
    nodes[Rendezvous::new(&nodes).expect("valid").pick(hash("room 7"))].0.to_owned()
}

#[test]
fn measured_latency_beats_the_map_and_equal_nodes_share_the_keys() {
    let mut router = router(Strategy::ActiveActive, &[]);
    let request = ask("eu", "acme", Access::Read);
    router.topology_mut().measured("eu", "e1", 30).expect("known");
    router.topology_mut().measured("eu", "e2", 40).expect("known");
    router.topology_mut().measured("eu", "s1", 9).expect("known");
    assert!(answer(&router, &request).0.starts_with("s1 e1 e2"));
    let from_us = |key: usize| first(&router, &Request { key: &key.to_string(), ..ask("us", "acme", Access::Read) });
    let to_first = (0..1_000).filter(|key| from_us(*key) == "u1").count();
    assert!((450..550).contains(&to_first), "{to_first} of 1,000 at the first of two equal nodes");
}

#[test]
fn measured_health_fails_over_and_back() {
    let mut router = router(Strategy::ActiveActive, &[]);
    let request = Request { zone: Some("a"), ..ask("us", "acme", Access::Write) };
    let seen: Vec<String> = [false, false, false, true, true]
        .into_iter()
        .map(|answered| {
            router.topology_mut().pinged("u1", answered).expect("known");
            first(&router, &request)
        })
        .collect();
    assert_eq!(seen, ["u1", "u1", "u2", "u2", "u1"]);
}

#[test]
fn primary_replica_writes_go_to_one_node_wherever_they_come_from() {
    let order = || Strategy::PrimaryReplica { regions: owned(&["us", "eu"]) };
    let mut router = router(order(), &[("german", &["eu"]), ("asian", &["as"])]);
    let primaries = |router: &Router| {
        let mut all: Vec<(String, Option<Role>)> =
            ["eu", "us", "as"].iter().map(|from| answer(router, &ask(from, "acme", Access::Write))).collect();
        all.dedup();
        assert_eq!(all.len(), 1, "two primaries: {all:?}");
        (all[0].0.split(' ').next().unwrap_or_default().to_owned(), all[0].1)
    };
    let (normal, role) = primaries(&router);
    assert!(normal.starts_with('u') && role == Some(Role::Primary));
    mark(&mut router, &[&normal], Mark::Down);
    let (second, role) = primaries(&router);
    assert!(second.starts_with('u') && second != normal && role == Some(Role::Primary));
    mark(&mut router, &["u1", "u2"], Mark::Down);
    let (other, role) = primaries(&router);
    assert!(other.starts_with('e') && role == Some(Role::Failover));
    mark(&mut router, &["u1", "u2"], Mark::Up);
    assert_eq!(primaries(&router), (normal, Some(Role::Primary)));
    // Reads stay near; residency moves the primary, and forbids what no listed region may do.
    assert_eq!(first(&router, &ask("as", "acme", Access::Read)), "s1");
    let german = answer(&router, &ask("us", "german", Access::Write));
    assert!(german.0.starts_with('e') && german.1 == Some(Role::Primary));
    assert_eq!(answer(&router, &ask("us", "asian", Access::Write)).0, "forbidden");
    assert!(first(&router, &ask("us", "german", Access::Read)).starts_with('e'));
}

#[test]
fn multi_master_writes_go_home_and_never_leave_the_residency() {
    let homes =
        [("acme", "us"), ("german", "eu"), ("nordic", "eu")].map(|(n, r)| (n.to_owned(), r.to_owned())).to_vec();
    let strategy = Strategy::MultiMaster { homes, otherwise: None };
    let mut router = router(strategy, &[("german", &["eu"]), ("nordic", &["as", "eu"])]);
    for from in ["eu", "us", "as"] {
        let (nodes, role) = answer(&router, &ask(from, "acme", Access::Write));
        assert!(nodes.starts_with('u') && role == Some(Role::Home));
        assert!(first(&router, &ask(from, "german", Access::Write)).starts_with('e'));
        assert!(first(&router, &ask(from, "german", Access::Read)).starts_with('e'));
    }
    assert_eq!(answer(&router, &ask("eu", "other", Access::Write)).0, "no_home");
    mark(&mut router, &["e1", "e2"], Mark::Down);
    assert_eq!(answer(&router, &ask("us", "german", Access::Write)).0, "all_down");
    assert_eq!(answer(&router, &ask("us", "german", Access::Read)).0, "all_down");
    assert_eq!(answer(&router, &ask("us", "nordic", Access::Write)), ("s1".to_owned(), Some(Role::Failover)));
    // Without residency every router names the same substitute.
    mark(&mut router, &["e1", "e2"], Mark::Up);
    mark(&mut router, &["u1", "u2"], Mark::Down);
    let mut stand_ins: Vec<_> =
        ["eu", "us", "as"].iter().map(|from| answer(&router, &ask(from, "acme", Access::Write))).collect();
    stand_ins.dedup();
    assert!(stand_ins.len() == 1 && stand_ins[0].1 == Some(Role::Failover), "{stand_ins:?}");
}

#[test]
fn a_draining_node_serves_only_where_nobody_else_may() {
    let mut router = router(Strategy::ActiveActive, &[("german", &["eu"])]);
    mark(&mut router, &["e1"], Mark::Draining);
    let request = Request { zone: Some("a"), ..ask("eu", "german", Access::Write) };
    assert_eq!(answer(&router, &request).0, "e2");
    mark(&mut router, &["e2"], Mark::Down);
    assert_eq!(answer(&router, &request).0, "e1");
    mark(&mut router, &["e1"], Mark::Down);
    assert_eq!(answer(&router, &request).0, "all_down");
}

#[test]
fn unknown_names_and_contradictions_are_typed_errors() {
    let one = router(Strategy::ActiveActive, &[]);
    assert_eq!(answer(&one, &ask("mars", "acme", Access::Read)).0, "unknown");
    assert_eq!(answer(&one, &Request { zone: Some("x"), ..ask("eu", "acme", Access::Read) }).0, "unknown");
    let code = |strategy, residency: &[(&str, &[&str])]| {
        Router::new(world(), strategy, rules(residency)).map_or_else(|error| error.code(), |_| "fine")
    };
    let primary = |regions: &[&str]| Strategy::PrimaryReplica { regions: owned(regions) };
    let master = |homes: &[(&str, &str)], otherwise: Option<&str>| Strategy::MultiMaster {
        homes: homes.iter().map(|(n, r)| (n.to_string(), r.to_string())).collect(),
        otherwise: otherwise.map(str::to_owned),
    };
    assert_eq!(code(primary(&["eu"]), &[]), "fine");
    assert_eq!(code(primary(&[]), &[]), "empty");
    assert_eq!(code(primary(&["mars"]), &[]), "unknown");
    assert_eq!(code(primary(&["eu", "eu"]), &[]), "duplicate");
    assert_eq!(code(Strategy::ActiveActive, &[("acme", &["mars"])]), "unknown");
    assert_eq!(code(Strategy::ActiveActive, &[("acme", &[])]), "empty");
    assert_eq!(code(Strategy::ActiveActive, &[("acme", &["eu"]), ("acme", &["us"])]), "duplicate");
    assert_eq!(code(master(&[("acme", "mars")], None), &[]), "unknown");
    assert_eq!(code(master(&[], Some("mars")), &[]), "unknown");
    assert_eq!(code(master(&[("acme", "us")], None), &[("acme", &["eu"])]), "home");
    assert_eq!(code(master(&[("acme", "us"), ("acme", "eu")], None), &[]), "duplicate");
}

#[test]
fn a_new_topology_is_checked_first_and_keeps_the_health() {
    let mut router = router(Strategy::PrimaryReplica { regions: owned(&["us", "eu"]) }, &[]);
    mark(&mut router, &["u1", "u2"], Mark::Down);
    let without_eu = Topology::builder().region("us", ["a"]).node("u1", "us", "a").build().expect("valid");
    assert_eq!(router.replace_topology(without_eu).map_err(|error| error.code()), Err("unknown"));
    let smaller = Topology::builder().region("us", ["a"]).region("eu", ["a"]);
    let smaller = smaller.node("u1", "us", "a").node("e9", "eu", "a").build().expect("valid");
    router.replace_topology(smaller).expect("valid");
    assert_eq!(answer(&router, &ask("us", "acme", Access::Write)), ("e9".to_owned(), Some(Role::Failover)));
}
