//! Whether being scraped costs a call anything.

use std::{hint::black_box, sync::Arc, thread, time::Duration};

use prometheus::core::Collector;
use tower::Layer;
use tower_breaker::{CircuitBreakerLayer, Circuits};
use tower_breaker_prometheus::CircuitBreakerCollector;

use crate::{drive::timed, inner::Bare, measure::Side};

/// Ours, of which a thread reads a collector ten times a second, and ours that nobody reads.
pub(super) fn ours() -> (Side, Side) {
    let circuits = Circuits::builder().name("scraped").build();
    let collector = CircuitBreakerCollector::builder().circuits(&circuits).build().unwrap();
    let running = Arc::new(());
    let is_running = Arc::downgrade(&running);
    thread::spawn(move || {
        while is_running.strong_count() > 0 {
            black_box(collector.collect());
            thread::sleep(Duration::from_millis(100));
        }
    });
    let scraped = side(&circuits, running);
    (scraped, side(&Circuits::builder().name("unread").build(), Arc::default()))
}

fn side(circuits: &Circuits, running: Arc<()>) -> Side {
    let mut service = CircuitBreakerLayer::new(circuits.get_or_create("ours")).layer(Bare::<0>);
    let circuits = circuits.clone();
    Box::new(move |calls| {
        // Both live as long as the calls.
        let _ = (&running, &circuits);
        timed(&mut service, calls)
    })
}
