//! Single pieces, for day-to-day work: `cargo bench -p benches --bench pieces`, with `-- NAME` for some of them.
//!
//! What the machine allows comes first: no piece can be cheaper than the counts and clocks it needs.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]

use std::{
    hint::black_box,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use divan::Bencher;
use tower_breaker::{Circuit, CircuitBreakerConfig, Circuits, Outcome, SlidingWindow};

fn main() {
    divan::main();
}

mod machine {
    use super::*;

    #[divan::bench]
    fn atomic_add(bencher: Bencher<'_, '_>) {
        let counter = AtomicU64::new(0);
        bencher.bench(|| counter.fetch_add(1, Ordering::Relaxed));
    }

    #[divan::bench]
    fn arc_clone_and_drop(bencher: Bencher<'_, '_>) {
        let shared = Arc::new(0_u64);
        bencher.bench(|| drop(black_box(Arc::clone(&shared))));
    }

    #[divan::bench]
    fn mutex(bencher: Bencher<'_, '_>) {
        let value = Mutex::new(0_u64);
        bencher.bench(|| *value.lock().unwrap() += 1);
    }

    #[divan::bench]
    fn exact_clock() -> Instant {
        Instant::now()
    }
}

mod circuit {
    use super::*;

    fn counting() -> Circuit {
        let config = CircuitBreakerConfig::builder().sliding_window(SlidingWindow::calls(100)).build().unwrap();
        Circuit::new("counting", config)
    }

    fn end(circuit: &Circuit, outcome: Outcome) {
        if let Ok(permit) = circuit.try_acquire() {
            permit.record(outcome);
        }
    }

    #[divan::bench]
    fn success_in_a_count_window(bencher: Bencher<'_, '_>) {
        let circuit = counting();
        bencher.bench(|| end(&circuit, Outcome::Success));
    }

    #[divan::bench]
    fn success_in_a_time_window(bencher: Bencher<'_, '_>) {
        let circuit = Circuit::new("timed", CircuitBreakerConfig::default());
        bencher.bench(|| end(&circuit, Outcome::Success));
    }

    /// Through the lock.
    #[divan::bench]
    fn failure(bencher: Bencher<'_, '_>) {
        let circuit = counting();
        circuit.force_closed();
        bencher.bench(|| end(&circuit, Outcome::Failure));
    }

    #[divan::bench]
    fn refusal(bencher: Bencher<'_, '_>) {
        let circuit = counting();
        circuit.remote_open(std::time::Duration::from_secs(3_600));
        bencher.bench(|| circuit.try_acquire().is_err());
    }

    #[divan::bench]
    fn snapshot(bencher: Bencher<'_, '_>) {
        let circuit = counting();
        bencher.bench(|| circuit.snapshot());
    }
}

mod circuits {
    use super::*;

    #[divan::bench]
    fn known_name(bencher: Bencher<'_, '_>) {
        let circuits = Circuits::new(CircuitBreakerConfig::default());
        bencher.bench(|| circuits.get_or_create(black_box("api.example.com")));
    }

    #[divan::bench]
    fn new_name_in_a_full_set(bencher: Bencher<'_, '_>) {
        let circuits = Circuits::builder().config(CircuitBreakerConfig::default()).capacity(1_000).build();
        let mut number = 0_u64;
        bencher.bench_local(|| {
            number += 1;
            circuits.get_or_create(&number.to_string())
        });
    }
}
