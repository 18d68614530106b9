//! On axum routes.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use ::axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    routing::get,
};
use ::tower::ServiceExt;
use tower_breaker::{
    Circuit, CircuitBreakerLayer, Circuits, KeyedCircuitBreakerLayer, TokioClock, key, refuse::AsWrappedResponse,
};

use crate::support::{circuit, config};

async fn status(app: &Router, path: &str) -> u16 {
    app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

async fn sick() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn well() -> &'static str {
    "well"
}

/// A closed circuit that one failure opens, and a counter of the calls that its handler saw.
fn counted() -> (Circuit, Arc<AtomicUsize>) {
    (circuit(1), Arc::default())
}

#[tokio::test(start_paused = true)]
async fn a_router_answers_500_503_503_and_the_handler_is_called_once() {
    let (circuit, calls) = counted();
    let seen = calls.clone();
    let handler = move || {
        seen.fetch_add(1, Ordering::Relaxed);
        sick()
    };
    let app = Router::new().route("/", get(handler)).layer(CircuitBreakerLayer::http(circuit));
    assert_eq!([status(&app, "/").await, status(&app, "/").await, status(&app, "/").await], [500, 503, 503]);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn one_layer_over_a_router_is_one_state_for_its_routes() {
    let (circuit, _) = counted();
    let app =
        Router::new().route("/sick", get(sick)).route("/well", get(well)).layer(CircuitBreakerLayer::http(circuit));
    assert_eq!(
        [status(&app, "/well").await, status(&app, "/sick").await, status(&app, "/well").await],
        [200, 500, 503]
    );
}

#[tokio::test(start_paused = true)]
async fn a_route_layer_leaves_the_fallback_alone() {
    let (circuit, _) = counted();
    let app = Router::new()
        .route("/sick", get(sick))
        .route_layer(CircuitBreakerLayer::http(circuit))
        .route("/later", get(well));
    assert_eq!([status(&app, "/sick").await, status(&app, "/sick").await], [500, 503]);
    assert_eq!([status(&app, "/none").await, status(&app, "/later").await], [404, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_on_one_route_leaves_the_others_alone() {
    let (circuit, _) = counted();
    let app =
        Router::new().route("/sick", get(sick).layer(CircuitBreakerLayer::http(circuit))).route("/well", get(well));
    assert_eq!(
        [status(&app, "/sick").await, status(&app, "/sick").await, status(&app, "/well").await],
        [500, 503, 200]
    );
}

#[tokio::test(start_paused = true)]
async fn keyed_by_route_one_sick_route_leaves_the_others_alone() {
    let circuits = Circuits::builder().config(config(1).build().unwrap()).clock(TokioClock::new()).build();
    let route = key::from_fn(|request: &Request| match request.extensions().get::<MatchedPath>() {
        Some(route) => Cow::Borrowed(route.as_str()),
        None => Cow::Borrowed(key::MISSING),
    });
    let app = Router::new()
        .route("/sick/{id}", get(sick))
        .route("/well/{id}", get(well))
        .layer(KeyedCircuitBreakerLayer::http(circuits.clone(), route));
    assert_eq!([status(&app, "/sick/1").await, status(&app, "/sick/2").await], [500, 503]);
    assert_eq!([status(&app, "/well/1").await, status(&app, "/none").await], [200, 404]);
    let mut names: Vec<_> = circuits.list().iter().map(|circuit| circuit.name().to_owned()).collect();
    names.sort();
    assert_eq!(names, [key::MISSING, "/sick/{id}", "/well/{id}"]);
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_refusal_works_on_a_route_too() {
    let (circuit, _) = counted();
    let layer = CircuitBreakerLayer::http(circuit).refuse(AsWrappedResponse);
    let app = Router::new().route("/", get(sick).layer(layer));
    assert_eq!([status(&app, "/").await, status(&app, "/").await], [500, 503]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_the_answer_that_trips_is_the_wait() {
    for (status, asked, waits) in
        [(503, "17", 17), (429, "17", 17), (503, "3", 10), (503, "600", 60), (503, "soon", 10), (503, "-5", 10)]
    {
        let circuit = circuit(1);
        let handler = move || async move { (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, asked)]) };
        let app = Router::new().route("/", get(handler)).layer(CircuitBreakerLayer::http(circuit.clone()));
        assert_eq!(self::status(&app, "/").await, status);
        let wait = circuit.snapshot().open_wait.unwrap();
        assert_eq!(wait.as_secs(), waits, "{status} with Retry-After: {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_the_wait_too() {
    let circuit = circuit(1);
    let answer =
        [(header::DATE, "Wed, 21 Oct 2015 07:28:00 GMT"), (header::RETRY_AFTER, "Wed, 21 Oct 2015 07:28:42 GMT")];
    let handler = move || async move { (StatusCode::SERVICE_UNAVAILABLE, answer) };
    let app = Router::new().route("/", get(handler)).layer(CircuitBreakerLayer::http(circuit.clone()));
    assert_eq!(status(&app, "/").await, 503);
    assert_eq!(circuit.snapshot().open_wait.unwrap().as_secs(), 42);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_hours_off_on_either_side_makes_no_wait_longer_than_its_cap() {
    async fn waits(date: Option<SystemTime>, until: SystemTime) -> u64 {
        let circuit = circuit(1);
        let answer = [(header::DATE, date), (header::RETRY_AFTER, Some(until))];
        let answer = answer.into_iter().filter_map(|(name, at)| Some((name, httpdate::fmt_http_date(at?))));
        let answer: Vec<_> = answer.map(|(name, at)| (name, HeaderValue::try_from(at).unwrap())).collect();
        let handler = move || async move { (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::from_iter(answer)) };
        let app = Router::new().route("/", get(handler)).layer(CircuitBreakerLayer::http(circuit.clone()));
        assert_eq!(status(&app, "/").await, 503);
        circuit.snapshot().open_wait.unwrap().as_secs()
    }

    let (now, hour, asked) = (SystemTime::now(), Duration::from_secs(3_600), Duration::from_secs(42));
    for hours in [1, 5, 1_000] {
        for there in [now + hour * hours, now - hour * hours] {
            // By the server's own clock, whatever ours says.
            assert_eq!(waits(Some(there), there + asked).await, 42, "{hours} hours");
        }
        // Where it does not say what it believes, it may ask for too much or for what is over.
        assert_eq!(waits(None, now + hour * hours + asked).await, 60, "{hours} hours ahead of ours: the cap");
        assert_eq!(waits(None, now - hour * hours + asked).await, 10, "{hours} hours behind ours: no wish");
    }
}
