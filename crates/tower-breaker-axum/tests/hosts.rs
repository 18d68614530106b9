//! Which hosts are answered to, and what else is served behind that check.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::Request,
    routing::get,
};
use tower::ServiceExt;
use tower_breaker_axum::CircuitRoutes;

use crate::support::{Shown, TOKEN, send};

fn allowing(hosts: &[&str]) -> Shown {
    Shown::with(|routes| routes.allowed_hosts(hosts).unwrap().operator_token(TOKEN).unwrap())
}

async fn status(app: &Router, path: &str, hosts: &[&str]) -> u16 {
    let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
    send(app, "GET", path, &fields, "").await.0
}

#[tokio::test]
async fn a_page_of_a_name_that_was_pointed_here_reads_nothing() {
    let shown = allowing(&["admin.example"]);
    shown.trip("db");
    for path in ["/", "/circuits", "/circuits/db", "/events", "/health/circuits", "/none"] {
        for host in ["evil.example", "evil.example:9090", "x.admin.example", "admin.example.evil.example"] {
            let (status, head, body) = send(&shown.app, "GET", path, &[("host", host)], "").await;
            assert_eq!((status, &head["content-type"]), (421, &"application/problem+json".parse().unwrap()), "{path}");
            assert_eq!([&head["cache-control"], &head["cross-origin-resource-policy"]], ["no-store", "same-origin"]);
            assert!(!body.to_string().contains("evil"), "{body}");
        }
    }
    let bearer = ("authorization", "Bearer correct-horse-battery");
    let evil = [bearer, ("host", "evil.example"), ("origin", "http://evil.example")];
    assert_eq!(send(&shown.app, "POST", "/circuits/db/reset", &evil, "").await.0, 421);
    assert_eq!(shown.state("db"), "open enforce");
    let own = [bearer, ("host", "admin.example"), ("origin", "http://admin.example")];
    assert_eq!(send(&shown.app, "POST", "/circuits/db/reset", &own, "").await.0, 200);
}

#[tokio::test]
async fn a_host_is_answered_by_its_name_and_whatever_its_port_and_addresses_always() {
    let shown = allowing(&["Admin.Example.", "under_score", "127.0.0.1", "::1", "[fe80::1]"]);
    for host in [
        "admin.example",
        "ADMIN.example:9090",
        "admin.example.:1",
        "under_score",
        "localhost",
        "LocalHost.:9090",
        "127.0.0.1",
        "10.1.2.3:9090",
        "[::1]",
        "[2001:DB8::7]:9090",
    ] {
        assert_eq!(status(&shown.app, "/circuits", &[host]).await, 200, "{host}");
        let is_named = host.to_lowercase().contains("admin") || host.contains('_');
        let unnamed = status(&allowing(&[]).app, "/circuits", &[host]).await;
        assert_eq!(unnamed, if is_named { 421 } else { 200 }, "{host}");
    }
    for host in [
        "",
        "admin",
        "example",
        "notadmin.example",
        "admin.example..",
        "evil@localhost",
        "localhost@evil.example",
        "evil.localhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io:9090",
        "127.0.0",
        "0x7f000001",
        "[::1",
        "[::1]evil.example",
        "::1",
        "[127.0.0.1]",
        "[evil.example]",
        "http://localhost",
        "localhost/",
        "localhost:x",
        "localhost:9090:1",
        "localhost, evil.example",
    ] {
        assert_eq!(status(&shown.app, "/circuits", &[host]).await, 421, "{host}");
    }
}

#[tokio::test]
async fn each_host_that_a_request_names_counts_and_it_names_one() {
    let shown = allowing(&[]);
    assert_eq!(status(&shown.app, "/circuits", &[]).await, 421, "none");
    assert_eq!(status(&shown.app, "/circuits", &["localhost", "evil.example"]).await, 421);
    // HTTP/2 names it in the target.
    assert_eq!(status(&shown.app, "http://localhost:9090/circuits", &[]).await, 200);
    assert_eq!(status(&shown.app, "http://evil.example/circuits", &[]).await, 421);
    assert_eq!(status(&shown.app, "http://evil.example/circuits", &["localhost"]).await, 421);
    assert_eq!(status(&shown.app, "http://localhost/circuits", &["evil.example"]).await, 421);
    let forwarded = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
    assert_eq!(send(&shown.app, "GET", "/circuits", &forwarded, "").await.0, 421);
}

#[tokio::test]
async fn all_hosts_are_answered_where_none_are_named_and_wherever_the_routes_are_nested_the_check_goes_along() {
    let shown = Shown::new();
    assert_eq!(status(&shown.app, "/circuits", &["any.example"]).await, 200);
    assert_eq!(status(&shown.app, "/circuits", &[]).await, 200);
    let app = Router::new().nest("/admin", allowing(&["a.example", "b.example"]).app).route("/", get(async || ""));
    for (path, host, expected) in [
        ("/admin/circuits", "a.example", 200),
        ("/admin/circuits", "b.example", 200),
        ("/admin/circuits", "c.example", 421),
        ("http://c.example/admin/circuits", "a.example", 421),
        ("/", "c.example", 200),
    ] {
        assert_eq!(status(&app, path, &[host]).await, expected, "{path} {host}");
    }
    let twice =
        Shown::with(|routes| routes.allowed_hosts(["a.example"]).unwrap().allowed_hosts(["b.example"]).unwrap());
    assert_eq!(status(&twice.app, "/circuits", &["a.example"]).await, 200);
    assert_eq!(status(&twice.app, "/circuits", &["b.example"]).await, 200);
}

#[tokio::test]
async fn other_routes_stand_behind_the_same_check_with_the_same_fields() {
    let metrics = Router::new().route("/metrics", get(async || "up 1")).fallback(async || "nothing here");
    let more = Router::new().route("/more", get(async |State(number): State<u8>| number.to_string())).with_state(7);
    let shown = Shown::with(|routes| routes.merge(metrics).merge(more).allowed_hosts(["admin.example"]).unwrap());
    for (path, expected) in [("/metrics", "up 1"), ("/more", "7"), ("/none", "nothing here")] {
        assert_eq!(status(&shown.app, path, &["evil.example"]).await, 421, "{path}");
        let request = Request::get(path).header("host", "admin.example").body(Body::empty()).unwrap();
        let (head, body) = shown.app.clone().oneshot(request).await.unwrap().into_parts();
        assert_eq!(to_bytes(body, 100).await.unwrap(), expected, "{path}");
        for (field, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(head.headers[field], value, "{field} of {path}");
        }
    }
    assert_eq!(status(&shown.app, "/circuits", &["admin.example"]).await, 200);
}

#[test]
fn a_host_that_no_request_could_name_is_an_error_that_says_so() {
    let (label, long) = ("x".repeat(64), ["x"; 128].join("."));
    for host in [
        "",
        ".",
        "http://admin.example",
        "admin.example:9090",
        "[::1]:9090",
        "admin.example/path",
        "*.example",
        ".example",
        "a..b",
        "admin example",
        "user@admin.example",
        "bücher.example",
        "[evil]",
        &label,
        &long,
    ] {
        let error = CircuitRoutes::new().allowed_hosts(["fine.example", host]).unwrap_err();
        assert_eq!((error.field(), error.value()), ("allowed_hosts", format!("{host:?}").as_str()));
        assert!(error.accepted().contains("no scheme, port"), "{error}");
    }
    for host in [&label[1..], &long[2..], "xn--bcher-kva.example", "a", "A-1.b_2."] {
        assert!(CircuitRoutes::new().allowed_hosts([host]).is_ok(), "{host}");
    }
}
