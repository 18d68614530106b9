//! Observers: told in order, after the lock, and harmless.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use tower_breaker_core::{
    ActiveMode, Circuit, Circuits, Condition, ManualClock, Observe, Outcome, RefusalEvent, State, Transition,
};

use super::{admitted, circuit, fail, opened, plain, ready, refused, secs, succeed};

/// The circuit's transitions from now on, as they were told.
fn told(circuit: &Circuit) -> mpsc::Receiver<Transition> {
    let (tell, told) = mpsc::channel();
    circuit.observe(move |transition: &Transition| {
        // Nobody may be listening any more.
        let _ = tell.send(transition.clone());
    });
    told
}

#[test]
fn a_transition_says_what_why_and_for_how_long() {
    let (circuit, clock) = circuit(plain());
    let told = told(&circuit);
    fail(&circuit, 3);
    let opened = told.try_recv().unwrap();
    assert_eq!((&*opened.circuit, opened.from, opened.to), ("under test", State::Closed, State::Open));
    assert_eq!((opened.condition, opened.wait), (Some(Condition::FailuresInRow), Some(secs(1))));
    assert_eq!(opened.generation, circuit.snapshot().generation);
    clock.advance(secs(1));
    succeed(&circuit, 2);
    let rest: Vec<_> = told.try_iter().map(|change| (change.from, change.to, change.condition)).collect();
    let expected = [(State::Open, State::HalfOpen, None), (State::HalfOpen, State::Closed, None)];
    assert_eq!(rest, expected);
}

#[test]
fn the_end_of_a_forced_open_is_told_as_no_opening() {
    let (circuit, clock) = circuit(plain());
    let told = told(&circuit);
    circuit.force_open_for(secs(30));
    clock.advance(secs(30));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.last_opened.map(|opened| opened.condition)), (State::Open, Some(Condition::Forced)));
    let [forced, ended]: [Transition; 2] = told.try_iter().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(
        (forced.to, forced.mode, forced.condition),
        (State::Open, ActiveMode::ForcedOpen, Some(Condition::Forced))
    );
    assert_eq!((ended.from, ended.to, ended.mode), (State::Open, State::Open, ActiveMode::Enforce));
    assert_eq!((ended.condition, ended.wait), (None, Some(secs(0))), "a probe may go");
}

#[test]
fn an_open_circuit_that_opens_again_is_told_with_its_reason() {
    let (circuit, _) = opened(plain());
    let told = told(&circuit);
    circuit.remote_open(secs(5));
    circuit.force_open();
    circuit.force_open_for(secs(1));
    let told: Vec<_> = told.try_iter().map(|change| (change.from, change.to, change.condition)).collect();
    let reasons = [Condition::Remote, Condition::Forced, Condition::Forced];
    assert_eq!(told, reasons.map(|reason| (State::Open, State::Open, Some(reason))));
}

#[test]
fn an_observer_given_to_the_builder_hears_the_first_transition() {
    let (tell, told) = mpsc::channel();
    let observer = move |transition: &Transition| tell.send(transition.to).expect("the test listens");
    let circuit = Circuit::builder("built").config(plain().build().unwrap()).observe(observer).build();
    fail(&circuit, 3);
    assert_eq!(told.try_recv(), Ok(State::Open));
}

