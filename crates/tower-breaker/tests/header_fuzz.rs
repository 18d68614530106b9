//! Whatever a peer writes into the headers that speak of time, it is read or ignored.

use std::{convert::Infallible, time::Duration};

use ::tower::{Layer, ServiceExt, service_fn};
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use proptest::prelude::*;
use tower_breaker::{
    CircuitBreakerLayer, TimeoutLayer,
    classify::retry_after,
    retry::{Jitter, Repeatable, ReplayBody, RetryConfig, RetryLayer},
};

use crate::support::circuit;

/// Any bytes a header may hold, and texts that nearly are what is looked for.
fn value() -> impl Strategy<Value = HeaderValue> {
    let near = prop_oneof![
        "[-+ ]?[0-9]{0,25}",
        "[0-9]{0,9}[HMSmunX]?",
        "(Mon|Wed|Sun)?,? ?[0-9]{1,3} (Jan|Oct|Feb) [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2}( GMT)?",
        "(Sunday|Wednesday), [0-9]{2}-(Nov|Feb)-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "Sun (Nov|Feb) [ 0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}",
    ];
    let any = prop::collection::vec(prop_oneof![Just(b'\t'), 32_u8..127, 128_u8..=255], 0..40);
    prop_oneof![near.prop_map(String::into_bytes), any].prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

/// In paused time, on a runtime of its own.
fn run<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(case)
}

proptest! {
    #[test]
    fn no_value_of_retry_after_panics_or_outlasts_the_cap(wish in value(), date in proptest::option::of(value())) {
        let mut headers: HeaderMap = [(header::RETRY_AFTER, wish)].into_iter().collect();
        if let Some(date) = date {
            headers.insert(header::DATE, date);
        }
        let _ = retry_after(&headers);
        let circuit = run(async {
            let circuit = circuit(1);
            let service = CircuitBreakerLayer::http(circuit.clone()).layer(service_fn(|_: Request<Body>| {
                let mut response = Response::builder().status(503).body(Body::empty()).unwrap();
                *response.headers_mut() = headers.clone();
                async { Ok::<_, Infallible>(response) }
            }));
            let _ = service.oneshot(Request::new(Body::empty())).await;
            circuit
        });
        let snapshot = circuit.snapshot();
        let wait = snapshot.open_wait.unwrap();
        prop_assert!(wait >= snapshot.config.open_duration() && wait <= snapshot.config.max_open_duration(), "{:?}", wait);
    }

    #[test]
    fn no_value_of_pushback_panics(wish in value()) {
        let config = RetryConfig::builder().jitter(Jitter::None).build().unwrap();
        run(async {
            let service = service_fn(|_: Request<ReplayBody<Body>>| {
                let head = Response::builder().header("grpc-status", "14");
                let response = head.header("grpc-retry-pushback-ms", wish.clone()).body(Body::empty()).unwrap();
                async { Ok::<_, std::io::Error>(response) }
            });
            let request = Request::post("/").extension(Repeatable).body(Body::empty()).unwrap();
            let start = tokio::time::Instant::now();
            let answer = RetryLayer::http(config).layer(service).oneshot(request).await;
            assert!(answer.is_ok());
            assert!(start.elapsed() <= Duration::from_secs(20), "two waits of ten seconds at most");
        });
    }

    #[test]
    fn no_value_of_grpc_timeout_panics(wish in value()) {
        run(async {
            let service = service_fn(|_: Request<()>| async {
                tokio::time::sleep(Duration::from_secs(9)).await;
                Ok::<_, Infallible>(())
            });
            let request = Request::post("/").header(header::CONTENT_TYPE, "application/grpc").header("grpc-timeout", wish);
            let layer = TimeoutLayer::whole(Duration::from_secs(1)).grpc_timeout();
            let start = tokio::time::Instant::now();
            assert!(layer.layer(service).oneshot(request.body(()).unwrap()).await.is_err());
            assert!(start.elapsed() <= Duration::from_secs(1), "the configured time stands");
        });
    }
}
