//! What one is told who begins to listen between two looks. Time is paused: seconds pass only where a test says so.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tower_breaker_core::{Mode, Outcome};

use crate::{events::Listening, support::Shown};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn who_comes_later_is_told_the_calls_of_the_last_look_and_when_that_was() {
    let shown = Shown::with(|routes| routes.summary_every(MINUTE));
    let circuit = shown.circuits.get_or_create("db");
    let mut first = Listening::to(&shown, None).await;
    let (_, before) = first.named("circuits").await;
    (0..5).for_each(|_| circuit.try_acquire().unwrap().record(Outcome::Success));
    // The clock on the wall is no part of the paused time.
    let told = before["at"].as_u64().unwrap();
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    while now() < u128::from(told) + 5 {
        std::hint::spin_loop();
    }
    let mut later = Listening::to(&shown, None).await;
    let (_, whole) = later.named("circuits").await;
    let row = |told: &Value, list: &str| told[list][0]["calls"].clone();
    assert_eq!((&whole["at"], row(&whole, "circuits")), (&before["at"], json!(0)));
    let (_, summary) = later.named("summary").await;
    assert!(summary["at"].as_u64().unwrap() >= told + 5, "{summary}");
    assert_eq!(row(&summary, "changed"), 5, "five calls since that time");
    // Nobody was told more often for it.
    assert_eq!(first.named("summary").await.1, summary);
}

#[tokio::test(start_paused = true)]
async fn the_states_waits_and_ages_told_to_one_who_comes_later_are_those_of_now() {
    let shown = Shown::with(|routes| routes.summary_every(MINUTE));
    let _ = (shown.circuits.get_or_create("a"), shown.circuits.get_or_create("b"));
    let mut first = Listening::to(&shown, None).await;
    first.named("circuits").await;
    let pass = async |seconds| {
        shown.clock.advance(Duration::from_secs(seconds));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    };
    pass(5).await;
    shown.trip("b");
    // It has heard of it, so it is not told of it again.
    let (id, _) = first.named("transitions").await;
    for (passed, state, age, remaining, is_ready) in
        [(4, "open", 4.0, json!(6.0), false), (5, "open", 9.0, json!(1.0), false), (3, "open", 12.0, json!(0.0), true)]
    {
        pass(passed).await;
        let (_, mut whole) = Listening::to(&shown, Some(&id)).await.named("circuits").await;
        whole["circuits"].as_array_mut().unwrap().sort_by_key(|row| row["name"].to_string());
        let [closed, b] = [&whole["circuits"][0], &whole["circuits"][1]];
        assert_eq!(
            [&b["state"], &b["state_age_seconds"], &b["remaining_seconds"]],
            [&json!(state), &json!(age), &remaining]
        );
        assert_eq!([&b["ready_to_probe"], &b["condition"]], [&json!(is_ready), &json!("failures_in_row")]);
        assert_eq!((&closed["state"], &closed["state_age_seconds"]), (&json!("closed"), &json!(age + 5.0)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_was_told_who_came_between_two_looks_is_taken_back_by_the_second() {
    let shown = Shown::with(|routes| routes.summary_every(MINUTE));
    let circuit = shown.circuits.get_or_create("db");
    let _ = shown.circuits.get_or_create("idle");
    let _first = Listening::to(&shown, None).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    circuit.set_mode(Mode::Observe);
    let mut later = Listening::to(&shown, None).await;
    let (_, whole) = later.named("circuits").await;
    assert!(whole["circuits"].as_array().unwrap().iter().any(|row| row["mode"] == "observe"), "{whole}");
    circuit.set_mode(Mode::Enforce);
    let (_, summary) = later.named("summary").await;
    let told: Vec<_> = summary["changed"].as_array().unwrap().iter().map(|row| (&row["name"], &row["mode"])).collect();
    assert_eq!(told, [(&json!("db"), &json!("enforce"))]);
    assert_eq!(later.named("summary").await.1["changed"], json!([]), "and once");
}

#[tokio::test(start_paused = true)]
async fn one_that_came_and_went_between_two_looks_is_not_told() {
    let shown = Shown::with(|routes| routes.summary_every(MINUTE));
    let _first = Listening::to(&shown, None).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // No summary would ever say that it is gone.
    let _ = shown.circuits.get_or_create("brief");
    let mut later = Listening::to(&shown, None).await;
    assert_eq!(later.named("circuits").await.1["circuits"], json!([]));
    shown.circuits.remove("brief");
    assert_eq!(later.named("summary").await.1["gone"], json!([]));
}
