//! A call: `poll_ready`, `call`, and polling to the end with a waker that does nothing.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tower_service::Service;

#[inline]
pub(crate) fn call<S: Service<Req>, Req>(service: &mut S, request: Req) -> Result<S::Response, S::Error> {
    let mut cx = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut cx)?.is_pending() {}
    let mut future = pin!(service.call(request));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            return result;
        }
    }
}

/// So many calls of a service, timed.
pub(crate) fn timed<S: Service<u64>>(service: &mut S, calls: u64) -> Duration {
    timed_with(calls, |number| call(service, number))
}

/// So many calls of a function that is no service, timed.
pub(crate) fn timed_with<T>(calls: u64, mut one: impl FnMut(u64) -> T) -> Duration {
    let start = Instant::now();
    for number in 1..=calls {
        let _ = black_box(one(black_box(number)));
    }
    start.elapsed()
}
