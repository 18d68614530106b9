use std::{error::Error, fmt, marker::PhantomData, time::Duration};

use tokio::time::Instant;
use tower_breaker_core::{Refusal, TimedOut, TimeoutKind};

use crate::view::{Boxed, ErrorView, Typed};

/// What becomes of a call after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It went well: the caller's answer.
    Success,
    /// It failed in a way that another attempt would not mend, or that may not be repeated: the caller's answer.
    Final,
    /// A stage further in refused, and the service was not asked. Final; after a wait, a kept error is returned instead.
    Refused,
    /// It failed, and may be tried again after the backoff.
    Retry,
    /// It failed, and the server asks to be tried again after that time. Final if that is longer than the longest wait.
    RetryAfter(Duration),
}

/// Decides which attempts are followed by another.
///
/// Ready-made: [`RetryErrors`], `HttpRetry` (feature `http`), and closures `|result: &Result<Res, E>| -> Verdict`. Write
/// a type of your own where the request has a say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot decide about attempts that take `{Req}` and end in `Result<{Res}, {E}>`",
    label = "not a retry policy for these calls",
    note = "a closure must be `Clone` and spell out its argument: `|result: &Result<{Res}, {E}>| Verdict::Retry`, or go \
            through `retry::from_fn`",
    note = "`RetryErrors` and `HttpRetry` need an error that is `std::error::Error + 'static`, or `BoxError` with `.boxed()`"
)]
pub trait RetryPolicy<Req, Res, E> {
    /// What is kept of the request, and of the policy, until the call ends. It is part of the response future.
    type State;

    /// Looks at a request before its first attempt.
    fn start(&self, request: &Req) -> Self::State;

    /// Decides after an attempt. May note something for later.
    fn judge(state: &mut Self::State, result: &Result<Res, E>) -> Verdict;

    /// When the time of the call is over, where the request says so: no retry waits beyond it. `None`: it does not say.
    fn deadline(state: &Self::State) -> Option<Instant> {
        let _ = state;
        None
    }

    /// Passes on a refusal that came in place of a retry, after `attempts` that were made, where no error was kept to
    /// return instead. A policy that knows the response's type may tell the caller of them there.
    fn refused(state: &mut Self::State, refusal: Result<Res, E>, attempts: u32) -> Result<Res, E> {
        let _ = (state, attempts);
        refusal
    }

    /// Passes on the result of an attempt that this policy would have retried, and that was the last of `attempts`. A
    /// policy that knows the response's type may say so there.
    fn exhausted(state: &mut Self::State, result: Result<Res, E>, attempts: u32) -> Result<Res, E> {
        let _ = (state, attempts);
        result
    }
}

/// Every error is retried, for requests that may be repeated whatever became of them; `Ok` is a success.
///
/// Not a refusal from further in, which is final, found by a walk of `source()` ([`Refusal::find`]). A timeout
/// ([`TimedOut::find`]) is retried unless [`timeouts`](Self::timeouts) says otherwise, since it leaves open whether the request
/// was carried out, or it was the caller's.
pub struct RetryErrors<V = Typed> {
    timeouts: bool,
    view: PhantomData<fn() -> V>,
}

impl RetryErrors {
    /// For services whose error is a `std::error::Error`.
    #[must_use]
    pub const fn new() -> Self {
        Self { timeouts: true, view: PhantomData }
    }

    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub const fn boxed(self) -> RetryErrors<Boxed> {
        RetryErrors { timeouts: self.timeouts, view: PhantomData }
    }
}

impl<V> RetryErrors<V> {
    /// Whether timeouts are retried. Default: they are.
    #[must_use]
    pub const fn timeouts(mut self, retried: bool) -> Self {
        self.timeouts = retried;
        self
    }
}

impl<V: ErrorView<E>, Req, Res, E> RetryPolicy<Req, Res, E> for RetryErrors<V> {
    type State = bool;

    fn start(&self, _: &Req) -> bool {
        self.timeouts
    }

    fn judge(timeouts: &mut bool, result: &Result<Res, E>) -> Verdict {
        match result {
            Ok(_) => Verdict::Success,
            Err(error) => of_error(V::view(error), *timeouts),
        }
    }
}

fn of_error(error: &(dyn Error + 'static), timeouts: bool) -> Verdict {
    if Refusal::find(error).is_some() {
        return Verdict::Refused;
    }
    match TimedOut::find(error) {
        Some(limit) if !timeouts || limit.kind() == TimeoutKind::Caller => Verdict::Final,
        _ => Verdict::Retry,
    }
}

/// A closure over the result of an attempt is a policy. It is cloned for every call.
impl<F, Req, Res, E> RetryPolicy<Req, Res, E> for F
where
    F: Fn(&Result<Res, E>) -> Verdict + Clone,
{
    type State = F;

    fn start(&self, _: &Req) -> F {
        self.clone()
    }

    fn judge(judge: &mut F, result: &Result<Res, E>) -> Verdict {
        judge(result)
    }
}

/// Gives `judge` back as it is; the bound tells the compiler what the closure takes.
pub fn from_fn<Res, E, F>(judge: F) -> F
where
    F: Fn(&Result<Res, E>) -> Verdict + Clone,
{
    judge
}

// By hand: derives would ask the same of `V`, which is only a name here.
impl<V> Clone for RetryErrors<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for RetryErrors<V> {}

impl Default for RetryErrors {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> fmt::Debug for RetryErrors<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryErrors").field("timeouts", &self.timeouts).finish()
    }
}
