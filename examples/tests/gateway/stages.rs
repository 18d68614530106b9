//! The stages of a policy, one after the other: what each answers, what it leaves alone, and what a reload does to it.

mod reloads;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

use serde_json::Value;

use crate::{
    LAX,
    client::{Answer, Client, get, post},
    process::Gateway,
    until,
    upstream::{Exchange, Upstream},
};

const NAME: &str = "/{*rest}";
const STRICT: &str = "failure_threshold = 3\nopen_duration = \"60s\"";

/// One route for every path to `upstream`, whose policy has these stages around this circuit breaker.
fn routes(upstream: &Upstream, stages: &str, breaker: &str) -> String {
    format!(
        "[policies.default]\n{stages}\n\n[policies.default.circuit_breaker]\nopen_duration_jitter = 0.0\n{breaker}\n\n\
         [[routes]]\npath = \"/{{*rest}}\"\nupstream = \"{}\"\n",
        upstream.url()
    )
}

fn start(upstream: &Upstream, stages: &str, breaker: &str) -> Gateway {
    Gateway::start(&routes(upstream, stages, breaker))
}

/// What the stages of the route have counted.
fn stages(gateway: &Gateway) -> Value {
    let answer = get(gateway.admin, "/stages");
    assert_eq!(answer.status, 200);
    serde_json::from_slice::<Value>(&answer.body).unwrap()[NAME].take()
}

/// Takes requests and never answers.
fn hung() -> Upstream {
    Upstream::start(Exchange::wait_for_the_end)
}

/// Answers as `first` says once, and after that with 200.
fn mended(first: impl Fn(&mut Exchange) + Send + Sync + 'static) -> Upstream {
    let count = AtomicUsize::new(0);
    Upstream::start(move |exchange| {
        if count.fetch_add(1, SeqCst) == 0 {
            first(exchange);
        } else {
            let body = String::from_utf8(exchange.body()).unwrap();
            exchange.reply("200 OK", &format!("got {body}"));
        }
    })
}

fn unavailable(exchange: &mut Exchange) {
    exchange.body();
    exchange.reply("503 Service Unavailable", "not now");
}

/// An answer of the gateway's own: problem details that name nothing of what is behind it.
#[track_caller]
fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status);
    assert_eq!(answer.head.get("content-type").unwrap(), "application/problem+json");
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("127.0.0.1") && !text.contains(NAME), "{text}");
}

#[test]
fn an_upstream_that_never_answers_trips_its_circuit_through_the_attempt_timeout() {
    let upstream = hung();
    let gateway = start(&upstream, "attempt_timeout = \"100ms\"", STRICT);
    for _ in 0..3 {
        is_problem(&get(gateway.at, "/a"), 504);
    }
    let refused = get(gateway.at, "/a");
    is_problem(&refused, 503);
    assert!(refused.head.get("retry-after").is_some());
    assert!(upstream.seen().len() <= 3);
    assert_eq!(gateway.circuit(NAME)["failure_count"], 3);
    assert_eq!(stages(&gateway)["timeouts"]["attempt"], 3);
}

#[test]
fn the_whole_time_bounds_all_attempts_together() {
    let upstream = hung();
    let stages_on = "timeout = \"3s\"\nattempt_timeout = \"500ms\"\nretry = { attempts = 100, base = \"1ms\" }";
    let gateway = start(&upstream, stages_on, LAX);
    is_problem(&get(gateway.at, "/a"), 504);
    // After six of them three seconds are over.
    let attempts = stages(&gateway)["timeouts"]["attempt"].as_u64().unwrap();
    assert!((1..=6).contains(&attempts), "{attempts}");
}

#[test]
fn the_end_of_the_whole_time_is_a_failure_of_the_attempt_under_way() {
    let upstream = hung();
    // Dropped calls alone say nothing here.
    let gateway = start(&upstream, "timeout = \"100ms\"", &format!("{STRICT}\non_cancel = \"ignore\""));
    let statuses: Vec<u16> = (0..4).map(|_| get(gateway.at, "/a").status).collect();
    assert_eq!(statuses, [504, 504, 504, 503]);
    assert_eq!(stages(&gateway)["timeouts"]["whole"], 3);
}

#[test]
fn stages_work_without_a_circuit_breaker() {
    let upstream = hung();
    let routes =
        routes(&upstream, "timeout = \"100ms\"\nbulkhead = { max_concurrent = 1 }\ncircuit_breaker = false", "");
    let (head, rest) = routes.split_once("[policies.default.circuit_breaker]\nopen_duration_jitter = 0.0").unwrap();
    let gateway = Gateway::start(&format!("{head}{rest}"));
    for _ in 0..20 {
        is_problem(&get(gateway.at, "/a"), 504);
    }
    assert_eq!(gateway.health()["all_circuits"], serde_json::json!([]));
}

