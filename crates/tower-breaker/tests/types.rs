//! What the types promise: bounds, sizes, `Debug`.

use std::{cell::Cell, convert::Infallible, fmt::Debug, future::Ready, mem::size_of_val, time::Duration};

use ::tower::{Layer, Service};
use http::{Request, Response};
use tower_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, Circuits, Clock, Error, FallbackLayer, KeyedCircuitBreaker,
    KeyedCircuitBreakerLayer, RateLimitLayer, TokioClock,
    breaker::ResponseFuture,
    classify::{ErrorsAreFailures, ErrorsButRefusals, ErrorsOf, StatusClassifier},
    fallback, key,
    refuse::{AsBoxError, AsError, AsResponse, AsWrappedResponse, RefusalBody},
};

use crate::support::{Echo, circuit, trip};

fn sound<T: Clone + Debug + Send + Sync + Unpin + 'static>(_: &T) {}

#[test]
fn layers_and_services_are_clone_send_sync_and_unpin_whatever_the_classifier() {
    let circuit = Circuit::new("orders", Default::default());
    let circuits = Circuits::new(Default::default());
    let captured = String::from("captured");
    let judge = move |_: &Result<(), ()>| {
        let _ = &captured;
        tower_breaker::Outcome::Success
    };

    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(judge.clone()).backpressure();
    sound(&layer);
    sound(&layer.layer(Echo));
    let layer = KeyedCircuitBreakerLayer::new(circuits, key::host()).classify(judge);
    sound(&layer);
    sound(&layer.layer(Echo));
    sound(&CircuitBreakerLayer::http(circuit));
    sound(&(ErrorsAreFailures, ErrorsOf::<std::fmt::Error>::new().boxed(), ErrorsButRefusals::new()));
    sound(&(StatusClassifier::new(), AsError, AsBoxError, AsResponse, AsWrappedResponse));
    sound(&(key::host(), key::method_and_path(), key::header(http::header::ACCEPT), TokioClock::new()));
}

#[test]
fn rate_limits_and_fallbacks_are_clone_send_sync_and_unpin_too() {
    let captured = String::from("captured");
    let limit = RateLimitLayer::new(1.0, 1).unwrap().max_wait(Duration::from_secs(1)).per_key(key::host());
    sound(&limit);
    sound(&limit.layer(Echo));
    let answer = fallback::from_fn(move |_: Result<(), ()>, _: &fallback::Cause| Err::<(), _>(captured.clone()));
    let layer = FallbackLayer::new(answer).or_when(fallback::AnyError).circuit(circuit_now());
    sound(&layer);
    sound(&layer.layer(Echo));
    sound(&FallbackLayer::http(fallback::value(Response::new(()))));
    sound(&(fallback::service(Echo), fallback::lookup(|_: (), _: &fallback::Cause| None::<()>)));
}

#[test]
fn rate_limits_and_fallbacks_print_no_answers() {
    let layer = FallbackLayer::new(fallback::value("secret"));
    let limit = RateLimitLayer::new(1.0, 1).unwrap();
    let printed = format!("{layer:?} {:?} {limit:?} {:?}", layer.layer(Echo), limit.layer(Echo));
    assert!(printed.contains("1s") && !printed.contains("secret"), "{printed}");
}

#[test]
fn futures_and_bodies_are_send_when_what_is_inside_is() {
    fn send<T: Send + Sync + Unpin + Debug>() {}
    send::<ResponseFuture<Echo, Result<(), ()>, ErrorsAreFailures, AsError>>();
    send::<RefusalBody<String>>();
    fn send_alone<T: Send>(_: T) {}
    let call = || Ok::<(), Error<()>>(());
    send_alone(RateLimitLayer::new(1.0, 1).unwrap().layer(Echo).call(call()));
    send_alone(FallbackLayer::new(fallback::value(())).layer(Echo).call(call()));
    send_alone(FallbackLayer::new(fallback::service(Echo)).layer(Echo).call(call()));

    // The service itself need not be `Send` for its futures to be.
    #[derive(Debug)]
    struct Local(Cell<u8>);

    impl Service<()> for Local {
        type Response = u8;
        type Error = Infallible;
        type Future = Ready<Result<u8, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(self.0.get()))
        }
    }

    send::<ResponseFuture<Local, (), ErrorsAreFailures, AsError>>();
    let mut service = CircuitBreaker::new(Local(Cell::new(7)), Circuit::new("local", Default::default()));
    assert!(service.call(()).into_ready().is_some());
}

