//! Pages whose snippets need more crates than the libraries' own tests have at hand, as doctests.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../crates/tower-breaker/src/guide/hyper.md")]
pub mod hyper {}

#[cfg(doctest)]
#[doc = include_str!("../crates/tower-breaker/src/guide/tonic.md")]
pub mod tonic {}
