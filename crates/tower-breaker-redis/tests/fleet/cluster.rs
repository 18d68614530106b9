//! A cluster.

use std::path::PathBuf;

use tower_breaker_core::{CircuitBreakerConfig, Circuits};
use tower_breaker_redis::Fleet;

use super::{CIRCUIT, Instance, Server, kinds::is_one_fleet, rounds, server::Port, trip_anew, until};

/// A node, and the file in which it keeps what it knows of the others.
struct Node(Server, PathBuf, Port);

impl Node {
    /// With these slots.
    fn start(name: &str, from: &str, to: &str) -> Self {
        let name = format!("tower-breaker-{name}-{}.conf", std::process::id());
        // Left to itself the cluster's own port is the server's and 10,000, which may be none.
        let port = Port::draw();
        let own = port.number.to_string();
        let more = ["--cluster-enabled", "yes", "--cluster-config-file", &name, "--cluster-port", &own];
        let server = Server::start_with(&more);
        assert_eq!(server.command(&["CLUSTER", "ADDSLOTSRANGE", from, to]), ["OK"]);
        Self(server, std::env::temp_dir().join(name), port)
    }

    fn is_up(&self, nodes: usize) -> bool {
        let info = self.0.command(&["CLUSTER", "INFO"]);
        info.contains(&"cluster_state:ok".to_owned()) && info.contains(&format!("cluster_known_nodes:{nodes}"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.0.kill();
        let _ = std::fs::remove_file(&self.1);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_cluster_is_a_fleet_too() {
    let node = Node::start("one", "0", "16383");
    until("the cluster", || node.is_up(1));
    is_one_fleet(&format!("redis+cluster://127.0.0.1:{}", node.0.port()));
}

/// Asked in its old place the circuit is there, on its way, and gone.
#[test]
#[ignore = "needs redis-server"]
fn a_fleet_follows_a_circuit_that_moves_to_another_node_of_a_cluster() {
    let nodes = [Node::start("first", "0", "8191"), Node::start("second", "8192", "16383")];
    let [first, second] = nodes.each_ref().map(|node| node.0.port().to_string());
    let own = nodes[1].2.number.to_string();
    assert_eq!(nodes[0].0.command(&["CLUSTER", "MEET", "127.0.0.1", &second, &own]), ["OK"]);
    until("the cluster", || nodes.iter().all(|node| node.is_up(2)));
    let url = format!("redis+cluster://127.0.0.1:{first},127.0.0.1:{second}");
    let mut pair = [(); 2].map(|()| Instance::start(&url));
    for instance in &mut pair {
        until("a connection", || instance.look().connected);
    }
    let slot = nodes[0].0.command(&["CLUSTER", "KEYSLOT", CIRCUIT]).concat();
    let (from, to) = if slot.parse::<u16>().expect("a slot") < 8_192 { (0, 1) } else { (1, 0) };
    let (from, to) = (&nodes[from].0, &nodes[to].0);
    let [old, new] = [from, to].map(|node| node.command(&["CLUSTER", "MYID"]).concat());
    let round = |pair: &mut [Instance]| pair.iter_mut().for_each(|instance| rounds(instance, 3));
    pair.iter_mut().for_each(|instance| instance.tell("ok 50"));
    round(&mut pair);
    let away = |pair: &mut [Instance]| pair.iter_mut().map(|instance| instance.look().away).sum::<u64>();
    let before = away(&mut pair);
    assert_eq!(to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &old]), ["OK"]);
    assert_eq!(from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &new]), ["OK"]);
    round(&mut pair);
    assert_eq!(from.command(&["MIGRATE", "127.0.0.1", &to.port().to_string(), CIRCUIT, "0", "5000"]), ["OK"]);
    round(&mut pair);
    for node in [to, from] {
        assert_eq!(node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &new]), ["OK"]);
    }
    round(&mut pair);
    assert_eq!(away(&mut pair), before, "nobody was away");
    trip_anew(&mut pair);
    assert_eq!(to.command(&["HGET", CIRCUIT, "s"]), ["o"]);
    assert_eq!(away(&mut pair), before);
}

#[test]
#[ignore = "needs redis-server"]
fn a_set_without_a_name_joins_a_cluster_too() {
    let node = Node::start("nameless", "0", "16383");
    until("the cluster", || node.is_up(1));
    let circuits = Circuits::builder().name("").config(CircuitBreakerConfig::default()).build();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fleet = Fleet::builder(format!("redis+cluster://127.0.0.1:{}", node.0.port()));
    let fleet = runtime.block_on(async { fleet.start(&circuits) }).expect("a fleet");
    until("a round", || fleet.status().rounds + fleet.status().failed > 0);
    assert_eq!(fleet.status().reason, None);
}
