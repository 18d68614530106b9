//! The guide's page on migrating: what it calls a field is one, and a document with the old name is told the new one.

use crate::refusal;

const PAGE: &str = include_str!("../../src/guide/migrating.md");

/// Source systems with a table of their own.
const SYSTEMS: [&str; 7] =
    ["resilience4j", "Polly", "Hystrix", "opossum", "pybreaker", "Envoy and Istio", "throttling at a gateway"];

const TABLES: [&str; 6] = ["", "circuit_breaker", "circuit_breaker.sliding_window", "retry", "bulkhead", "rate_limit"];

/// A row of a migration table: names there, fields here.
struct Row {
    system: &'static str,
    theirs: Vec<&'static str>,
    ours: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let sections = PAGE.split("\n# From ").skip(1);
    let rows = sections.flat_map(|section| {
        let (system, text) = section.split_once('\n').unwrap();
        let table = text.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        table.take_while(|line| line.starts_with('|')).map(move |line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let ["", theirs, ours, _, ""] = cells[..] else { panic!("three cells: {line}") };
            Row { system, theirs: code(theirs), ours: code(ours) }
        })
    });
    rows.collect()
}

/// What stands between backticks.
fn code(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// What is said of a field with a value that none has, in a table of a policy.
fn said(table: &str, field: &str) -> String {
    let dot = if table.is_empty() { "" } else { "." };
    refusal(&format!("[policies.default{dot}{table}]\n{field:?} = [[]]\n[[routes]]\npath = \"/\"\n"))
}

fn parts(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

#[test]
fn each_source_system_has_its_table() {
    let rows = rows();
    for system in SYSTEMS {
        let of_system = rows.iter().filter(|row| row.system == system);
        assert!(of_system.clone().count() >= 4, "{system}");
        assert!(of_system.clone().all(|row| !row.theirs.is_empty()), "{system}");
    }
    assert!(rows.iter().all(|row| SYSTEMS.contains(&row.system)));
}

#[test]
fn each_field_of_ours_in_the_tables_is_one() {
    for path in rows().iter().flat_map(|row| &row.ours) {
        let (table, field) = parts(path);
        let said = said(table, field);
        assert!(!said.contains("is unknown"), "{said}");
        // Where it stands is where it is refused, or what it lacks is.
        assert!(said.contains("policies.default."), "{said}");
    }
}

#[test]
fn each_name_of_theirs_is_answered_with_a_field_of_its_row() {
    for Row { theirs, ours, .. } in rows().iter().filter(|row| !row.ours.is_empty()) {
        for name in theirs.iter().map(|name| parts(name).1) {
            let told = ours.iter().any(|path| {
                let (table, field) = parts(path);
                let here = said(table, name);
                // A name that is ours too, with another meaning, is told where it is not.
                let elsewhere = said("circuit_breaker", name);
                name == field
                    || here.contains(&format!("did you mean {field:?}"))
                    || elsewhere.contains(&format!("did you mean {path:?} of the policy"))
            });
            assert!(told, "{name}, which is {ours:?}");
        }
    }
}

#[test]
fn each_name_of_theirs_without_a_field_is_told_why() {
    for name in rows().iter().filter(|row| row.ours.is_empty()).flat_map(|row| &row.theirs) {
        let name = parts(name).1;
        assert!(TABLES.iter().any(|table| said(table, name).contains("is unknown (no field: ")), "{name}");
    }
}
