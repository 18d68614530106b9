//! Replays what two trusted breakers answered, step by step, through the public API: `tests/vectors/README.md`. Once with
//! permits, and once through the layer, around a service whose calls end where a step says so.
//!
//! Every trace fits the layer: its steps ask, end a call and let time pass, and that is all a service's callers do. Where a
//! trace says itself how long a call took (`"durations":"explicit"`), the classifier records that; where it does not, the layer's own
//! measure is compared. How many of either there are is in the figure that is printed.
//!
//! `TOWER_BREAKER_TRACES` names another folder of traces; a relative one is looked for from the root of the workspace.

mod gobreaker;
mod player;
mod resilience4j;
#[allow(dead_code, reason = "it can also panic, and fail to be ready")]
#[path = "../model/scripted.rs"]
mod scripted;
mod trace;
mod way;

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

use self::{
    trace::Trace,
    way::{Layered, Permits, Way},
};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Replays one trace; says where the two sides first part.
fn replay<W: Way>(trace: &Trace) -> Result<(), String> {
    match trace.oracle.as_str() {
        "resilience4j" => resilience4j::replay::<W>(trace),
        "gobreaker" => gobreaker::replay::<W>(trace),
        other => Err(format!("{}: no oracle is called {other:?}", trace.place)),
    }
}

/// Replays all traces and prints how many agree.
fn replay_all<W: Way>(how: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = env::var_os("TOWER_BREAKER_TRACES").map_or_else(vectors, |folder| root.join(folder));
    let traces = trace::read_folder(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(!traces.is_empty(), "no trace in {}", folder.display());

    let apart: Vec<String> = traces.iter().filter_map(|trace| replay::<W>(trace).err()).collect();
    let steps: usize = traces.iter().map(|trace| trace.steps.len()).sum();
    let explicit = traces.iter().filter(|trace| trace.explicit).count();
    // Straight to the handle: the harness captures what `eprintln!` says, and this line is to be seen.
    let mut said = io::stderr().lock();
    if apart.is_empty() {
        writeln!(said, "\n{how}: {} traces, {steps} steps agree; {explicit} with durations of their own", traces.len())
            .expect("stderr");
    } else {
        writeln!(said, "{}\n", apart.join("\n\n")).expect("stderr");
        panic!("{how}: {} of {} traces part from the recorded answers", apart.len(), traces.len());
    }
}

#[test]
fn every_recorded_step_agrees() {
    replay_all::<Permits>("with permits");
}

#[test]
fn every_recorded_step_agrees_through_the_layer() {
    replay_all::<Layered>("through the layer");
}

#[test]
fn a_changed_answer_is_found() {
    for oracle in ["resilience4j", "gobreaker"] {
        let traces = trace::read_folder(&vectors().join(oracle)).unwrap();
        let trace = traces.iter().find(|trace| trace.steps.iter().any(|step| step.state == 'O')).unwrap();
        replay::<Permits>(trace).unwrap();
        for at in 0..trace.steps.len() {
            let mut changed = trace.clone();
            let step = &mut changed.steps[at];
            step.state = if step.state == 'C' { 'O' } else { 'C' };
            for found in [replay::<Permits>(&changed), replay::<Layered>(&changed)] {
                let found = found.unwrap_err();
                assert!(found.contains(&format!("step {}\n", at + 1)), "{found}");
            }
        }
    }
}

#[test]
fn an_unknown_operation_or_oracle_is_an_error() {
    let read = |step: &str, oracle: &str| {
        let config = r#"{"trip_consecutive":1,"timeout":5,"max_requests":1,"start":0}"#;
        let text = format!("{{\"trace\":\"t\",\"oracle\":\"{oracle}\",\"config\":{config},\"steps\":1}}\n{step}\n");
        trace::read("here", &text).and_then(|traces| traces.iter().try_for_each(replay::<Permits>))
    };
    let step = r#"["acquire",null,1,"permitted","C",1,1,0,0,0,0,0]"#;
    read(step, "gobreaker").unwrap();
    assert!(read(&step.replace("acquire", "explode"), "gobreaker").unwrap_err().contains("explode"));
    assert!(read(step, "polly").unwrap_err().contains("polly"));
    assert!(read("", "gobreaker").unwrap_err().contains("steps"));
}
