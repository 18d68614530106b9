//! What of HTTP is retried, and when.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ::tower::{Layer, service_fn};
use axum::body::Body;
use http::{Method, Request, Response, request::Builder};
use tokio::time::Instant;
use tower_breaker::{
    BulkheadFull, Error, Refusal, TimedOut, TimeoutKind,
    retry::{HttpRetry, Jitter, Repeatable, ReplayBody, RetryConfig, RetryLayer},
};

use crate::support::ask;

type Answer = Result<Response<Body>, io::Error>;

fn config() -> RetryConfig {
    RetryConfig::builder().jitter(Jitter::None).build().unwrap()
}

/// Attempts made of such a request when each is answered so, and the time it took.
async fn attempts(request: Builder, answer: impl Fn() -> Answer + Clone) -> (u32, Duration) {
    let counted = Arc::new(AtomicU32::new(0));
    let inner = {
        let counted = Arc::clone(&counted);
        service_fn(move |_: Request<ReplayBody<Body>>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let answer = answer();
            async move { answer }
        })
    };
    let start = Instant::now();
    let _ = ask(&mut RetryLayer::http(config()).layer(inner), request.body(Body::empty()).unwrap()).await;
    (counted.load(Ordering::Relaxed), start.elapsed())
}

fn of(method: Method) -> Builder {
    Request::builder().method(method)
}

fn status(status: u16) -> impl Fn() -> Answer + Clone {
    with(status, &[])
}

fn with(status: u16, headers: &'static [(&'static str, &'static str)]) -> impl Fn() -> Answer + Clone {
    move || {
        let response =
            headers.iter().fold(Response::builder().status(status), |all, (name, value)| all.header(*name, *value));
        Ok(response.body(Body::empty()).unwrap())
    }
}

fn error(kind: io::ErrorKind) -> impl Fn() -> Answer + Clone {
    move || Err(kind.into())
}

