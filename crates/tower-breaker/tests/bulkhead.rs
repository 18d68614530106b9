//! Bulkheads: who gets a place, who queues, who is refused, and when a place is free again.

mod body;

use std::{
    convert::Infallible,
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use ::tower::{Layer, Service, ServiceExt, service_fn};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, advance},
};
use tokio_test::task;
use tower_breaker::{
    Bulkhead, BulkheadFull, BulkheadLayer, CircuitBreakerLayer, Error, Refusal,
    bulkhead::BulkheadBody,
    refuse::{AsResponse, AsSameError},
};

use crate::support::{Broken, Echo, Hung, Stuck, circuit, is_ready};

const SECOND: Duration = Duration::from_secs(1);

fn bulkhead(places: u32, queue: u32) -> Bulkhead {
    Bulkhead::builder(places).max_queue(queue).build().unwrap()
}

/// (in use, queued, rejected)
fn gauges(bulkhead: &Bulkhead) -> (u64, u64, u64) {
    let figures = bulkhead.figures();
    (figures.in_use, figures.queued, figures.rejected)
}

/// Answers when told to, and counts who is inside.
#[derive(Clone, Default)]
struct Door {
    inside: Arc<AtomicUsize>,
    opens: Arc<Notify>,
    most: Arc<AtomicUsize>,
}

