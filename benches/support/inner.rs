//! The service that every side guards: as little as a service can be, and never inlined, so that no side sees through it.

use std::{
    fmt,
    future::{Ready, ready},
    task::{Context, Poll},
};

use tower_service::Service;

/// Answers at once; every so many calls, by the number of the call, with an error. Zero: never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare<const FAILS_EVERY: u64>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl<const FAILS_EVERY: u64, Req: Into<u64>> Service<Req> for Bare<FAILS_EVERY> {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn call(&mut self, request: Req) -> Self::Future {
        let number = request.into();
        let fails = FAILS_EVERY > 0 && number % FAILS_EVERY.max(1) == 0;
        ready(if fails { Err(Failed) } else { Ok(number) })
    }
}
