use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{Circuit, call::errors_are_failures};
use crate::{Error, Outcome, PanicGuard, Permit};

/// What says how a call went.
type Judge<T, E> = fn(&Result<T, E>) -> Outcome;

impl Circuit {
    /// Awaits `future` if the circuit lets it; an `Err` is a failure, and so is a panic. On any runtime, or none.
    ///
    /// The circuit is asked at the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the call is judged by `on_cancel`.
    pub fn call_async<F, T, E>(&self, future: F) -> CallAsync<F, Judge<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.call_async_with(future, errors_are_failures)
    }

    /// As [`call_async`](Self::call_async), with a judge: some errors may be expected, some answers bad.
    pub fn call_async_with<F, J, T, E>(&self, future: F, judge: J) -> CallAsync<F, J>
    where
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&Result<T, E>) -> Outcome,
    {
        CallAsync { circuit: self.clone(), permit: None, judge: Some(judge), future }
    }

    /// As [`call_async`](Self::call_async), but where the call is refused or fails, `fallback` answers; that is counted.
    pub fn call_async_or<F, B, T, E>(&self, future: F, fallback: B) -> CallAsyncOr<F, Judge<T, E>, B>
    where
        F: Future<Output = Result<T, E>>,
        B: FnOnce(Error<E>) -> T,
    {
        CallAsyncOr { call: self.call_async(future), fallback: Some(fallback) }
    }
}

pin_project! {
    /// Future of [`Circuit::call_async`] and [`Circuit::call_async_with`].
    #[must_use = "futures do nothing unless polled"]
    pub struct CallAsync<F, J> {
        circuit: Circuit,
        permit: Option<Permit>,
        // Taken at the end: what is `None` is over.
        judge: Option<J>,
        #[pin]
        future: F,
    }
}

impl<F, J, T, E> Future for CallAsync<F, J>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&Result<T, E>) -> Outcome,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        assert!(this.judge.is_some(), "polled after completion");
        if this.permit.is_none() {
            match this.circuit.try_acquire() {
                Ok(permit) => *this.permit = Some(permit),
                Err(rejected) => {
                    *this.judge = None;
                    return Poll::Ready(Err(Error::Rejected(rejected)));
                }
            }
        }
        let guard = PanicGuard::new(this.permit);
        let polled = this.future.poll(cx);
        guard.disarm();
        let result = ready!(polled);
        if let (Some(judge), Some(permit)) = (this.judge.take(), this.permit.take()) {
            permit.record(judge(&result));
        }
        Poll::Ready(result.map_err(Error::Inner))
    }
}

impl<F, J> fmt::Debug for CallAsync<F, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAsync").field("circuit", &self.circuit.name()).finish_non_exhaustive()
    }
}

pin_project! {
    /// Future of [`Circuit::call_async_or`].
    #[must_use = "futures do nothing unless polled"]
    pub struct CallAsyncOr<F, J, B> {
        #[pin]
        call: CallAsync<F, J>,
        fallback: Option<B>,
    }
}

impl<F, J, B, T, E> Future for CallAsyncOr<F, J, B>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&Result<T, E>) -> Outcome,
    B: FnOnce(Error<E>) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut this = self.project();
        let result = ready!(this.call.as_mut().poll(cx));
        Poll::Ready(result.unwrap_or_else(|cause| {
            let fallback = this.fallback.take().expect("polled after completion");
            this.call.circuit.record_fallback();
            fallback(cause)
        }))
    }
}

impl<F, J, B> fmt::Debug for CallAsyncOr<F, J, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAsyncOr").field("call", &self.call).finish_non_exhaustive()
    }
}
