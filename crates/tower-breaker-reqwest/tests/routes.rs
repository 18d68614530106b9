//! Policies from a routes document.

use std::time::Duration;

use serde::Deserialize;
use tower_breaker::{
    Bulkhead, CircuitBreakerConfig, Figure, Figures, Refusal,
    retry::{Jitter, RetryConfig},
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
async fn a_route_of_one_host_takes_the_calls_to_it_and_no_others() {
    let server = Server::status(500).await;
    for (host, refused) in [("127.0.0.1", true), ("shop.example", false)] {
        let route = format!("[[routes]]\npath = \"/of-a-host\"\nhost = \"{host}\"\n");
        let client = client(ResilienceMiddleware::routes(table(&format!("{DOCUMENT}{route}"))));
        let get = || client.get(format!("{}/of-a-host", server.url)).send();
        assert_eq!(get().await.unwrap().status(), 500);
        assert_eq!(get().await.is_err(), refused, "{host}");
    }
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
    let busy = Server::status(503).await;
    client.get(&busy.url).with_extension(PolicyName::new("patient")).send().await.unwrap();
    assert_eq!(busy.hits(), 3, "which retries");
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

#[tokio::test]
async fn a_call_that_names_its_circuit_takes_no_place_of_its_route() {
    let server = Server::new(|n| if n == 0 { Never } else { Status(200) }).await;
    let client = client(ResilienceMiddleware::routes(table(DOCUMENT)));
    let get = || client.get(format!("{}/slow", server.url));
    let held = tokio::spawn(get().send());
    until(|| server.hits() == 1).await;
    assert!(matches!(refusal(&get().send().await.unwrap_err()), Some(Refusal::BulkheadFull(_))));
    assert_eq!(get().with_extension(CircuitName::new("mine")).send().await.unwrap().status(), 200);
    held.abort();
}

const PARTS: &str = r#"
    [policies.default]
    timeout = "10s"
    rate_limit = { per_second = 0.001, burst = 1 }

    [policies.eager]
    timeout = "10s"
    retry = { attempts = 2, base = "1ms", max = "1ms" }

    [[routes]]
    path = "/limited"

    [[routes]]
    path = "/retried"
    policy = "eager"
"#;

#[tokio::test]
async fn a_change_of_one_part_of_a_policy_leaves_its_other_parts_where_they_are() {
    let (server, table, figures) = (Server::status(503).await, table(PARTS), Figures::new());
    let client = client(ResilienceMiddleware::routes(table.clone()).register(&figures));
    let get = |path: &str| client.get(format!("{}{path}", server.url)).send();
    let apply = |from, to| table.apply(RoutesConfig::from_toml(&PARTS.replace(from, to)).unwrap());
    let retries = || {
        let of = |(_, figure)| if let Figure::Retry(retry) = figure { retry.retries } else { 0 };
        figures.list().into_iter().map(of).sum::<u64>()
    };
    get("/retried").await.unwrap();
    get("/limited").await.unwrap();
    assert!(get("/limited").await.is_err());

    apply("10s", "20s");
    assert!(get("/limited").await.is_err(), "what is spent stays spent");
    get("/retried").await.unwrap();
    assert_eq!(retries(), 2, "and what is counted, counted");

    apply("burst = 1", "burst = 2");
    for _ in 0..2 {
        assert_eq!(get("/limited").await.unwrap().status(), 503);
    }
    let before = server.hits();
    apply("attempts = 2", "attempts = 4");
    get("/retried").await.unwrap();
    assert_eq!(server.hits(), before + 4);
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
    let server = Server::status(200).await;
    let client = client(ResilienceMiddleware::routes(table));
    assert_eq!(client.get(format!("{}/x", server.url)).send().await.unwrap().status(), 200);
}

#[test]
fn a_policy_of_a_document_is_the_one_that_a_builder_makes() {
    let table = table(
        r#"
        [policies.default]
        timeout = "10s"
        attempt_timeout = "2s"
        retry = { attempts = 2, base = "1s", max = "3s", jitter = "none", budget = 0.5 }
        rate_limit = { per_second = 5.0, burst = 6, max_wait = "7s" }
        bulkhead = { max_concurrent = 8, max_queue = 9, max_wait = "11s" }
        circuit_breaker = { failure_threshold = 12 }

        [[routes]]
        path = "/"
        "#,
    );
    let second = Duration::from_secs(1);
    let retry = RetryConfig::builder().attempts(2).base(second).max(3 * second).jitter(Jitter::None).budget(0.5);
    let built = Policy::builder()
        .timeout(10 * second)
        .attempt_timeout(2 * second)
        .retry(retry.build().unwrap())
        .rate_limit(5.0, 6, 7 * second)
        .bulkhead(Bulkhead::builder(8).max_queue(9).max_wait(11 * second))
        .circuit_breaker(CircuitBreakerConfig::builder().failure_threshold(12).build().unwrap());
    assert_eq!(Policy::from(table.config().policy("default").unwrap()), built.build().unwrap());
}
