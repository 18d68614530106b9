//! Threads that do everything at once to one circuit: what was let through and what was refused adds up to the last call.

use std::{sync::Barrier, thread};

use tower_breaker_core::{Circuit, CircuitBreakerConfig, Mode, Outcome, Permit};

use super::ms;

const THREADS: u64 = 8;

/// What one thread saw.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    admitted: u64,
    refused: u64,
    ended: u64,
}

/// A thread's own draws; which calls meet in time is the scheduler's.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn config(failures: u32) -> CircuitBreakerConfig {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(failures)
        .open_duration(ms(1))
        .open_duration_multiplier(1.0)
        .max_open_duration(ms(5));
    config.half_open_max_concurrent(2).build().expect("a valid configuration")
}

/// What nobody does often, at a random moment.
fn interfere(circuit: &Circuit, draw: &mut Draw) {
    match draw.next(8) {
        0 => circuit.reset(),
        1 => circuit.force_open_for(ms(1)),
        2 => circuit.force_closed(),
        3 => circuit.set_mode(Mode::Observe),
        4 => circuit.set_mode(Mode::Enforce),
        5 => circuit.reconfigure(config(2 + draw.next(4) as u32)),
        6 => drop(circuit.snapshot()),
        _ => drop(circuit.check().is_ok()),
    }
}

fn end(permit: Permit, draw: &mut Draw) {
    match draw.next(10) {
        0..=4 => permit.record(Outcome::Success),
        5 | 6 => permit.record(Outcome::Failure),
        7 => permit.record(Outcome::Ignored),
        8 => permit.record_after(Outcome::Success, ms(1)),
        _ => drop(permit),
    }
}

fn storm(circuit: &Circuit, calls: u64, seed: u64) -> Seen {
    let (mut draw, mut seen, mut kept) = (Draw(seed), Seen::default(), Vec::new());
    for call in 0..calls {
        if call % 500 == 0 {
            interfere(circuit, &mut draw);
        }
        match circuit.try_acquire() {
            Err(_) => seen.refused += 1,
            Ok(permit) => {
                seen.admitted += 1;
                kept.push(permit);
            }
        }
        // Some are kept for a while, so that they end in another state than they began in.
        while kept.len() > draw.next(4) as usize {
            let which = draw.next(kept.len() as u64) as usize;
            end(kept.swap_remove(which), &mut draw);
            seen.ended += 1;
        }
    }
    seen.ended += kept.len() as u64;
    seen
}

fn adds_up(calls: u64) {
    let circuit = Circuit::new("stress", config(3));
    let start = Barrier::new(THREADS as usize);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let run = |seed| {
            let (circuit, start) = (&circuit, &start);
            scope.spawn(move || {
                start.wait();
                storm(circuit, calls, seed)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });

    let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
    let snapshot = circuit.snapshot();
    let totals = snapshot.totals;
    let kinds = [totals.successes, totals.failures, totals.ignored, totals.stale, totals.cancelled, totals.bypassed];
    assert_eq!(sum(|seen| seen.admitted), sum(|seen| seen.ended), "no permit is out");
    assert_eq!(kinds.iter().sum::<u64>(), sum(|seen| seen.admitted), "{totals:?}");
    assert_eq!(sum(|seen| seen.admitted) + sum(|seen| seen.refused), THREADS * calls);
    // A storm in which one kind never came proves nothing of it.
    assert!(kinds.iter().all(|kind| *kind > 0), "{totals:?}");
    assert!(sum(|seen| seen.refused) > 0 && snapshot.opens > 0 && snapshot.half_opens > 0, "{snapshot:?}");

    // And every place is free again: it closes as any other.
    circuit.reset();
    circuit.reconfigure(config(3));
    super::fail(&circuit, 3);
    while circuit.would_refuse() {
        thread::yield_now();
    }
    super::succeed(&circuit, 2);
    assert_eq!(circuit.state(), tower_breaker_core::State::Closed);
}

#[test]
fn under_eight_threads_that_do_everything_at_once_totals_add_up() {
    adds_up(100_000);
}

#[test]
#[ignore = "long: eight million calls"]
fn under_eight_threads_and_a_million_calls_each_totals_add_up() {
    adds_up(1_000_000);
}
