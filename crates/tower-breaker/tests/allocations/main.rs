//! A call allocates nothing of our own, whatever the circuit's state.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod stages;

use std::{
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, Request};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_breaker::{
    BulkheadFull, Circuit, CircuitBreaker, CircuitBreakerConfig, Circuits, Error, FallbackLayer,
    KeyedCircuitBreakerLayer, ManualClock, Outcome, RateLimitLayer, SlidingWindow, State, fallback,
    key::{self, Key},
    retry::{RetryConfig, RetryLayer, Verdict},
};

#[derive(Clone, Debug)]
struct Answers(Result<(), ()>);

impl<Req> Service<Req> for Answers {
    type Response = ();
    type Error = ();
    type Future = Ready<Result<(), ()>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        ready(self.0)
    }
}

/// One whole call: readiness, call, answer. Whether it was `Ok`.
fn whole<S: Service<Req>, Req>(service: &mut S, request: Req) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    match pin!(service.call(request)).poll(&mut cx) {
        Poll::Ready(result) => result.is_ok(),
        Poll::Pending => unreachable!("answers at once"),
    }
}

/// Allocations while `f` runs, on this thread.
fn allocations(f: impl FnOnce()) -> u64 {
    allocation_counter::measure(f).count_total
}

fn circuits_in_every_window() -> Vec<(Circuit, ManualClock)> {
    let windows = [SlidingWindow::calls(100), SlidingWindow::time(Duration::from_secs(5))];
    let configs = windows.map(|window| {
        CircuitBreakerConfig::builder()
            .sliding_window(window)
            .open_duration(Duration::from_secs(10))
            .open_duration_jitter(0.0)
            .success_threshold(1)
            .build()
            .unwrap()
    });
    configs
        .into_iter()
        .map(|config| {
            let clock = ManualClock::new();
            (Circuit::builder("orders").config(config).clock(clock.clone()).build(), clock)
        })
        .collect()
}

#[test]
fn closed() {
    for (circuit, clock) in circuits_in_every_window() {
        let mut service = CircuitBreaker::new(Answers(Ok(())), circuit.clone());
        // Windows may be made with the first call.
        whole(&mut service, ());
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(whole(&mut service, ()));
                clock.advance(Duration::from_millis(7));
            }
        });
        assert_eq!((count, circuit.state()), (0, State::Closed));
    }
}

#[test]
fn closed_with_failures() {
    for (circuit, _) in circuits_in_every_window() {
        let (mut well, mut sick) = (
            CircuitBreaker::new(Answers(Ok(())), circuit.clone()),
            CircuitBreaker::new(Answers(Err(())), circuit.clone()),
        );
        // The ring is made with the first failure.
        whole(&mut sick, ());
        let count = allocations(|| {
            for i in 0..1_000 {
                if i % 10 == 9 {
                    whole(&mut sick, ())
                } else {
                    whole(&mut well, ())
                };
            }
        });
        assert_eq!((count, circuit.state()), (0, State::Closed));
    }
}

#[test]
fn a_million_calls_inside_one_window_take_no_more_memory() {
    let config = CircuitBreakerConfig::builder()
        .sliding_window(SlidingWindow::time(Duration::from_secs(1_000)))
        .failure_rate_threshold(1.0)
        .slow_call_duration_threshold(Duration::from_secs(1))
        .throttle(4.0);
    let clock = ManualClock::new();
    let circuit = Circuit::builder("orders").config(config.build().unwrap()).clock(clock.clone()).build();
    let call = |number: u32| {
        let permit = circuit.try_acquire().unwrap();
        permit.record(if number.is_multiple_of(10) { Outcome::Failure } else { Outcome::Success });
        clock.advance(Duration::from_micros(900));
    };
    // What it asks for at all it has asked for by then.
    (0..1_000).for_each(call);
    let memory = allocation_counter::measure(|| (1_000..1_000_000).for_each(call));
    assert_eq!((memory.count_total, circuit.snapshot().window.calls), (0, 1_000_000));
}

