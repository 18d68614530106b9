//! What a reload does to the stages.

use super::*;

#[test]
fn a_reload_resizes_the_bulkhead_with_the_calls_in_it() {
    let upstream = hung();
    let gateway = start(&upstream, "bulkhead = { max_concurrent = 1 }", LAX);
    let mut inside = [Client::connect(gateway.at), Client::connect(gateway.at)];
    inside[0].send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the first inside", || (upstream.seen().len() == 1).then_some(()));
    is_problem(&get(gateway.at, "/a"), 503);

    gateway.reload(&routes(&upstream, "bulkhead = { max_concurrent = 2 }", LAX));
    inside[1].send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the second inside", || (upstream.seen().len() == 2).then_some(()));
    is_problem(&get(gateway.at, "/a"), 503);
    let bulkhead = &stages(&gateway)["bulkhead"];
    assert_eq!((&bulkhead["in_use"], &bulkhead["rejected"]), (&2.into(), &2.into()));
}

#[test]
fn a_reload_gives_new_calls_the_new_limits_and_keeps_those_that_have_not_changed() {
    let upstream = Upstream::well();
    let limit = "rate_limit = { per_second = 0.01, burst = 1 }";
    let gateway = start(&upstream, limit, LAX);
    assert_eq!([get(gateway.at, "/a").status, get(gateway.at, "/a").status], [200, 429]);
    gateway.reload(&routes(&upstream, &format!("{limit}\ntimeout = \"9s\""), LAX));
    assert_eq!(get(gateway.at, "/a").status, 429, "the burst is still used up");
    gateway.reload(&routes(&upstream, &limit.replace("burst = 1", "burst = 2"), LAX));
    let all: Vec<u16> = (0..3).map(|_| get(gateway.at, "/a").status).collect();
    assert_eq!(all, [200, 200, 429]);
    gateway.reload(&routes(&upstream, "rate_limit = false", LAX));
    assert_eq!(get(gateway.at, "/a").status, 200);
    assert_eq!(gateway.circuit(NAME)["success_count"], 4, "the circuit is the same one");
}

#[test]
fn a_reload_ends_retries_and_brings_timeouts() {
    let upstream = hung();
    let gateway = start(&upstream, "attempt_timeout = \"50ms\"\nretry = { attempts = 2, base = \"1ms\" }", LAX);
    is_problem(&get(gateway.at, "/a"), 504);
    let before = stages(&gateway);
    assert_eq!((&before["timeouts"]["attempt"], &before["retry"]["retries"]), (&2.into(), &1.into()));
    gateway.reload(&routes(&upstream, "timeout = \"100ms\"\nretry = false", LAX));
    is_problem(&get(gateway.at, "/a"), 504);
    let after = stages(&gateway);
    assert_eq!((&after["timeouts"]["whole"], &after["retry"]["retries"]), (&1.into(), &0.into()));
}

#[test]
fn the_bounds_of_a_routes_file_are_those_of_the_stages() {
    let upstream = Upstream::well();
    let longest = "\"500000000000y\"";
    for stages in [
        "timeout = \"2ns\"\nattempt_timeout = \"1ns\"",
        &format!("timeout = {longest}\nattempt_timeout = \"400000000000y\""),
        "retry = { attempts = 1, base = \"1ns\", max = \"1ns\", jitter = \"none\", budget = 0 }",
        &format!(
            "retry = {{ attempts = 1000, base = {longest}, max = {longest}, jitter = \"decorrelated\", budget = 1 }}"
        ),
        "rate_limit = { per_second = 1000000, burst = 1000000 }",
        &format!("rate_limit = {{ per_second = 3.2e-8, burst = 1, max_wait = {longest} }}"),
        &format!("bulkhead = {{ max_concurrent = 1048576, max_queue = 1048576, max_wait = {longest} }}"),
        "bulkhead = { max_concurrent = 1, max_queue = 0, max_wait = \"0s\" }",
    ] {
        let gateway = start(&upstream, stages, LAX);
        let expected = if stages.contains("2ns") { 504 } else { 200 };
        assert_eq!(get(gateway.at, "/a").status, expected, "{stages}");
    }
}
