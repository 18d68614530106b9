//! Runs the examples as a newcomer would.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The program. Cargo has built it before these tests, unless only this test was asked for.
pub(crate) fn program(name: &str) -> PathBuf {
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
pub(crate) fn printed(name: &str) -> String {
    let mut program = Command::new(program(name));
    let start = Instant::now();
    let output = program.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    String::from_utf8(output.stdout).unwrap()
}

/// Each of `expected` is there, in this order.
pub(crate) fn in_order(printed: &str, expected: &[&str]) {
    let mut rest = printed;
    for expected in expected {
        let Some((_, behind)) = rest.split_once(expected) else {
            panic!("no {expected:?} where it should be:\n{printed}")
        };
        rest = behind;
    }
}
