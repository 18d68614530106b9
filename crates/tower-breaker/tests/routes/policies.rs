//! Policies that extend others.

use std::time::Duration;

use tower_breaker::{CircuitBreakerConfig, HalfOpenRule, Mode, routes::Policy};

use crate::read;

const PARENT: &str = r#"
[policies.default.circuit_breaker]
failure_threshold = 7
failure_rate_threshold = false
open_duration = "10s"
success_threshold = 4
mode = "observe"
"#;

/// The breaker of a policy `child` with these fields, which extends [`PARENT`]'s.
fn child(fields: &str) -> Option<CircuitBreakerConfig> {
    let document = format!("{PARENT}\n[policies.child]\nextends = \"default\"\n{fields}\n[[routes]]\npath = \"/\"\n");
    read(&document).policy("child").unwrap().circuit_breaker().cloned()
}

#[test]
fn what_a_policy_does_not_set_is_its_parents() {
    let breaker = child("circuit_breaker = { open_duration = \"20s\" }").unwrap();
    assert_eq!(breaker.failure_threshold(), Some(7));
    assert_eq!(breaker.failure_rate_threshold(), None);
    assert_eq!(breaker.open_duration(), Duration::from_secs(20));
    assert_eq!(breaker.mode(), Mode::Observe);
    assert_eq!(child("").unwrap().open_duration(), Duration::from_secs(10));
}

#[test]
fn a_half_open_rule_replaces_the_parents() {
    let breaker = child("circuit_breaker = { failure_rate_threshold = 0.5, permitted_calls = 10 }").unwrap();
    assert_eq!(breaker.half_open(), HalfOpenRule::Rate { permitted_calls: 10 });
}

#[test]
fn false_switches_a_stage_off_and_a_grandchild_may_begin_anew() {
    assert_eq!(child("circuit_breaker = false"), None);
    let document = format!(
        "{PARENT}\n[policies.off]\nextends = \"default\"\ncircuit_breaker = false\n[policies.on]\nextends = \"off\"\n\
         circuit_breaker = {{ failure_threshold = 2 }}\n[[routes]]\npath = \"/\"\n"
    );
    let config = read(&document);
    let anew = config.policy("on").unwrap().circuit_breaker().unwrap();
    assert_eq!(*anew, CircuitBreakerConfig::builder().failure_threshold(2).build().unwrap());
}

#[test]
fn a_stage_that_nobody_sets_is_not_there_and_an_empty_table_is_the_defaults() {
    let config = read("policies.bare = {}\npolicies.default.circuit_breaker = {}\n[[routes]]\npath = \"/\"\n");
    assert_eq!(config.policy("bare").unwrap().circuit_breaker(), None);
    assert_eq!(config.policy("default").unwrap().circuit_breaker(), Some(&CircuitBreakerConfig::default()));
}

#[test]
fn a_parent_may_stand_below_its_child() {
    let document = "[policies.default]\nextends = \"base\"\n[policies.base.circuit_breaker]\nfailure_threshold = 9\n\
                    [[routes]]\npath = \"/\"\n";
    let config = read(document);
    assert_eq!(config.policy("default").unwrap().circuit_breaker().unwrap().failure_threshold(), Some(9));
    assert_eq!(config.policies().map(Policy::name).collect::<Vec<_>>(), ["default", "base"]);
}

#[test]
fn shares_are_read_inherited_and_switched_off() {
    let shares = |fields: &str| {
        let parent = "[policies.default.circuit_breaker]\nrecovery_ramp = \"30s\"\nthrottle = 2.0\n";
        let document = format!(
            "{parent}\n[policies.child]\nextends = \"default\"\n{fields}\n[[routes]]\npath = \"/\"\npolicy = \"child\"\n"
        );
        let table = crate::read(&document);
        let breaker = table.policy("child").unwrap().circuit_breaker().unwrap();
        (breaker.recovery_ramp(), breaker.throttle())
    };
    assert_eq!(shares(""), (Some(Duration::from_secs(30)), Some(2.0)));
    assert_eq!(shares("circuit_breaker = { recovery_ramp = false, throttle = 1.5 }"), (None, Some(1.5)));
    assert_eq!(shares("circuit_breaker = { throttle = false }"), (Some(Duration::from_secs(30)), None));
}
