//! An operator's commands, and who may not give them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, http::Request};
use bytes::Bytes;
use http::header::{ALLOW, WWW_AUTHENTICATE};
use http_body::Frame;
use serde_json::json;
use tokio::time::Instant;
use tower::ServiceExt;
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::Circuits;

use crate::support::{Shown, TOKEN, send};

const BEARER: (&str, &str) = ("authorization", "Bearer correct-horse-battery");
const ACTIONS: [&str; 6] = ["force-open", "force-close", "observe", "enforce", "enforcement", "reset"];

/// A body that does not come.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// A body while which comes its circuit goes.
struct Removing(Circuits);

impl http_body::Body for Removing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.remove("db");
        Poll::Ready(None)
    }
}

#[tokio::test]
async fn a_circuit_that_goes_while_the_body_comes_is_not_said_to_be_commanded() {
    let shown = Shown::commanded();
    let _ = shown.circuits.get_or_create("db");
    let body = Body::new(Removing(shown.circuits.clone()));
    let request = Request::post("/circuits/db/force-open").header("authorization", BEARER.1).body(body).unwrap();
    assert_eq!(shown.app.clone().oneshot(request).await.unwrap().status(), 404);
    assert!(shown.circuits.is_empty());
}

#[tokio::test]
async fn nobody_may_command_without_a_configured_token() {
    let shown = Shown::new();
    shown.trip("db");
    for action in ACTIONS {
        assert_eq!(send(&shown.app, "POST", &format!("/circuits/db/{action}"), &[BEARER], "").await.0, 403);
    }
    for path in ["/circuits/reset", "/operator", "/circuits/none/reset"] {
        assert_eq!(send(&shown.app, "POST", path, &[BEARER], "").await.0, 403);
    }
    assert_eq!(shown.state("db"), "open enforce");
}

#[tokio::test]
async fn each_mistake_has_its_status_and_changes_nothing() {
    let shown = Shown::commanded();
    shown.trip("db");
    let twice = [BEARER, BEARER];
    for (path, fields, body, status) in [
        ("/circuits/db/reset", &[] as &[(&str, &str)], "", 401),
        ("/circuits/db/reset", &[("authorization", "Bearer wrong-horse-battery12")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Bearer correct-horse-batterx")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Bearer ")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Bearer correct-horse-battery-and-more")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Bearer correct-horse-batter")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Tokens correct-horse-battery")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Digest correct-horse-battery")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Bearercorrect-horse-battery")], "", 401),
        ("/circuits/db/reset", &[("authorization", "correct-horse-battery")], "", 401),
        ("/circuits/db/reset", &[("authorization", "Basic correct-horse-battery")], "", 401),
        ("/circuits/db/reset", &[("cookie", "token=correct-horse-battery")], "", 401),
        ("/circuits/db/reset", &twice, "", 401),
        ("/circuits/none/reset", &[], "", 401),
        ("/circuits/none/reset", &[BEARER], "", 404),
        ("/circuits/db/reset?set=other", &[BEARER], "", 404),
        ("/circuits/db/reset?name=db", &[BEARER], "", 400),
        ("/circuits/db/explode", &[BEARER], "", 404),
        ("/circuits/db", &[BEARER], "", 405),
        ("/circuits", &[BEARER], "", 405),
        ("/health/circuits", &[BEARER], "", 405),
        ("/circuits/reset", &[], "", 401),
        ("/circuits/reset?set=other", &[BEARER], "", 404),
        ("/circuits/db/reset", &[BEARER], "{\"really\": true}", 400),
        ("/circuits/db/reset", &[BEARER], "[", 400),
        ("/circuits/db/force-open", &[BEARER], "{\"seconds\": 0}", 400),
        ("/circuits/db/force-open", &[BEARER], "{\"seconds\": 1e300}", 400),
        ("/circuits/db/enforcement", &[BEARER], "", 400),
        ("/circuits/db/force-open", &[BEARER], "{\"seconds\": 31622401}", 400),
        ("/circuits/db/force-open", &[BEARER], "{\"seconds\": 60, \"until\": 1}", 400),
        ("/circuits/db/enforcement", &[BEARER], "{\"enforcement\": 1.1}", 400),
        ("/circuits/db/enforcement", &[BEARER], "{\"enforcement\": -0.1}", 400),
        ("/circuits/db/enforcement", &[BEARER], "{\"enforcement\": 0.5, \"share\": 1}", 400),
        ("/circuits/none/reset", &[BEARER], "[", 404),
        ("/circuits/db/reset", &[BEARER, ("origin", "https://evil.example"), ("host", "admin.example")], "", 403),
        ("/circuits/db/reset", &[BEARER, ("origin", "null"), ("host", "admin.example")], "", 403),
        ("/circuits/db/reset", &[BEARER, ("origin", "not an origin"), ("host", "admin.example")], "", 403),
        ("/circuits/db/reset", &[BEARER, ("origin", "http://admin.example")], "", 403),
        ("/circuits/db/reset", &[BEARER, ("origin", "http://admin.example:1"), ("host", "admin.example:2")], "", 403),
        ("/circuits/db/reset", &[("origin", "https://evil.example"), ("host", "admin.example")], "", 403),
        ("/operator", &[BEARER, ("origin", "https://evil.example"), ("host", "admin.example")], "", 403),
        ("/circuits/db/reset", &[BEARER, ("sec-fetch-site", "cross-site")], "", 403),
        ("/circuits/reset", &[BEARER, ("sec-fetch-site", "same-site")], "", 403),
    ] {
        assert_eq!(send(&shown.app, "POST", path, fields, body).await.0, status, "{path} {fields:?} {body}");
        assert_eq!(shown.state("db"), "open enforce", "{path} {fields:?} {body}");
    }
    let large = format!("{{{}}}", " ".repeat(1_023));
    assert_eq!(send(&shown.app, "POST", "/circuits/db/reset", &[BEARER], &large).await.0, 413);
    let long = format!("/circuits/{}/reset", "x".repeat(60_000));
    assert_eq!(send(&shown.app, "POST", &long, &[BEARER], "").await.0, 404);
    assert_eq!(send(&shown.app, "GET", "/circuits/db/reset", &[BEARER], "").await.0, 405);
    assert_eq!((shown.state("db"), shown.circuits.len()), ("open enforce".to_owned(), 1));
    assert_eq!(send(&shown.app, "POST", "/circuits/db/reset", &[BEARER], &large.replacen(' ', "", 1)).await.0, 200);
}

