//! The stages beside the circuit breaker: what they are set to, what they inherit, and what is refused.

use std::time::Duration;

use tower_breaker::routes::{Policy, RetryJitter};

use crate::{read, refusal};

const PARENT: &str = r#"
[policies.default]
timeout = "10s"
attempt_timeout = "2s"
retry = { attempts = 4, base = "50ms", max = "5s", jitter = "equal", budget = 0.1 }
rate_limit = { per_second = 500, burst = 50, max_wait = "20ms" }
bulkhead = { max_concurrent = 64, max_queue = 128, max_wait = "100ms" }
"#;

const ROUTES: &str = "\n[[routes]]\npath = \"/\"\n";

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A policy `child` with these fields, which extends [`PARENT`]'s.
fn child(fields: &str) -> Policy {
    let document = format!("{PARENT}\n[policies.child]\nextends = \"default\"\n{fields}\n{ROUTES}");
    read(&document).policy("child").unwrap().clone()
}

/// A policy `default` with these fields alone.
fn alone(fields: &str) -> Policy {
    read(&format!("[policies.default]\n{fields}\n{ROUTES}")).policy("default").unwrap().clone()
}

/// What is said about a document whose policy has these fields from line 2 on, without "line N: policies.default.".
#[track_caller]
fn check(fields: &str, line: usize, expected: &str) {
    let said = refusal(&format!("[policies.default]\n{fields}\n{ROUTES}"));
    assert_eq!(said, format!("line {line}: policies.default.{expected}"), "{fields}");
}

#[test]
fn every_setting_of_a_document_is_there() {
    let policy = child("");
    assert_eq!((policy.timeout(), policy.attempt_timeout()), (Some(ms(10_000)), Some(ms(2_000))));
    let retry = policy.retry().unwrap();
    assert_eq!((retry.attempts(), retry.base(), retry.max()), (4, ms(50), ms(5_000)));
    assert_eq!((retry.jitter(), retry.budget()), (RetryJitter::Equal, Some(0.1)));
    let limit = policy.rate_limit().unwrap();
    assert_eq!((limit.per_second(), limit.burst(), limit.max_wait()), (500.0, 50, ms(20)));
    let bulkhead = policy.bulkhead().unwrap();
    assert_eq!((bulkhead.max_concurrent(), bulkhead.max_queue(), bulkhead.max_wait()), (64, 128, Some(ms(100))));
}

#[test]
fn a_stage_that_nobody_sets_is_off() {
    let policy = alone("");
    assert_eq!((policy.timeout(), policy.attempt_timeout()), (None, None));
    assert_eq!((policy.retry(), policy.rate_limit(), policy.bulkhead()), (None, None, None));
}

#[test]
fn what_a_table_leaves_out_has_its_default() {
    let policy = alone("retry = {}\nrate_limit = { per_second = 0.5, burst = 1 }\nbulkhead = { max_concurrent = 1 }");
    let retry = policy.retry().unwrap();
    assert_eq!((retry.attempts(), retry.base(), retry.max()), (3, ms(100), ms(10_000)));
    assert_eq!((retry.jitter(), retry.budget()), (RetryJitter::Full, Some(0.2)));
    let limit = policy.rate_limit().unwrap();
    assert_eq!((limit.per_second(), limit.max_wait()), (0.5, Duration::ZERO));
    let bulkhead = policy.bulkhead().unwrap();
    assert_eq!((bulkhead.max_queue(), bulkhead.max_wait()), (0, None));
}

