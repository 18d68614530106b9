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
        lease: Duration::from_secs(60),
        open_duration: Duration::from_millis(500),
        phase: Duration::from_secs(3),
    };
    let fleet = run(&plan, Some(&server.url())).await;
    println!("{fleet}");
    // Of each instance one round may be under way that has not ended, at the begin or at the end.
    let one = plan.instances as f64;
    let [idle, calm] = [fleet.idle, fleet.calm].map(|traffic| (traffic.rounds[0] - one, traffic.rounds[1] + one));
    // One look at the index; with calls, the two circuits that are called in one exchange, and not the other 48.
    assert!((idle.0..=idle.1).contains(&fleet.idle.commands), "{:?}", fleet.idle);
    assert!((1.6 * calm.0..=2.0 * calm.1).contains(&fleet.calm.commands), "{:?}", fleet.calm);
    assert!(fleet.calm.bytes_in < 1_000.0 * calm.1, "{:?}", fleet.calm);
    // After each wait one of them probes, and not forty. At the end one may be that nobody told of yet.
    assert!((1..=fleet.waits + 1).contains(&fleet.probers), "{} probed, {} waits", fleet.probers, fleet.waits);
    assert!(fleet.probes < 20, "{} probes", fleet.probes);
    let alone = run(&plan, None).await;
    assert_eq!(alone.probers, 40, "each by itself");
}