#[tokio::test]
async fn a_refusal_says_what_is_wanted_and_not_what_was_sent() {
    let shown = Shown::commanded();
    let (_, head, body) =
        send(&shown.app, "POST", "/circuits/db/reset", &[("authorization", "Bearer guess-guess-guess")], "").await;
    assert_eq!(head[WWW_AUTHENTICATE], "Bearer realm=\"circuits\", error=\"invalid_token\"");
    assert!(!body.to_string().contains("guess"), "{body}");
    assert_eq!(head["content-type"], "application/problem+json");
    for path in ["/circuits", "/health/circuits"] {
        assert_eq!(send(&shown.app, "GET", path, &[], "").await.1["content-type"], "application/json", "{path}");
    }
    assert_eq!(send(&shown.app, "POST", "/operator", &[], "").await.1[WWW_AUTHENTICATE], "Bearer realm=\"circuits\"");
    assert_eq!(send(&shown.app, "POST", "/circuits/db", &[BEARER], "").await.1[ALLOW], "GET,HEAD");
}

#[tokio::test]
async fn each_command_does_what_it_says() {
    let shown = Shown::commanded();
    let _ = shown.circuits.get_or_create("a/b");
    for (action, body, after) in [
        ("force-open", "", "open forced_open"),
        ("force-close", "", "closed forced_closed"),
        ("reset", "{}", "closed enforce"),
        ("observe", "", "closed observe"),
        ("enforce", "", "closed enforce"),
        ("enforcement", "{\"enforcement\": 0.25}", "closed enforce"),
        ("force-open", "{\"seconds\": 31622400}", "open forced_open"),
        ("force-open", "{\"seconds\": 0.001}", "open forced_open"),
        ("force-open", "{\"seconds\": 5}", "open forced_open"),
    ] {
        let fields = [
            BEARER,
            ("origin", "http://admin.example:9090"),
            ("host", "admin.example:9090"),
            ("sec-fetch-site", "same-origin"),
        ];
        let path = format!("/circuits/a%2Fb/{action}?set=upstreams");
        let (status, _, circuit) = send(&shown.app, "POST", &path, &fields, body).await;
        assert_eq!((status, shown.state("a/b").as_str()), (200, after), "{action}");
        assert_eq!(circuit["mode"], after.split(' ').nth(1).unwrap());
    }
    let snapshot = shown.circuits.snapshot("a/b").unwrap();
    assert_eq!((snapshot.enforcement, snapshot.open_wait.unwrap().as_secs()), (0.25, 5));
}