#[test]
fn a_child_changes_a_field_and_keeps_the_others() {
    let policy = child(
        "attempt_timeout = \"1s\"\nretry = { attempts = 2 }\nrate_limit = { burst = 9 }\nbulkhead = { max_queue = 0 }",
    );
    assert_eq!((policy.timeout(), policy.attempt_timeout()), (Some(ms(10_000)), Some(ms(1_000))));
    let retry = policy.retry().unwrap();
    assert_eq!((retry.attempts(), retry.base(), retry.jitter()), (2, ms(50), RetryJitter::Equal));
    let limit = policy.rate_limit().unwrap();
    assert_eq!((limit.per_second(), limit.burst()), (500.0, 9));
    let bulkhead = policy.bulkhead().unwrap();
    assert_eq!((bulkhead.max_concurrent(), bulkhead.max_queue(), bulkhead.max_wait()), (64, 0, Some(ms(100))));
}

#[test]
fn false_switches_each_stage_off_alone() {
    let names = ["timeout", "attempt_timeout", "retry", "rate_limit", "bulkhead"];
    for off in names {
        let policy = child(&format!("{off} = false"));
        let on = [
            policy.timeout().is_some(),
            policy.attempt_timeout().is_some(),
            policy.retry().is_some(),
            policy.rate_limit().is_some(),
            policy.bulkhead().is_some(),
        ];
        assert_eq!(on, names.map(|name| name != off), "{off}");
    }
}

#[test]
fn false_switches_a_bound_within_a_stage_off() {
    let policy = child("retry = { budget = false }\nbulkhead = { max_wait = false }");
    assert_eq!(policy.retry().unwrap().budget(), None);
    assert_eq!(policy.bulkhead().unwrap().max_wait(), None);
}

#[test]
fn a_grandchild_of_a_stage_switched_off_begins_anew() {
    let document = format!(
        "{PARENT}\n[policies.off]\nextends = \"default\"\nretry = false\n[policies.on]\nextends = \"off\"\n\
         retry = {{ budget = 1 }}\n{ROUTES}"
    );
    let config = read(&document);
    assert_eq!(config.policy("off").unwrap().retry(), None);
    let retry = config.policy("on").unwrap().retry().unwrap();
    assert_eq!((retry.attempts(), retry.base(), retry.budget()), (3, ms(100), Some(1.0)));
}

#[test]
fn each_value_that_is_not_accepted_says_what_is() {
    let time = "accepted: a duration as text, such as";
    let rate = "rate_limit = { burst = 1, per_second";
    for (written, said) in [
        ("timeout = 10", format!("timeout is 10; {time} \"10s\", more than 0, or false")),
        ("timeout = \"0s\"", format!("timeout is \"0s\"; {time} \"10s\", more than 0, or false")),
        ("timeout = true", format!("timeout is true; {time} \"10s\", more than 0, or false")),
        ("attempt_timeout = \"soon\"", format!("attempt_timeout is \"soon\"; {time} \"10s\", more than 0, or false")),
        ("retry.attempts = 0", "retry.attempts is 0; accepted: 1..=1000".into()),
        ("retry.attempts = 1001", "retry.attempts is 1001; accepted: 1..=1000".into()),
        ("retry.attempts = 2.5", "retry.attempts is 2.5; accepted: 1..=1000".into()),
        ("retry.base = \"0ms\"", format!("retry.base is \"0ms\"; {time} \"100ms\", more than 0")),
        ("retry.max = false", format!("retry.max is false; {time} \"100ms\", more than 0")),
        ("retry.max = \"99ms\"", "retry.max is \"99ms\"; accepted: at least base, which is \"100ms\"".into()),
        ("retry.base = \"11s\"", "retry.base is \"11s\"; accepted: at most max, which is \"10s\"".into()),
        ("retry.budget = 1.1", "retry.budget is 1.1; accepted: a share in 0..=1, or false".into()),
        ("retry.budget = -0.1", "retry.budget is -0.1; accepted: a share in 0..=1, or false".into()),
        ("retry.budget = nan", "retry.budget is NaN; accepted: a share in 0..=1, or false".into()),
        (
            "retry.jitter = \"ful\"",
            "retry.jitter is \"ful\" (did you mean \"full\"?); accepted: full, equal, decorrelated, none".into(),
        ),
        ("retry.jitter = false", "retry.jitter is false; accepted: full, equal, decorrelated, none".into()),
        ("bulkhead = {}", "bulkhead.max_concurrent is missing; accepted: 1..=1048576".into()),
        ("bulkhead.max_concurrent = 0", "bulkhead.max_concurrent is 0; accepted: 1..=1048576".into()),
        ("bulkhead.max_concurrent = 1048577", "bulkhead.max_concurrent is 1048577; accepted: 1..=1048576".into()),
        ("bulkhead = { max_concurrent = 1, max_queue = -1 }", "bulkhead.max_queue is -1; accepted: 0..=1048576".into()),
        (
            "bulkhead = { max_concurrent = 1, max_wait = 5 }",
            format!("bulkhead.max_wait is 5; {time} \"100ms\", or false"),
        ),
        ("rate_limit = { burst = 1 }", "rate_limit.per_second is missing; accepted: more than 0, up to 1000000".into()),
        ("rate_limit = { per_second = 1 }", "rate_limit.burst is missing; accepted: 1..=1000000".into()),
        ("rate_limit = { per_second = 1, burst = 0 }", "rate_limit.burst is 0; accepted: 1..=1000000".into()),
        (
            "rate_limit = { per_second = 0.001, burst = 1000000 }",
            "rate_limit.burst is 1000000; accepted: at most what per_second refills within a year".into(),
        ),
        (&format!("{rate} = 0 }}"), "rate_limit.per_second is 0; accepted: more than 0, up to 1000000".into()),
        (
            &format!("{rate} = 1e7 }}"),
            "rate_limit.per_second is 10000000.0; accepted: more than 0, up to 1000000".into(),
        ),
        (&format!("{rate} = 1, max_wait = false }}"), format!("rate_limit.max_wait is false; {time} \"100ms\"")),
    ] {
        check(written, 2, &said);
    }
}

