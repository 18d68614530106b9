//! Upstreams that fail, each in its own way.

use std::{net::TcpListener, time::Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioExecutor;

use crate::{
    LAX,
    client::{Client, get, post},
    one_route,
    process::Gateway,
    until,
    upstream::Upstream,
};

/// Opens with the third failure in a row, for a minute.
const STRICT: &str = "failure_threshold = 3\nopen_duration = \"60s\"";

const NAME: &str = "/{*rest}";

#[test]
fn a_dead_upstream_is_502_and_then_503_without_being_touched() {
    let upstream = Upstream::dead();
    let gateway = Gateway::start(&one_route(&upstream, STRICT));
    for _ in 0..3 {
        let answer = get(gateway.at, "/a");
        assert_eq!(answer.status, 502);
        assert_eq!(answer.head.get("content-type").unwrap(), "application/problem+json");
    }
    let refused = get(gateway.at, "/a");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.head.get("content-type").unwrap(), "application/problem+json");
    let seconds: u64 = refused.head.get("retry-after").unwrap().parse().unwrap();
    assert!((40..=60).contains(&seconds), "{seconds}");
    let text = String::from_utf8(refused.body).unwrap();
    assert!(!text.contains("127.0.0.1") && !text.contains(NAME), "{text}");
    gateway.line("/{*rest}: closed -> open");
    let unreachable = gateway.lines().iter().filter(|line| line.contains("cannot be reached")).count();
    assert_eq!(unreachable, 1, "one line for all of them");
}

#[test]
fn while_open_the_upstream_is_not_touched() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 Internal Server Error", "no"));
    let gateway = Gateway::start(&one_route(&upstream, STRICT));
    for _ in 0..3 {
        let answer = get(gateway.at, "/a");
        assert_eq!((answer.status, answer.body.as_slice()), (500, &b"no"[..]), "errors of the upstream pass through");
    }
    let mut client = Client::connect(gateway.at);
    for _ in 0..100 {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(client.answer().status, 503);
    }
    assert_eq!(upstream.seen().len(), 3);
    let circuit = gateway.circuit(NAME);
    assert_eq!(circuit["failure_count"], 3);
    assert_eq!(circuit["refused_count"], 100);
}

#[test]
fn an_upstream_that_comes_back_is_found_by_a_probe() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let routes = "[policies.default.circuit_breaker]\nfailure_threshold = 3\nopen_duration = \"100ms\"\n\
                  max_open_duration = \"100ms\"\n\n[[routes]]\npath = \"/{*rest}\"\nupstream = \"http://UPSTREAM\"\n";
    let gateway = Gateway::start(&routes.replace("UPSTREAM", &at.to_string()));
    until("the first refusal", || (get(gateway.at, "/a").status == 503).then_some(()));
    let _upstream = Upstream::on(TcpListener::bind(at).unwrap(), |exchange| exchange.reply("200 OK", "well"));
    until("the first answer", || (get(gateway.at, "/a").status == 200).then_some(()));
    until("the circuit closed", || {
        get(gateway.at, "/a");
        (gateway.circuit(NAME)["state"] == "closed").then_some(())
    });
    gateway.line("half_open -> closed, recovered");
    gateway.line("can be reached again");
}

