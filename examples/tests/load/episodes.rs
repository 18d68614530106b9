//! How the load tells one outage from the next.

use std::time::Duration;

#[path = "../../load/episodes.rs"]
mod told;

use self::told::Episodes;
use crate::seen::Kind::{self, Failure, Other, Refusal, Success};

/// What is told of calls that ended so many tenths of a second after the start.
fn told(calls: &[(u64, Kind)]) -> Vec<String> {
    let mut episodes = Episodes::default();
    for (tenths, kind) in calls {
        episodes.add(Duration::from_millis(tenths * 100), *kind);
    }
    episodes.all().map(told::Episode::words).collect()
}

#[test]
fn a_success_that_is_followed_by_a_failure_is_no_recovery() {
    let calls =
        [(10, Failure), (11, Success), (12, Failure), (13, Refusal), (14, Success), (15, Refusal), (16, Success)];
    assert_eq!(told(&calls), ["failing from 1.0 s, opened at 1.3 s, recovered at 1.6 s: 2 failed, 2 refused"]);
    assert_eq!(told(&calls[..6]), ["failing from 1.0 s, opened at 1.3 s, still so at the end: 2 failed, 2 refused"]);
}

#[test]
fn another_outage_begins_after_a_second_of_calm() {
    let calls = [(10, Failure), (11, Success), (19, Failure), (20, Success), (29, Refusal)];
    assert_eq!(
        told(&calls),
        [
            "failing from 1.0 s, never opened, recovered at 2.0 s: 2 failed",
            "opened at 2.9 s, still so at the end: 1 refused"
        ]
    );
    // Where nothing went well in between, it is one.
    let silent = [(10, Failure), (11, Other), (40, Refusal), (41, Failure)];
    assert_eq!(told(&silent), ["failing from 1.0 s, opened at 4.0 s, still so at the end: 2 failed, 1 refused"]);
    assert_eq!(told(&[(10, Success), (11, Other)]), [""; 0]);
}