#[test]
fn a_jitter_is_named_as_a_document_has_it() {
    for name in ["full", "equal", "decorrelated", "none"] {
        assert_eq!(alone(&format!("retry.jitter = {name:?}")).retry().unwrap().jitter().as_str(), name);
    }
}

#[test]
fn the_first_wait_may_be_as_long_as_the_longest_and_no_longer() {
    assert_eq!(alone("retry = { base = \"2s\", max = \"2s\" }").retry().unwrap().base(), ms(2_000));
    let said = "retry.base is \"2001ms\"; accepted: at most max, which is \"2s\"";
    check("retry = { max = \"2s\", base = \"2001ms\" }", 2, said);
}

#[test]
fn a_bucket_that_is_full_again_after_just_a_year_is_accepted() {
    let year = |burst| format!("rate_limit = {{ per_second = 0.03125, burst = {burst} }}");
    assert_eq!(alone(&year(985_500)).rate_limit().unwrap().burst(), 985_500);
    let said = "rate_limit.burst is 985501; accepted: at most what per_second refills within a year";
    check(&year(985_501), 2, said);
}

#[test]
fn a_slip_in_a_name_is_told_with_the_name_that_was_meant() {
    check(
        "retry = { attempt = 3 }",
        2,
        "retry.attempt is unknown (did you mean \"attempts\"?); accepted: attempts, base, max, jitter, budget",
    );
    check(
        "bulkhead = { max_concurent = 3 }",
        2,
        "bulkhead.max_concurent is unknown (did you mean \"max_concurrent\"?); accepted: max_concurrent, max_queue, max_wait",
    );
    check(
        "[policies.default.rate_limit]\nper_secnd = 3",
        3,
        "rate_limit.per_secnd is unknown (did you mean \"per_second\"?); accepted: per_second, burst, max_wait",
    );
    let said = refusal(&format!("[policies.default]\nratelimit = {{}}\n{ROUTES}"));
    assert!(said.starts_with("line 2: policies.default.ratelimit is unknown (did you mean \"rate_limit\"?)"), "{said}");
}

