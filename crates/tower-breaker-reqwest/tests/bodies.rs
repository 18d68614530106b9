//! Judged at the end of the body.

use tower_breaker::{Circuits, ManualClock, State};
use tower_breaker_reqwest::{CircuitBreakerMiddleware, Policy, ReqwestClassifier, ResilienceMiddleware};

use crate::support::{
    Answer::{Cut, Echo, Status},
    Server, after, client, soon,
};

fn judge() -> ReqwestClassifier {
    ReqwestClassifier::new().at_end_of_body()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure_where_it_is_asked_for() {
    let server = Server::new(|_| Cut).await;
    for (judge, failures) in [(ReqwestClassifier::new(), 0), (judge(), 1)] {
        let circuits = Circuits::new(after(100).build().unwrap());
        let client = client(CircuitBreakerMiddleware::with_circuits(circuits.clone()).classify(judge));
        let response = client.get(format!("{}/x", server.url)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.url().path()), (200, "/x"));
        assert!(response.text().await.is_err());
        assert_eq!(circuits.snapshot(&server.url).unwrap().totals.failures, failures);
    }
}

#[tokio::test]
async fn a_body_is_judged_once_it_has_ended_and_passes_as_it_was() {
    let server = Server::new(|_| Echo).await;
    let circuits = Circuits::new(Default::default());
    let policy = Policy::builder().retry(soon()).circuit_breaker(after(100).build().unwrap()).build().unwrap();
    let middleware = ResilienceMiddleware::new(policy).with_circuits(circuits.clone()).classify(judge());
    let client = client(middleware);
    let totals = || circuits.snapshot(&server.url).unwrap().totals;

    let response = client.put(&server.url).body("all of it").send().await.unwrap();
    assert_eq!((response.content_length(), totals().calls()), (Some(9), 0));
    assert_eq!(response.text().await.unwrap(), "all of it");
    assert_eq!((totals().successes, totals().calls()), (1, 1));

    drop(client.put(&server.url).body("unread").send().await.unwrap());
    assert_eq!((totals().successes, totals().calls()), (2, 2), "the status was all that was wanted");
}

#[tokio::test]
async fn a_failing_head_needs_no_reader() {
    let server = Server::new(|_| Status(500)).await;
    let circuits = Circuits::builder().config(after(1).build().unwrap()).clock(ManualClock::new()).build();
    let client = client(CircuitBreakerMiddleware::with_circuits(circuits.clone()).classify(judge()));
    let response = client.get(&server.url).send().await.unwrap();
    assert_eq!(circuits.get(&server.url).unwrap().state(), State::Open);
    drop(response);
}
