//! Everything at once: callers who never stop, while the upstream dies, hangs, cuts and comes back, and the file changes.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Client, get},
    process::Gateway,
    until,
    upstream::{Exchange, Upstream},
};

const WELL: u8 = 0;
const HUNG: u8 = 1;
const CUTTING: u8 = 2;
const OVER: u8 = 3;

/// What the upstream is up to.
type Mood = Arc<AtomicU8>;

fn answer(exchange: &mut Exchange, mood: &Mood) {
    let body = exchange.body().len();
    match mood.load(SeqCst) {
        HUNG => exchange.wait_for_the_end(),
        CUTTING => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
            exchange.keep = false;
        }
        _ => exchange.reply("200 OK", &body.to_string()),
    }
}

/// Every stage on; FAILURES is another number with each reload.
const STAGES: &str = r#"
timeout = "2s"
attempt_timeout = "100ms"
retry = { attempts = FAILURES, base = "1ms" }
rate_limit = { per_second = 100000, burst = 10000 }
bulkhead = { max_concurrent = FAILURES, max_queue = 4, max_wait = "50ms" }
"#;

fn routes(at: std::net::SocketAddr, stages: &str, failures: u32) -> String {
    let stages = stages.replace("FAILURES", &failures.to_string());
    format!(
        "[policies.default]\n{stages}\n[policies.default.circuit_breaker]\nfailure_threshold = {failures}\nopen_duration = \"100ms\"\n\
         max_open_duration = \"200ms\"\non_cancel = \"failure\"\n\n[[routes]]\npath = \"/{{*rest}}\"\nupstream = \"http://{at}\"\n"
    )
}

/// One caller: every answer is a real one, and only a body that the upstream cut is ever cut.
fn call(gateway: &Gateway, number: usize, mood: &Mood, statuses: &Mutex<Vec<u16>>) {
    let mut client = Client::connect(gateway.at);
    for round in 0.. {
        if mood.load(SeqCst) == OVER {
            return;
        }
        client.patience(Duration::from_millis(300));
        let body = "x".repeat(number * round % 5_000);
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        match client.try_answer() {
            Ok(answer) => {
                assert!([200, 502, 503, 504].contains(&answer.status), "{}", answer.status);
                if answer.status == 200 {
                    assert_eq!(answer.body, body.len().to_string().as_bytes());
                }
                statuses.lock().unwrap().push(answer.status);
            }
            // Hung or cut: hang up and come again.
            Err(_) => client = Client::connect(gateway.at),
        }
    }
}

#[test]
fn every_answer_is_a_real_one_and_all_recovers() {
    storm("");
}

#[test]
fn with_all_stages_every_answer_is_a_real_one_and_all_recovers() {
    let gateway = storm(STAGES);
    let stages = get(gateway.admin, "/stages");
    let stages: serde_json::Value = serde_json::from_slice(&stages.body).unwrap();
    let bulkhead = &stages["/{*rest}"]["bulkhead"];
    assert_eq!((&bulkhead["in_use"], &bulkhead["queued"]), (&0.into(), &0.into()), "places given back");
}

fn storm(stages: &str) -> Gateway {
    let mood = Mood::new(AtomicU8::new(WELL));
    let moody = || {
        let mood = Arc::clone(&mood);
        move |exchange: &mut Exchange| answer(exchange, &mood)
    };
    let upstream = Upstream::start(moody());
    let at = upstream.at();
    let gateway = Gateway::start(&routes(at, stages, 3));
    assert_eq!(get(gateway.at, "/a").status, 200);
    let statuses = Mutex::new(Vec::new());
    let answers = |status: u16| statuses.lock().unwrap().iter().filter(|it| **it == status).count();
    let more = |what: &str, status: u16| {
        let before = answers(status);
        until(what, || (answers(status) > before + 20).then_some(()));
    };
    let upstream = thread::scope(|scope| {
        for number in 0..8 {
            let (gateway, mood, statuses) = (&gateway, &mood, &statuses);
            scope.spawn(move || call(gateway, number, mood, statuses));
        }
        more("answers", 200);
        mood.store(HUNG, SeqCst);
        more("refusals because it hangs", 503);
        mood.store(WELL, SeqCst);
        more("answers after hanging", 200);
        drop(upstream);
        more("refusals because it is dead", 503);
        for failures in [5, 4, 3] {
            gateway.offer(&routes(at, stages, failures));
        }
        let listener = until("its port", || TcpListener::bind(at).ok());
        let upstream = Upstream::on(listener, moody());
        more("answers from the new one", 200);
        mood.store(CUTTING, SeqCst);
        let end = Instant::now() + Duration::from_millis(500);
        until("half a second of cutting", || (Instant::now() > end).then_some(()));
        mood.store(WELL, SeqCst);
        more("answers after cutting", 200);
        mood.store(OVER, SeqCst);
        upstream
    });
    until("closed again", || {
        get(gateway.at, "/a");
        (gateway.circuit("/{*rest}")["state"] == "closed").then_some(())
    });
    // With those that were kept open to the upstream. Left are listeners, the runtime's own, and the one that asks.
    drop(upstream);
    until("connections given back", || (gateway.descriptors() < 30).then_some(()));
    gateway
}