#[test]
fn an_observer_that_calls_back_does_not_deadlock() {
    let (circuit, clock) = circuit(plain());
    let inside = circuit.clone();
    let resets = AtomicUsize::new(0);
    circuit.observe(move |transition: &Transition| {
        let _ = inside.snapshot();
        let _ = inside.state();
        let _ = inside.try_acquire();
        if transition.to == State::Open && resets.fetch_add(1, Ordering::Relaxed) == 0 {
            inside.reset();
        }
    });
    let order = told(&circuit);
    fail(&circuit, 3);
    assert_eq!(circuit.state(), State::Closed);
    fail(&circuit, 3);
    clock.advance(secs(1));
    succeed(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
    let generations: Vec<u64> = order.try_iter().map(|transition| transition.generation).collect();
    assert_eq!(generations, [1, 2, 3, 4, 5]);
}

#[test]
fn an_observer_that_panics_harms_nobody() {
    let (circuit, _) = circuit(plain());
    circuit.observe(|_: &Transition| panic!("on purpose"));
    let told = told(&circuit);
    fail(&circuit, 3);
    assert_eq!(told.try_recv().unwrap().to, State::Open);
    circuit.reset();
    assert_eq!((circuit.state(), told.try_recv().unwrap().to), (State::Closed, State::Closed));
    drop(admitted(&circuit));
}

#[test]
fn under_eight_threads_transitions_arrive_in_the_order_of_their_generations() {
    let (circuit, clock) = circuit(plain().failure_threshold(1).success_threshold(1));
    let told = told(&circuit);
    thread::scope(|scope| {
        for seed in 0..8 {
            let (circuit, clock): (&Circuit, &ManualClock) = (&circuit, &clock);
            scope.spawn(move || {
                let mut chance = fastrand::Rng::with_seed(seed);
                for _ in 0..5_000 {
                    match chance.u8(..20) {
                        0 => circuit.reset(),
                        1 => circuit.force_closed(),
                        2 => circuit.force_open_for(secs(1)),
                        3..8 => clock.advance(secs(1)),
                        _ => {
                            if let Ok(permit) = circuit.try_acquire() {
                                permit.record(if chance.bool() { Outcome::Success } else { Outcome::Failure });
                            }
                        }
                    }
                }
            });
        }
    });
    // Looking ends a force whose time is over: that is told too.
    let generation = circuit.snapshot().generation;
    let all: Vec<Transition> = told.try_iter().collect();
    assert!(all.iter().zip(1..).all(|(transition, generation)| transition.generation == generation));
    assert!(all.windows(2).all(|pair| pair[0].to == pair[1].from));
    assert_eq!(all.len() as u64, generation);
    assert!(all.len() > 1_000, "{} transitions", all.len());
}

/// Counts what it is told of single calls.
struct Counts {
    refusals: Arc<AtomicUsize>,
    fallbacks: Arc<AtomicUsize>,
    asks: bool,
}

impl Observe for Counts {
    fn on_transition(&self, _: &Transition) {}

    fn on_refusal(&self, refusal: &RefusalEvent) {
        assert!(refusal.enforced);
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    fn on_fallback(&self, circuit: &str) {
        assert_eq!(circuit, "under test");
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    fn wants_refusals(&self) -> bool {
        self.asks
    }
}

#[test]
fn refusals_and_fallbacks_are_told_to_those_who_ask() {
    for asks in [true, false] {
        let (circuit, _) = opened(plain());
        let (refusals, fallbacks) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        circuit.observe(Counts { refusals: Arc::clone(&refusals), fallbacks: Arc::clone(&fallbacks), asks });
        (0..3).for_each(|_| assert!(refused(&circuit).is_some()));
        let answer = circuit.call_or(|| Err::<u8, ()>(()), |_| 7);
        let told = (refusals.load(Ordering::Relaxed), fallbacks.load(Ordering::Relaxed));
        assert_eq!((answer, told), (7, if asks { (4, 1) } else { (0, 0) }));
        let now = circuit.snapshot();
        assert_eq!((now.refusals.open.enforced, now.fallbacks), (4, 1));
    }
}

#[test]
fn one_who_asks_for_refusals_hears_them_beside_one_who_does_not() {
    for asks_first in [true, false] {
        let set = Circuits::builder().config(plain().build().unwrap()).clock(ManualClock::new()).build();
        let before = set.get_or_create("under test");
        let (refusals, fallbacks) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        for asks in [asks_first, !asks_first] {
            if asks {
                set.observe(Counts { refusals: Arc::clone(&refusals), fallbacks: Arc::clone(&fallbacks), asks });
            } else {
                set.observe(|_: &Transition| {});
            }
        }
        for circuit in [before, set.get_or_create("created later")] {
            circuit.force_open();
            assert!(refused(&circuit).is_some());
        }
        assert_eq!(refusals.load(Ordering::Relaxed), 2, "asks first: {asks_first}");
    }
}

#[test]
fn an_observer_added_while_half_open_hears_the_close() {
    let (circuit, _) = ready(plain());
    succeed(&circuit, 1);
    let told = told(&circuit);
    succeed(&circuit, 1);
    assert_eq!(told.try_recv().unwrap().to, State::Closed);
}
