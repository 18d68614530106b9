//! One circuit for each key.

use std::{borrow::Cow, convert::Infallible};

use ::tower::{Layer, Service, ServiceExt, service_fn};
use http::{HeaderName, Request, Response, StatusCode};
use tower_breaker::{
    Circuits, KeyedCircuitBreaker, KeyedCircuitBreakerLayer, State, TokioClock,
    key::{self, Key},
};

use crate::support::{Broken, Stuck, ask, config, is_ready};

fn circuits(failures: u32, capacity: usize) -> Circuits {
    Circuits::builder().config(config(failures).build().unwrap()).clock(TokioClock::new()).capacity(capacity).build()
}

fn to(host: &str) -> Request<()> {
    Request::get("/").header("host", host).body(()).unwrap()
}

async fn sick_or_well(request: Request<()>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new(String::new());
    if request.headers()["host"] == "sick" {
        *response.status_mut() = StatusCode::BAD_GATEWAY;
    }
    Ok(response)
}

#[tokio::test(start_paused = true)]
async fn one_sick_host_out_of_three_opens_one_circuit() {
    let circuits = circuits(2, 100);
    let mut service = KeyedCircuitBreakerLayer::http(circuits.clone(), key::host()).layer(service_fn(sick_or_well));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        for host in ["a", "sick", "b"] {
            statuses.push(ask(&mut service, to(host)).await.unwrap().status().as_u16());
        }
    }
    assert_eq!(statuses, [200, 502, 200, 200, 502, 200, 200, 503, 200, 200, 503, 200]);
    let open: Vec<_> = circuits.list_open().iter().map(|circuit| circuit.name().to_owned()).collect();
    assert_eq!(open, ["sick"]);
    assert_eq!(circuits.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_million_host_headers_stay_bounded() {
    let circuits = circuits(1, 1_000);
    let mut service = KeyedCircuitBreakerLayer::http(circuits.clone(), key::host()).layer(service_fn(sick_or_well));
    let sick = service.call(to("sick")).await.unwrap();
    assert_eq!(sick.status(), 502);
    for i in 0..1_000_000 {
        let _ = service.call(to(&format!("{i}.example"))).await;
    }
    assert!(circuits.len() <= 1_000, "{}", circuits.len());
    // The open one has outlived them all.
    assert_eq!(circuits.get("sick").unwrap().state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services_and_its_errors_are_not_recorded() {
    let circuits = circuits(1, 100);
    let by_nothing = key::from_fn(|(): &()| "one".into());
    assert!(!is_ready(&mut KeyedCircuitBreaker::new(Stuck, circuits.clone(), by_nothing)));
    let mut broken = KeyedCircuitBreaker::new(Broken, circuits.clone(), by_nothing);
    assert!(broken.ready().await.is_err());
    assert!(circuits.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_function_is_a_key_as_it_is_and_layers_share_their_circuits() {
    fn by_path(request: &Request<()>) -> Cow<'_, str> {
        request.uri().path().into()
    }

    let circuits = circuits(1, 100);
    let layer = KeyedCircuitBreakerLayer::http(circuits.clone(), by_path);
    let (one, other) = (layer.layer(service_fn(sick_or_well)), layer.clone().layer(service_fn(sick_or_well)));
    assert_eq!(one.oneshot(to("sick")).await.unwrap().status(), 502);
    assert_eq!(other.oneshot(to("well")).await.unwrap().status(), 503);
    assert!(circuits.get("/").is_some());
}

fn named(key: &impl Key<Request<()>>, request: http::request::Builder) -> String {
    let request = request.body(()).unwrap();
    let name = key.of(&request).into_owned();
    // Both ways to ask.
    assert_eq!(key.with(&request, str::to_owned), name);
    name
}

#[test]
fn the_host_is_the_uris_or_the_headers_without_user_and_case() {
    assert_eq!(
        named(&key::host(), Request::get("http://db.internal:8080/x").header("host", "other")),
        "db.internal:8080"
    );
    assert_eq!(named(&key::host(), Request::get("/x").header("host", "DB.internal")), "db.internal");
    assert_eq!(named(&key::host(), Request::get("http://me:secret@db/")), "db");
    assert_eq!(named(&key::host(), Request::get("/x")), key::MISSING);
    assert_eq!(named(&key::host(), Request::get("/x").header("host", &b"\xff"[..])), key::MISSING);
    assert_eq!(named(&key::host(), Request::get("http://[::1]:80/")), "[::1]:80");
}

#[test]
fn a_host_in_lower_case_and_a_header_are_borrowed() {
    let request = Request::get("/x").header("host", "db").header("x-tenant", "blue").body(()).unwrap();
    assert!(matches!(key::host().of(&request), Cow::Borrowed("db")));
    let tenant = key::header(HeaderName::from_static("x-tenant"));
    assert!(matches!(tenant.of(&request), Cow::Borrowed("blue")));
    assert!(matches!(tenant.of(&Request::new(())), Cow::Borrowed(key::MISSING)));
}

#[test]
fn method_and_path_leave_the_query_out() {
    assert_eq!(named(&key::method_and_path(), Request::post("/orders?id=1")), "POST /orders");
}

#[test]
fn grpc_service_and_method_are_slices_of_the_path() {
    let request = Request::post("http://shop:50051/shop.v1.Orders/Place").body(()).unwrap();
    assert!(matches!(key::grpc_service().of(&request), Cow::Borrowed("shop.v1.Orders")));
    assert!(matches!(key::grpc_method().of(&request), Cow::Borrowed("shop.v1.Orders/Place")));
    // Behind a gateway that routes by a path of its own.
    assert_eq!(named(&key::grpc_service(), Request::post("/eu/shop.v1.Orders/Place")), "eu/shop.v1.Orders");
    assert_eq!(named(&key::grpc_method(), Request::post("/shop.v1.Orders/Place?trace=1")), "shop.v1.Orders/Place");
}

#[test]
fn a_path_that_is_no_grpc_method_has_no_key() {
    for path in ["/", "//", "/orders", "/orders/", "//Place", "*", "http://shop:50051"] {
        assert_eq!(named(&key::grpc_service(), Request::post(path)), key::MISSING, "{path}");
        assert_eq!(named(&key::grpc_method(), Request::post(path)), key::MISSING, "{path}");
    }
    // Its target has no path at all.
    assert_eq!(named(&key::grpc_method(), Request::connect("shop:50051")), key::MISSING);
    assert_eq!(named(&key::method_and_path(), Request::connect("shop:50051")), "CONNECT ");
}

#[test]
fn what_strangers_send_is_cut_in_whole_characters_or_missing() {
    let long = "ä".repeat(5_000);
    let whole = |name: String| assert!((key::LONGEST - 1..=key::LONGEST).contains(&name.len()), "{}", name.len());
    whole(named(&key::method_and_path(), Request::get(format!("/{long}"))));
    whole(named(&key::grpc_method(), Request::get(format!("/{long}/Place"))));
    whole(named(&key::grpc_service(), Request::get(format!("/x{long}/Place"))));
    whole(named(&key::host(), Request::get("/").header("host", "a".repeat(5_000))));
    whole(named(&key::host(), Request::get("/").header("host", "A".repeat(5_000))));
    let tenant = key::header(HeaderName::from_static("x-tenant"));
    whole(named(&tenant, Request::get("/").header("x-tenant", "a".repeat(5_000))));
    assert_eq!(named(&tenant, Request::get("/").header("x-tenant", &b"\xc3\x28"[..])), key::MISSING);
    assert_eq!(named(&tenant, Request::get("/").header("x-tenant", "")), "");
}

#[tokio::test(start_paused = true)]
async fn a_million_grpc_methods_stay_bounded() {
    let circuits = circuits(1, 1_000);
    let echo = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let mut service = KeyedCircuitBreakerLayer::http(circuits.clone(), key::grpc_method()).layer(echo);
    for i in 0..1_000_000 {
        let request = Request::post(format!("/shop.Orders/{i}")).body(()).unwrap();
        let _ = service.call(request).await;
    }
    assert!(circuits.len() <= 1_000, "{}", circuits.len());
}
