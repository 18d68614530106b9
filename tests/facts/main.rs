//! The pages that claim something name the tests that prove it. Each of those is there, and is a test.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod wall_time;

use std::{collections::HashMap, fs, path::Path};

const PAGES: [&str; 2] = ["FACTS.md", "SECURITY.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The tests that a text names, as file and function.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::")).filter(is_test).collect()
}

/// Paths in code are no tests.
fn is_test((file, _): &(&str, &str)) -> bool {
    file.contains('/') && Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

/// Whether the source has a test of this name: the function, with an attribute of a test above it or in a macro of tests.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    lines.iter().enumerate().any(|(at, line)| {
        let is_function = line.strip_prefix("async ").unwrap_or(line).starts_with(&function);
        let attributes = lines[..at].iter().rev().take_while(|line| !line.is_empty() && !line.ends_with('}'));
        is_function
            && attributes.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

/// The claims of a page: rows of its tables that begin with a number.
fn claims(page: &str) -> Vec<(usize, &str)> {
    page.lines().filter_map(|line| Some((line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok()?, line))).collect()
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let mut sources = HashMap::new();
    let mut missing = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for (file, name) in named(&text) {
            let source = sources.entry(file.to_owned());
            let source = source.or_insert_with(|| fs::read_to_string(root().join(file)).unwrap_or_default());
            if !has_test(source, name) {
                missing.push(format!("{page}: {file}::{name}"));
            }
        }
    }
    assert!(missing.is_empty(), "named and not there:\n{}", missing.join("\n"));
}

#[test]
fn every_claim_has_its_number_and_a_test() {
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let claims = claims(&text);
        assert!(claims.len() >= 10, "{page} claims something");
        for (index, (number, line)) in claims.into_iter().enumerate() {
            assert_eq!(number, index + 1, "{page} counts its claims: {line}");
            assert!(!named(line).is_empty(), "{page}, {number}: nothing proves it");
        }
    }
}

#[test]
fn a_test_is_told_from_what_looks_like_one() {
    let source = "#[test]\nfn fact() {\n}\n\nfn helper() {\n}\n#[tokio::test]\n#[ignore = \"x\"]\nasync fn later() {}\n// fn gone() {\n";
    assert!(has_test(source, "fact") && has_test(source, "later"));
    assert!(!has_test(source, "helper") && !has_test(source, "gone") && !has_test(source, "fac"));
    assert_eq!(named("`a::b`, `x/y.rs::z` and `x/y.rs`"), [("x/y.rs", "z")]);
}
