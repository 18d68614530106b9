//! The pages for people on call and for adopters name what there is.

use std::{collections::BTreeSet, fs, path::Path};

use crate::rules::{alerts, assert_scraped, page};

const RUNBOOK: &str = include_str!("../src/runbook.md");
const DASHBOARD: &str = include_str!("../dashboards/grafana.json");

/// The page and the other two, which are of the crate `tower-breaker`.
fn pages() -> Vec<(&'static str, String)> {
    let read = |file: &'static str| (file, workspace(file));
    let guide = ["crates/tower-breaker/src/guide/tuning.md", "crates/tower-breaker/src/guide/checklist.md"];
    guide.into_iter().map(read).chain([("runbook.md", RUNBOOK.to_owned())]).collect()
}

fn workspace(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What stands between single backticks, outside of code blocks.
fn spans(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// A word such as `open_duration`, alone, before ` = ` or before a colon of a value.
fn name(span: &str) -> Option<&str> {
    let end = span.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_').unwrap_or(span.len());
    let (word, rest) = span.split_at(end);
    let is_name = word.contains('_') && !word.starts_with('_') && (rest.is_empty() || rest.starts_with(" = "));
    is_name.then_some(word)
}

/// The first cells of the tables of settings in the documentation, and the fields of the JSON documents.
fn settings() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for file in ["retry.rs", "bulkhead.rs", "rate_limit.rs"] {
        rows(&workspace(&format!("crates/tower-breaker/src/routes/settings/{file}")), &mut known);
    }
    rows(&workspace("crates/tower-breaker-core/src/config/mod.rs"), &mut known);
    for file in ["circuit.rs", "health.rs"] {
        let text = workspace(&format!("crates/tower-breaker-axum/src/json/{file}"));
        let fields = text.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(": "));
        known.extend(fields.map(|(field, _)| field.to_owned()));
    }
    // Of a policy, of a fallback's layer, of a stack; values of a state, a mode, a refusal and a retry.
    let words = ["attempt_timeout", "fallback_timeout", "or_when", "forced_open", "half_open", "over_budget"];
    known.extend(words.map(str::to_owned));
    known
}

fn rows(text: &str, known: &mut BTreeSet<String>) {
    let cells = text.lines().filter_map(|line| line.strip_prefix("/// | `")?.split_once('`'));
    known.extend(cells.map(|(field, _)| field.to_owned()));
}

#[test]
fn each_alert_has_its_section_and_each_section_its_alert() {
    let (_, sections) = RUNBOOK.split_once("\n# The alerts\n").unwrap();
    let (sections, _) = sections.split_once("\n# ").unwrap();
    let titles: Vec<_> = sections.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    let names: Vec<_> = alerts().iter().map(|alert| alert.lines().next().unwrap()).collect();
    assert_eq!(titles, names);
    for section in sections.split("\n## ").skip(1) {
        for part in ["*Means:*", "*Look at:*", "*Do:*", "*Over:*"] {
            assert_eq!(section.matches(part).count(), 1, "{part} of {}", section.lines().next().unwrap());
        }
    }
}

#[test]
fn the_drill_brings_about_every_alert() {
    let (_, drill) = RUNBOOK.split_once("\n# A drill\n").unwrap();
    for alert in alerts() {
        let row = format!("\n| `{}` | ", alert.lines().next().unwrap());
        assert!(drill.contains(&row), "{row}");
    }
}

#[test]
fn the_pages_name_metrics_that_are_scraped() {
    // But for the lines of a page that the drill writes by hand.
    let is_real = |line: &&str| !["\"drill\"", "past", "# TYPE"].iter().any(|mark| line.contains(mark));
    for (_, text) in pages() {
        assert_scraped(&text.lines().filter(is_real).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn the_pages_name_settings_and_fields_that_there_are() {
    let settings = settings();
    assert!(settings.contains("open_duration_multiplier") && settings.contains("ready_to_probe"), "{settings:?}");
    let scraped: BTreeSet<_> = page().kinds.into_keys().collect();
    let mut seen = 0;
    for (file, text) in pages() {
        for name in spans(&text).into_iter().filter_map(name) {
            assert!(settings.contains(name) || scraped.contains(name), "{file} names `{name}`");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_runbook_names_panels_that_the_dashboard_has() {
    // A name may run over the end of a line.
    let text = RUNBOOK.split_whitespace().collect::<Vec<_>>().join(" ");
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|prose| prose.split('"').skip(1).step_by(2));
    let panels: Vec<_> = quoted.filter(|quoted| quoted.starts_with(char::is_uppercase)).collect();
    assert!(panels.len() > 10, "{panels:?}");
    for panel in panels {
        assert!(DASHBOARD.contains(&format!("\"title\": \"{panel}\"")), "{panel}");
    }
}
