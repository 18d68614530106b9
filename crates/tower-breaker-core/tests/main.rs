//! The core, from outside: what must hold, and the circuit beside a naive model of it.

#![cfg(not(loom))]

// Beside the model and not in it, which the layer's tests and the fuzzer use too.
#[cfg(feature = "serde")]
#[path = "model/agreement.rs"]
mod agreement;
mod facts;
#[cfg(feature = "serde")]
mod model;
