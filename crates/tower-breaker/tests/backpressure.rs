//! `backpressure()`: pending while refusing, for balancers.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::tower::{
    Layer, Service, ServiceExt, balance::p2c::Balance, discover::ServiceList, load::Constant, service_fn,
    util::BoxCloneService,
};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, task};
use tower_breaker::{Circuit, CircuitBreaker, CircuitBreakerLayer, Error, State};

use crate::support::{Echo, Stuck, WAIT, ask, built, circuit, config, is_ready, trip};

type Answer = Result<(), &'static str>;

fn waiting<S>(inner: S, circuit: &Circuit) -> CircuitBreaker<S> {
    CircuitBreakerLayer::new(circuit.clone()).backpressure().layer(inner)
}

#[tokio::test(start_paused = true)]
async fn pending_while_refusing_and_woken_by_the_end_of_the_wait() {
    let circuit = circuit(1);
    let mut service = waiting(Echo, &circuit);
    trip(&circuit);

    let start = Instant::now();
    let mut polls = 0;
    let mut asker = pin!(ServiceExt::<Answer>::ready(&mut service));
    std::future::poll_fn(|cx| {
        polls += 1;
        asker.as_mut().poll(cx).map(|ready| ready.map(drop))
    })
    .await
    .unwrap();
    let waited = start.elapsed();
    assert!(waited >= WAIT && waited < WAIT + Duration::from_millis(5), "{waited:?}");
    assert!(polls < 10, "{polls} polls");
}

