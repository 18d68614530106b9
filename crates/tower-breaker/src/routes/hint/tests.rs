use super::*;
use crate::routes::{NoExtra, RoutesConfig};

/// What is said of a field in a table of this level, by the whole of what reads a document.
fn said(level: Level, field: &str) -> String {
    let route = if level == Level::Route { format!("{field:?} = []\n") } else { String::new() };
    let document = match level.way() {
        Some("") => format!("[policies.default]\n{field:?} = []\n"),
        Some(way) => format!("[policies.default.{}]\n{field:?} = []\n", way.trim_end_matches('.')),
        None if level == Level::Document => format!("{field:?} = 3\n"),
        None => "policies.default = {}\n".to_owned(),
    };
    let document = format!("{document}[[routes]]\npath = \"/\"\n{route}");
    match RoutesConfig::<NoExtra>::from_toml(&document) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.problem().to_owned(),
    }
}

#[test]
fn each_level_lists_the_fields_that_are_really_read_there() {
    for level in Level::ALL {
        let said = said(level, "~");
        assert_eq!(said, format!("is unknown; accepted: {}", level.fields().join(", ")), "{level:?}");
    }
}

#[test]
fn each_name_from_abroad_leads_to_a_field_there_is() {
    for row in Abroad::all() {
        let Some(field) = row.field else {
            assert!(!row.remark.is_empty(), "{row:?}");
            continue;
        };
        assert!(row.level.fields().contains(&field), "{row:?}");
        // A policy has a timeout, so this one is told in its tables alone.
        let is_ours = row.level.fields().contains(&row.name) && row.name != "timeout";
        assert!(!is_ours, "{row:?} could never be told");
    }
}

#[test]
fn each_name_from_abroad_is_told_in_all_ways_of_writing_it() {
    for row in Abroad::all().filter(|row| !row.level.fields().contains(&row.name)) {
        let hint = format!("is unknown ({}); accepted: ", row.told(row.level));
        for name in [row.name.to_owned(), words(row.name, '_'), words(row.name, '-'), pascal(row.name)] {
            // Some are ours in another way of writing, as `rate_limit` of a policy.
            if row.level.fields().contains(&name.as_str()) {
                continue;
            }
            let said = said(row.level, &name);
            assert!(said.starts_with(&hint), "{name}: {said}");
        }
    }
}

#[test]
fn no_name_from_abroad_stands_twice_at_a_level() {
    let rows: Vec<_> = Abroad::all().collect();
    for (at, row) in rows.iter().enumerate() {
        let twice = rows[..at].iter().find(|other| other.level == row.level && plain(other.name) == plain(row.name));
        assert!(twice.is_none(), "{row:?}");
    }
}

#[test]
fn a_name_from_abroad_is_known_at_every_level() {
    for (level, field, expected) in [
        (Level::CircuitBreaker, "resetTimeout", "did you mean \"open_duration\"? text with its unit"),
        (Level::Policy, "resetTimeout", "did you mean \"circuit_breaker.open_duration\"? text"),
        (Level::Route, "resetTimeout", "did you mean \"circuit_breaker.open_duration\" of the policy? text"),
        (Level::Retry, "reset_timeout", "did you mean \"circuit_breaker.open_duration\" of the policy? text"),
        (Level::Document, "ResetTimeout", "did you mean \"circuit_breaker.open_duration\" of the policy? text"),
        (Level::Document, "instances", "did you mean \"policies\"?"),
        (Level::Route, "verbs", "did you mean \"methods\"?"),
        (Level::CircuitBreaker, "rolling-count-buckets", "did you mean \"sliding_window.buckets\"?"),
        (Level::CircuitBreaker, "timeout", "did you mean \"attempt_timeout\" of the policy? for one attempt"),
        (Level::RateLimit, "timeoutDuration", "did you mean \"max_wait\"?"),
        (Level::Policy, "timeoutDuration", "did you mean \"attempt_timeout\"?"),
        (Level::Policy, "rateLimit", "did you mean \"rate_limit\"?"),
        (Level::RateLimit, "rateLimit", "did you mean \"per_second\"?"),
        (Level::CircuitBreaker, "failureRateThreshold", "did you mean \"failure_rate_threshold\"? a share: 50 percent"),
        (Level::CircuitBreaker, "maxEjectionPercent", "no field: `EjectionGroup`"),
    ] {
        let said = said(level, field);
        assert!(said.starts_with(&format!("is unknown ({expected}")), "{level:?} {field}: {said}");
    }
}

#[test]
fn a_field_of_ours_in_another_table_is_told_with_its_place() {
    for (level, field, expected) in [
        (Level::Policy, "failure_threshold", "did you mean \"circuit_breaker.failure_threshold\"?"),
        (Level::Policy, "openDuration", "did you mean \"circuit_breaker.open_duration\"?"),
        (Level::Route, "bulkhead", "did you mean \"bulkhead\" of the policy?"),
        (Level::Policy, "methods", "did you mean \"methods\" of a route?"),
        (Level::Bulkhead, "burst", "did you mean \"rate_limit.burst\" of the policy?"),
        (Level::Document, "path", "did you mean \"path\" of a route?"),
        (Level::Route, "policies", "did you mean \"policies\" at the top of the document?"),
    ] {
        let said = said(level, field);
        assert!(said.starts_with(&format!("is unknown ({expected})")), "{level:?} {field}: {said}");
    }
    // Of a bulkhead or of a rate limit: nobody knows.
    assert!(said(Level::Policy, "max_wait").starts_with("is unknown; accepted"));
}

#[test]
fn a_callers_own_table_gets_no_names_of_ours() {
    assert_eq!(unknown("resetTimeout", Level::Own, ["path"]), "is unknown; accepted: path");
    assert_eq!(unknown("failure_threshold", Level::Own, ["path"]), "is unknown; accepted: path");
    assert_eq!(unknown("Path", Level::Own, ["path"]), "is unknown (did you mean \"path\"?); accepted: path");
}

#[test]
fn a_callers_own_field_is_nearer_than_a_name_from_elsewhere() {
    let hint = unknown("timeout_duration_", Level::Route, ["path", "timeoutDuration"]);
    assert!(hint.starts_with("is unknown (did you mean \"timeoutDuration\"?)"), "{hint}");
    let hint = unknown("intervall", Level::Policy, ["interval"]);
    assert!(hint.starts_with("is unknown (did you mean \"interval\"?)"), "{hint}");
}

#[test]
fn what_is_absurdly_long_is_no_name() {
    assert_eq!(unknown(&"resetTimeout".repeat(1_000), Level::Policy, ["path"]), "is unknown; accepted: path");
}

fn words(name: &str, between: char) -> String {
    let mut written = String::new();
    for c in name.chars().map(|c| if c == '_' { between } else { c }) {
        if c.is_uppercase() && !written.is_empty() {
            written.push(between);
        }
        written.extend(c.to_lowercase());
    }
    written
}

fn pascal(name: &str) -> String {
    let words = words(name, '_');
    let words = words.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

#[test]
fn a_name_of_more_than_64_letters_was_meant_to_be_none() {
    let name = |length: usize| format!("upstream{}", "_".repeat(length - "upstream".len()));
    assert_eq!(
        unknown(&name(64), Level::Route, ["upstream"]),
        "is unknown (did you mean \"upstream\"?); accepted: upstream"
    );
    assert_eq!(unknown(&name(65), Level::Route, ["upstream"]), "is unknown; accepted: upstream");
}
