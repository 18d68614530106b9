//! The dashboard and the alerts ask for what a scrape really has.

use std::collections::BTreeSet;

use serde_json::Value;
use tower_breaker_core::{ManualClock, Outcome};
use tower_breaker_prometheus::CircuitBreakerCollector;

use crate::{
    page::{Page, registered},
    scrape::{circuits, end, stages},
};

const ALERTS: &str = include_str!("../alerts.yml");
const CASES: &str = include_str!("alerts_test.yml");
const DASHBOARD: &str = include_str!("../dashboards/grafana.json");

/// A scrape with a circuit and every kind of stage.
pub(crate) fn page() -> Page {
    let circuits = circuits(&ManualClock::new());
    let (figures, _stages, _bulkhead) = stages();
    let collector = CircuitBreakerCollector::builder().circuits(&circuits).figures("upstreams", &figures);
    end(&circuits, "orders", Outcome::Failure, 3);
    Page::scrape(&registered(collector))
}

/// Every metric of ours that a text names, with what stands in the braces behind it.
pub(crate) fn queried(text: &str) -> BTreeSet<(String, String)> {
    let ours = |at: &usize| !text[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    let starts = ["circuit_breaker_", "resilience_"].into_iter().flat_map(|start| text.match_indices(start));
    let named = starts.map(|(at, _)| at).filter(ours).map(|at| {
        let rest = &text[at..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let matchers =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(matchers, _)| matchers);
        (name.to_owned(), matchers.to_owned())
    });
    named.collect()
}

fn strings(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| strings(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
        _ => (),
    }
}

fn dashboard() -> (Value, Vec<String>) {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    strings(&dashboard, "expr", &mut queries);
    strings(&dashboard["templating"], "query", &mut queries);
    (dashboard, queries)
}

pub(crate) fn alerts() -> Vec<&'static str> {
    ALERTS.split("- alert: ").skip(1).collect()
}

pub(crate) fn assert_scraped(text: &str) {
    let page = page();
    for (name, matchers) in queried(text) {
        let series: Vec<_> = page.of(&name, &[]).collect();
        assert!(!series.is_empty(), "{name} is queried and not scraped");
        for matcher in matchers.split(',').filter(|matcher| !matcher.is_empty()) {
            let (label, value) = matcher.split_once(['=', '~']).unwrap();
            let value = value.trim_matches(['~', '"']);
            let has = |(series, _): &(&crate::page::Series, f64)| {
                series.1.get(label).is_some_and(|it| value.starts_with('$') || it == value)
            };
            assert!(series.iter().any(has), "{name}{{{matcher}}} is queried and not scraped");
        }
    }
}

#[test]
fn the_alerts_ask_for_what_is_scraped() {
    assert!(queried(ALERTS).len() > 10, "{:?}", queried(ALERTS));
    assert_scraped(ALERTS);
}

#[test]
fn the_dashboard_asks_for_what_is_scraped() {
    let (_, queries) = dashboard();
    assert!(queries.len() > 30, "{queries:?}");
    queries.iter().for_each(|query| assert_scraped(query));
}

#[test]
fn the_dashboard_shows_every_metric_there_is() {
    let (_, queries) = dashboard();
    let shown: BTreeSet<_> = queries.iter().flat_map(|query| queried(query)).map(|(name, _)| name).collect();
    let scraped: BTreeSet<_> = page().kinds.into_keys().collect();
    let missing: Vec<_> = scraped.difference(&shown).collect();
    // The sum of what is shown by outcome; the whole of what is shown as remaining.
    assert_eq!(missing, ["circuit_breaker_calls_total", "circuit_breaker_open_wait_seconds"]);
}

#[test]
fn closed_is_green_open_red_and_half_open_yellow() {
    let (dashboard, _) = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let timeline = panels.iter().find(|panel| panel["type"] == "state-timeline").unwrap();
    let states = &timeline["fieldConfig"]["defaults"]["mappings"][0]["options"];
    let colours = ["0", "1", "2"].map(|state| states[state]["color"].as_str().unwrap());
    assert_eq!(colours, ["green", "red", "yellow"]);
    let texts = ["0", "1", "2"].map(|state| states[state]["text"].as_str().unwrap());
    assert_eq!(texts, ["closed", "open", "half-open"]);
}

#[test]
fn panels_have_ids_of_their_own_say_what_they_show_and_do_not_overlap() {
    let (dashboard, _) = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        assert!(panel["type"] == "row" || !panel["description"].as_str().unwrap().is_empty(), "{}", panel["title"]);
        let place = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        for (x, y) in (0..place[2]).flat_map(|x| (0..place[3]).map(move |y| (place[0] + x, place[1] + y))) {
            assert!(x < 24 && cells.insert((x, y)), "{} overlaps at {x}, {y}", panel["title"]);
        }
    }
}

#[test]
fn each_alert_has_a_severity_says_what_to_do_and_has_cases_that_fire_and_that_do_not() {
    assert_eq!(alerts().len(), 9);
    for alert in alerts() {
        let name = alert.lines().next().unwrap();
        let severity = ["critical", "warning", "info"].iter().filter(|it| alert.contains(&format!("severity: {it}\n")));
        assert_eq!(severity.count(), 1, "{name}");
        assert!(alert.contains("summary: ") && alert.contains("description: >-\n"), "{name}");
        let cases: Vec<_> = CASES.split(&format!("alertname: {name}")).skip(1).collect();
        let (silent, firing): (Vec<&str>, Vec<_>) =
            cases.into_iter().partition(|case| case.trim_start_matches([',', '\n', ' ']).starts_with("exp_alerts: []"));
        assert!(!silent.is_empty() && !firing.is_empty(), "{name}: {} silent, {} firing", silent.len(), firing.len());
    }
}