#[test]
fn an_upstream_that_dies_or_talks_nonsense_is_502() {
    let upstream = Upstream::start(|exchange| {
        match exchange.path() {
            "/nonsense" => exchange.send("what?\r\n\r\n"),
            "/switch" => exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
            "/half" => exchange.send("HTTP/1.1 200 OK\r\nContent-Le"),
            _ => {}
        }
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for path in ["/nonsense", "/switch", "/half", "/nothing"] {
        assert_eq!(get(gateway.at, path).status, 502, "{path}");
    }
    assert_eq!(gateway.circuit(NAME)["failure_count"], 4);
}

#[test]
fn a_body_that_breaks_off_breaks_off_for_the_caller_too() {
    let upstream = Upstream::start(|exchange| {
        match exchange.path() {
            "/length" => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
            _ => exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n"),
        }
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for path in ["/length", "/chunked"] {
        let mut client = Client::connect(gateway.at);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.head();
        assert_eq!(head.status(), 200);
        assert!(client.body(&head).is_err(), "{path}");
    }
}

/// Head, half a body and the end of the connection come at once: none of it may get lost on the way.
#[tokio::test]
async fn of_an_answer_that_breaks_off_at_once_its_caller_gets_what_there_was() {
    let upstream = Upstream::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for two in [false, true] {
        let mut builder = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        let client = builder.http2_only(two).build_http::<Full<Bytes>>();
        for round in 0..100 {
            let request = Request::get(format!("http://{}/a", gateway.at)).body(Full::default()).unwrap();
            let answer = client.request(request).await.unwrap_or_else(|error| panic!("{round}, {two}: {error:?}"));
            assert_eq!(answer.status(), 200);
            let mut body = answer.into_body();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "only this");
            assert!(body.frame().await.unwrap().is_err());
        }
    }
}

#[test]
fn an_upstream_that_never_answers_is_504() {
    let upstream = Upstream::start(|exchange| {
        exchange.wait_for_the_end();
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let start = Instant::now();
    assert_eq!(get(gateway.at, "/a").status, 504);
    assert!(start.elapsed().as_secs() >= 30, "{:?}", start.elapsed());
    assert_eq!(gateway.circuit(NAME)["failure_count"], 1);
}

#[test]
fn a_wish_of_the_upstreams_sets_the_wait() {
    let upstream = Upstream::start(|exchange| {
        exchange.send("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 40\r\nContent-Length: 0\r\n\r\n");
    });
    let gateway = Gateway::start(&one_route(&upstream, "failure_threshold = 1\nopen_duration = \"1s\""));
    let answer = get(gateway.at, "/a");
    assert_eq!((answer.status, answer.head.get("retry-after").as_deref()), (503, Some("40")));
    let seconds: u64 = get(gateway.at, "/a").head.get("retry-after").unwrap().parse().unwrap();
    assert!((20..=40).contains(&seconds), "{seconds}");
}

#[test]
fn a_caller_that_goes_away_is_judged_as_the_policy_says() {
    let upstream = Upstream::start(|exchange| {
        exchange.wait_for_the_end();
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, &format!("{LAX}\non_cancel = \"failure\"")));
    let mut client = Client::connect(gateway.at);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the request", || (upstream.seen().len() == 1).then_some(()));
    client.hang_up();
    until("the failure", || (gateway.circuit(NAME)["failure_count"] == 1).then_some(()));
}

#[test]
fn what_a_caller_does_wrong_is_not_held_against_the_upstream() {
    let upstream = Upstream::start(|exchange| {
        exchange.wait_for_the_end();
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nno number\r\n");
    assert_eq!(client.answer().status, 400);
    let circuit = gateway.circuit(NAME);
    assert_eq!((&circuit["failure_count"], &circuit["success_count"]), (&0.into(), &0.into()));
}

#[test]
fn a_tenant_in_trouble_does_not_trouble_the_others() {
    let upstream = Upstream::start(|exchange| {
        let status = if exchange.head.get("x-tenant").as_deref() == Some("sick") { "500 No" } else { "200 OK" };
        exchange.reply(status, "");
    });
    let gateway = Gateway::start(&format!("{}key = \"header:x-tenant\"\n", one_route(&upstream, STRICT)));
    let ask = |tenant: &str| {
        let mut client = Client::connect(gateway.at);
        client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\nX-Tenant: {tenant}\r\n\r\n"));
        client.answer().status
    };
    assert_eq!([ask("sick"), ask("sick"), ask("sick"), ask("sick")], [500, 500, 500, 503]);
    assert_eq!(ask("well"), 200);
    assert_eq!(post(gateway.at, "/a", "without a tenant").status, 200);
    assert_eq!(gateway.circuit("/{*rest}#sick")["state"], "open");
    assert_eq!(gateway.circuit("/{*rest}#well")["state"], "closed");
}
