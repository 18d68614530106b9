//! A breaker as a layer over a client's channel: calls of one answer.

use std::net::TcpListener;

use tokio_stream::iter;
use tonic::{
    Code,
    transport::{Channel, Endpoint, Server as Tonic},
};
use tower::{Layer, ServiceBuilder};
use tower_breaker::{
    CircuitBreakerLayer, Circuits, KeyedCircuitBreakerLayer, Outcome, Refusal, State, classify::GrpcClassifier, key,
};

use crate::{
    shop::{PricesClient, PricesServer},
    support::{CODES, Server, Told, WAIT, circuit, config, drain, only, totals},
};

/// Without a breaker of its own.
fn server() -> (Server, Told) {
    let told = Told::default();
    let router = Tonic::builder().add_service(PricesServer::new(told.clone()));
    (Server::start(|incoming| router.serve_with_incoming(incoming)), told)
}

#[tokio::test]
async fn failures_open_it_and_a_refused_caller_gets_unavailable_with_pushback() {
    let (server, told) = server();
    let (circuit, clock) = circuit(2);
    let guarded = ServiceBuilder::new().layer(CircuitBreakerLayer::grpc(circuit.clone())).service(server.channel());
    let mut prices = PricesClient::new(guarded);

    assert_eq!(prices.quote("tea".to_owned()).await.unwrap().into_inner(), "tea it is");
    for _ in 0..2 {
        let status = prices.quote("UNAVAILABLE".to_owned()).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "as you say"));
    }
    assert_eq!((circuit.state(), told.calls()), (State::Open, 3));

    let refused = prices.quote("tea".to_owned()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let pushback = refused.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert_eq!(pushback.to_str().unwrap(), WAIT.as_millis().to_string());
    // Refused here: the server has not heard of it.
    assert_eq!(told.calls(), 3);

    clock.advance(WAIT);
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap().into_inner(), "tea it is");
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test]
async fn every_kind_of_call_is_refused_alike() {
    let (server, told) = server();
    let (circuit, _) = circuit(1);
    let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(server.channel()));
    assert_eq!(prices.quote("INTERNAL".to_owned()).await.unwrap_err().code(), Code::Internal);
    for refused in [
        prices.quote("tea".to_owned()).await.map(drop),
        prices.watch("1".to_owned()).await.map(drop),
        prices.total(iter(["tea".to_owned()])).await.map(drop),
        prices.haggle(iter(["1".to_owned()])).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        assert!(refused.metadata().contains_key("grpc-retry-pushback-ms"));
    }
    assert_eq!(told.calls(), 1);
}

/// What gRPC's codes say of a server, and what a caller's mistake does not.
fn outcome(code: Code) -> Outcome {
    match code {
        Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Outcome::Failure,
        _ => Outcome::Success,
    }
}

#[tokio::test]
async fn each_code_is_judged_in_the_head_and_in_the_trailers() {
    let (server, _) = server();
    for (name, code) in CODES {
        let (circuit, _) = circuit(100);
        let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(server.channel()));
        // Trailers-only: the status is in the head.
        assert_eq!(prices.quote(name.to_owned()).await.unwrap_err().code(), code);
        // Behind two messages: in the trailers.
        let mut stream = prices.watch(format!("2 {name}")).await.unwrap().into_inner();
        assert_eq!(drain(&mut stream).await, (2, code));
        assert_eq!(prices.total(iter(["1".to_owned(), name.to_owned()])).await.unwrap_err().code(), code);
        let mut stream = prices.haggle(iter(["1".to_owned(), name.to_owned()])).await.unwrap().into_inner();
        assert_eq!(drain(&mut stream).await, (1, code));
        let expected = match outcome(code) {
            Outcome::Failure => only(|totals| totals.failures = 4),
            _ => only(|totals| totals.successes = 4),
        };
        assert_eq!(totals(&circuit), expected, "{name}");
    }
}