trait IntoReady: Future + Unpin + Sized {
    fn into_ready(mut self) -> Option<Self::Output> {
        match std::pin::Pin::new(&mut self).poll(&mut crate::support::idle()) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}

impl<F: Future + Unpin> IntoReady for F {}

#[test]
fn the_response_future_is_at_most_64_bytes_larger_than_the_inner_one() {
    fn grown<S, Req>(mut bare: S, mut guarded: impl Service<Req>, request: impl Fn() -> Req) -> usize
    where
        S: Service<Req>,
    {
        let (inner, ours) = (size_of_val(&bare.call(request())), size_of_val(&guarded.call(request())));
        println!("inner {inner}, guarded {ours}");
        ours - inner
    }

    let circuit = Circuit::new("orders", Default::default());
    let circuits = Circuits::new(Default::default());
    let by_name = key::from_fn(|_: &Result<u64, ()>| "one".into());
    let http = || Request::new(Ok::<_, Infallible>(Response::new(String::new())));

    assert!(grown(Echo, CircuitBreaker::new(Echo, circuit.clone()), || Ok::<(), ()>(())) <= 64);
    assert!(grown(Echo, CircuitBreaker::new(Echo, circuit.clone()), || Ok::<[u64; 64], ()>([0; 64])) <= 64);
    assert!(grown(Echo, KeyedCircuitBreaker::new(Echo, circuits, by_name), || Ok::<u64, ()>(0)) <= 64);
    assert!(grown(Echo, CircuitBreakerLayer::http(circuit.clone()).layer(Echo), http) <= 64);
    let wrapped = CircuitBreakerLayer::http(circuit).refuse(AsWrappedResponse).layer(Echo);
    assert!(grown(Echo, wrapped, http) <= 64);
}

#[test]
fn nothing_prints_what_closures_hold_or_requests() {
    let circuit = circuit_now();
    let secret = String::from("secret");
    let judge = move |_: &Result<(), ()>| {
        let _ = &secret;
        tower_breaker::Outcome::Success
    };
    let layer = CircuitBreakerLayer::new(circuit).classify(judge);
    let mut service = layer.layer(Echo);
    let printed = format!("{layer:?} {service:?} {:?}", service.call(Ok(())));
    assert!(printed.contains("orders") && !printed.contains("secret"), "{printed}");
}

fn circuit_now() -> Circuit {
    Circuit::new("orders", Default::default())
}

#[tokio::test(start_paused = true)]
async fn tokio_clock_follows_paused_time() {
    let clock = TokioClock::new();
    let (start, exact) = (clock.now(), Duration::from_secs(3600));
    tokio::time::advance(exact).await;
    assert_eq!(clock.now() - start, exact);
    let circuit = circuit(1);
    trip(&circuit);
    tokio::time::advance(exact).await;
    assert!(circuit.snapshot().ready_to_probe);
}

#[test]
fn tokio_clock_works_outside_a_runtime() {
    let clock = TokioClock::default();
    assert!(clock.now() < Duration::from_secs(60));
}

#[cfg(feature = "timeout")]
#[test]
fn timeouts_are_what_their_inner_service_is() {
    use tower_breaker::{
        TimeoutLayer,
        timeout::{Attempt, Kind, ResponseFuture, TimeoutBody, Whole},
        until::{EndOfBody, Head},
    };

    fn send<T: Send + Sync + Debug>() {}
    fn within<K, S>(limit: &TimeoutLayer<K>, inner: S, most: usize)
    where
        S: Service<Result<(), ()>, Response = ()> + Clone,
        K: Kind<S, Result<(), ()>>,
    {
        let (mut bare, mut timed) = (inner.clone(), limit.layer(inner));
        let grown = size_of_val(&timed.call(Ok(()))) - size_of_val(&bare.call(Ok(())));
        println!("{grown} bytes for {}", std::any::type_name::<K>());
        assert!(grown <= most);
    }

    let limit = Duration::from_secs(1);
    sound(&TimeoutLayer::whole(limit).expiring().until_end_of_body().refuse(AsResponse));
    sound(&TimeoutLayer::attempt(limit).layer(Echo));
    send::<ResponseFuture<Echo, Result<(), ()>, Attempt, AsError, Head>>();
    send::<ResponseFuture<Echo, Result<(), ()>, Whole, AsError, Head>>();
    send::<ResponseFuture<Echo, Result<Response<String>, ()>, Whole, AsError, EndOfBody>>();
    send::<TimeoutBody<String>>();
    let guarded = CircuitBreaker::new(Echo, Circuit::new("orders", Default::default()));
    sound(&TimeoutLayer::whole(limit).expiring().layer(guarded));
    within(&TimeoutLayer::attempt(limit), Echo, 200);
    within(&TimeoutLayer::whole(limit), Echo, 200);
}

#[cfg(feature = "bulkhead")]
#[test]
fn bulkheads_are_what_their_inner_service_is() {
    use tower_breaker::{
        Bulkhead, BulkheadLayer, Place, Waiter,
        bulkhead::{BulkheadBody, ResponseFuture},
        until::{EndOfBody, Head},
    };

    fn send<T: Send + Sync + Debug>() {}

    let bulkhead = Bulkhead::new(1).unwrap();
    sound(&bulkhead);
    sound(&BulkheadLayer::new(bulkhead.clone()).until_end_of_body().refuse(AsResponse));
    sound(&BulkheadLayer::new(bulkhead).layer(Echo));
    send::<ResponseFuture<Echo, Result<(), ()>, AsError, Head>>();
    send::<ResponseFuture<Echo, Result<Response<String>, ()>, AsError, EndOfBody>>();
    send::<(BulkheadBody<String>, Place, Waiter)>();
}

#[test]
fn retry_is_clone_send_sync_and_debug_whatever_the_closures() {
    use tower_breaker::retry::{self, Budget, HttpRetry, ReplayBody, RetryConfig, RetryErrors, RetryLayer, Verdict};

    let captured = String::from("captured");
    let judge = move |_: &Result<(), ()>| {
        let _ = &captured;
        Verdict::Success
    };
    let layer = RetryLayer::new(RetryConfig::default()).policy(judge).ask(Some(circuit_now()));
    sound(&layer);
    sound(&layer.layer(Echo));
    sound(&RetryLayer::http(RetryConfig::default()).map_body(|body: ReplayBody<String>| body));
    sound(&(Budget::default(), RetryConfig::default(), RetryErrors::new(), HttpRetry::new().boxed()));

    fn send<T: Send + Sync + Debug>(_: &T) {}
    let mut service = layer.layer(Echo);
    let future = service.call(Ok(()));
    println!("a retried call of {} bytes: {}", size_of::<Result<(), ()>>(), size_of_val(&future));
    send::<retry::ResponseFuture<_, Result<(), ()>, _, _, _>>(&future);
    let printed = format!("{layer:?} {service:?} {future:?}");
    assert!(printed.contains("attempts: 3") && !printed.contains("captured"), "{printed}");
}
