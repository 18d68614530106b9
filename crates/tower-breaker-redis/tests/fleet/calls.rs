//! Calls ask the circuit, and nobody else.

use std::{sync::mpsc, thread, time::Duration};

use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, Outcome};
use tower_breaker_redis::{Fleet, FleetState};

use super::{INTERVAL, Server, until};

/// Asks a thousand times, and says how often it was let through. One call that waited for Redis would wait for the timeout, a
/// minute.
fn ask(circuit: &Circuit) -> usize {
    let (circuit, (done, asked)) = (circuit.clone(), mpsc::channel());
    thread::spawn(move || {
        let admitted = (0..1_000).filter_map(|_| circuit.try_acquire().ok());
        done.send(admitted.map(|permit| permit.record(Outcome::Ignored)).count())
    });
    asked.recv_timeout(Duration::from_secs(30)).expect("nobody waits")
}

#[test]
#[ignore = "needs redis-server"]
fn no_call_waits_for_redis_or_for_the_fleets_task() {
    let server = Server::start();
    // The fleet's task goes on only while somebody is in `block_on`.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let polled = || runtime.block_on(async { tokio::time::sleep(INTERVAL).await });
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(None)
        .failure_rate_threshold(0.5)
        .minimum_calls(20)
        .open_duration(Duration::from_secs(60));
    let circuits = Circuits::new(config.build().expect("a valid configuration"));
    let circuit = circuits.get_or_create("payments");
    let fleet = Fleet::builder(server.url()).interval(INTERVAL).timeout(Duration::from_secs(60)).quorum(1);
    let fleet = runtime.block_on(async { fleet.start(&circuits) }).expect("a fleet");
    until("a connection", || {
        polled();
        fleet.connected()
    });
    server.signal("STOP");
    assert_eq!(ask(&circuit), 1_000, "closed");
    server.signal("CONT");
    while let Ok(permit) = circuit.try_acquire() {
        permit.record(Outcome::Failure);
    }
    until("the fleet's trip", || {
        polled();
        fleet.circuit("payments").is_some_and(|circuit| circuit.state == FleetState::Open)
    });
    assert!(fleet.status().exchanged > 0, "what it counted was told");
    server.signal("STOP");
    assert_eq!(ask(&circuit), 0, "open");
}
