//! Prometheus' own tool about the names, the alerts and their cases.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::rules::page;

/// Runs promtool in the folder of this crate.
fn promtool(arguments: &[&str], input: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool comes with the package `prometheus`");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

#[test]
#[ignore = "needs promtool"]
fn a_scrape_has_names_and_kinds_as_they_should_be() {
    promtool(&["check", "metrics"], &page().text);
}

#[test]
#[ignore = "needs promtool"]
fn the_alerts_are_valid() {
    promtool(&["check", "rules", "alerts.yml"], "");
}

#[test]
#[ignore = "needs promtool"]
fn the_alerts_fire_and_resolve_and_leave_idle_circuits_alone() {
    promtool(&["test", "rules", "tests/alerts_test.yml"], "");
}