#[test]
fn a_stage_is_a_table_or_false() {
    for stage in ["retry", "rate_limit", "bulkhead"] {
        for written in ["true", "3", "\"on\"", "[]"] {
            let said = format!("{stage} is no table; accepted: a table of its settings, or false");
            check(&format!("{stage} = {written}"), 2, &said);
        }
    }
}

#[test]
fn an_attempt_has_less_time_than_the_whole() {
    for attempt in ["1s", "1001ms"] {
        let said = format!("attempt_timeout is \"{attempt}\"; accepted: less than timeout, which is \"1s\"");
        check(&format!("timeout = \"1s\"\nattempt_timeout = \"{attempt}\""), 3, &said);
    }
    alone("timeout = \"1s\"\nattempt_timeout = \"999ms\"");
    alone("timeout = false\nattempt_timeout = \"1h\"");
}

#[test]
fn a_time_that_a_parent_has_wrong_is_told_alike_where_a_child_is_read_first() {
    let parent = "[policies.parent]\nattempt_timeout = \"2s\"\ntimeout = \"1s\"\n";
    let child = "[policies.child]\nextends = \"parent\"\n";
    let told = |line, of| {
        let field = format!("line {line}: policies.parent.attempt_timeout is \"2s\"{of}");
        format!("{field}; accepted: less than timeout, which is \"1s\"")
    };
    assert_eq!(refusal(&format!("{parent}{child}{ROUTES}")), told(2, ""));
    assert_eq!(refusal(&format!("{child}{parent}{ROUTES}")), told(4, " (inherited by \"child\")"));
}

#[test]
fn what_does_not_go_together_is_told_where_the_policy_itself_writes_it() {
    let line = PARENT.lines().count() + 4;
    let said =
        |fields: &str| refusal(&format!("{PARENT}\n[policies.child]\nextends = \"default\"\n{fields}\n{ROUTES}"));
    assert_eq!(
        said("timeout = \"2s\""),
        format!("line {line}: policies.child.timeout is \"2s\"; accepted: more than attempt_timeout, which is \"2s\"")
    );
    assert_eq!(
        said("attempt_timeout = \"11s\""),
        format!(
            "line {line}: policies.child.attempt_timeout is \"11s\"; accepted: less than timeout, which is \"10s\""
        )
    );
    assert_eq!(
        said("retry = { max = \"10ms\" }"),
        format!("line {line}: policies.child.retry.max is \"10ms\"; accepted: at least base, which is \"50ms\"")
    );
    assert_eq!(
        said("rate_limit = { per_second = 0.000001 }"),
        "line 6: policies.default.rate_limit.burst is 50 (inherited by \"child\"); \
         accepted: at most what per_second refills within a year"
    );
}

#[test]
fn a_window_that_is_the_only_condition_holds_two_hung_attempts() {
    let breaker = |breaker: &str| format!("attempt_timeout = \"3s\"\ncircuit_breaker = {{ {breaker} }}");
    check(
        &breaker("failure_threshold = false"),
        2,
        "attempt_timeout is \"3s\"; accepted: at most half the sliding window of \"5s\", while failure_threshold is off",
    );
    alone(&breaker(""));
    alone(&breaker("failure_threshold = false, sliding_window = { time = \"6s\" }"));
    alone(&breaker("failure_threshold = false, sliding_window = { calls = 10 }"));
    alone("attempt_timeout = \"3s\"\ncircuit_breaker = false");
    let document = format!(
        "[policies.default]\nattempt_timeout = \"3s\"\n[policies.child]\nextends = \"default\"\n\
         circuit_breaker = {{ failure_threshold = false }}\n{ROUTES}"
    );
    assert_eq!(
        refusal(&document),
        "line 2: policies.default.attempt_timeout is \"3s\" (inherited by \"child\"); \
         accepted: at most half the sliding window of \"5s\", while failure_threshold is off"
    );
}