#[tokio::test(start_paused = true)]
async fn a_reset_wakes_everybody() {
    let circuit = circuit(1);
    trip(&circuit);
    let mut waiters: Vec<_> =
        (0..100).map(|_| task::spawn(waiting(Echo, &circuit).oneshot(Ok::<_, &'static str>(())))).collect();
    for waiter in &mut waiters {
        assert_pending!(waiter.poll());
    }
    circuit.reset();
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert_eq!(assert_ready!(waiter.poll()), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_woken_at_half_open_one_is_admitted_and_none_refused() {
    let circuit = circuit(1);
    trip(&circuit);
    let calls = Arc::new(AtomicUsize::new(0));
    let mut waiters = Vec::new();
    for _ in 0..100 {
        let calls = calls.clone();
        let inner = service_fn(move |(): ()| {
            calls.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                Ok::<_, &'static str>(())
            }
        });
        waiters.push(tokio::spawn(waiting(inner, &circuit).oneshot(())));
    }
    tokio::time::sleep(WAIT + Duration::from_secs(1)).await;
    assert_eq!(circuit.state(), State::HalfOpen);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    // It succeeds, the circuit closes, and all go.
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap(), Ok(()));
    }
    assert_eq!(circuit.snapshot().refusals.half_open.detected, 0);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_waiters_are_polled_less_than_ten_times_each_in_an_open_period() {
    let circuit = circuit(1);
    trip(&circuit);
    let polls: Vec<_> = (0..100).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    for polls in &polls {
        let (polls, mut service) = (polls.clone(), waiting(Echo, &circuit));
        tokio::spawn(async move {
            std::future::poll_fn(|cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                Service::<Answer>::poll_ready(&mut service, cx)
            })
            .await
            .unwrap();
            service.call(Ok::<_, &'static str>(())).await
        });
    }
    tokio::time::sleep(WAIT * 2).await;
    assert_eq!(circuit.state(), State::Closed);
    for polls in &polls {
        let polls = polls.load(Ordering::Relaxed);
        assert!(polls < 10, "{polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_place_kept_for_a_waiter_is_passed_on_when_it_leaves() {
    let circuit = circuit(1);
    let (mut first, mut second) = (waiting(Echo, &circuit), waiting(Echo, &circuit));
    trip(&circuit);
    advance(WAIT).await;
    assert!(is_ready::<_, Answer>(&mut first));
    let mut queued = task::spawn(ServiceExt::<Answer>::ready(&mut second));
    assert_pending!(queued.poll());
    drop(first);
    assert!(queued.is_woken());
    assert!(assert_ready!(queued.poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_probe_place_kept_and_never_used_is_passed_on_after_the_half_open_timeout() {
    let circuit = built(config(1).half_open_timeout(Duration::from_secs(5)));
    let (mut idle, mut second) = (waiting(Echo, &circuit), waiting(Echo, &circuit));
    trip(&circuit);
    advance(WAIT).await;
    assert!(is_ready::<_, Answer>(&mut idle));
    let start = Instant::now();
    assert_eq!(ask(&mut second, Ok::<_, &'static str>(())).await, Ok(()));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_millis(5_005), "{waited:?}");
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_who_comes_long_after_the_wait_is_over_is_ready_at_once() {
    let circuit = circuit(1);
    trip(&circuit);
    advance(WAIT + Duration::from_secs(3_600)).await;
    assert!(is_ready::<_, Answer>(&mut waiting(Echo, &circuit)));
}

#[tokio::test(start_paused = true)]
async fn a_clone_waits_for_itself() {
    let circuit = circuit(1);
    let mut first = waiting(Echo, &circuit);
    trip(&circuit);
    advance(WAIT).await;
    assert!(is_ready::<_, Answer>(&mut first));
    // The place is the original's.
    let mut clone = first.clone();
    assert!(!is_ready::<_, Answer>(&mut clone));
    assert_eq!(first.call(Ok::<_, &'static str>(())).await, Ok(()));
    assert!(is_ready::<_, Answer>(&mut clone));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_inner_readiness_under_a_kept_place_is_recorded() {
    let circuit = circuit(1);
    let mut service = waiting(crate::support::Broken, &circuit);
    trip(&circuit);
    advance(WAIT).await;
    assert!(service.ready().await.is_err());
    assert_eq!(circuit.state(), State::Open);
    assert_eq!(circuit.snapshot().totals.failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_trip_while_the_inner_service_is_pending_is_seen() {
    let circuit = circuit(1);
    let mut service = waiting(Stuck, &circuit);
    let mut asker = task::spawn(service.ready());
    assert_pending!(asker.poll());
    trip(&circuit);
    assert_pending!(asker.poll());
}

#[tokio::test(start_paused = true)]
async fn opened_between_ready_and_call_it_is_refused_as_usual() {
    let circuit = circuit(1);
    let mut service = waiting(Echo, &circuit);
    assert!(is_ready::<_, Answer>(&mut service));
    trip(&circuit);
    assert!(matches!(service.call(Ok::<(), &'static str>(())).await, Err(Error::CircuitOpen(_))));
}

#[tokio::test(start_paused = true)]
async fn a_balancer_over_three_endpoints_sends_the_sick_one_nothing_but_probes() {
    let calls: Arc<[AtomicUsize; 3]> = Arc::default();
    let growing = || config(1).open_duration_multiplier(2.0);
    let circuits: Vec<_> = (0..3).map(|_| built(growing())).collect();
    let endpoints = (0..3).map(|i| {
        let calls = calls.clone();
        let endpoint = service_fn(move |(): ()| {
            calls[i].fetch_add(1, Ordering::Relaxed);
            async move { if i == 0 { Err(std::fmt::Error) } else { Ok(()) } }
        });
        Constant::new(BoxCloneService::new(waiting(endpoint, &circuits[i])), 1)
    });
    let mut balance = Balance::new(ServiceList::new(endpoints));

    for _ in 0..1_000 {
        let _ = ask(&mut balance, ()).await;
        advance(Duration::from_millis(1)).await;
    }
    // Within the first wait: the call that tripped it.
    assert_eq!(calls[0].load(Ordering::Relaxed), 1);
    for _ in 0..100 {
        let _ = ask(&mut balance, ()).await;
        advance(Duration::from_secs(1)).await;
    }
    // Waits of 10, 20, 40 and 60 s: at most one probe after each.
    let sick = calls[0].load(Ordering::Relaxed);
    assert!((2..=4).contains(&sick), "{sick} calls");
    assert_eq!(calls.iter().map(|calls| calls.load(Ordering::Relaxed)).sum::<usize>(), 1_100);
    let refused = circuits[0].snapshot().refusals;
    assert_eq!(refused.open.detected + refused.half_open.detected, 0);
}
