//! Any circuit and any operations on it agree with the naive model that the core's tests compare it with.
//!
//! The first four bytes draw the circuit's configuration and its group, each further four draw one operation, so that the
//! fuzzer takes operations out, repeats and reorders them as it does bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::{
    prelude::{ProptestConfig, Strategy},
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

#[allow(dead_code, unused_imports, reason = "what else the tests use of it")]
#[path = "../../crates/tower-breaker-core/tests/model/mod.rs"]
mod model;

const MOST: usize = 300;

/// What these bytes draw. Not the bytes themselves in place of chance: once they are used up, whoever draws until something
/// fits would draw for ever.
fn drawn<S: Strategy>(strategy: &S, bytes: &[u8]) -> Option<S::Value> {
    let mut seed = [0; 32];
    seed[..bytes.len()].copy_from_slice(bytes);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    strategy.new_tree(&mut runner).ok().map(|tree| tree.current())
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first_chunk::<4>() else { return };
    let Some(setting) = drawn(&model::ops::setting(), first) else { return };
    let op = model::ops::op();
    let ops: Vec<_> = rest.chunks_exact(4).take(MOST).filter_map(|bytes| drawn(&op, bytes)).collect();
    if let Err(error) = model::pair::agrees::<model::way::ByHand>(&setting, &ops) {
        panic!("{error}");
    }
});
