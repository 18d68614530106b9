//! Streams, judged where they end, by a breaker over the client's channel.

use tokio::sync::mpsc;
use tokio_stream::{iter, wrappers::ReceiverStream};
use tonic::{
    Code,
    transport::{Channel, Server as Tonic},
};
use tower::Layer;
use tower_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, State, classify::GrpcClassifier, refuse::AsWrappedResponse,
};

use crate::{
    shop::{PricesClient, PricesServer},
    support::{Server, Told, WAIT, circuit, drain, only, totals, until},
};

fn server() -> Server {
    let router = Tonic::builder().add_service(PricesServer::new(Told::default()));
    Server::start(|incoming| router.serve_with_incoming(incoming))
}

type Guarded = CircuitBreaker<Channel, GrpcClassifier, AsWrappedResponse>;

fn guarded(server: &Server, circuit: &Circuit) -> PricesClient<Guarded> {
    PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(server.channel()))
}

#[tokio::test]
async fn a_stream_is_a_success_at_its_end_and_no_sooner() {
    let server = server();
    let (circuit, _) = circuit(9);
    let mut stream = guarded(&server, &circuit).watch("3".to_owned()).await.unwrap().into_inner();
    for _ in 0..3 {
        assert_eq!(stream.message().await.unwrap().as_deref(), Some("tick"));
        assert_eq!(totals(&circuit).calls(), 0);
    }
    assert_eq!(stream.message().await.unwrap(), None);
    assert_eq!(totals(&circuit), only(|totals| totals.successes = 1));
}

#[tokio::test]
async fn a_stream_that_fails_in_its_trailers_opens_the_circuit() {
    let server = server();
    let (circuit, _) = circuit(1);
    let mut prices = guarded(&server, &circuit);
    let mut stream = prices.watch("3 UNAVAILABLE".to_owned()).await.unwrap().into_inner();
    assert_eq!(drain(&mut stream).await, (3, Code::Unavailable));
    assert_eq!((circuit.state(), totals(&circuit)), (State::Open, only(|totals| totals.failures = 1)));
    let refused = prices.watch("3".to_owned()).await.unwrap_err();
    assert_eq!(refused.message(), "not available at the moment");
}

#[tokio::test]
async fn trailers_and_their_metadata_come_through_it() {
    let server = server();
    let (circuit, _) = circuit(9);
    let mut stream = guarded(&server, &circuit).watch("1".to_owned()).await.unwrap().into_inner();
    let trailers = stream.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.get("grpc-status").unwrap(), "0");
}

#[tokio::test]
async fn messages_go_both_ways_at_once() {
    let server = server();
    let (circuit, _) = circuit(1);
    let (offer, offers) = mpsc::channel(1);
    let mut answers = guarded(&server, &circuit).haggle(ReceiverStream::new(offers)).await.unwrap().into_inner();
    for price in ["1.00", "2.00", "2.50"] {
        offer.send(price.to_owned()).await.unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap(), format!("not for {price}"));
        assert_eq!(totals(&circuit).calls(), 0);
    }
    offer.send("UNAVAILABLE".to_owned()).await.unwrap();
    assert_eq!(drain(&mut answers).await, (0, Code::Unavailable));
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test]
async fn an_endless_stream_as_probe_closes_the_circuit_with_its_first_message() {
    let server = server();
    let (circuit, clock) = circuit(1);
    let mut prices = guarded(&server, &circuit);
    assert!(prices.quote("UNAVAILABLE".to_owned()).await.is_err());
    clock.advance(WAIT);
    let mut stream = prices.watch("1 hang".to_owned()).await.unwrap().into_inner();
    assert_eq!(circuit.state(), State::HalfOpen);
    assert!(stream.message().await.unwrap().is_some());
    assert_eq!(circuit.state(), State::Closed);
    // It is counted once, however it ends.
    drop(stream);
    assert_eq!(totals(&circuit), only(|totals| (totals.successes, totals.failures) = (1, 1)));
}

#[tokio::test]
async fn a_probe_that_fails_in_its_trailers_opens_the_circuit_again() {
    let server = server();
    let (circuit, clock) = circuit(1);
    let mut prices = guarded(&server, &circuit);
    assert!(prices.quote("UNAVAILABLE".to_owned()).await.is_err());
    clock.advance(WAIT);
    let mut stream = prices.watch("0 UNAVAILABLE".to_owned()).await.unwrap().into_inner();
    assert_eq!(drain(&mut stream).await, (0, Code::Unavailable));
    assert_eq!((circuit.state(), circuit.snapshot().opens_in_row), (State::Open, 2));
}

#[tokio::test]
async fn a_stream_the_caller_drops_is_a_success_after_its_first_message_and_ignored_before() {
    let server = server();
    let (circuit, clock) = circuit(1);
    let mut prices = guarded(&server, &circuit);
    let mut begun = prices.watch("1 hang".to_owned()).await.unwrap().into_inner();
    assert!(begun.message().await.unwrap().is_some());
    clock.advance(WAIT);
    drop(begun);
    assert_eq!(totals(&circuit), only(|totals| totals.successes = 1));

    let unread = prices.watch("hang".to_owned()).await.unwrap().into_inner();
    clock.advance(WAIT);
    drop(unread);
    assert_eq!(totals(&circuit), only(|totals| (totals.successes, totals.ignored) = (1, 1)));
}

#[tokio::test]
async fn a_server_that_dies_mid_stream_is_a_failure() {
    let server = server();
    let (circuit, _) = circuit(1);
    let mut stream = guarded(&server, &circuit).watch("2 hang".to_owned()).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    assert!(stream.message().await.unwrap().is_some());
    // Every connection of it with it.
    drop(server);
    let (messages, code) = drain(&mut stream).await;
    assert_eq!(messages, 0);
    assert_ne!(code, Code::Ok);
    assert_eq!((circuit.state(), totals(&circuit)), (State::Open, only(|totals| totals.failures = 1)));
}

#[tokio::test]
async fn a_server_that_dies_before_the_head_is_a_failure() {
    let told = Told::default();
    let router = Tonic::builder().add_service(PricesServer::new(told.clone()));
    let server = Server::start(|incoming| router.serve_with_incoming(incoming));
    let (circuit, _) = circuit(1);
    let mut prices = guarded(&server, &circuit);
    let hung = tokio::spawn(async move { prices.quote("hang".to_owned()).await });
    until("the call is under way", || told.calls() == 1).await;
    drop(server);
    assert!(hung.await.unwrap().is_err());
    assert_eq!((circuit.state(), totals(&circuit)), (State::Open, only(|totals| totals.failures = 1)));
}

#[tokio::test]
async fn many_messages_one_way_and_one_answer() {
    let server = server();
    let (circuit, _) = circuit(1);
    let mut prices = guarded(&server, &circuit);
    let items = || (0..1_000).map(|item| item.to_string());
    assert_eq!(prices.total(iter(items())).await.unwrap().into_inner(), "1000");
    assert_eq!(totals(&circuit), only(|totals| totals.successes = 1));
    let failing = items().chain(["UNAVAILABLE".to_owned()]);
    assert_eq!(prices.total(iter(failing)).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(circuit.state(), State::Open);
}
