use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use tower_breaker_core::TimeoutKind;
use tower_service::Service;

use super::{CallerLimit, Unsaid};
use crate::{
    expire::Expire,
    oneshot::{Oneshot, Sending},
};

/// What a timeout bounds: [`Attempt`], [`Whole`] or [`WholeExpiring`]. There are no others.
pub trait Kind<S, Req, D = Unsaid>: sealed::Sealed
where
    S: Service<Req>,
{
    /// The inner call.
    type Future: Future<Output = Result<S::Response, S::Error>>;

    /// What a timeout of this kind says it is.
    const KIND: TimeoutKind;

    /// Whether what is inside is told when the time is over.
    const TELLS: bool = false;

    /// Readiness of the service, where the timeout is on.
    fn poll_ready(inner: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>;

    /// Makes the call, where the timeout is on.
    fn call(inner: &mut S, request: Req) -> Self::Future;

    /// Makes the call of an inner service that is ready, where the timeout is off.
    fn pass(inner: &mut S, request: Req) -> Self::Future;

    /// The time that was set here is over; the call is dropped next.
    fn over(call: Pin<&mut Self::Future>);

    /// The time of a timeout further out is over.
    fn expire(call: Pin<&mut Self::Future>)
    where
        S: Expire<Req>;
}

/// Of one attempt: from `call` to the response. Readiness is the inner service's.
#[derive(Debug, Clone, Copy)]
pub struct Attempt;

impl<S: Service<Req>, Req, D: CallerLimit<Req>> Kind<S, Req, D> for Attempt {
    type Future = S::Future;

    const KIND: TimeoutKind = TimeoutKind::Attempt;

    fn poll_ready(inner: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        inner.poll_ready(cx)
    }

    fn call(inner: &mut S, mut request: Req) -> S::Future {
        D::pass_on(&mut request);
        inner.call(request)
    }

    fn pass(inner: &mut S, mut request: Req) -> S::Future {
        D::pass_on(&mut request);
        inner.call(request)
    }

    fn over(_: Pin<&mut S::Future>) {}

    fn expire(call: Pin<&mut S::Future>)
    where
        S: Expire<Req>,
    {
        S::expire_call(call);
    }
}

/// Of the whole call, readiness of the inner service included: where it is not ready it moves into the future and is waited
/// for there.
#[derive(Debug, Clone, Copy)]
pub struct Whole;

impl<S, Req, D> Kind<S, Req, D> for Whole
where
    S: Service<Req> + Clone,
    D: CallerLimit<Req>,
{
    type Future = Oneshot<S, Req, PassOn<D>>;

    const KIND: TimeoutKind = TimeoutKind::Whole;

    fn poll_ready(_: &mut S, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The inner service is asked in the future, where its answer is within the time.
        Poll::Ready(Ok(()))
    }

    fn call(inner: &mut S, request: Req) -> Self::Future {
        Oneshot::begin(inner, request)
    }

    fn pass(inner: &mut S, request: Req) -> Self::Future {
        Oneshot::called(inner.call(request))
    }

    fn over(_: Pin<&mut Self::Future>) {}

    fn expire(call: Pin<&mut Self::Future>)
    where
        S: Expire<Req>,
    {
        call.expire();
    }
}

/// Tells the service how much time is left, once it is ready and the request goes out.
#[derive(Debug)]
pub struct PassOn<D>(PhantomData<fn() -> D>);

impl<Req, D: CallerLimit<Req>> Sending<Req> for PassOn<D> {
    fn sending(request: &mut Req) {
        D::pass_on(request);
    }
}

/// As [`Whole`]; and when the time is over, what was being waited for is told ([`Expire`]).
#[derive(Debug, Clone, Copy)]
pub struct WholeExpiring;

impl<S, Req, D> Kind<S, Req, D> for WholeExpiring
where
    S: Expire<Req> + Clone,
    D: CallerLimit<Req>,
{
    type Future = Oneshot<S, Req, PassOn<D>>;

    const KIND: TimeoutKind = TimeoutKind::Whole;

    const TELLS: bool = true;

    fn poll_ready(inner: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        <Whole as Kind<S, Req, D>>::poll_ready(inner, cx)
    }

    fn call(inner: &mut S, request: Req) -> Self::Future {
        <Whole as Kind<S, Req, D>>::call(inner, request)
    }

    fn pass(inner: &mut S, request: Req) -> Self::Future {
        <Whole as Kind<S, Req, D>>::pass(inner, request)
    }

    fn over(call: Pin<&mut Self::Future>) {
        call.expire();
    }

    fn expire(call: Pin<&mut Self::Future>)
    where
        S: Expire<Req>,
    {
        call.expire();
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Attempt {}
    impl Sealed for super::Whole {}
    impl Sealed for super::WholeExpiring {}
}
