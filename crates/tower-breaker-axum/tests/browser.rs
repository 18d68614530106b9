//! The page in a real Chromium, driven through chromedriver.

mod driver;
mod hands;
mod late;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::{CircuitBreakerConfig, Circuits, Outcome};

use self::driver::Browser;
use crate::support::TOKEN;

const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(1)</script>";
const PATIENCE: Duration = Duration::from_secs(20);

/// The router on a port of its own, nested as users may.
fn serve(circuits: &Circuits) -> (tokio::runtime::Runtime, String) {
    serve_at("127.0.0.1:0", CircuitRoutes::new().circuits(circuits.clone()))
}

fn serve_at(at: &str, routes: CircuitRoutes) -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let router = routes.operator_token(TOKEN).unwrap().into_router();
    let listener = runtime.block_on(tokio::net::TcpListener::bind(at)).unwrap();
    let url = format!("http://{}/admin/circuits", listener.local_addr().unwrap());
    let app = axum::Router::new().nest("/admin/circuits", router);
    runtime.spawn(async { axum::serve(listener, app).await });
    (runtime, url)
}

fn within(what: &str, most: Duration, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < most, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn trip(circuits: &Circuits, name: &str) {
    for _ in 0..3 {
        circuits.get_or_create(name).try_acquire().unwrap().record(Outcome::Failure);
    }
}

fn circuits() -> Circuits {
    let config = CircuitBreakerConfig::builder().failure_threshold(3).build().unwrap();
    Circuits::builder().name("upstreams").config(config).build()
}

const STATE: &str =
    "return [...document.querySelectorAll('.tile')].find(t => t.dataset.name === arguments[0])?.dataset.state";

#[test]
#[ignore = "needs Chromium"]
fn the_page_shows_a_trip_and_an_operator_acts_on_it() {
    let circuits = circuits();
    let _ = (circuits.get_or_create("db"), circuits.get_or_create(HOSTILE), circuits.get_or_create("."));
    let (_runtime, url) = serve(&circuits);
    let browser = Browser::open(&url);
    let state = |name: &str| browser.run(STATE, &json!([name]));
    within("three tiles", PATIENCE, || {
        browser.run("return document.querySelectorAll('.tile').length", &json!([])) == 3
    });
    assert_eq!(state("db"), "closed");
    assert_eq!(state(HOSTILE), "closed");
    trip(&circuits, "db");
    within("the trip", PATIENCE, || state("db") == "open");
    assert_eq!(browser.run("return document.querySelector('.tile').dataset.name", &json!([])), "db", "sick ones first");
    within("it is said", PATIENCE, || {
        browser.run("return document.getElementById('live').textContent", &json!([]))
            == "db opened: too many failures in a row"
    });

    browser.run("document.getElementById('lock').click(); document.getElementById('ask-value').value = arguments[0]; document.getElementById('ask-yes').click()", &json!([TOKEN]));
    within("the buttons", PATIENCE, || {
        browser.run("return !document.querySelector('.acts').hidden", &json!([])) == true
    });
    let press = "[...document.querySelectorAll('.tile')].find(t => t.dataset.name === arguments[0]).querySelector('[data-act=\"force-open\"]').click(); \
        return document.getElementById('ask').open";
    assert_eq!(browser.run(press, &json!([HOSTILE])), true, "it asks first");
    assert_eq!(circuits.snapshot(HOSTILE).unwrap().mode.as_str(), "enforce");
    browser.run("document.getElementById('ask-yes').click()", &json!([]));
    within("it is forced open", PATIENCE, || circuits.snapshot(HOSTILE).unwrap().mode.as_str() == "forced_open");
    within("the page says so", PATIENCE, || state(HOSTILE) == "open");
    assert_eq!(browser.run(press, &json!(["."])), false, "the path of this one would be another");

    assert_eq!(
        browser.run("return document.querySelectorAll('.tile img, .tile script, .line img').length", &json!([])),
        0
    );
    assert_eq!(browser.log("browser"), Vec::<Value>::new(), "nothing on the console");
    let origin = url.strip_suffix("/admin/circuits").unwrap();
    let asked = browser.requests();
    assert!(asked.iter().any(|asked| asked.ends_with("/events")), "{asked:?}");
    for asked in asked {
        assert!(asked.starts_with(origin) || asked.starts_with("data:"), "{asked}");
    }
}

#[test]
#[ignore = "needs Chromium"]
fn thousands_of_circuits_are_a_few_tiles_and_a_filter() {
    let circuits = circuits();
    (0..3_000).for_each(|number| drop(circuits.get_or_create(&format!("tenant-{number}"))));
    let (runtime, url) = serve(&circuits);
    let browser = Browser::open(&url);
    within("some tiles", PATIENCE, || {
        browser.run("return document.querySelectorAll('.tile').length", &json!([])) == 60
    });
    trip(&circuits, "tenant-2999");
    within("the sick one", PATIENCE, || {
        browser.run("return document.querySelector('.tile').dataset.name", &json!([])) == "tenant-2999"
    });
    // What a browser is slow at: tiles that come and go. Those that stay do neither.
    let filter = "const f = document.getElementById('filter'), watch = new MutationObserver(() => {}); \
        watch.observe(document.getElementById('tiles'), { childList: true }); \
        f.value = 'tenant-150'; f.dispatchEvent(new Event('input')); f.dispatchEvent(new Event('input')); \
        const records = watch.takeRecords(), all = of => records.reduce((sum, it) => sum + it[of].length, 0); \
        return [document.querySelectorAll('.tile').length, all('addedNodes'), all('removedNodes')]";
    assert_eq!(browser.run(filter, &json!([])), json!([11, 11, 60]));
    runtime.shutdown_background();
    within("it says that it is cut off", PATIENCE, || {
        browser.run("return document.getElementById('link').dataset.is", &json!([])) == "lost"
    });
}
