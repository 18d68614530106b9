//! What is tried again.

use std::time::Duration;

use axum::body::Bytes;
use reqwest::Body;
use tower_breaker::{
    Figure, Figures,
    retry::{Jitter, Repeatable, RetryConfig},
};
use tower_breaker_reqwest::{Policy, ResilienceMiddleware};

use crate::support::{
    Answer::{DoneSee, Echo, Later, Redirect, Status},
    Server, client, nobody, soon,
};

fn retrying() -> ResilienceMiddleware {
    ResilienceMiddleware::new(Policy::builder().retry(soon()).build().unwrap())
}

#[tokio::test]
async fn an_idempotent_request_is_tried_again_and_a_post_is_not() {
    let fails_twice = || Server::new(|n| Status(if n < 2 { 503 } else { 200 }));
    let client = client(retrying());

    let server = fails_twice().await;
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    assert_eq!(server.hits(), 3);

    let server = fails_twice().await;
    assert_eq!(client.post(&server.url).send().await.unwrap().status(), 503);
    assert_eq!(server.hits(), 1);

    let server = fails_twice().await;
    assert_eq!(client.post(&server.url).header("idempotency-key", "1").send().await.unwrap().status(), 200);

    let server = fails_twice().await;
    assert_eq!(client.post(&server.url).with_extension(Repeatable).send().await.unwrap().status(), 200);

    let server = Server::status(500).await;
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 500);
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_policy_may_let_every_request_be_repeated() {
    let server = Server::new(|n| Status(if n < 2 { 503 } else { 200 })).await;
    let policy = Policy::builder().retry(soon()).repeatable(true).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy));
    assert_eq!(client.post(&server.url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_post_that_found_nobody_is_tried_again_by_a_client_that_follows_no_redirects() {
    let nobody = nobody().await;
    for (follows, expected) in [(false, 2), (true, 0)] {
        let figures = Figures::new();
        let client = client(retrying().follows_redirects(follows).register(&figures));
        assert!(client.post(&nobody).send().await.unwrap_err().is_connect());
        let retries = figures.list().into_iter().find_map(|(_, figure)| match figure {
            Figure::Retry(retry) => Some(retry.retries),
            _ => None,
        });
        assert_eq!(retries, Some(expected));
    }
}

#[tokio::test]
async fn a_post_that_was_done_is_not_sent_again_where_its_answer_leads_to_nobody() {
    let port = nobody().await.rsplit(':').next().unwrap().parse().unwrap();
    let server = Server::new(move |_| DoneSee(port)).await;
    assert!(client(retrying()).post(&server.url).send().await.unwrap_err().is_connect());
    assert_eq!(server.hits(), 1);
    assert!(client(retrying()).get(&server.url).send().await.unwrap_err().is_connect());
    assert_eq!(server.hits(), 4, "what may be repeated is");
}

#[tokio::test]
async fn mistakes_of_the_caller_are_not_repeated() {
    let server = Server::new(|_| Redirect).await;
    assert!(client(retrying()).get(&server.url).send().await.unwrap_err().is_redirect());
    // Once, and ten redirects.
    assert_eq!(server.hits(), 11);
}

#[tokio::test]
async fn a_body_is_sent_again_as_it_was() {
    let server = Server::new(|n| if n == 0 { Status(503) } else { Echo }).await;
    let response = client(retrying()).put(&server.url).body("all of it").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "all of it");
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_body_that_is_a_stream_goes_out_once() {
    let stream = || Body::wrap_stream(tokio_stream::iter(["in ", "parts"].map(Ok::<_, std::io::Error>)));
    let client = client(retrying());
    let server = Server::status(503).await;
    assert_eq!(client.put(&server.url).body(stream()).send().await.unwrap().status(), 503);
    assert_eq!(server.hits(), 1);

    let server = Server::new(|_| Echo).await;
    let echoed = client.put(&server.url).body(stream()).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(echoed, Bytes::from("in parts"));
}

#[tokio::test]
async fn a_server_that_wants_longer_than_there_is_time_is_not_asked_again() {
    let server = Server::new(|_| Later("8")).await;
    let get = |retry, timeout| {
        let policy = Policy::builder().retry(retry).timeout(Duration::from_secs(timeout)).build().unwrap();
        client(ResilienceMiddleware::new(policy)).get(&server.url).send()
    };
    // `soon` waits 20 ms at most.
    assert_eq!(get(soon(), 30).await.unwrap().status(), 503);
    assert_eq!(server.hits(), 1);

    assert_eq!(get(RetryConfig::default(), 7).await.unwrap().status(), 503);
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_server_s_wish_wins_over_the_backoff() {
    let server = Server::new(|n| if n == 0 { Later("0") } else { Status(200) }).await;
    let slow =
        RetryConfig::builder().base(Duration::from_secs(3_600)).max(Duration::from_secs(3_600)).jitter(Jitter::None);
    let policy = Policy::builder().retry(slow.build().unwrap()).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy));
    let answered = tokio::time::timeout(Duration::from_secs(10), client.get(&server.url).send());
    assert_eq!(answered.await.unwrap().unwrap().status(), 200);
}
