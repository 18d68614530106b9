//! Pages to read: what to put where, and why.

#[doc = include_str!("order.md")]
pub mod order {}
