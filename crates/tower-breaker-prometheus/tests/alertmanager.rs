//! The route for the alerts: every alert goes somewhere, and Alertmanager's own tool takes the file.

use std::{path::Path, process::Command};

use crate::rules::alerts;

const ROUTE: &str = include_str!("../alertmanager.yml");

#[test]
fn every_alert_is_routed_and_only_alerts_that_exist_are_named() {
    let names: Vec<_> = alerts().iter().map(|alert| alert.lines().next().unwrap()).collect();
    let is_ours =
        |word: &&str| ["CircuitBreaker", "RetryBudget", "Bulkhead"].iter().any(|start| word.starts_with(start));
    let named: Vec<_> = ROUTE.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(is_ours).collect();
    // All circuits' at once, as a pattern.
    let is_matched = |name: &&str| named.contains(name) || name.starts_with("CircuitBreaker");
    assert!(names.iter().all(is_matched), "{names:?}");
    assert!(named.iter().all(|name| *name == "CircuitBreaker" || names.contains(name)), "{named:?}");
    for severity in ["critical", "warning", "info"] {
        assert!(ROUTE.contains(&format!("'severity = \"{severity}\"'")), "{severity}");
    }
}

fn amtool(arguments: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("amtool").args(arguments).current_dir(folder).output();
    let output = output.expect("amtool comes with the package `prometheus-alertmanager`");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "amtool {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
#[ignore = "needs amtool"]
fn the_route_is_valid() {
    amtool(&["check-config", "alertmanager.yml"]);
}

#[test]
#[ignore = "needs amtool"]
fn each_alert_goes_to_the_receiver_of_its_severity() {
    for alert in alerts() {
        let name = alert.lines().next().unwrap();
        let (_, severity) = alert.split_once("severity: ").unwrap();
        let severity = severity.lines().next().unwrap();
        let receiver = match severity {
            "critical" => "on-call",
            "warning" => "tickets",
            _ => "reminders",
        };
        let labels = [format!("alertname={name}"), format!("severity={severity}")];
        let file = "--config.file=alertmanager.yml";
        let said = amtool(&["config", "routes", "test", file, &labels[0], &labels[1]]);
        assert_eq!(said.trim(), receiver, "{name}");
    }
}
