//! What `tonic_client` and `tonic_server` show a newcomer, and that they end by themselves.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The program. Cargo has built it before these tests, unless only this test was asked for.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--package", env!("CARGO_PKG_NAME"), "--example", name]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    profile.join("examples").join(name)
}

/// What it prints, run to its end without arguments.
fn printed(name: &str) -> String {
    let mut program = Command::new(program(name));
    let start = Instant::now();
    let output = program.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    String::from_utf8(output.stdout).unwrap()
}

/// Each of `expected` is there, in this order.
fn in_order(printed: &str, expected: &[&str]) {
    let mut rest = printed;
    for expected in expected {
        let Some((_, behind)) = rest.split_once(expected) else {
            panic!("no {expected:?} where it should be:\n{printed}")
        };
        rest = behind;
    }
}

#[test]
fn the_client_opens_refuses_and_recovers() {
    let printed = printed("tonic_client");
    let expected = [
        "quote  1 tea 3.20",
        "DeadlineExceeded: the answer did not come in time",
        "Internal: the database is down",
        "circuit: Closed -> Open",
        "Unavailable: not available at the moment, come back in ",
        "circuit: HalfOpen -> Open",
        "circuit: HalfOpen -> Closed",
        "tea 3.20",
        "watch    tea 3.10",
        "were refused without asking the server",
    ];
    in_order(&printed, &expected);
}

#[test]
fn the_server_refuses_one_method_and_answers_the_other() {
    let printed = printed("tonic_server");
    let expected = [
        "Quote tea 3.20; Watch tea 3.20",
        "Quote Internal (the database is down); Watch tea 3.20",
        "Quote Unavailable (not available at the moment); Watch tea 3.20",
        "shop.Prices/Quote: HalfOpen -> Closed",
        "Quote tea 3.20; Watch tea 3.20",
    ];
    in_order(&printed, &expected);
    assert!(!printed.contains("shop.Prices/Watch"), "{printed}");
}