#[tokio::test]
async fn a_cancelled_status_is_ignored_where_the_caller_is_ones_own_server() {
    let (server, _) = server();
    let (circuit, _) = circuit(1);
    let layer = CircuitBreakerLayer::grpc(circuit.clone()).classify(GrpcClassifier::server());
    let mut prices = PricesClient::new(layer.layer(server.channel()));
    assert_eq!(prices.quote("CANCELLED".to_owned()).await.unwrap_err().code(), Code::Cancelled);
    let mut stream = prices.watch("1 CANCELLED".to_owned()).await.unwrap().into_inner();
    assert_eq!(drain(&mut stream).await, (1, Code::Cancelled));
    assert_eq!(totals(&circuit), only(|totals| totals.ignored = 2));
}

/// To a port that was free a moment ago.
fn nobody() -> Channel {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

#[tokio::test]
async fn a_refused_connection_is_a_failure_and_keeps_tonics_own_status() {
    let (circuit, _) = circuit(1);
    let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(nobody()));
    let status = prices.quote("tea".to_owned()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "tcp connect error"));
    assert_eq!((circuit.state(), totals(&circuit)), (State::Open, only(|totals| totals.failures = 1)));
}

/// Why `CircuitBreakerLayer::grpc` answers by responses.
#[tokio::test]
async fn a_refusal_as_an_error_is_found_behind_a_status_that_says_unknown() {
    let (circuit, _) = circuit(1);
    let layer = CircuitBreakerLayer::new(circuit).classify(GrpcClassifier::client());
    let mut prices = PricesClient::new(layer.layer(nobody()));
    // The transport's own error finds its code through ours.
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap_err().code(), Code::Unavailable);
    let status = prices.quote("tea".to_owned()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(matches!(Refusal::find(&status), Some(Refusal::CircuitOpen(_))));
}

#[tokio::test]
async fn keyed_by_method_one_sick_method_leaves_the_others_alone() {
    let (server, _) = server();
    let methods = Circuits::new(config(1));
    let layer = KeyedCircuitBreakerLayer::grpc(methods.clone(), key::grpc_method());
    let mut prices = PricesClient::new(layer.layer(server.channel()));
    assert_eq!(prices.quote("UNAVAILABLE".to_owned()).await.unwrap_err().message(), "as you say");
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap_err().message(), "not available at the moment");
    assert_eq!(prices.total(iter(["tea".to_owned()])).await.unwrap().into_inner(), "1");
    let open: Vec<_> = methods.list_open().iter().map(|circuit| circuit.name().to_owned()).collect();
    assert_eq!((open, methods.len()), (vec!["shop.Prices/Quote".to_owned()], 2));

    let services = Circuits::new(config(1));
    let layer = KeyedCircuitBreakerLayer::grpc(services.clone(), key::grpc_service());
    let mut prices = PricesClient::new(layer.layer(server.channel()));
    assert!(prices.quote("UNAVAILABLE".to_owned()).await.is_err());
    assert!(prices.total(iter(["tea".to_owned()])).await.is_err());
    assert!(services.get("shop.Prices").is_some_and(|circuit| circuit.state() == State::Open));
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_found_by_a_probe() {
    let serve =
        |incoming| Tonic::builder().add_service(PricesServer::new(Told::default())).serve_with_incoming(incoming);
    let server = Server::start(serve);
    let address = server.address();
    let (circuit, clock) = circuit(3);
    let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(server.channel()));
    assert!(prices.quote("tea".to_owned()).await.is_ok());

    server.kill();
    for _ in 0..3 {
        assert!(prices.quote("tea".to_owned()).await.is_err());
    }
    assert_eq!(totals(&circuit), only(|totals| (totals.successes, totals.failures) = (1, 3)));
    clock.advance(WAIT);
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap_err().message(), "tcp connect error");
    assert_eq!((circuit.state(), circuit.snapshot().opens), (State::Open, 2));

    let _server = Server::start_at(address, serve);
    clock.advance(WAIT * 2);
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap().into_inner(), "tea it is");
    assert_eq!(circuit.state(), State::Closed);
}
