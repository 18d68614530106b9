//! The core, from outside: the circuit beside a naive model of it.

mod model;
