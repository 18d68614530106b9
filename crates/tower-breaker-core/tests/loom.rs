//! Every interleaving of the races that can be named, under loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p tower-breaker-core --release --test loom`.
//!
//! Bound: two threads, at most `LOOM_MAX_PREEMPTIONS` preemptions, 3 unless set. Each guard has been seen to fail once:
//!
//! | line broken | tests that fail |
//! |---|---|
//! | `free_places` does not subtract the probes that are out | `one_place_..`, both `a_dropped_probe_..` |
//! | `take_successes` clears the count instead of subtracting what it read | `every_success_is_counted_once` |
//! | `try_count_success` does not look after a late success | `the_outcome_that_completes_the_minimum_..` |
//! | `Gate::show` does not give back what was counted as QUIET was revoked | `the_outcome_that_completes_the_minimum_..` |
//! | `note_successes` or `note_request` is left out | `the_throttle_knows_..` |
//! | `Gate::show` loses what an older generation counted | `a_stale_success_closes_nothing` |
//! | `absorb_successes` forgets stale ones | `totals_and_what_is_still_out_..` |
//! | `Turns::settle` clears the queue without waking it | `no_wakeup_is_lost` |
//! | `Turns::settle` does not lease a place that was given back | `a_reserved_place_given_up_..` |
//! | `News::is_mine_to_tell` does not look whether somebody tells already | `transitions_are_told_in_order` |
//! | `EjectionGroup::take_place` loads and stores instead of exchanging | `a_group_never_ejects_more_than_its_share` |
//! | `Places::enter_queue` does not look again for a free place under the lock | `a_newcomer_to_the_queue_..` |
//! | `Places::try_enter` loads and stores instead of exchanging | `one_place_of_a_bulkhead_..` |
//! | `Places::try_enter` does not look whether somebody queues | `a_newcomer_does_not_overtake_..` |
//! | `Waiter` does not pass on a place that it had got unseen | `a_waiter_that_leaves_..` |
#![cfg(loom)]

#[path = "loom/totals.rs"]
mod totals;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use loom::thread;
use tower_breaker_core::{
    Admission, Bulkhead, Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, EjectionGroup, ManualClock,
    OnCancel, Outcome, Readiness, SlidingWindow, Snapshot, State, Transition, Turn,
};

const SECOND: Duration = Duration::from_secs(1);

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(test);
}

fn consecutive() -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(1)
        .failure_rate_threshold(None)
        .success_threshold(1)
        .open_duration(SECOND)
        .open_duration_jitter(0.0)
}

fn circuit(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let clock = ManualClock::new();
    let config = config.build().expect("a valid configuration");
    (Circuit::builder("loom").config(config).clock(clock.clone()).seed(1).build(), clock)
}

fn fail(circuit: &Circuit) {
    let _ = circuit.call(|| Err::<(), _>(()));
}

fn ready_to_probe(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = circuit(config);
    fail(&circuit);
    clock.advance(SECOND);
    (circuit, clock)
}

/// Runs both at once; gives back what the first one said.
fn both<A: Send + 'static>(one: impl FnOnce() -> A + Send + 'static, other: impl FnOnce() + Send + 'static) -> A {
    let other = thread::spawn(other);
    let said = one();
    other.join().expect("no panic");
    said
}

