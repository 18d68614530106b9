//! The whole stack around a channel: what a tonic client sees of it.

use std::{net::TcpListener, time::Duration};

use tonic::{
    Code, IntoRequest, Request,
    body::Body,
    transport::{Channel, Endpoint, Server as Tonic},
};
use tower::Layer;
use tower_breaker::{
    Bulkhead, Circuit, ResilienceLayer, State, TokioClock,
    retry::{BufferBody, RetryConfig},
};

use crate::{
    shop::{PricesClient, PricesServer},
    support::{Server, Told, circuit, config, drain, only, totals},
};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

fn server() -> (Server, Told) {
    let told = Told::default();
    let router = Tonic::builder().add_service(PricesServer::new(told.clone()));
    (Server::start(|incoming| router.serve_with_incoming(incoming)), told)
}

/// `stack!(circuit, attempt timeout)`: a layer whose type is nobody's to write.
macro_rules! stack {
    ($circuit:expr, $attempt:expr) => {
        ResilienceLayer::builder()
            .grpc()
            .repeat(BufferBody::new().map_body(Body::new))
            .timeout(LONG)
            .retry(RetryConfig::default())
            .bulkhead(Bulkhead::new(4).unwrap())
            .circuit($circuit)
            .attempt_timeout($attempt)
            .build()
            .unwrap()
    };
}

#[tokio::test]
async fn statuses_in_trailers_open_it_and_what_it_refuses_is_unavailable() {
    let (server, told) = server();
    let (circuit, _) = circuit(2);
    let mut prices = PricesClient::new(stack!(circuit.clone(), SHORT * 100).layer(server.channel()));
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap().into_inner(), "tea it is");
    for _ in 0..2 {
        assert_eq!(prices.quote("UNAVAILABLE".to_owned()).await.unwrap_err().code(), Code::Unavailable);
    }
    assert_eq!((circuit.state(), told.calls()), (State::Open, 3), "a POST that was sent is sent once");
    let refused = prices.quote("tea".to_owned()).await.unwrap_err();
    assert!(refused.code() == Code::Unavailable && refused.metadata().contains_key("grpc-retry-pushback-ms"));
    assert_eq!(told.calls(), 3);
}

#[tokio::test]
async fn streams_pass_and_are_judged_at_their_end() {
    let (server, _) = server();
    let (circuit, _) = circuit(9);
    let mut prices = PricesClient::new(stack!(circuit.clone(), LONG / 2).layer(server.channel()));
    let mut stream = prices.watch("3 INTERNAL".to_owned()).await.unwrap().into_inner();
    let (messages, code) = drain(&mut stream).await;
    assert_eq!((messages, code), (3, Code::Internal));
    assert_eq!(totals(&circuit), only(|totals| totals.failures = 1));
}

#[tokio::test]
async fn a_server_that_never_answers_is_deadline_exceeded_and_opens_it() {
    let (_listener, channel) = silence().await;
    let (circuit, _) = circuit(1);
    let mut prices = PricesClient::new(stack!(circuit.clone(), SHORT).layer(channel));
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!((circuit.state(), totals(&circuit)), (State::Open, only(|totals| totals.failures = 1)));
}

#[tokio::test]
async fn a_callers_own_deadline_ends_the_call_and_trips_nothing() {
    let (_listener, channel) = silence().await;
    let circuit = Circuit::builder("prices").config(config(1)).clock(TokioClock::new()).build();
    let mut prices = PricesClient::new(stack!(circuit.clone(), LONG / 2).layer(channel));
    let mut request: Request<String> = "hang".to_owned().into_request();
    request.set_timeout(SHORT);
    assert_eq!(prices.quote(request).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!((circuit.state(), totals(&circuit).failures), (State::Closed, 0));
}

/// A channel to where connections are taken and nothing is ever read, and from then on time that goes from one timer to the
/// next: of the stack's and tonic's own the earlier ends a call, be the machine busy.
async fn silence() -> (TcpListener, Channel) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let channel = endpoint.connect().await.unwrap();
    tokio::time::pause();
    (listener, channel)
}
