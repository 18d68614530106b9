//! The breaker as a middleware.

use std::time::Duration;

use tower_breaker::{Circuits, ManualClock, Reason, TimeoutKind, key};
use tower_breaker_reqwest::{
    CallTimeout, CircuitBreakerMiddleware, CircuitName, ReqwestClassifier, refusal, rejected, timed_out,
};

use crate::support::{
    Answer::{Later, Never, Redirect, Status},
    Server, after, bare, client, nobody,
};

#[tokio::test]
async fn one_origin_is_refused_and_another_is_not() {
    let (sick, well) = (Server::status(500).await, Server::status(200).await);
    let client = client(CircuitBreakerMiddleware::new(after(2).build().unwrap()));
    for _ in 0..2 {
        assert_eq!(client.get(&sick.url).send().await.unwrap().status(), 500);
    }
    let error = client.get(format!("{}/elsewhere?q=1", sick.url)).send().await.unwrap_err();
    let refused = rejected(&error).unwrap();
    assert_eq!((refused.name(), refused.reason()), (&*sick.url, Reason::Open));
    assert!(refusal(&error).is_some());
    assert_eq!(sick.hits(), 2);
    assert_eq!(client.get(&well.url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_probe_closes_the_circuit_again() {
    let server = Server::new(|n| Status(if n == 0 { 503 } else { 200 })).await;
    let clock = ManualClock::new();
    let config = after(1).success_threshold(1).build().unwrap();
    let circuits = Circuits::builder().config(config).clock(clock.clone()).build();
    let client = client(CircuitBreakerMiddleware::with_circuits(circuits));
    client.get(&server.url).send().await.unwrap();
    assert!(rejected(&client.get(&server.url).send().await.unwrap_err()).is_some());
    clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn retry_after_sets_the_wait_and_nonsense_does_not() {
    for (header, at_least, at_most) in [("120", 100, 120), ("-1", 0, 60), ("99999999999999999999999", 300, 300)] {
        let server = Server::new(move |_| Later(header)).await;
        let config = after(1).max_open_duration(Duration::from_secs(300)).build().unwrap();
        let client = client(CircuitBreakerMiddleware::new(config));
        client.get(&server.url).send().await.unwrap();
        let error = client.get(&server.url).send().await.unwrap_err();
        let remaining = rejected(&error).unwrap().remaining().as_secs_f64().ceil() as u64;
        assert!((at_least..=at_most).contains(&remaining), "{header}: {remaining}");
    }
}

#[tokio::test]
async fn mistakes_of_the_caller_are_ignored_and_those_of_the_network_are_not() {
    let circuits = Circuits::new(after(100).build().unwrap());
    let client = client(CircuitBreakerMiddleware::with_circuits(circuits.clone()));
    let totals = |name: &str| circuits.snapshot(name).unwrap().totals;

    let round = Server::new(|_| Redirect).await;
    assert!(client.get(&round.url).send().await.unwrap_err().is_redirect());
    assert_eq!((totals(&round.url).ignored, totals(&round.url).failures), (1, 0));

    assert!(client.get("ftp://files.example/").send().await.unwrap_err().is_builder());
    assert_eq!((totals("ftp://files.example").ignored, totals("ftp://files.example").failures), (1, 0));

    let nobody = nobody().await;
    assert!(client.get(&nobody).send().await.unwrap_err().is_connect());
    assert_eq!(totals(&nobody).failures, 1);

    let hung = Server::new(|_| Never).await;
    let late = client.get(&hung.url).timeout(Duration::from_millis(50)).send().await.unwrap_err();
    assert!(late.is_timeout() && timed_out(&late).is_none());
    assert_eq!(totals(&hung.url).failures, 1);
}

#[tokio::test]
async fn statuses_that_fail_are_as_they_are_said_to_be() {
    for (status, failures) in [(200, 0), (404, 0), (408, 1), (429, 1), (500, 1), (599, 1)] {
        let server = Server::status(status).await;
        let circuits = Circuits::new(after(100).build().unwrap());
        let client = client(CircuitBreakerMiddleware::with_circuits(circuits.clone()));
        client.get(&server.url).send().await.unwrap();
        assert_eq!(circuits.snapshot(&server.url).unwrap().totals.failures, failures, "{status}");
    }
    let server = Server::status(404).await;
    let judge = ReqwestClassifier::failing_on(|status| status == 404);
    let client = client(CircuitBreakerMiddleware::new(after(1).build().unwrap()).classify(judge));
    client.get(&server.url).send().await.unwrap();
    assert!(client.get(&server.url).send().await.is_err());
}

#[tokio::test]
async fn a_request_picks_its_circuit_and_its_time() {
    let hung = Server::new(|_| Never).await;
    let circuits = Circuits::new(after(1).build().unwrap());
    let client = client(CircuitBreakerMiddleware::with_circuits(circuits.clone()));
    let (search, soon) = (CircuitName::new("search"), CallTimeout::new(Duration::from_millis(50)));
    let request = || client.get(&hung.url).with_extension(search.clone()).with_extension(soon);
    let late = timed_out(&request().send().await.unwrap_err()).unwrap();
    assert_eq!((late.kind(), late.limit()), (TimeoutKind::Attempt, soon.limit()));
    assert_eq!(rejected(&request().send().await.unwrap_err()).unwrap().name(), "search");
    assert!(circuits.get(&hung.url).is_none());
}

#[tokio::test]
async fn circuits_are_named_by_a_key_of_the_users() {
    let server = Server::status(500).await;
    let by_path = key::from_fn(|request: &reqwest::Request| request.url().path().into());
    let client = client(CircuitBreakerMiddleware::new(after(1).build().unwrap()).key(by_path));
    client.get(format!("{}/a", server.url)).send().await.unwrap();
    let error = client.get(format!("{}/a", server.url)).send().await.unwrap_err();
    assert_eq!(rejected(&error).unwrap().name(), "/a");
    assert!(client.get(format!("{}/b", server.url)).send().await.is_ok());
}

#[tokio::test]
async fn a_breaker_around_another_ignores_its_refusals() {
    let server = Server::status(500).await;
    let (outer, inner) = (Circuits::new(after(100).build().unwrap()), after(1).build().unwrap());
    let client = reqwest_middleware::ClientBuilder::new(bare())
        .with(CircuitBreakerMiddleware::with_circuits(outer.clone()))
        .with(CircuitBreakerMiddleware::new(inner))
        .build();
    client.get(&server.url).send().await.unwrap();
    for _ in 0..3 {
        assert!(rejected(&client.get(&server.url).send().await.unwrap_err()).is_some());
    }
    let totals = outer.snapshot(&server.url).unwrap().totals;
    assert_eq!((totals.failures, totals.ignored), (1, 3));
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_probe_behind() {
    let server = Server::new(|n| if n == 1 { Never } else { Status(if n == 0 { 500 } else { 200 }) }).await;
    let clock = ManualClock::new();
    let circuits = Circuits::builder().config(after(1).build().unwrap()).clock(clock.clone()).build();
    let client = client(CircuitBreakerMiddleware::with_circuits(circuits.clone()));
    client.get(&server.url).send().await.unwrap();
    clock.advance(Duration::from_secs(60));
    let probe = tokio::spawn(client.get(&server.url).send());
    crate::support::until(|| server.hits() == 2).await;
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    assert_eq!(circuits.snapshot(&server.url).unwrap().totals.cancelled, 1);
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
}