/// Whatever happened, the state is one of the three, whole.
fn assert_whole(snapshot: &Snapshot) {
    match snapshot.state {
        State::Closed => assert_eq!((snapshot.opens_in_row, snapshot.open_wait), (0, None), "{snapshot:?}"),
        State::Open => assert!(snapshot.open_wait.is_some() && snapshot.opens_in_row > 0, "{snapshot:?}"),
        State::HalfOpen => assert_eq!(snapshot.open_wait, None, "{snapshot:?}"),
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wakes {
    fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn one_place_is_given_once() {
    model(|| {
        let (circuit, _clock) = ready_to_probe(consecutive());
        let other = circuit.clone();
        let other = thread::spawn(move || other.try_acquire().ok());
        let here = circuit.try_acquire().ok();
        let there = other.join().expect("no panic");
        assert!(here.is_some() != there.is_some(), "one place, one probe");
    });
}

#[test]
fn a_trip_and_a_reset_leave_one_of_the_two_states_whole() {
    model(|| {
        let (circuit, _clock) = circuit(consecutive());
        let permit = circuit.try_acquire().expect("closed");
        let resets = circuit.clone();
        both(move || permit.record(Outcome::Failure), move || resets.reset());
        let snapshot = circuit.snapshot();
        assert_whole(&snapshot);
        assert_eq!(snapshot.totals.calls(), 1);
        assert_ne!(snapshot.state, State::HalfOpen);
    });
}

#[test]
fn a_dropped_probe_against_its_deadline_gives_its_place_back_once() {
    model(|| {
        let (circuit, clock) = ready_to_probe(consecutive().half_open_timeout(SECOND).on_cancel(OnCancel::Ignore));
        let permit = circuit.try_acquire().expect("a probe");
        let looks = circuit.clone();
        clock.advance(SECOND);
        both(move || drop(permit), move || assert_eq!(looks.state(), State::Open));
        let snapshot = circuit.snapshot();
        assert_eq!(snapshot.state, State::Open);
        assert_eq!((snapshot.totals.stale, snapshot.opens_in_row), (1, 2));
        clock.advance(SECOND * 2);
        let _probe = circuit.try_acquire().expect("a probe");
        assert!(circuit.try_acquire().is_err());
    });
}

#[test]
fn a_dropped_probe_and_the_next_one_never_are_two() {
    model(|| {
        let (circuit, _clock) = ready_to_probe(consecutive().on_cancel(OnCancel::Ignore));
        let permit = circuit.try_acquire().expect("a probe");
        let asks = circuit.clone();
        let asks = thread::spawn(move || asks.try_acquire().ok());
        drop(permit);
        let next = asks.join().expect("no panic");
        assert_eq!(circuit.try_acquire().is_ok(), next.is_none());
    });
}

#[test]
fn a_record_and_a_reconfigure_leave_the_circuit_whole() {
    model(|| {
        let (circuit, _clock) = circuit(consecutive());
        let permit = circuit.try_acquire().expect("closed");
        let reloads = circuit.clone();
        let milder = consecutive().failure_threshold(2).sliding_window(SlidingWindow::calls(2)).build();
        let milder = milder.expect("a valid configuration");
        both(move || permit.record(Outcome::Failure), move || reloads.reconfigure(milder));
        let snapshot = circuit.snapshot();
        assert_whole(&snapshot);
        assert_eq!((snapshot.totals.failures, snapshot.totals.calls()), (1, 1));
        fail(&circuit);
        assert_eq!(circuit.state(), State::Open);
    });
}

#[test]
fn every_success_is_counted_once() {
    model(|| {
        let (circuit, _clock) = circuit(consecutive().failure_threshold(9));
        let mut permits = (0..3).map(|_| circuit.try_acquire().expect("closed"));
        let (Some(one), Some(two), Some(fails)) = (permits.next(), permits.next(), permits.next()) else { return };
        drop(permits);
        both(
            move || {
                one.record(Outcome::Success);
                two.record(Outcome::Success);
            },
            move || fails.record(Outcome::Failure),
        );
        let totals = circuit.snapshot().totals;
        assert_eq!((totals.successes, totals.failures, totals.calls()), (2, 1, 3));
    });
}

#[test]
fn the_outcome_that_completes_the_minimum_trips_whichever_it_is() {
    model(|| {
        let config = CircuitBreakerConfig::builder()
            .failure_threshold(None)
            .failure_rate_threshold(0.5)
            .sliding_window(SlidingWindow::calls(4))
            .minimum_calls(2);
        let (circuit, _clock) = circuit(config);
        let (succeeds, fails) = (circuit.try_acquire().expect("closed"), circuit.try_acquire().expect("closed"));
        both(move || succeeds.record(Outcome::Success), move || fails.record(Outcome::Failure));
        // Asked at the gate: looking under the lock must not be what trips it.
        assert!(circuit.try_acquire().is_err());
        assert_eq!(circuit.snapshot().totals.calls(), 2);
    });
}

#[test]
fn the_throttle_knows_of_every_outcome_counted_at_the_gate_or_not() {
    model(|| {
        let config = CircuitBreakerConfig::builder()
            .failure_threshold(9)
            .failure_rate_threshold(None)
            .throttle(1.5)
            .minimum_calls(2);
        let (circuit, _clock) = circuit(config);
        let (succeeds, fails) = (circuit.try_acquire().expect("closed"), circuit.try_acquire().expect("closed"));
        both(move || succeeds.record(Outcome::Success), move || fails.record(Outcome::Failure));
        assert_eq!(circuit.snapshot().throttle_share, Some((2.0 - 1.5) / 3.0));
    });
}

#[test]
fn a_stale_success_closes_nothing() {
    model(|| {
        let (circuit, clock) = circuit(consecutive());
        let late = circuit.try_acquire().expect("closed");
        let trips = circuit.clone();
        let probe = both(
            move || {
                fail(&trips);
                clock.advance(SECOND);
                trips.try_acquire().expect("a probe")
            },
            move || late.record(Outcome::Success),
        );
        let snapshot = circuit.snapshot();
        assert_eq!((snapshot.state, snapshot.successes_in_row), (State::HalfOpen, 0));
        assert_eq!(snapshot.totals.calls(), 2);
        probe.record(Outcome::Success);
        assert_eq!(circuit.state(), State::Closed);
    });
}

#[test]
fn no_wakeup_is_lost() {
    model(|| {
        let (circuit, _clock) = circuit(consecutive());
        fail(&circuit);
        let (waits, resets) = (circuit.clone(), circuit.clone());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (_turn, readiness) = both(
            move || {
                let mut turn = Turn::new(waits);
                let readiness = turn.wait(&waker);
                (turn, readiness)
            },
            move || resets.reset(),
        );
        assert!(readiness == Readiness::Pass || wakes.any(), "{readiness:?}");
    });
}

#[test]
fn a_reserved_place_given_up_goes_to_the_next_in_the_queue() {
    model(|| {
        let (circuit, _clock) = ready_to_probe(consecutive());
        let mut first = Turn::new(circuit.clone());
        assert_eq!(first.wait(Waker::noop()), Readiness::Pass);
        let waits = circuit.clone();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (mut second, readiness) = both(
            move || {
                let mut second = Turn::new(waits);
                let readiness = second.wait(&waker);
                (second, readiness)
            },
            move || drop(first),
        );
        assert!(readiness == Readiness::Pass || wakes.any(), "{readiness:?}");
        assert!(circuit.try_acquire().is_err(), "the place is reserved");
        assert!(second.acquire().is_ok());
    });
}

#[test]
fn transitions_are_told_in_order() {
    model(|| {
        let (circuit, _clock) = circuit(consecutive());
        // Loom's mutex, so that loom tries both orders of noting.
        let seen = Arc::new(loom::sync::Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        circuit.observe(move |transition: &Transition| {
            notes.lock().expect("not poisoned").push(transition.generation);
        });
        let (resets, forces) = (circuit.clone(), circuit.clone());
        both(move || forces.force_open(), move || resets.reset());
        assert_eq!(*seen.lock().expect("not poisoned"), [1, 2]);
    });
}

#[test]
fn a_group_never_ejects_more_than_its_share() {
    model(|| {
        let group = EjectionGroup::new(0.5).expect("a share");
        let circuits = ["one", "other", "third"].map(|name| {
            let config = consecutive().build().expect("a valid configuration");
            let builder = Circuit::builder(name).config(config).clock(ManualClock::new()).seed(1);
            builder.ejection_group(&group).build()
        });
        let (one, other) = (circuits[0].clone(), circuits[1].clone());
        both(move || fail(&one), move || fail(&other));
        let open = circuits.iter().filter(|circuit| circuit.state() == State::Open).count();
        let vetoed: u64 = circuits.iter().map(|circuit| circuit.snapshot().vetoed).sum();
        assert_eq!((open, vetoed, group.ejected()), (1, 1, 1));
    });
}

#[test]
fn one_place_of_a_bulkhead_is_never_given_twice() {
    model(|| {
        let bulkhead = Bulkhead::new(1).expect("a valid configuration");
        let other = thread::spawn({
            let bulkhead = bulkhead.clone();
            move || bulkhead.try_acquire().ok()
        });
        let mine = bulkhead.try_acquire().ok();
        let others = other.join().expect("no panic");
        assert!(mine.is_some() != others.is_some());
        drop((mine, others));
        assert_eq!(bulkhead.figures().in_use, 0);
    });
}

#[test]
fn a_newcomer_to_the_queue_gets_the_place_given_back_meanwhile() {
    model(|| {
        let bulkhead = Bulkhead::builder(1).max_queue(1).build().expect("a valid configuration");
        let held = bulkhead.try_acquire();
        let giver = thread::spawn(move || drop(held));
        let admission = bulkhead.enter().expect("there is a queue");
        giver.join().expect("no panic");
        let place = match admission {
            Admission::Admitted(place) => Some(place),
            Admission::Queued(mut waiter) => match waiter.poll_place(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(place) => Some(place),
                Poll::Pending => None,
            },
        };
        assert!(place.is_some());
        drop(place);
        assert_eq!((bulkhead.figures().in_use, bulkhead.figures().queued), (0, 0));
    });
}

#[test]
fn a_waiter_that_leaves_as_its_place_comes_takes_nothing_along() {
    model(|| {
        let bulkhead = Bulkhead::builder(1).max_queue(1).build().expect("a valid configuration");
        let held = bulkhead.try_acquire();
        let waiter = bulkhead.enter();
        let giver = thread::spawn(move || drop(held));
        drop(waiter);
        giver.join().expect("no panic");
        assert_eq!((bulkhead.figures().in_use, bulkhead.figures().queued), (0, 0));
    });
}

#[test]
fn a_newcomer_does_not_overtake_as_places_are_added() {
    model(|| {
        let bulkhead = Bulkhead::builder(1).max_queue(1).build().expect("a valid configuration");
        let _held = bulkhead.try_acquire();
        let waiter = bulkhead.enter();
        let raiser = thread::spawn({
            let bulkhead = bulkhead.clone();
            move || bulkhead.set_max_concurrent(2).expect("a valid number")
        });
        assert!(bulkhead.try_acquire().is_err());
        raiser.join().expect("no panic");
        assert_eq!((bulkhead.figures().in_use, bulkhead.figures().queued), (2, 0));
        drop(waiter);
    });
}
