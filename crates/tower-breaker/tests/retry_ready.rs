//! What a retry does with a service that takes time to get ready, or never does.

use std::{
    future::Ready,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use ::tower::{Layer, Service};
use tokio::time::advance;
use tower_breaker::{
    BulkheadFull, Error, RetryLayer,
    retry::{Jitter, RetryConfig},
};

use crate::{
    retry_steps::{Counted, Failed, made, plain},
    support::{ask, is_ready},
};

/// Takes a turn of the scheduler to get ready, and with `breaks` never gets ready again.
#[derive(Debug)]
struct Slow {
    ready: Option<bool>,
    breaks: bool,
    calls: Counted,
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        Self { ready: None, breaks: self.breaks, calls: Arc::clone(&self.calls) }
    }
}

impl Service<u8> for Slow {
    type Response = u32;
    type Error = Failed;
    type Future = Ready<Result<u32, Failed>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        if self.breaks && made(&self.calls) > 0 {
            return Poll::Ready(Err(Failed(99)));
        }
        if self.ready.is_some() {
            self.ready = Some(true);
            return Poll::Ready(Ok(()));
        }
        self.ready = Some(false);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: u8) -> Self::Future {
        assert_eq!(self.ready.take(), Some(true), "called though it was not ready");
        std::future::ready(Err(Failed(self.calls.fetch_add(1, Ordering::Relaxed) + 1)))
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_waits_for_readiness() {
    let slow = Slow { ready: None, breaks: false, calls: Counted::default() };
    assert_eq!(ask(&mut RetryLayer::new(plain(3)).layer(slow), 0).await, Err(Failed(3)));
}

#[tokio::test(start_paused = true)]
async fn readiness_that_fails_ends_the_call() {
    let slow = Slow { ready: None, breaks: true, calls: Counted::default() };
    let layer = RetryLayer::new(plain(3));
    assert_eq!(ask(&mut layer.layer(slow), 0).await, Err(Failed(99)));
    assert_eq!((layer.figures().exhausted, layer.figures().refused), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_total_counts_the_wait_for_readiness_and_not_what_is_between_that_and_the_call() {
    let config = RetryConfig::builder().jitter(Jitter::None).total_timeout(Duration::from_secs(2)).build().unwrap();
    for (waits, idles, attempts) in [(0, 60, 3), (1, 60, 3), (2, 0, 1)] {
        let slow = Slow { ready: None, breaks: false, calls: Counted::default() };
        let calls = Arc::clone(&slow.calls);
        let mut service = RetryLayer::new(config.clone()).layer(slow);
        assert!(!is_ready(&mut service));
        advance(Duration::from_secs(waits)).await;
        assert!(is_ready(&mut service));
        advance(Duration::from_secs(idles)).await;
        assert!(service.call(0).await.is_err());
        assert_eq!(made(&calls), attempts, "{waits} s until it was ready, {idles} s until the call");
    }
}

/// Fails its first call, and then refuses before there is another.
#[derive(Clone, Default)]
struct Shut(Counted);

impl Service<u8> for Shut {
    type Response = u32;
    type Error = Error<Failed>;
    type Future = Ready<Result<u32, Error<Failed>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error<Failed>>> {
        let full = || Err(Error::BulkheadFull(BulkheadFull::default()));
        Poll::Ready(if made(&self.0) > 0 { full() } else { Ok(()) })
    }

    fn call(&mut self, _: u8) -> Self::Future {
        std::future::ready(Err(Error::Inner(Failed(self.0.fetch_add(1, Ordering::Relaxed) + 1))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_place_of_readiness_leaves_the_kept_error() {
    let layer = RetryLayer::new(plain(3));
    assert_eq!(ask(&mut layer.layer(Shut::default()), 0).await, Err(Error::Inner(Failed(1))));
    assert_eq!((layer.figures().exhausted, layer.figures().refused), (0, 1));
}
