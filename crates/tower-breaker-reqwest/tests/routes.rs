//! Policies from a routes document.

use std::time::Duration;

use serde::Deserialize;
use tower_breaker::{
    Refusal,
    routes::{NoExtra, RouteTable, RoutesConfig},
};
use tower_breaker_reqwest::{CircuitName, Policy, PolicyName, ResilienceMiddleware, refusal, rejected, timed_out};

use crate::support::{
    Answer::{Never, Status},
    Server, client, until,
};

const DOCUMENT: &str = r#"
    [policies.default.circuit_breaker]
    failure_threshold = 1
    open_duration = "60s"

    [policies.patient]
    extends = "default"
    retry = { attempts = 3, base = "1ms", max = "20ms" }
    circuit_breaker = { failure_threshold = 100 }

    [policies.narrow]
    bulkhead = { max_concurrent = 1 }

    [policies.hasty]
    timeout = "50ms"

    [[routes]]
    path = "/orders/{id}"

    [[routes]]
    path = "/tenants"
    key = "header:x-tenant"

    [[routes]]
    path = "/stock"
    policy = "patient"

    [[routes]]
    path = "/slow"
    policy = "narrow"

    [[routes]]
    path = "/hung"
    policy = "hasty"
"#;

fn table(document: &str) -> RouteTable {
    RouteTable::new(RoutesConfig::from_toml(document).unwrap())
}

#[tokio::test]
async fn each_route_has_its_circuit_and_its_stages() {
    let server = Server::new(|n| Status(if n == 3 { 200 } else { 503 })).await;
    let client = client(ResilienceMiddleware::routes(table(DOCUMENT)));
    let get = |path: &str| client.get(format!("{}{path}", server.url));

    assert_eq!(get("/orders/1").send().await.unwrap().status(), 503);
    assert_eq!(rejected(&get("/orders/2?x=1").send().await.unwrap_err()).unwrap().name(), "/orders/{id}");
    // The third attempt of a route with another policy.
    assert_eq!(get("/stock").send().await.unwrap().status(), 200);
    assert_eq!(server.hits(), 4);
    // No route: as if there were no middleware.
    for _ in 0..3 {
        assert_eq!(get("/elsewhere").send().await.unwrap().status(), 503);
    }
}

#[tokio::test]
async fn a_key_of_the_document_parts_tenants() {
    let server = Server::status(500).await;
    let client = client(ResilienceMiddleware::routes(table(DOCUMENT)));
    let of = |tenant: &str| client.get(format!("{}/tenants", server.url)).header("x-tenant", tenant);
    of("a").send().await.unwrap();
    assert_eq!(rejected(&of("a").send().await.unwrap_err()).unwrap().name(), "/tenants#a");
    assert!(of("b").send().await.is_ok());
}

#[tokio::test]
async fn timeouts_are_those_of_the_route() {
    let server = Server::new(|_| Never).await;
    let client = client(ResilienceMiddleware::routes(table(DOCUMENT)));
    let error = client.get(format!("{}/hung", server.url)).send().await.unwrap_err();
    assert_eq!(timed_out(&error).unwrap().limit(), Duration::from_millis(50));
}

#[tokio::test]
async fn a_call_picks_another_policy_or_circuit_of_the_document() {
    let server = Server::status(500).await;
    let client = client(ResilienceMiddleware::routes(table(DOCUMENT)));
    let named = || client.get(format!("{}/orders/1", server.url)).with_extension(CircuitName::new("mine"));
    named().send().await.unwrap();
    assert_eq!(rejected(&named().send().await.unwrap_err()).unwrap().name(), "mine");

    let other = || client.get(format!("{}/orders/1", server.url)).with_extension(PolicyName::new("patient"));
    for _ in 0..3 {
        assert_eq!(other().send().await.unwrap().status(), 500);
    }
    let error = client.get(&server.url).with_extension(PolicyName::new("none")).send().await.unwrap_err();
    assert!(error.to_string().ends_with("accepted: `default`, `hasty`, `narrow`, `patient`"), "{error}");
}

#[tokio::test]
async fn a_changed_document_counts_from_the_next_call_and_keeps_circuits_and_places() {
    let server = Server::new(|n| if n == 0 { Never } else { Status(500) }).await;
    let table = table(DOCUMENT);
    let client = client(ResilienceMiddleware::routes(table.clone()));
    let get = |path: &str| client.get(format!("{}{path}", server.url)).send();
    let held = tokio::spawn(get("/slow"));
    until(|| server.hits() == 1).await;
    assert!(matches!(refusal(&get("/slow").await.unwrap_err()), Some(Refusal::BulkheadFull(_))));
    get("/orders/1").await.unwrap();

    let changed = DOCUMENT.replace("failure_threshold = 1\n", "failure_threshold = 2\n");
    table.apply(RoutesConfig::from_toml(&changed.replace("max_concurrent = 1", "max_concurrent = 2")).unwrap());
    // Open it stays; there is one place more, and not two.
    assert!(rejected(&get("/orders/1").await.unwrap_err()).is_some());
    assert_eq!(get("/slow").await.unwrap().status(), 500);
    table.apply(RoutesConfig::from_toml(&changed).unwrap());
    assert!(matches!(refusal(&get("/slow").await.unwrap_err()), Some(Refusal::BulkheadFull(_))));
    held.abort();
}

#[tokio::test]
async fn a_changed_document_counts_for_the_calls_that_name_their_policy_too() {
    let server = Server::status(500).await;
    let table = table(DOCUMENT);
    let client = client(ResilienceMiddleware::routes(table.clone()));
    let patient = || client.get(&server.url).with_extension(PolicyName::new("patient")).send();
    patient().await.unwrap();
    table
        .apply(RoutesConfig::from_toml(&DOCUMENT.replace("failure_threshold = 100", "failure_threshold = 2")).unwrap());
    patient().await.unwrap();
    assert!(rejected(&patient().await.unwrap_err()).is_some());
}

#[derive(Deserialize)]
struct Team {
    team: String,
}

#[tokio::test]
async fn a_table_may_have_fields_of_the_caller_s_own() {
    let document = "[policies.default]\ntimeout = \"10s\"\n[[routes]]\npath = \"/x\"\nteam = \"shop\"\n";
    let table: RouteTable<Team, NoExtra> = RouteTable::new(RoutesConfig::from_toml(document).unwrap());
    assert_eq!(table.config().routes().next().unwrap().extra().team, "shop");
    let policy = Policy::from(table.config().policy("default").unwrap());
    assert_eq!(policy, Policy::builder().timeout(Duration::from_secs(10)).build().unwrap());
    let server = Server::status(200).await;
    let client = client(ResilienceMiddleware::routes(table));
    assert_eq!(client.get(format!("{}/x", server.url)).send().await.unwrap().status(), 200);
}
