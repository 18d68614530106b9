//! The breaker's layer, beside the naive model that the core's tests compare the circuit with: the same operations, and every
//! call through a [`CircuitBreakerLayer`](tower_breaker::CircuitBreakerLayer).

mod layered;
#[allow(dead_code, reason = "what the core's own tests use of it: calls without a layer")]
#[path = "../../crates/tower-breaker-core/tests/model/mod.rs"]
mod model;
mod scripted;

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm},
};

use self::{
    layered::Layered,
    model::{
        ops::{ops, setting},
        pair::agrees,
    },
};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("model/proptest-regressions.txt"))),
        // A secure one takes nine tenths of the time, unoptimised.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_operations_through_the_layer_agrees_with_the_model(setting in setting(), ops in ops()) {
        agrees::<Layered>(&setting, &ops)?;
    }
}
