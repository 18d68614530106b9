//! Any value of the headers that speak of time is read or ignored, and none outlasts a limit of ours: `Retry-After` (with a
//! `Date`), `grpc-retry-pushback-ms`, `grpc-timeout`. The first byte says which.
#![no_main]

use std::{convert::Infallible, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response, header};
use libfuzzer_sys::fuzz_target;
use tower::{Layer, ServiceExt, service_fn};
use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerLayer, TimeoutLayer, classify::retry_after};

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == b'\n');
    let mut value = || HeaderValue::from_bytes(parts.next().unwrap_or_default()).ok();
    let Some(wish) = value() else { return };
    match kind % 3 {
        0 => {
            let mut headers: HeaderMap = [(header::RETRY_AFTER, wish)].into_iter().collect();
            headers.extend(value().map(|date| (header::DATE, date)));
            let _ = retry_after(&headers);
            trips(503, &headers, false);
        }
        1 => {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", HeaderValue::from_static("14"));
            headers.insert("grpc-retry-pushback-ms", wish);
            trips(200, &headers, true);
        }
        _ => times_out(wish),
    }
});

/// In paused time.
fn run<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(case)
}

/// An answer with these headers opens the circuit for no less than it would without and no more than its cap.
fn trips(status: u16, headers: &HeaderMap, grpc: bool) {
    let config = CircuitBreakerConfig::builder().failure_threshold(1).failure_rate_threshold(None);
    let config = config.open_duration_jitter(0.0).build().expect("valid");
    let circuit = Circuit::new("fuzzed", config);
    let service = service_fn(|_: Request<String>| {
        let mut response = Response::builder().status(status).body(String::new()).expect("a response");
        *response.headers_mut() = headers.clone();
        async { Ok::<_, Infallible>(response) }
    });
    run(async {
        let request = Request::new(String::new());
        if grpc {
            let layer = CircuitBreakerLayer::grpc(circuit.clone());
            let _ = layer.layer(service).oneshot(request).await;
        } else {
            let layer = CircuitBreakerLayer::http(circuit.clone());
            let _ = layer.layer(service).oneshot(request).await;
        }
    });
    let snapshot = circuit.snapshot();
    let wait = snapshot.open_wait.expect("it is open");
    assert!(wait >= snapshot.config.open_duration() && wait <= snapshot.config.max_open_duration(), "{wait:?}");
}

/// The configured time stands, whatever the caller brings.
fn times_out(wish: HeaderValue) {
    run(async {
        let service = service_fn(|_: Request<()>| async {
            tokio::time::sleep(Duration::from_secs(9)).await;
            Ok::<_, Infallible>(())
        });
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/grpc").header("grpc-timeout", wish);
        let start = tokio::time::Instant::now();
        let layer = TimeoutLayer::whole(Duration::from_secs(1)).grpc_timeout();
        assert!(layer.layer(service).oneshot(request.body(()).expect("a request")).await.is_err());
        assert!(start.elapsed() <= Duration::from_secs(1));
    });
}
