use std::{
    fmt,
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use tower_breaker_core::{Admission, Bulkhead, Place};
use tower_service::Service;

use super::{future::ResponseFuture, wait::Wait};
use crate::{
    expire::Expire,
    oneshot::Oneshot,
    refuse::{AsError, Refuse},
    until::{Head, Until},
};

/// A service whose calls share the places of a [`Bulkhead`].
///
/// Made by [`BulkheadLayer`](super::BulkheadLayer).
// Holds no place of its own, so a clone is as good as the original.
pub struct BulkheadService<S, R = AsError, U = Head> {
    inner: S,
    bulkhead: Option<Bulkhead>,
    refuse: R,
    until: PhantomData<fn() -> U>,
}

impl<S, R, U> BulkheadService<S, R, U> {
    pub(super) const fn with(inner: S, bulkhead: Option<Bulkhead>, refuse: R) -> Self {
        Self { inner, bulkhead, refuse, until: PhantomData }
    }

    /// The bulkhead; `None`: off.
    #[must_use]
    pub const fn bulkhead(&self) -> Option<&Bulkhead> {
        self.bulkhead.as_ref()
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here take no place.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the bulkhead.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, U, Req> Service<Req> for BulkheadService<S, R, U>
where
    S: Service<Req> + Clone,
    U: Until<S::Response, Option<Place>>,
    R: Refuse<Req, U::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, R, U>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        match self.bulkhead {
            // No place is taken before `call`, and the inner service is asked once the place is had: whoever is ready and
            // does not call holds up nobody, and a refusal does not wait behind an inner service that is stuck.
            Some(_) => Poll::Ready(Ok(())),
            None => self.inner.poll_ready(cx).map_err(R::error),
        }
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let Some(bulkhead) = &self.bulkhead else {
            return ResponseFuture::called(Oneshot::called(self.inner.call(request)), None);
        };
        // Refused or queued before the inner service is cloned: a crowd that is refused costs next to nothing.
        let admission = match bulkhead.enter() {
            Ok(admission) => admission,
            Err(full) => return ResponseFuture::full(full, self.refuse.start(&request)),
        };
        match admission {
            Admission::Admitted(place) => ResponseFuture::called(Oneshot::begin(&mut self.inner, request), Some(place)),
            Admission::Queued(waiter) => {
                let clone = self.inner.clone();
                let service = mem::replace(&mut self.inner, clone);
                let refuse = self.refuse.start(&request);
                ResponseFuture::queued(Wait::new(waiter, bulkhead.max_wait()), service, request, refuse)
            }
        }
    }
}

impl<S, R, U, Req> Expire<Req> for BulkheadService<S, R, U>
where
    S: Expire<Req> + Clone,
    U: Until<S::Response, Option<Place>>,
    R: Refuse<Req, U::Response, S::Error>,
{
    fn expire_ready(&mut self, request: Option<&Req>) {
        // Where it is on it is always ready.
        if self.bulkhead.is_none() {
            self.inner.expire_ready(request);
        }
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        call.expire();
    }
}

// By hand: a derive would ask the same of `U`, which is only a name here.
impl<S: Clone, R: Clone, U> Clone for BulkheadService<S, R, U> {
    fn clone(&self) -> Self {
        Self::with(self.inner.clone(), self.bulkhead.clone(), self.refuse.clone())
    }
}

// By hand: closures are not `Debug`.
impl<S: fmt::Debug, R, U> fmt::Debug for BulkheadService<S, R, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadService")
            .field("inner", &self.inner)
            .field("bulkhead", &self.bulkhead)
            .finish_non_exhaustive()
    }
}
