//! The circuit of tower-breaker.

mod clock;
mod config;
mod error;
mod outcome;
mod refusal;

pub use self::{
    clock::{Clock, ManualClock, SystemClock},
    config::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, HalfOpenRule, Mode, OnCancel, SlidingWindow},
    error::{Error, InvalidConfig, Reason, Rejected},
    outcome::Outcome,
    refusal::Refusal,
};
