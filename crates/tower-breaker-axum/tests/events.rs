//! Server-sent events. Time is paused: seconds pass only where a test says so.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Request, response::Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::{runtime::Builder, time::timeout};
use tower::ServiceExt;
use tower_breaker_core::{CircuitBreakerConfig, Mode, Outcome};

use crate::support::Shown;

/// Longer than anything is waited for, so that a test that fails does not hang.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Listening(Body);

impl Listening {
    pub(crate) async fn to(shown: &Shown, last: Option<&str>) -> Self {
        let response = listen(shown, last).await;
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (200.try_into().unwrap(), &"text/event-stream".parse().unwrap())
        );
        Self(response.into_body())
    }

    /// The next message: its name, its id, its data. `None`: the end.
    pub(crate) async fn next(&mut self) -> Option<(String, String, Value)> {
        let frame = timeout(PATIENCE, self.0.frame()).await.expect("a message");
        let frame = frame?.unwrap().into_data().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let text = text.strip_suffix("\n\n").unwrap();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        Some((field("event: "), field("id: "), serde_json::from_str(&field("data: ")).unwrap()))
    }

    pub(crate) async fn named(&mut self, name: &str) -> (String, Value) {
        let found = timeout(PATIENCE, async {
            loop {
                let (event, id, data) = self.next().await.unwrap();
                if event == name {
                    return (id, data);
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {name}"))
    }
}

pub(crate) async fn listen(shown: &Shown, last: Option<&str>) -> Response {
    let mut request = Request::get("/events");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    shown.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn first_all_circuits_then_what_changes() {
    let shown = Shown::new();
    let _ = (shown.circuits.get_or_create("idle"), shown.circuits.get_or_create("db"));
    let mut listening = Listening::to(&shown, None).await;
    let (event, _, all) = listening.next().await.unwrap();
    assert_eq!((event.as_str(), &all["version"], &all["operator"]), ("circuits", &json!(1), &json!(false)));
    assert_eq!(all["circuits"].as_array().unwrap().len(), 2);

    shown.trip("db");
    let (event, id, told) = listening.next().await.unwrap();
    assert_eq!(
        (event.as_str(), told[0]["circuit"].as_str(), told[0]["to"].as_str()),
        ("transitions", Some("db"), Some("open"))
    );
    assert_eq!((&told[0]["condition"], &told[0]["wait_seconds"]), (&json!("failures_in_row"), &json!(10.0)));
    assert!(id.ends_with("-1"), "{id}");

    let (_, summary) = listening.named("summary").await;
    assert_eq!((&summary["total"], &summary["open"], &summary["closed"]), (&json!(2), &json!(1), &json!(1)));
    let changed = summary["changed"].as_array().unwrap();
    assert_eq!(changed.iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), ["db"], "and no idle one");

    shown.circuits.remove("idle");
    assert_eq!(listening.named("summary").await.1["gone"], json!([{ "set": "upstreams", "name": "idle" }]));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_transitions_at_once_are_a_few_messages() {
    let shown = Shown::new();
    let mut listening = Listening::to(&shown, None).await;
    listening.named("circuits").await;
    for number in 0..1_000 {
        shown.trip(&number.to_string());
    }
    let (_, told) = listening.named("transitions").await;
    assert_eq!(told.as_array().unwrap().len(), 256, "the last ones");
    assert_eq!(listening.next().await.unwrap().0, "summary");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_is_told_what_it_missed_and_no_more() {
    let shown = Shown::new();
    shown.trip("before");
    let mut listening = Listening::to(&shown, None).await;
    let (id, told) = listening.named("transitions").await;
    assert_eq!(told.as_array().unwrap().len(), 1, "from before anybody listened");
    drop(listening);
    shown.trip("meanwhile");
    let mut listening = Listening::to(&shown, Some(&id)).await;
    let (_, told) = listening.named("transitions").await;
    assert_eq!((told.as_array().unwrap().len(), &told[0]["circuit"]), (1, &json!("meanwhile")));
    for nonsense in ["", "1", "x-1", "1-1", "--", "99999999999999999999-1"] {
        let mut listening = Listening::to(&shown, Some(nonsense)).await;
        assert_eq!(listening.named("transitions").await.1.as_array().unwrap().len(), 2, "{nonsense}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_once_nobody_listens() {
    let shown = Shown::new();
    let looks = Arc::new(());
    let listening = Listening::to(&shown, None).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(metrics.num_alive_tasks(), 1);
    let second = Listening::to(&shown, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(metrics.num_alive_tasks(), 1, "one for all who listen");
    drop((listening, second, looks));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(metrics.num_alive_tasks(), 0);
    let mut again = Listening::to(&shown, None).await;
    assert_eq!(again.next().await.unwrap().0, "circuits");
}

#[test]
fn who_listens_once_the_runtime_of_those_before_has_ended_is_told() {
    let shown = Shown::new();
    let runtime = || Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    shown.trip("db");
    let before = runtime();
    let mut listening = before.block_on(Listening::to(&shown, None));
    before.block_on(listening.named("transitions"));
    drop(before);
    runtime().block_on(async {
        assert_eq!(Listening::to(&shown, None).await.next().await.unwrap().0, "circuits");
        assert_eq!(listening.next().await.unwrap().0, "summary", "and nothing twice");
    });
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_is_told_how_circuits_are_by_then() {
    let shown = Shown::new();
    let _idle = shown.circuits.get_or_create("idle");
    let _first = Listening::to(&shown, None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    shown.clock.advance(Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (_, all) = Listening::to(&shown, None).await.named("circuits").await;
    assert_eq!(all["circuits"][0]["state_age_seconds"], 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_summary_counts_the_circuits_in_each_state() {
    let shown = Shown::new();
    shown.trip("probed");
    shown.clock.advance(Duration::from_secs(10));
    let _probe = shown.circuits.get_or_create("probed").try_acquire().unwrap();
    ["one", "two"].into_iter().for_each(|name| shown.trip(name));
    ["three", "four", "five"].into_iter().for_each(|name| drop(shown.circuits.get_or_create(name)));
    let (_, summary) = Listening::to(&shown, None).await.named("summary").await;
    let counts = ["total", "closed", "open", "half_open"].map(|state| summary[state].as_u64().unwrap());
    assert_eq!(counts, [6, 3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_is_told_of_again_whatever_has_changed() {
    let shown = Shown::new();
    let circuit = shown.circuits.get_or_create("db");
    circuit.reconfigure(CircuitBreakerConfig::default());
    let mut listening = Listening::to(&shown, None).await;
    listening.named("circuits").await;
    let changes: [(&str, &dyn Fn(), Value); 4] = [
        ("calls", &|| circuit.try_acquire().unwrap().record(Outcome::Success), json!(1)),
        ("calls_in_window", &|| shown.clock.advance(Duration::from_secs(60)), json!(0)),
        ("enforcement", &|| circuit.set_enforcement(0.5).unwrap(), json!(0.5)),
        ("mode", &|| circuit.set_mode(Mode::Observe), json!("observe")),
    ];
    for (field, change, value) in changes {
        assert_eq!(listening.named("summary").await.1["changed"], json!([]), "nothing but time");
        change();
        let (_, summary) = listening.named("summary").await;
        assert_eq!(summary["changed"][0][field], value, "{field} in {summary}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_anybody_is_told_is_told_to_a_hundred_in_one_message() {
    let shown = Shown::new();
    let stuck: Vec<Response> = futures(&shown).await;
    for _ in 0..10_000 {
        shown.trip("db");
        shown.circuits.reset("db");
    }
    // Nothing was told yet: all of that happened without the task that tells.
    let mut first = stuck.into_iter().next().map(|response| Listening(response.into_body())).unwrap();
    assert_eq!(first.next().await.unwrap().0, "circuits");
    let (_, told) = first.named("transitions").await;
    assert_eq!(told.as_array().unwrap().len(), 256);
}

async fn futures(shown: &Shown) -> Vec<Response> {
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(listen(shown, None).await);
    }
    assert!(all.iter().all(|response| response.status() == 200));
    assert_eq!(listen(shown, None).await.status(), 503);
    all
}