#[test]
fn a_caller_who_sends_slowly_is_not_held_against_the_upstream() {
    for timeout in ["attempt_timeout = \"2s\"", "timeout = \"2s\""] {
        let upstream = Upstream::well();
        let breaker = format!("{STRICT}\non_cancel = \"failure\"");
        let gateway = start(&upstream, &format!("{timeout}\nretry = {{}}"), &breaker);
        let mut client = Client::connect(gateway.at);
        client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
        until("the request", || (upstream.seen().len() == 1).then_some(()));
        assert_eq!(client.answer().status, 408);
        let circuit = gateway.circuit(NAME);
        assert_eq!((&circuit["failure_count"], &circuit["success_count"]), (&0.into(), &0.into()), "{timeout}");
        assert_eq!(upstream.seen().len(), 1, "not tried again");
    }
}

#[test]
fn a_failure_that_may_be_mended_is_tried_again() {
    let upstream = mended(unavailable);
    let gateway = start(&upstream, "retry = { base = \"1ms\" }", LAX);
    assert_eq!(get(gateway.at, "/a").status, 200);
    assert_eq!(upstream.seen().len(), 2);
    let circuit = gateway.circuit(NAME);
    assert_eq!(
        (&circuit["failure_count"], &circuit["success_count"]),
        (&1.into(), &1.into()),
        "each attempt is judged"
    );
    let retry = &stages(&gateway)["retry"];
    assert_eq!((&retry["retries"], &retry["recovered"]), (&1.into(), &1.into()));
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    let upstream = mended(|exchange| exchange.keep = false);
    let gateway = start(&upstream, "retry = { base = \"1ms\" }", LAX);
    assert_eq!(get(gateway.at, "/a").status, 200);
}

#[test]
fn what_must_not_be_carried_out_twice_is_not() {
    let upstream = mended(unavailable);
    let gateway = start(&upstream, "retry = { base = \"1ms\" }", LAX);
    let answer = post(gateway.at, "/a", "order");
    assert_eq!((answer.status, answer.body.as_slice()), (503, &b"not now"[..]));
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_request_that_reached_nobody_is_tried_again_whatever_it_is() {
    let gateway = start(&Upstream::dead(), "retry = { attempts = 3, base = \"1ms\" }", LAX);
    is_problem(&post(gateway.at, "/a", "order"), 502);
    assert_eq!(gateway.circuit(NAME)["failure_count"], 3);
}

#[test]
fn a_body_is_sent_again_as_it_was() {
    let upstream = mended(unavailable);
    let gateway = start(&upstream, "retry = { base = \"1ms\" }", LAX);
    let mut client = Client::connect(gateway.at);
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 7\r\nContent-Length: 5\r\n\r\norder");
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"got order"[..]));
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nord\r\n2\r\ner\r\n0\r\n\r\n");
    assert_eq!(client.answer().body, b"got order");
}

