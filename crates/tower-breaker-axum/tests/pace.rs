//! How much a listener is told, and when. Time is paused: seconds pass only where a test says so.

use std::time::Duration;

use serde_json::json;
use tower_breaker_core::Outcome;

use crate::{
    events::{Listening, listen},
    support::{Shown, TOKEN},
};

#[tokio::test(start_paused = true)]
async fn one_who_does_not_read_loses_its_place_and_its_queue() {
    let shown = Shown::with(|routes| routes.max_listeners(1));
    let circuit = shown.circuits.get_or_create("db");
    let mut stuck = Listening::to(&shown, None).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(listen(&shown, None).await.status(), 503, "the place is taken");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut other = Listening::to(&shown, None).await;
    assert!(stuck.next().await.is_none(), "what it did not read is gone");
    assert_eq!(other.next().await.unwrap().0, "circuits");
    drop(circuit);
}

#[tokio::test(start_paused = true)]
async fn a_few_large_messages_are_too_many_as_well() {
    let shown = Shown::new();
    let long = "x".repeat(1_500_000);
    let mut stuck = Listening::to(&shown, None).await;
    for _ in 0..4 {
        shown.trip(&long);
        shown.circuits.reset(&long);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert!(stuck.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_who_reads_a_message_and_stops_may_keep_no_more_than_others() {
    let shown = Shown::new();
    let long = "x".repeat(1_000_000);
    let mut stuck = Listening::to(&shown, None).await;
    stuck.named("circuits").await;
    let three_megabytes = async || {
        for _ in 0..3 {
            shown.circuits.get_or_create(&long).try_acquire().unwrap().record(Outcome::Success);
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
    };
    three_megabytes().await;
    stuck.named("summary").await;
    three_megabytes().await;
    assert!(stuck.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_who_reads_may_be_told_any_amount_and_one_message_of_any_size() {
    let shown = Shown::new();
    let long = ["a", "b", "c", "d", "e"].map(|letter| letter.repeat(1_000_000));
    long.iter().for_each(|name| drop(shown.circuits.get_or_create(name)));
    let mut listening = Listening::to(&shown, None).await;
    assert_eq!(listening.named("circuits").await.1["circuits"].as_array().unwrap().len(), 5, "5 MB in one");
    for _ in 0..8 {
        shown.trip(&long[0]);
        // Both messages of the second wait before the first is read.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        listening.named("transitions").await;
        assert_eq!(listening.named("summary").await.1["open"], 1);
        shown.circuits.reset(&long[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn each_transition_is_told_once_whenever_a_listener_comes() {
    for turns in 0..12 {
        let shown = Shown::new();
        let _ = shown.circuits.get_or_create("other");
        let _first = Listening::to(&shown, None).await;
        // As the task that tells begins its look, and somewhere within it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        shown.trip("db");
        let mut listening = Listening::to(&shown, None).await;
        let mut times = 0;
        for _ in 0..4 {
            let (event, _, data) = listening.next().await.unwrap();
            times += if event == "transitions" { data.as_array().unwrap().len() } else { 0 };
        }
        assert_eq!(times, 1, "after {turns} turns");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_told_again_where_it_ends_otherwise_than_was_told_and_not_once_it_is_over() {
    let shown = Shown::new();
    shown.trip("db");
    let mut listening = Listening::to(&shown, None).await;
    listening.named("circuits").await;
    for _ in 0..3 {
        // The clock of the circuits stands still, so the end moves away.
        let (_, summary) = listening.named("summary").await;
        assert_eq!(summary["changed"][0]["remaining_seconds"], 10.0, "{summary}");
    }
    shown.clock.advance(Duration::from_secs(10));
    let (_, summary) = listening.named("summary").await;
    assert_eq!(summary["changed"][0]["ready_to_probe"], true, "{summary}");
    for _ in 0..3 {
        let (_, summary) = listening.named("summary").await;
        assert_eq!((&summary["changed"], &summary["open"]), (&json!([]), &json!(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn newcomers_and_transitions_do_not_wait_for_the_next_summary() {
    let minute = Duration::from_secs(60);
    let shown = Shown::with(|routes| routes.summary_every(minute).operator_token(TOKEN).unwrap());
    let mut first = Listening::to(&shown, None).await;
    first.named("circuits").await;
    let start = tokio::time::Instant::now();
    let (_, all) = Listening::to(&shown, None).await.named("circuits").await;
    assert_eq!((&all["interval_seconds"], &all["operator"]), (&json!(60.0), &json!(true)));
    shown.trip("db");
    first.named("transitions").await;
    assert!(start.elapsed() < minute / 10, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn transitions_shortly_after_each_other_are_one_message() {
    let shown = Shown::new();
    let mut listening = Listening::to(&shown, None).await;
    listening.named("circuits").await;
    shown.trip("one");
    tokio::time::sleep(Duration::from_millis(20)).await;
    shown.trip("two");
    assert_eq!(listening.named("transitions").await.1.as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_later_little_by_little_is_told_again_once_it_is_off_by_a_quarter_of_a_second() {
    let shown = Shown::new();
    shown.trip("db");
    let mut listening = Listening::to(&shown, None).await;
    listening.named("circuits").await;
    let mut told = Vec::new();
    for _ in 0..6 {
        shown.clock.advance(Duration::from_millis(900));
        told.push(listening.named("summary").await.1["changed"].as_array().unwrap().len());
    }
    assert_eq!(told, [0, 0, 1, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_summary_comes_no_more_often_than_ten_times_a_second_and_at_least_once_a_minute() {
    for (asked, told) in
        [(Duration::ZERO, Duration::from_millis(100)), (Duration::from_secs(3_600), Duration::from_secs(60))]
    {
        let shown = Shown::with(|routes| routes.summary_every(asked));
        let mut listening = Listening::to(&shown, None).await;
        let (_, all) = listening.named("circuits").await;
        assert_eq!(all["interval_seconds"], told.as_secs_f64());
        listening.named("summary").await;
        let start = tokio::time::Instant::now();
        listening.named("summary").await;
        let (took, told) = (start.elapsed(), told);
        assert!(took >= told && took < told + Duration::from_millis(20), "{took:?}");
    }
}
