//! Everything at once: callers who never stop, while the upstream dies, hangs, cuts and comes back, and the file changes.

use std::{
    net::TcpListener,
    sync::{
        Mutex,
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

static MOOD: AtomicU8 = AtomicU8::new(WELL);

fn answer(exchange: &mut Exchange) {
    let body = exchange.body().len();
    match MOOD.load(SeqCst) {
        HUNG => exchange.wait_for_the_end(),
        CUTTING => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
            exchange.keep = false;
        }
        _ => exchange.reply("200 OK", &body.to_string()),
    }
}

fn routes(at: std::net::SocketAddr, failures: u32) -> String {
    format!(
        "[policies.default.circuit_breaker]\nfailure_threshold = {failures}\nopen_duration = \"100ms\"\n\
         max_open_duration = \"200ms\"\non_cancel = \"failure\"\n\n[[routes]]\npath = \"/{{*rest}}\"\nupstream = \"http://{at}\"\n"
    )
}

/// One caller: every answer is a real one, and only a body that the upstream cut is ever cut.
fn call(gateway: &Gateway, number: usize, statuses: &Mutex<Vec<u16>>) {
    let mut client = Client::connect(gateway.at);
    for round in 0.. {
        if MOOD.load(SeqCst) == OVER {
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
    let upstream = Upstream::start(answer);
    let at = upstream.at();
    let gateway = Gateway::start(&routes(at, 3));
    assert_eq!(get(gateway.at, "/a").status, 200);
    let statuses = Mutex::new(Vec::new());
    let answers = |status: u16| statuses.lock().unwrap().iter().filter(|it| **it == status).count();
    let more = |what: &str, status: u16| {
        let before = answers(status);
        until(what, || (answers(status) > before + 20).then_some(()));
    };
    thread::scope(|scope| {
        for number in 0..8 {
            let (gateway, statuses) = (&gateway, &statuses);
            scope.spawn(move || call(gateway, number, statuses));
        }
        more("answers", 200);
        MOOD.store(HUNG, SeqCst);
        more("refusals because it hangs", 503);
        MOOD.store(WELL, SeqCst);
        more("answers after hanging", 200);
        drop(upstream);
        more("refusals because it is dead", 503);
        for failures in [5, 4, 3] {
            gateway.file.as_ref().unwrap().write(&routes(at, failures));
            gateway.signal("HUP");
        }
        let listener = until("its port", || TcpListener::bind(at).ok());
        let _upstream = Upstream::on(listener, answer);
        more("answers from the new one", 200);
        MOOD.store(CUTTING, SeqCst);
        let end = Instant::now() + Duration::from_millis(500);
        until("half a second of cutting", || (Instant::now() > end).then_some(()));
        MOOD.store(WELL, SeqCst);
        more("answers after cutting", 200);
        MOOD.store(OVER, SeqCst);
    });
    until("closed again", || {
        get(gateway.at, "/a");
        (gateway.circuit("/{*rest}")["state"] == "closed").then_some(())
    });
    // Listeners, the runtime's own, kept connections to the upstream, and the one that asks.
    until("connections given back", || (gateway.descriptors() < 30).then_some(()));
}