#[tokio::test]
async fn a_page_of_this_origin_and_a_request_nobody_made_a_page_for_may_command() {
    let shown = Shown::commanded();
    let _ = shown.circuits.get_or_create("db");
    for fields in [
        [BEARER, ("sec-fetch-site", "none"), ("host", "admin.example")],
        [("authorization", "Bearer  correct-horse-battery"), ("sec-fetch-site", "none"), ("host", "admin.example")],
        // A browser writes an origin in small letters, and a host as it was typed.
        [BEARER, ("origin", "http://admin.example:9090"), ("host", "Admin.Example:9090")],
    ] {
        assert_eq!(send(&shown.app, "POST", "/circuits/db/reset", &fields, "").await.0, 200, "{fields:?}");
    }
    // HTTP/2 names the host in the target, and may send no other.
    for (origin, status) in [("http://admin.example", 200), ("http://evil.example", 403)] {
        let fields = [BEARER, ("origin", origin)];
        assert_eq!(
            send(&shown.app, "POST", "http://admin.example/circuits/db/reset", &fields, "").await.0,
            status,
            "{origin}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_command_and_what_is_asked_before_the_body_is_waited_for() {
    let shown = Shown::commanded();
    let _ = shown.circuits.get_or_create("db");
    let ask = async |path: &str, token: &str| {
        let body = Body::new(Never);
        let request = Request::post(path).header("authorization", token).body(body).unwrap();
        shown.app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    let start = Instant::now();
    assert_eq!(ask("/circuits/none/reset", BEARER.1).await, 404);
    assert_eq!(ask("/circuits/db/reset", "Bearer wrong-horse-battery").await, 401);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(ask("/circuits/db/reset", BEARER.1).await, 408);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(shown.state("db"), "closed enforce");
}

#[tokio::test]
async fn one_of_two_sets_is_commanded_alone() {
    let [one, two] = ["one", "two"].map(|name| Circuits::builder().name(name).build());
    let _ = (one.get_or_create("db"), two.get_or_create("db"));
    let routes = CircuitRoutes::new().circuits(one.clone()).circuits(two.clone()).operator_token(TOKEN).unwrap();
    let app = routes.into_router();
    let modes = || [&one, &two].map(|set| set.snapshot("db").unwrap().mode.as_str());
    assert_eq!(send(&app, "POST", "/circuits/db/observe", &[BEARER], "").await.0, 409);
    assert_eq!(modes(), ["enforce", "enforce"]);
    assert_eq!(send(&app, "POST", "/circuits/db/observe?set=two", &[BEARER], "").await.0, 200);
    assert_eq!(modes(), ["enforce", "observe"]);
    assert_eq!(send(&app, "POST", "/circuits/observe?set=one", &[BEARER], "").await.2["circuits"], 1);
    assert_eq!(modes(), ["observe", "observe"]);
    assert_eq!(send(&app, "POST", "/circuits/enforce?set=two", &[BEARER], "").await.2["circuits"], 1);
    assert_eq!(modes(), ["observe", "enforce"]);
    assert_eq!(send(&app, "POST", "/circuits/enforce?set=one&set=two", &[BEARER], "").await.0, 400);
    assert_eq!(modes(), ["observe", "enforce"]);
}

#[tokio::test]
async fn all_circuits_hear_one_command() {
    let shown = Shown::commanded();
    shown.trip("a");
    shown.trip("b");
    let (status, _, body) =
        send(&shown.app, "POST", "/circuits/reset", &[("authorization", "bearer correct-horse-battery")], "").await;
    assert_eq!((status, &body["circuits"]), (200, &json!(2)));
    assert_eq!([shown.state("a"), shown.state("b")], ["closed enforce", "closed enforce"]);
    assert_eq!(send(&shown.app, "POST", "/circuits/observe?set=upstreams", &[BEARER], "").await.0, 200);
    assert_eq!(shown.state("b"), "closed observe");
    assert_eq!(send(&shown.app, "POST", "/circuits/force-open", &[BEARER], "").await.0, 405, "not all at once");
    let _ = shown.circuits.get_or_create("reset");
    assert_eq!(send(&shown.app, "GET", "/circuits/reset", &[], "").await.2["name"], "reset");
    assert_eq!(send(&shown.app, "POST", "/operator", &[BEARER], "").await.0, 204);
}

#[test]
fn a_token_too_weak_is_an_error_that_does_not_hold_it() {
    let long = "x".repeat(1_025);
    for token in ["", "short-one", "0123456789abcde", "0123456789abcde f", "öööööööööööööööö", &long] {
        let error = CircuitRoutes::new().operator_token(token).unwrap_err();
        assert_eq!(error.field(), "operator_token");
        assert!(token.is_empty() || !format!("{error} {error:?}").contains(token), "{error:?}");
    }
    for token in ["0123456789abcdef", &long[1..]] {
        assert!(CircuitRoutes::new().operator_token(token).is_ok(), "{}", token.len());
    }
    let routes = CircuitRoutes::new().operator_token(TOKEN).unwrap();
    assert!(!format!("{routes:?}").contains(TOKEN));
}