#[test]
fn a_body_that_is_too_large_to_keep_is_sent_once() {
    let upstream = mended(unavailable);
    let gateway = start(&upstream, "retry = { base = \"1ms\" }", LAX);
    let mut client = Client::connect(gateway.at);
    client.send(format!("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1 << 20));
    client.send(vec![b'x'; 1 << 20]);
    assert_eq!(client.answer().status, 503);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_circuit_that_opens_ends_the_attempts() {
    let upstream = Upstream::start(unavailable);
    let gateway = start(&upstream, "retry = { attempts = 10, base = \"1ms\" }", STRICT);
    let answer = get(gateway.at, "/a");
    assert_eq!((answer.status, answer.body.as_slice()), (503, &b"not now"[..]), "the last attempt's own answer");
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_full_bulkhead_is_503_at_once_and_says_nothing_about_the_upstream() {
    let upstream = hung();
    let gateway = start(&upstream, "bulkhead = { max_concurrent = 2 }", STRICT);
    let mut inside = [Client::connect(gateway.at), Client::connect(gateway.at)];
    for client in &mut inside {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    until("both inside", || (upstream.seen().len() == 2).then_some(()));
    for _ in 0..5 {
        is_problem(&get(gateway.at, "/a"), 503);
    }
    let bulkhead = &stages(&gateway)["bulkhead"];
    assert_eq!((&bulkhead["in_use"], &bulkhead["rejected"]), (&2.into(), &5.into()));
    let circuit = gateway.circuit(NAME);
    assert_eq!((&circuit["state"], &circuit["failure_count"]), (&"closed".into(), &0.into()));
    assert_eq!(upstream.seen().len(), 2);
    inside.into_iter().for_each(Client::hang_up);
    until("both places free", || (stages(&gateway)["bulkhead"]["in_use"] == 0).then_some(()));
}

#[test]
fn a_call_waits_for_its_place_and_no_longer_than_it_may() {
    let (go, goes) = mpsc::channel();
    let goes = Mutex::new(goes);
    let upstream = Upstream::start(move |exchange| {
        let () = goes.lock().unwrap().recv().unwrap();
        exchange.reply("200 OK", "");
    });
    let patient = "bulkhead = { max_concurrent = 1, max_queue = 1, max_wait = \"10s\" }";
    let gateway = start(&upstream, patient, LAX);
    let call = |figure: &'static str| {
        let at = gateway.at;
        let called = thread::spawn(move || get(at, "/a").status);
        until(figure, || (stages(&gateway)["bulkhead"][figure] == 1).then_some(()));
        called
    };
    let end = || go.send(()).unwrap();

    let (first, second) = (call("in_use"), call("queued"));
    end();
    assert_eq!(first.join().unwrap(), 200);
    end();
    assert_eq!(second.join().unwrap(), 200);

    gateway.reload(&routes(&upstream, &patient.replace("10s", "10ms"), LAX));
    let first = call("in_use");
    assert_eq!(get(gateway.at, "/a").status, 503);
    end();
    assert_eq!(first.join().unwrap(), 200);
}

#[test]
fn calls_over_the_rate_are_429_and_say_nothing_about_the_upstream() {
    let upstream = Upstream::well();
    let gateway = start(&upstream, "rate_limit = { per_second = 0.1, burst = 2 }\nretry = {}", STRICT);
    assert_eq!([get(gateway.at, "/a").status, get(gateway.at, "/a").status], [200, 200]);
    let limited = get(gateway.at, "/a");
    is_problem(&limited, 429);
    let seconds: u64 = limited.head.get("retry-after").unwrap().parse().unwrap();
    assert!((5..=10).contains(&seconds), "{seconds}");
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(gateway.circuit(NAME)["failure_count"], 0);
    assert_eq!(stages(&gateway)["rate_limit"]["limited"], 1);
}

#[test]
fn a_fallback_answers_in_place_of_what_could_not_be_had() {
    let stages = "fallback = { status = 200, body = \"[]\", content_type = \"application/json\" }";
    let gateway = start(&Upstream::dead(), stages, STRICT);
    for _ in 0..5 {
        let answer = get(gateway.at, "/a");
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"[]"[..]));
        assert_eq!(answer.head.get("content-type").unwrap(), "application/json");
        assert_eq!(answer.head.get("x-fallback").unwrap(), "true");
    }
    let circuit = gateway.circuit(NAME);
    assert_eq!((&circuit["failure_count"], &circuit["refused_count"]), (&3.into(), &2.into()), "the circuit sees all");
}

#[test]
fn an_answer_of_the_upstreams_stands_beside_a_fallback() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 No", "own"));
    let gateway = start(&upstream, "fallback = { status = 200 }", LAX);
    let answer = get(gateway.at, "/a");
    assert_eq!((answer.status, answer.body.as_slice()), (500, &b"own"[..]));
    assert_eq!(answer.head.get("x-fallback"), None);
}

#[test]
fn another_upstream_stands_in_for_requests_that_can_be_made_again() {
    let other = Upstream::start(|exchange| {
        let path = exchange.path().to_owned();
        exchange.reply("200 OK", &path);
    });
    let upstream = hung();
    let stages = format!("attempt_timeout = \"100ms\"\nfallback = {{ upstream = \"{}\" }}", other.url());
    let gateway = start(&upstream, &stages, LAX);
    let answer = get(gateway.at, "/a?b=c");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"/a?b=c"[..]));
    assert_eq!(other.seen()[0].get("host").unwrap(), other.at().to_string());
    is_problem(&post(gateway.at, "/a", "order"), 504);
    assert_eq!(other.seen().len(), 1);
}

#[test]
fn a_fallback_that_hangs_is_504_and_not_held_against_the_upstream() {
    let other = hung();
    let stages = format!("fallback = {{ upstream = \"{}\" }}", other.url());
    let gateway = start(&Upstream::dead(), &stages, LAX);
    is_problem(&get(gateway.at, "/a"), 504);
    assert_eq!(gateway.circuit(NAME)["failure_count"], 1);
}

#[test]
fn an_open_circuit_refuses_at_once_while_hung_calls_fill_the_bulkhead() {
    let upstream = hung();
    let breaker = "failure_threshold = 1\nopen_duration = \"60s\"\non_cancel = \"failure\"";
    let four = "bulkhead = { max_concurrent = 4, max_queue = 100, max_wait = \"30s\" }";
    let gateway = start(&upstream, four, breaker);
    let mut inside: Vec<Client> = (0..4).map(|_| Client::connect(gateway.at)).collect();
    for client in &mut inside {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    until("all inside", || (upstream.seen().len() == 4).then_some(()));
    // The place of the one whose failure opens the circuit is not to be had again.
    gateway.reload(&routes(&upstream, &four.replace("max_concurrent = 4", "max_concurrent = 3"), breaker));
    inside.pop().unwrap().hang_up();
    gateway.line("closed -> open");
    until("full", || (stages(&gateway)["bulkhead"]["in_use"] == 3).then_some(()));

    is_problem(&get(gateway.at, "/a"), 503);
    assert_eq!(gateway.circuit(NAME)["refused_count"], 1);
    assert_eq!(stages(&gateway)["bulkhead"]["rejected"], 0);
}