impl Door {
    fn service(&self) -> impl Service<usize, Response = usize, Error = Infallible, Future: Send> + Clone + use<> {
        let door = self.clone();
        service_fn(move |id| {
            let door = door.clone();
            async move {
                door.most.fetch_max(door.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                door.opens.notified().await;
                door.inside.fetch_sub(1, Ordering::SeqCst);
                Ok(id)
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn of_10_000_at_once_64_are_inside_128_queue_and_the_rest_are_refused_at_once() {
    let places = bulkhead(64, 128);
    let door = Door::default();
    let service = BulkheadLayer::new(places.clone()).layer(door.service());
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for id in 0..10_000 {
        calls.spawn(service.clone().oneshot(id));
    }
    let mut refused = 0;
    while refused < 10_000 - 64 - 128 {
        match calls.join_next().await.unwrap().unwrap() {
            Err(Error::BulkheadFull(full)) => assert_eq!(full.waited(), Duration::ZERO),
            other => panic!("{other:?}"),
        }
        refused += 1;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(gauges(&places), (64, 128, 10_000 - 64 - 128));
    assert_eq!(door.inside.load(Ordering::SeqCst), 64);

    let mut answered = 0;
    while answered < 64 + 128 {
        door.opens.notify_one();
        assert!(calls.join_next().await.unwrap().unwrap().is_ok());
        answered += 1;
    }
    assert_eq!(door.most.load(Ordering::SeqCst), 64);
    assert_eq!(gauges(&places), (0, 0, 10_000 - 64 - 128));
}

#[tokio::test(start_paused = true)]
async fn all_going_away_at_once_leaves_it_empty() {
    let places = bulkhead(64, 128);
    let service = BulkheadLayer::new(places.clone()).layer(Hung);
    let mut calls: Vec<_> = (0..192).map(|_| task::spawn(service.clone().call(()))).collect();
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }
    assert_eq!(gauges(&places), (64, 128, 0));
    // Those in places and those in the queue alternately, so that places are passed to some who go next.
    let (places_first, queue_first): (Vec<_>, Vec<_>) = calls.into_iter().enumerate().partition(|(i, _)| i % 3 == 0);
    drop(places_first);
    drop(queue_first);
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn they_are_served_in_the_order_of_their_calls_whenever_they_are_polled() {
    let service = BulkheadLayer::new(bulkhead(1, 3)).layer(Echo);
    let mut calls: Vec<_> = (0..4).map(|id| task::spawn(service.clone().call(Ok::<_, ()>(id)))).collect();
    for id in (1..4).rev() {
        assert!(calls[id].poll().is_pending());
    }
    for id in 0..4 {
        for later in &mut calls[id + 1..] {
            assert!(later.poll().is_pending());
        }
        assert!(id == 0 || calls[id].is_woken());
        assert!(matches!(calls[id].poll(), Poll::Ready(Ok(answer)) if answer == id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_away_leaves_the_queue_to_the_next() {
    let places = bulkhead(1, 1);
    let mut service = BulkheadLayer::new(places.clone()).layer(Hung);
    let inside = service.call(());
    let waiter = service.call(());
    assert!(matches!(service.call(()).await, Err(Error::BulkheadFull(_))));
    drop(waiter);
    let mut next = task::spawn(service.call(()));
    assert!(next.poll().is_pending());
    drop(inside);
    assert!(next.is_woken());
    assert_eq!(gauges(&places), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_it_refuses_at_once() {
    let mut service = BulkheadLayer::new(Bulkhead::new(1).unwrap()).layer(Hung);
    let _inside = service.call(());
    assert_eq!(service.call(()).await, Err(Error::BulkheadFull(BulkheadFull::default())));
}

#[tokio::test(start_paused = true)]
async fn nobody_queues_longer_than_max_wait() {
    let places = Bulkhead::builder(1).max_queue(2).max_wait(SECOND).build().unwrap();
    let mut service = BulkheadLayer::new(places.clone()).layer(Hung);
    let _inside = service.call(());
    let start = Instant::now();
    let refused = service.call(());
    // The wait begins with the call.
    advance(SECOND / 2).await;
    assert_eq!(refused.await, Err(Error::BulkheadFull(BulkheadFull::new(SECOND))));
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(gauges(&places), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_place_free_in_the_same_poll_as_the_end_of_the_wait_is_taken() {
    let places = Bulkhead::builder(1).max_queue(1).max_wait(SECOND).build().unwrap();
    let mut service = BulkheadLayer::new(places.clone()).layer(Echo);
    let inside = places.try_acquire();
    let mut waiter = task::spawn(service.call(Ok::<_, ()>(7)));
    assert!(waiter.poll().is_pending());
    drop(inside);
    advance(SECOND).await;
    assert!(matches!(waiter.poll(), Poll::Ready(Ok(7))));
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[test]
fn without_max_wait_it_needs_no_timer() {
    // A `Sleep` made here would panic: there is no runtime.
    let mut service = BulkheadLayer::new(bulkhead(1, 1)).layer(Hung);
    let _inside = service.call(());
    assert!(task::spawn(service.call(())).poll().is_pending());
}

#[tokio::test(start_paused = true)]
async fn ready_but_never_called_holds_no_place() {
    let places = bulkhead(1, 0);
    let mut service = BulkheadLayer::new(places.clone()).layer(Echo);
    let mut other = service.clone();
    assert!(is_ready::<_, Result<(), ()>>(&mut other));
    assert_eq!(gauges(&places), (0, 0, 0));
    assert!(matches!(service.call(Ok::<_, ()>(7)).await, Ok(7)));
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_is_asked_once_the_place_is_had() {
    let asked = Arc::new(AtomicBool::new(false));

    #[derive(Clone)]
    struct Asked(Arc<AtomicBool>);

    impl Service<()> for Asked {
        type Response = ();
        type Error = Infallible;
        type Future = std::future::Ready<Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.0.store(true, Ordering::SeqCst);
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(()))
        }
    }

    let places = bulkhead(1, 1);
    let inside = places.try_acquire();
    let mut service = BulkheadLayer::new(places).layer(Asked(Arc::clone(&asked)));
    assert!(is_ready(&mut service));
    let mut call = task::spawn(service.call(()));
    assert!(call.poll().is_pending());
    assert!(!asked.load(Ordering::SeqCst));
    drop(inside);
    assert!(call.poll().is_ready());
    assert!(asked.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_inner_service_keeps_its_places_and_the_rest_are_refused() {
    let mut service = BulkheadLayer::new(bulkhead(1, 0)).layer(Stuck);
    let mut inside = task::spawn(service.call(()));
    assert!(inside.poll().is_pending());
    assert!(is_ready(&mut service));
    assert!(matches!(service.call(()).await, Err(Error::BulkheadFull(_))));
}

#[tokio::test(start_paused = true)]
async fn errors_pass_through_and_give_the_place_back() {
    let places = bulkhead(1, 0);
    let layer = BulkheadLayer::new(places.clone());
    assert_eq!(layer.layer(Broken).oneshot(()).await, Err(Error::Inner("connection lost")));
    assert_eq!(layer.layer(Echo).oneshot(Err::<(), _>("own")).await, Err(Error::Inner("own")));
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_inner_service_gives_the_place_back() {
    let places = bulkhead(1, 0);
    let service = service_fn(|()| async { panic!("inside") as Result<(), Infallible> });
    let call = tokio::spawn(BulkheadLayer::new(places.clone()).layer(service).oneshot(()));
    assert!(call.await.unwrap_err().is_panic());
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_share_its_places() {
    let layer = BulkheadLayer::new(bulkhead(1, 0));
    let mut service = layer.layer(Hung);
    let _inside = service.call(());
    let seen = [layer.bulkhead(), service.bulkhead()].map(|places| places.map(gauges));
    assert_eq!(seen, [Some((1, 0, 0)); 2]);
    let mut others = [layer.clone().layer(Hung), layer.layer(Hung).clone()];
    for other in &mut others {
        assert!(matches!(other.call(()).await, Err(Error::BulkheadFull(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn resized_live_those_who_queue_get_the_new_places() {
    let places = bulkhead(1, 2);
    let mut service = BulkheadLayer::new(places.clone()).layer(Hung);
    let _inside = service.call(());
    let mut waiters = [task::spawn(service.call(())), task::spawn(service.call(()))];
    for waiter in &mut waiters {
        assert!(waiter.poll().is_pending());
    }
    places.set_max_concurrent(2).unwrap();
    assert_eq!(waiters.each_ref().map(task::Spawn::is_woken), [true, false]);
    assert_eq!(gauges(&places), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn off_it_changes_nothing() {
    let layer = BulkheadLayer::new(None);
    assert!(!is_ready(&mut layer.layer(Stuck)));
    let mut service = layer.layer(Hung);
    let calls: Vec<_> = (0..1_000).map(|_| service.call(())).collect();
    drop(calls);
    assert!(matches!(service.clone().get_mut().poll_ready(&mut crate::support::idle()), Poll::Ready(Ok(()))));
    assert_eq!(layer.layer(Echo).oneshot(Ok::<_, ()>(7)).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn as_a_response_it_is_a_503_that_carries_the_refusal() {
    let hung = service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let mut service = BulkheadLayer::new(bulkhead(1, 0)).refuse(AsResponse).layer(hung);
    let _inside = service.call(Request::new(()));
    let response = service.call(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert!(matches!(response.extensions().get(), Some(Refusal::BulkheadFull(_))));
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_inside_does_not_reach_the_breaker_further_in() {
    let circuit = circuit(1);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let mut service = BulkheadLayer::new(bulkhead(1, 0)).refuse(AsSameError).layer(guarded);
    let _inside = service.call(());
    for _ in 0..5 {
        assert!(matches!(service.call(()).await, Err(Error::BulkheadFull(_))));
    }
    assert_eq!(circuit.snapshot().totals.calls(), 0);
}

#[cfg(feature = "timeout")]
#[tokio::test(start_paused = true)]
async fn expiring_passes_it_and_is_nothing_to_the_breaker_while_queueing() {
    use tower_breaker::TimeoutLayer;

    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let limited = BulkheadLayer::new(bulkhead(1, 1)).refuse(AsSameError).layer(guarded);
    let mut service = TimeoutLayer::whole(SECOND / 10).expiring().refuse(AsSameError).layer(limited);
    let (mut inside, mut queued) = (task::spawn(service.call(())), task::spawn(service.call(())));
    assert!(inside.poll().is_pending());
    assert!(queued.poll().is_pending());
    advance(SECOND / 10).await;
    assert!(matches!(queued.poll(), Poll::Ready(Err(Error::TimedOut(_)))));
    assert_eq!(circuit.snapshot().totals.failures, 0);
    assert!(matches!(inside.poll(), Poll::Ready(Err(Error::TimedOut(_)))));
    assert_eq!(circuit.snapshot().totals.failures, 1);
    // Off, it lets the inner service be waited for as if it were not there.
    let stuck = CircuitBreakerLayer::new(circuit.clone()).layer(Stuck);
    let limited = BulkheadLayer::new(None).refuse(AsSameError).layer(stuck);
    let service = TimeoutLayer::whole(SECOND / 10).expiring().refuse(AsSameError).layer(limited);
    assert!(matches!(service.oneshot(()).await, Err(Error::TimedOut(_))));
    assert_eq!(circuit.snapshot().totals.failures, 2);
}

// To the end of the body.
