//! One view of a circuit across many instances, through Redis or Valkey.

mod builder;
mod error;
mod event;
mod fleet;
mod keys;
mod link;
mod member;
mod round;
mod shared;
mod tell;
mod view;
mod wire;

pub use self::{
    builder::FleetBuilder,
    error::InvalidFleet,
    event::FleetEvent,
    fleet::Fleet,
    view::{FleetCircuit, FleetState, FleetStatus},
};