#[test]
fn names_without_end_stay_within_the_memory_of_the_capacity() {
    let circuits = |capacity| Circuits::builder().config(CircuitBreakerConfig::default()).capacity(capacity).build();
    let call = |circuits: &Circuits, number: u32| {
        circuits.get_or_create(&number.to_string()).try_acquire().unwrap().record(Outcome::Failure);
    };
    let most = |capacity, names| {
        allocation_counter::measure(|| {
            let circuits = circuits(capacity);
            (0..names).for_each(|name| call(&circuits, name));
        })
        .bytes_max
    };
    // A little more than a set that was never full, for what the map keeps of names that went.
    let (full, strangers) = (most(1_000, 1_000), most(1_000, 200_000));
    assert!(strangers < full + full / 2, "{strangers} bytes with 200,000 names, {full} with as many as fit");
}

#[test]
fn open() {
    for (circuit, _) in circuits_in_every_window() {
        let mut service = CircuitBreaker::new(Answers(Err(())), circuit.clone());
        while circuit.state() == State::Closed {
            whole(&mut service, ());
        }
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(!whole(&mut service, ()));
            }
        });
        assert_eq!((count, circuit.state()), (0, State::Open));
    }
}

#[test]
fn half_open_probes_refusals_and_the_way_back_to_closed() {
    for (circuit, clock) in circuits_in_every_window() {
        let mut sick = CircuitBreaker::new(Answers(Err(())), circuit.clone());
        let mut well = CircuitBreaker::new(Answers(Ok(())), circuit.clone());
        while circuit.state() == State::Closed {
            whole(&mut sick, ());
        }
        // The first round may make room; the second must not need any.
        for round in 0..2 {
            clock.advance(Duration::from_secs(10));
            let count = allocations(|| {
                let probe = circuit.try_acquire().unwrap();
                assert_eq!(circuit.state(), State::HalfOpen);
                assert!(!whole(&mut well, ()));
                drop(probe);
                assert!(whole(&mut well, ()));
                assert_eq!(circuit.state(), State::Closed);
            });
            assert!(round == 0 || count == 0, "{count} allocations");
            while circuit.state() == State::Closed {
                whole(&mut sick, ());
            }
        }
    }
}

fn keyed_by(key: impl Key<Request<()>> + Clone, request: impl Fn() -> Request<()>) {
    let circuits = Circuits::new(CircuitBreakerConfig::default());
    let mut service = KeyedCircuitBreakerLayer::new(circuits.clone(), key).layer(Answers(Ok(())));
    whole(&mut service, request());
    // Making the requests allocates.
    let requests: Vec<_> = (0..1_000).map(|_| request()).collect();
    let count = allocations(|| {
        for request in requests {
            assert!(whole(&mut service, request));
        }
    });
    assert_eq!((count, circuits.len(), circuits.get(key::MISSING).is_none()), (0, 1, true));
}

#[test]
fn keyed_by_what_is_known() {
    let to = |uri: &'static str| move || Request::post(uri).header("x-tenant", "blue").body(()).unwrap();
    keyed_by(key::host(), to("http://db.internal/"));
    keyed_by(key::host(), to("http://DB.Internal/"));
    keyed_by(key::method_and_path(), to("/orders"));
    keyed_by(key::header(HeaderName::from_static("x-tenant")), to("/orders"));
    keyed_by(key::grpc_service(), to("/shop.Orders/Place"));
    keyed_by(key::grpc_method(), to("/shop.Orders/Place"));
}

#[test]
fn a_clone_of_the_service_and_its_call() {
    for (circuit, _) in circuits_in_every_window() {
        let service = CircuitBreaker::new(Answers(Ok(())), circuit);
        whole(&mut service.clone(), ());
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(whole(&mut service.clone(), ()));
            }
        });
        assert_eq!(count, 0);
    }
}
