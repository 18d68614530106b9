//! A page that is opened while another is.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::Outcome;

use super::{PATIENCE, circuits, driver::Browser, serve_at, trip, within};

const EVERY: Duration = Duration::from_secs(3);

/// One who listens at this page's address.
fn listen(url: &str) -> impl Iterator<Item = String> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /{path}/events HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    BufReader::new(stream).lines().map(Result::unwrap)
}

#[test]
#[ignore = "needs Chromium"]
fn a_page_opened_late_in_an_interval_shows_the_rate_and_the_states_of_now() {
    let circuits = circuits();
    let (steady, _) = (circuits.get_or_create("steady"), circuits.get_or_create("db"));
    let (runtime, url) = serve_at("127.0.0.1:0", CircuitRoutes::new().circuits(circuits.clone()).summary_every(EVERY));
    let began = Instant::now();
    runtime.spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(20));
        loop {
            every.tick().await;
            steady.try_acquire().unwrap().record(Outcome::Success);
        }
    });
    let browser = Browser::open("data:,");
    let mut first = listen(&url);
    for event in ["event: circuits", "event: summary"] {
        assert!(first.any(|line| line == event), "{event}");
    }
    trip(&circuits, "db");
    thread::sleep(EVERY * 4 / 5);
    browser.run("location = arguments[0]", &json!([url]));
    let tile = |name: &str, of: &str| {
        let script = "return [...document.querySelectorAll('.tile')].find(t => t.dataset.name === arguments[0])?.querySelector(arguments[1]).textContent";
        browser.run(script, &json!([name, of])).as_str().unwrap_or_default().to_owned()
    };
    within("the first look", PATIENCE, || !tile("db", ".state").is_empty());
    assert_eq!(tile("db", ".state"), "Open");
    within("a rate", PATIENCE, || !matches!(tile("steady", ".c").as_str(), "" | "0"));
    let told: f64 = tile("steady", ".c").parse().unwrap();
    let made = circuits.snapshot("steady").unwrap().totals.successes;
    let real = f64::from(u32::try_from(made).unwrap()) / began.elapsed().as_secs_f64();
    // Counts that are older than the message says would make it five times as many. A machine that stands still for a second
    // makes it some more, too.
    assert!(told < real * 4.0, "{told} a second are shown and {real} are made");
}
