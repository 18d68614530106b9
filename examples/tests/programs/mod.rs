//! Runs the examples as a newcomer would.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The program. Cargo builds it before these tests; where only this test was asked for, it is built here if need be.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join(name);
    if is_older_than_its_source(&program) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--package", env!("CARGO_PKG_NAME"), "--example", name]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    program
}

fn is_older_than_its_source(program: &Path) -> bool {
    let Ok(built) = fs::metadata(program).and_then(|about| about.modified()) else { return true };
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut left = vec![examples.to_owned(), examples.join("../crates")];
    while let Some(at) = left.pop() {
        let about = fs::metadata(&at).unwrap();
        if about.is_dir() {
            left.extend(fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
        } else if about.modified().unwrap() > built && !at.components().any(|part| part.as_os_str() == "tests") {
            return true;
        }
    }
    false
}

/// What it prints, run to its end without arguments.
pub(crate) fn printed(name: &str) -> String {
    let output = ended(Command::new(program(name)).stdin(Stdio::null()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command says that ends by itself, and does not say much.
pub(crate) fn ended(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it does not end: {command:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
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
