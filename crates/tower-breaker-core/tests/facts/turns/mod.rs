//! A clone's turn at a circuit that refuses: leases, the queue, and who is woken.

mod crowd;
mod leases;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
    time::Duration,
};

use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, ManualClock, Outcome, Readiness, Reason, State,
    Transition, Turn,
};

const SECOND: Duration = Duration::from_secs(1);

fn looks_again(readiness: Readiness) -> Option<Duration> {
    let Readiness::Wait { look_again, .. } = readiness else { panic!("{readiness:?}") };
    look_again
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wakes {
    fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// A waker that asks the circuit as it goes: dropped under the circuit's lock, it would wait for it for ever.
struct Asks(Circuit);

impl Wake for Asks {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Asks {
    fn drop(&mut self) {
        let _ = self.0.snapshot();
    }
}

fn config() -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(1)
        .failure_rate_threshold(None)
        .success_threshold(2)
        .open_duration(SECOND)
        .open_duration_jitter(0.0)
}

fn fail(circuit: &Circuit) {
    let _ = circuit.call(|| Err::<(), _>(()));
}

/// Open since now, for a second.
fn open(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("turns")
        .config(config.build().expect("a valid configuration"))
        .clock(clock.clone())
        .seed(1)
        .build();
    fail(&circuit);
    (circuit, clock)
}

fn ready_to_probe(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = open(config);
    clock.advance(SECOND);
    (circuit, clock)
}

#[test]
fn the_first_in_the_queue_looks_again_at_a_probes_deadline_also_after_a_hold() {
    let (circuit, clock) = open(config());
    circuit.hold_probes(SECOND * 2);
    clock.advance(SECOND * 3);
    let _probe = circuit.try_acquire().unwrap();
    let mut turn = Turn::new(circuit);
    assert_eq!(looks_again(turn.wait(Waker::noop())), Some(SECOND * 60));
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken_or_told() {
    let (circuit, _clock) = open(config());
    let told = Arc::new(AtomicUsize::new(0));
    let tells = Arc::clone(&told);
    circuit.observe(move |_: &Transition| {
        tells.fetch_add(1, Ordering::SeqCst);
    });
    let (mut first, mut second) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
    let (wakes, waker) = Wakes::new();
    first.wait(&Waker::from(Arc::new(Panics)));
    second.wait(&waker);
    assert!(std::panic::catch_unwind(|| circuit.reset()).is_err());
    fail(&circuit);
    assert_eq!((told.load(Ordering::SeqCst), wakes.count()), (2, 1));
}

#[test]
fn a_call_is_admitted_or_refused_as_its_turn_was_told() {
    let (circuit, clock) = open(config());
    let mut turn = Turn::new(circuit.clone());
    assert!(turn.refuse().is_none(), "it has not asked");
    assert_eq!(turn.ask(), Readiness::Refuse);
    circuit.reset();
    assert!(turn.admit().is_none(), "its inner service was not asked");
    assert!(turn.acquire().is_err());
    assert_eq!(turn.ask(), Readiness::Pass);
    turn.admit().expect("closed").record(Outcome::Failure);
    assert_eq!(turn.ask(), Readiness::Refuse);
    let refused = turn.refuse().expect("open");
    assert_eq!((refused.name(), refused.remaining()), ("turns", SECOND));
    assert!(turn.refuse().is_none(), "it was said once");
    assert_eq!(circuit.snapshot().refusals.open.enforced, 2);
    clock.advance(SECOND);
    assert_eq!((turn.ask(), turn.admit().is_some()), (Readiness::Pass, false), "a probe is admitted under the lock");
    assert!(turn.acquire().expect("a probe").is_probe());
}

#[test]
fn a_clone_looks_again_when_time_alone_will_change_something_and_else_is_woken() {
    let waits = |circuit: &Circuit| looks_again(Turn::new(circuit.clone()).wait(Waker::noop()));
    let (circuit, clock) = open(config().half_open_timeout(SECOND * 10));
    assert_eq!(waits(&circuit), Some(SECOND));
    clock.advance(SECOND);
    let _probe = circuit.try_acquire().expect("the wait is over");
    assert_eq!(waits(&circuit), Some(SECOND * 10), "its deadline");
    circuit.hold_probes(SECOND * 4);
    assert_eq!(waits(&circuit), Some(SECOND * 4), "the end of the hold");
    circuit.force_open_for(SECOND * 3);
    assert_eq!(waits(&circuit), Some(SECOND * 3));
    circuit.force_open();
    assert_eq!(waits(&circuit), None, "it has no end");
}

#[test]
fn a_refusal_is_counted_as_what_the_turn_was_told() {
    let (circuit, clock) = open(config());
    clock.advance(SECOND);
    let probe = circuit.try_acquire().expect("the wait is over");
    let mut turn = Turn::new(circuit.clone());
    assert_eq!(turn.ask(), Readiness::Refuse);
    probe.record(Outcome::Failure);
    assert_eq!(turn.acquire().unwrap_err().reason(), Reason::HalfOpen);
    let refusals = circuit.snapshot().refusals;
    assert_eq!((refusals.half_open.enforced, refusals.open.enforced), (1, 0));
}

#[test]
fn what_failed_before_there_was_a_call_is_judged_and_no_refusal_is_counted() {
    let (circuit, clock) = open(config());
    let mut turn = Turn::new(circuit.clone());
    assert_eq!(turn.ask(), Readiness::Refuse);
    assert!(turn.acquire_quietly().is_none());
    assert_eq!(circuit.snapshot().refusals.detected(), 0);
    clock.advance(SECOND);
    assert_eq!(turn.ask(), Readiness::Pass);
    turn.acquire_quietly().expect("its lease is a probe's place").record(Outcome::Failure);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn a_call_that_has_to_wait_is_silent_from_then_on_and_not_before() {
    let clock = ManualClock::starting_at(SECOND * 100);
    let circuit = Circuit::builder("turns").config(config().build().unwrap()).clock(clock.clone()).build();
    let waits = |before: Duration, silent: Duration| {
        let mut permit = Turn::new(circuit.clone()).admit().expect("closed");
        clock.advance(before);
        permit.start_waiting();
        clock.advance(silent);
        drop(permit);
        (circuit.snapshot().totals.cancelled, circuit.state())
    };
    assert_eq!(waits(SECOND * 10, SECOND / 2), (1, State::Closed));
    assert_eq!(waits(Duration::ZERO, SECOND * 10), (1, State::Open), "silence is a failure");
}

#[test]
fn a_waker_that_asks_the_circuit_as_it_is_dropped_does_not_deadlock() {
    let (circuit, clock) = open(config());
    let asks = || Waker::from(Arc::new(Asks(circuit.clone())));
    let (mut queued, mut watching) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
    for _ in 0..2 {
        queued.wait(&asks());
        watching.watch(&asks());
    }
    clock.advance(SECOND);
    assert_eq!(queued.wait(&asks()), Readiness::Pass);
    assert_eq!(queued.wait(&asks()), Readiness::Pass, "it has its place");
    for _ in 0..2 {
        watching.watch(&asks());
    }
    drop((queued, watching));
    circuit.reset();
    assert_eq!(Turn::new(circuit.clone()).wait(&asks()), Readiness::Pass);
}

#[test]
fn each_watcher_is_woken_once_by_its_last_waker() {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("turns").config(config().build().unwrap()).clock(clock).build();
    let mut turns = [(); 3].map(|()| Turn::new(circuit.clone()));
    let (old, old_waker) = Wakes::new();
    let wakes = [(); 3].map(|()| Wakes::new());
    for (turn, (_, waker)) in turns.iter_mut().zip(&wakes) {
        turn.watch(&old_waker);
        turn.watch(waker);
    }
    let [first, _second, _third] = turns;
    drop(first);
    fail(&circuit);
    assert_eq!((wakes.map(|(wakes, _)| wakes.count()), old.count()), ([0, 1, 1], 0));
}
