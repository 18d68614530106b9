//! A hyper-util client with a breaker.

use axum::{
    Router,
    body::Body,
    extract::{Request, State as Extract},
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::get,
};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt};
use tower_breaker::{
    Circuit, CircuitBreakerLayer, Circuits, Error, KeyedCircuitBreakerLayer, Reason, State, classify::StatusClassifier,
    key, refuse::AsWrappedResponse,
};

use crate::support::{HyperClient, Server, client, config};

fn answering(status: StatusCode) -> Router {
    Router::new().fallback(move || async move { (status, "said so") })
}

#[tokio::test]
async fn statuses_trip_it_and_a_refusal_is_a_typed_error() {
    let server = Server::start(answering(StatusCode::BAD_GATEWAY)).await;
    let circuit = Circuit::new("upstream", config(2));
    let mut service = CircuitBreakerLayer::new(circuit.clone()).classify(StatusClassifier::client()).layer(client());

    for _ in 0..2 {
        let response = service.ready().await.unwrap().call(server.get("/")).await.unwrap();
        assert_eq!(response.status(), 502);
        // The body is hyper's own, untouched.
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "said so");
    }
    match service.ready().await.unwrap().call(server.get("/")).await {
        Err(Error::CircuitOpen(refused)) => assert_eq!((refused.name(), refused.reason()), ("upstream", Reason::Open)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_connection_trips_it() {
    // A port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = Request::get(format!("http://{nobody}/")).body(Body::empty()).unwrap();
    let circuit = Circuit::new("upstream", config(1));
    let service = CircuitBreakerLayer::new(circuit.clone()).classify(StatusClassifier::client()).layer(client());
    match service.oneshot(nobody).await {
        Err(Error::Inner(error)) => assert!(error.is_connect()),
        other => panic!("{other:?}"),
    }
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test]
async fn one_sick_host_out_of_three_opens_one_circuit() {
    let servers = [
        Server::start(answering(StatusCode::OK)).await,
        Server::start(answering(StatusCode::INTERNAL_SERVER_ERROR)).await,
        Server::start(answering(StatusCode::NOT_FOUND)).await,
    ];
    let circuits = Circuits::new(config(2));
    let mut service = KeyedCircuitBreakerLayer::new(circuits.clone(), key::host())
        .classify(StatusClassifier::client())
        .layer(client());

    let mut answers = Vec::new();
    for _ in 0..3 {
        for server in &servers {
            let answer = service.ready().await.unwrap().call(server.get("/")).await;
            answers.push(answer.map_or(0, |response| response.status().as_u16()));
        }
    }
    assert_eq!(answers, [200, 500, 404, 200, 500, 404, 200, 0, 404]);
    let open: Vec<_> = circuits.list_open().iter().map(|circuit| circuit.name().to_owned()).collect();
    assert_eq!(open, [servers[1].host()]);
}

/// A proxy: its client's errors are 502, its breaker's refusals are responses already.
#[tokio::test]
async fn below_an_axum_handler_with_refusals_as_responses() {
    type Guarded = tower_breaker::CircuitBreaker<HyperClient, StatusClassifier, AsWrappedResponse>;

    async fn proxy(Extract((upstream, service)): Extract<(String, Guarded)>, mut request: Request) -> Response<Body> {
        *request.uri_mut() = format!("http://{upstream}{}", request.uri().path()).parse().unwrap();
        match service.oneshot(request).await {
            Ok(response) => response.into_response(),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }

    let upstream = Server::start(answering(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let guarded =
        CircuitBreakerLayer::http(Circuit::new("upstream", config(1))).refuse(AsWrappedResponse).layer(client());
    let app = Router::new().route("/{*rest}", get(proxy)).with_state((upstream.host(), guarded));
    let server = Server::start(app).await;

    let client = client();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let response = client.request(server.get("/x")).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        answers.push((status, String::from_utf8(body.into()).unwrap()));
    }
    assert_eq!(answers[0], (500, "said so".to_owned()));
    assert_eq!(answers[1].0, 503);
    assert!(answers[1].1.contains("Try again later"));
}
