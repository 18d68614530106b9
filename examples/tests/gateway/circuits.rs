//! What the admin address shows.

use std::net::SocketAddr;

use crate::{
    LAX,
    client::{Answer, Client, command, get, post},
    one_route,
    process::{File, Gateway},
    until,
    upstream::Upstream,
};

#[test]
fn every_circuit_is_there_from_the_start() {
    let upstream = Upstream::well();
    let routes = one_route(&upstream, "failure_threshold = 3");
    let more = format!("\n[[routes]]\npath = \"/\"\nmethods = [\"GET\"]\nupstream = \"{}\"\n", upstream.url());
    let gateway = Gateway::start(&(routes + &more));
    let health = gateway.health();
    assert_eq!(health["healthy"], true);
    assert_eq!(health["open_circuits"], serde_json::json!([]));
    let names: Vec<&str> =
        health["all_circuits"].as_array().unwrap().iter().map(|circuit| circuit["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["/{*rest}", "GET /"]);
    assert!(upstream.seen().is_empty());
}

#[test]
fn an_open_circuit_is_unhealthy_until_it_is_ready_to_probe() {
    let upstream = Upstream::dead();
    let gateway = Gateway::start(&one_route(&upstream, "failure_threshold = 1\nopen_duration = \"5s\""));
    assert_eq!(get(gateway.at, "/a").status, 502);
    let health = gateway.health();
    assert_eq!(health["healthy"], false);
    assert_eq!(health["open_circuits"], serde_json::json!(["/{*rest}"]));
    let circuit = gateway.circuit("/{*rest}");
    assert_eq!((&circuit["state"], &circuit["opens_in_row"]), (&"open".into(), &1.into()));
    assert!((0.0..=5.0).contains(&circuit["remaining_seconds"].as_f64().unwrap()), "{circuit}");

    until("healthy though nobody calls", || (gateway.health()["healthy"] == true).then_some(()));
    let circuit = gateway.circuit("/{*rest}");
    assert_eq!((&circuit["state"], &circuit["ready_to_probe"]), (&"open".into(), &true.into()));
}

#[test]
fn nothing_can_be_changed_without_a_token() {
    let gateway = Gateway::start(&one_route(&Upstream::well(), "failure_threshold = 1"));
    let page = get(gateway.admin, "/");
    assert_eq!((page.status, page.head.get("content-type").unwrap()), (200, "text/html; charset=utf-8".to_owned()));
    assert_eq!(post(gateway.admin, "/circuits/%2F%7B%2Arest%7D/force-open", "").status, 403);
    assert_eq!(gateway.circuit("/{*rest}")["state"], "closed");
    assert_eq!(get(gateway.admin, "/health").status, 404);
    assert_eq!(post(gateway.admin, "/health/circuits", "").status, 405);
}

/// With a token to command it.
fn commanded(routes: &str) -> Gateway {
    Gateway::start_with(routes, &[("GATEWAY_OPERATOR_TOKEN", TOKEN)])
}

const TOKEN: &str = "a-token-of-this-test";
const RESET: &str = "/circuits/%2F%7B%2Arest%7D/reset";
const FORCE_OPEN: &str = "/circuits/%2F%7B%2Arest%7D/force-open";

#[test]
fn what_the_operator_forces_the_proxied_port_obeys() {
    let upstream = Upstream::well();
    let gateway = commanded(&one_route(&upstream, "failure_threshold = 3"));
    gateway.line("commands taken with the token of GATEWAY_OPERATOR_TOKEN");
    assert_eq!(get(gateway.at, "/a").status, 200);
    for wrong in ["", "Bearer a-token-of-another", "Basic a-token-of-this-test"] {
        assert_eq!(command(gateway.admin, FORCE_OPEN, wrong), 401, "{wrong}");
    }
    assert_eq!(get(gateway.at, "/a").status, 200, "nothing was changed");

    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(command(gateway.admin, FORCE_OPEN, &bearer), 200);
    let seen = upstream.seen().len();
    let refused = get(gateway.at, "/a");
    assert_eq!((refused.status, refused.head.get("content-type").unwrap().as_str()), (503, "application/problem+json"));
    assert_eq!((upstream.seen().len(), &gateway.circuit("/{*rest}")["mode"]), (seen, &"forced_open".into()));
    assert_eq!(command(gateway.at, RESET, &bearer), 503, "on the proxied port it is a request like any other");

    assert_eq!(command(gateway.admin, RESET, &bearer), 200);
    assert_eq!(get(gateway.at, "/a").status, 200);
    assert!(gateway.lines().iter().all(|line| !line.contains(TOKEN)), "{:?}", gateway.lines());
}

/// What a page of this host gets.
fn get_as(at: SocketAddr, path: &str, host: &str) -> Answer {
    let mut client = Client::connect(at);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.answer()
}

#[test]
fn a_page_of_a_name_that_was_pointed_at_the_admin_address_reads_nothing() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let port = gateway.admin.port();
    for path in ["/", "/circuits", "/health/circuits", "/metrics", "/stages", "/events", "/none"] {
        for host in ["evil.example".to_owned(), format!("127.0.0.1.evil.example:{port}"), "127.1".to_owned()] {
            let answer = get_as(gateway.admin, path, &host);
            assert_eq!(answer.status, 421, "{path} of {host}");
            assert_eq!(answer.head.get("content-type").unwrap(), "application/problem+json");
        }
    }
    for path in ["/", "/circuits", "/metrics", "/stages", "/none"] {
        for host in [gateway.admin.to_string(), format!("localhost:{port}"), "[::1]".to_owned()] {
            let answer = get_as(gateway.admin, path, &host);
            assert_eq!(answer.status, if path == "/none" { 404 } else { 200 }, "{path} of {host}");
            for (field, value) in [
                ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(answer.head.get(field).as_deref(), Some(value), "{field} of {path}");
            }
        }
    }
    assert_eq!(get_as(gateway.at, "/a", "any.example").status, 200, "the proxied port is for everybody");
}

#[test]
fn the_admin_address_answers_to_the_host_that_it_was_given_as() {
    let file = File::new(&one_route(&Upstream::well(), LAX));
    // The system takes this for 127.0.0.1. To a name it would say the same.
    let gateway = Gateway::with(&["--config", file.path(), "--listen", "127.0.0.1:0", "--admin", "127.1:0"]);
    for (host, status) in [("127.1", 200), ("127.1:9090", 200), ("localhost", 200), ("evil.example", 421)] {
        assert_eq!(get_as(gateway.admin, "/stages", host).status, status, "{host}");
    }
}
