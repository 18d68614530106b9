//! The core, from outside: what must hold, and the circuit beside a naive model of it.

#![cfg(not(loom))]

mod facts;
mod model;