#[tokio::test(start_paused = true)]
async fn five_statuses_are_retried_for_idempotent_methods_and_no_other() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        let method: Method = method.parse().unwrap();
        for code in [408, 429, 502, 503, 504] {
            assert_eq!(attempts(of(method.clone()), status(code)).await.0, 3, "{method} {code}");
        }
        for code in [200, 301, 400, 404, 500, 501] {
            assert_eq!(attempts(of(method.clone()), status(code)).await.0, 1, "{method} {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_is_repeated_only_if_nothing_was_sent_or_the_request_says_that_it_may() {
    let of_kind = |kind| {
        move || {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(TimedOut::new(kind, Duration::from_secs(1)));
            Ok(response)
        }
    };
    let timed_out = of_kind(TimeoutKind::Attempt);
    assert_eq!(attempts(of(Method::POST), status(503)).await.0, 1);
    assert_eq!(attempts(of(Method::POST), timed_out).await.0, 1);
    assert_eq!(attempts(of(Method::POST), error(io::ErrorKind::ConnectionReset)).await.0, 1);
    assert_eq!(attempts(of(Method::POST), error(io::ErrorKind::ConnectionRefused)).await.0, 3);
    assert_eq!(attempts(of(Method::POST).header("Idempotency-Key", "17"), status(503)).await.0, 3);
    assert_eq!(attempts(of(Method::POST).header("Idempotency-Key", "17"), timed_out).await.0, 3);
    assert_eq!(attempts(of(Method::POST).extension(Repeatable), status(503)).await.0, 3);
    assert_eq!(attempts(of(Method::GET), timed_out).await.0, 3);
    // Whose time is over does not wait for another attempt.
    assert_eq!(attempts(of(Method::GET), of_kind(TimeoutKind::Caller)).await.0, 1);
    assert_eq!(attempts(of(Method::GET), error(io::ErrorKind::ConnectionReset)).await.0, 3);
}

#[tokio::test(start_paused = true)]
async fn the_client_may_say_what_a_connect_error_is() {
    let counted = Arc::new(AtomicU32::new(0));
    let inner = {
        let counted = Arc::clone(&counted);
        service_fn(move |request: Request<io::ErrorKind>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move { Err::<Response<()>, _>(io::Error::from(*request.body())) }
        })
    };
    let knows = |error: &io::Error| error.kind() == io::ErrorKind::AddrNotAvailable;
    let mut service = RetryLayer::new(config()).policy(HttpRetry::new().connect_errors(knows)).layer(inner);
    for (kind, attempts) in [(io::ErrorKind::AddrNotAvailable, 3), (io::ErrorKind::ConnectionReset, 1)] {
        let _ = ask(&mut service, of(Method::POST).body(kind).unwrap()).await;
        assert_eq!(counted.swap(0, Ordering::Relaxed), attempts, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_form_of_an_error_is_final() {
    let counted = Arc::new(AtomicU32::new(0));
    let inner = {
        let counted = Arc::clone(&counted);
        service_fn(move |_: Request<()>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Err::<Response<()>, _>(Error::<io::Error>::BulkheadFull(BulkheadFull::default())) }
        })
    };
    let mut service = RetryLayer::new(config()).policy(HttpRetry::new()).layer(inner);
    let refused = ask(&mut service, of(Method::GET).body(()).unwrap()).await;
    assert!(matches!(refused, Err(Error::BulkheadFull(_))));
    assert_eq!(counted.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_response_is_final() {
    let refused = || {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        response.extensions_mut().insert(Refusal::BulkheadFull(BulkheadFull::default()));
        Ok(response)
    };
    assert_eq!(attempts(of(Method::GET), refused).await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_callers_time_is_over_there_is_no_other_attempt() {
    for (kind, made) in [(TimeoutKind::Caller, 1), (TimeoutKind::Attempt, 3)] {
        let limit = TimedOut::new(kind, Duration::from_millis(1));
        let late = move || Err(io::Error::other(Error::<io::Error>::TimedOut(limit)));
        assert_eq!(attempts(of(Method::GET), late).await.0, made, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_wish_wins_over_the_backoff() {
    let twice = |seconds: u64| (3, Duration::from_secs(2 * seconds));
    assert_eq!(attempts(of(Method::GET), with(503, &[("retry-after", "2")])).await, twice(2));
    let date =
        with(429, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")]);
    assert_eq!(attempts(of(Method::GET), date).await, twice(3));
    assert_eq!(attempts(of(Method::GET), with(503, &[("retry-after", "soon")])).await, (3, Duration::from_millis(300)));
    // Longer than the longest wait.
    assert_eq!(attempts(of(Method::GET), with(503, &[("retry-after", "11")])).await, (1, Duration::ZERO));
    let endless = with(503, &[("retry-after", "99999999999999999999999999")]);
    assert_eq!(attempts(of(Method::GET), endless).await, (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn grpc_pushback_is_honoured_and_a_negative_one_stops() {
    let grpc = || of(Method::POST).extension(Repeatable);
    let pushback = |value: &'static str| {
        move || {
            let head = Response::builder().header("grpc-status", "14").header("grpc-retry-pushback-ms", value);
            Ok(head.body(Body::empty()).unwrap())
        }
    };
    assert_eq!(attempts(grpc(), pushback("1500")).await, (3, Duration::from_secs(3)));
    for none in ["0", "-0"] {
        assert_eq!(attempts(grpc(), pushback(none)).await.0, 3, "{none:?} is no negative number");
    }
    assert_eq!(attempts(grpc(), pushback("-1")).await, (1, Duration::ZERO));
    assert_eq!(attempts(grpc(), pushback("-99999999999999999999")).await, (1, Duration::ZERO));
    for nonsense in ["", "-", "soon", "1.5", "+5", "99999999999999999999"] {
        assert_eq!(attempts(grpc(), pushback(nonsense)).await, (3, Duration::from_millis(300)), "{nonsense:?}");
    }
    assert_eq!(attempts(grpc(), with(200, &[("grpc-status", "5")])).await.0, 1);
}
