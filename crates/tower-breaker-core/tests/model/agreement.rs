//! The circuit agrees with the model.

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm},
};

use crate::model::{
    ops::{ops, setting},
    pair::agrees,
    way::ByHand,
};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/proptest-regressions/model.txt"))),
        // A secure one takes nine tenths of the time, unoptimised.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_operations_agrees_with_the_model(setting in setting(), ops in ops()) {
        agrees::<ByHand>(&setting, &ops)?;
    }
}
