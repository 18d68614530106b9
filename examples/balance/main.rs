//! A balancer over four servers, of which one falls sick, is ejected, and comes back.
//!
//! ```sh
//! cargo run --example balance
//! ```
//!
//! In one process, on ports of its own, in about nine seconds. tower's power-of-two-choices balancer takes the less loaded of two
//! endpoints that are *ready*. Each endpoint wears a circuit breaker under
//! [`backpressure`](tower_breaker::CircuitBreakerLayer::backpressure): while its circuit refuses, it is not ready, and the balancer
//! sends elsewhere; nobody is refused. The four circuits are one [`EjectionGroup`](tower_breaker::EjectionGroup): at most half of
//! them may be out, so that a bad day of the callers' own does not eject everything. What to watch:
//!
//! - `amber` falls sick at 2 s: a few calls fail, then it gets nothing but a probe now and then, further apart each time;
//! - it is well again at 5 s, and back with the probe after that;
//! - at 7.5 s all four fall sick at once: two go, and the trips of the others are suppressed and counted.

mod endpoints;

use std::{error::Error, sync::atomic::Ordering, time::Duration};

use axum::body::Body;
use http::{Request, Uri, uri::PathAndQuery};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt,
    balance::p2c::Balance,
    discover::ServiceList,
    load::{CompleteOnResponse, PendingRequestsDiscover},
    service_fn,
};
use tower_breaker::{
    CircuitBreakerConfig, CircuitBreakerLayer, Circuits, EjectionGroup, Transition, classify::StatusClassifier,
    refuse::AsBoxError,
};

use self::endpoints::Endpoint;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut endpoints = Vec::new();
    for name in ["amber", "beryl", "coral", "diamond"] {
        endpoints.push(Endpoint::start(name).await?);
    }

    let group = EjectionGroup::new(0.5)?;
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .failure_rate_threshold(None)
        .open_duration(Duration::from_millis(400))
        // Each time it is found sick again it is out for half as long again.
        .open_duration_multiplier(1.5)
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()?;
    let circuits = Circuits::builder().name("endpoints").config(config).ejection_group(&group).build();
    circuits.observe(|transition: &Transition| {
        let wait = transition.wait.map_or_else(String::new, |wait| format!(" for {} ms", wait.as_millis()));
        println!("        {}: {} -> {}{wait}", transition.circuit, transition.from.as_str(), transition.to.as_str());
    });

    let http: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let services = endpoints.iter().map(|endpoint| {
        let (http, address) = (http.clone(), endpoint.address);
        ServiceBuilder::new()
            .layer(
                CircuitBreakerLayer::new(circuits.get_or_create(endpoint.name))
                    .classify(StatusClassifier::client())
                    .refuse(AsBoxError)
                    .backpressure(),
            )
            .service(service_fn(move |request| send(http.clone(), address.to_string(), request)))
    });
    // The list is fixed; where endpoints come and go, any stream of changes takes its place.
    let discover = PendingRequestsDiscover::new(ServiceList::new(services), CompleteOnResponse::default());
    let mut balance = Balance::new(discover);

    let began = Instant::now();
    let mut paces = interval(Duration::from_millis(10));
    paces.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut good, mut bad, mut second) = (0, 0, 1);
    while began.elapsed() < Duration::from_secs(9) {
        paces.tick().await;
        let now = began.elapsed().as_millis();
        for (at, endpoint) in endpoints.iter().enumerate() {
            let sick = (at == 0 && (2_000..5_000).contains(&now)) || now >= 7_500;
            endpoint.sick.store(sick, Ordering::Relaxed);
        }
        let request = Request::get("/").body(Body::empty())?;
        let answer = balance.ready().await?.call(request).await?;
        if answer.status().is_success() {
            good += 1;
        } else {
            bad += 1;
        }
        if now >= second * 1_000 {
            let shares: Vec<_> =
                endpoints.iter().map(|endpoint| format!("{} {}", endpoint.name, endpoint.requests())).collect();
            println!("{second} s: {good} good, {bad} bad; {}; {} out", shares.join(", "), group.ejected());
            (good, bad, second) = (0, 0, second + 1);
        }
    }
    let vetoed: u64 = circuits.snapshots().iter().map(|snapshot| snapshot.vetoed).sum();
    println!("{} of {} out, as many as may be; {vetoed} trips suppressed", group.ejected(), group.members());
    Ok(())
}

/// One call to one endpoint: the request's own URI says what, the endpoint where.
async fn send(
    http: Client<HttpConnector, Body>,
    address: String,
    mut request: Request<Body>,
) -> Result<http::Response<hyper::body::Incoming>, BoxError> {
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::builder().scheme("http").authority(address).path_and_query(path).build()?;
    Ok(http.request(request).await?)
}
