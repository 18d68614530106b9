//! The simulation, small.

#[path = "../../examples/fleet_simulation/simulation.rs"]
mod simulation;

use std::time::Duration;

use self::simulation::{Plan, run};
use super::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn traffic_follows_the_circuits_that_change_and_probes_do_not_grow_with_the_fleet() {
    let server = Server::start();
    let plan = Plan {
        instances: 40,
        circuits: 50,
        called: 2,
        per_second: 20.0,
        interval: Duration::from_millis(200),
        open_duration: Duration::from_secs(1),
        phase: Duration::from_secs(3),
    };
    let fleet = run(&plan, Some(&server.url())).await;
    println!("{fleet}");
    // One look at the index; with calls, the two circuits that are called in one exchange, and not the other 48.
    assert!((0.8..1.2).contains(&fleet.idle.commands), "{}", fleet.idle);
    assert!((1.6..2.4).contains(&fleet.calm.commands), "{}", fleet.calm);
    assert!(fleet.calm.bytes_in < 1_000.0, "{}", fleet.calm);
    // Three waits of a second: a probe after each, and not forty.
    assert!((1..=5).contains(&fleet.probes), "{} probes", fleet.probes);
    let alone = run(&plan, None).await;
    assert!(alone.probes >= 60, "{} probes of 40 instances by themselves", alone.probes);
}
