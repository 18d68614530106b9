use std::fmt;

#[cfg(feature = "http")]
use http::{HeaderMap, Response};
use tower_breaker_core::{Outcome, Permit, TimeoutKind};

use super::Classify;
#[cfg(feature = "http")]
use super::{AtEndOfBody, Head, JudgeResponse};

/// A classifier that judges timeouts apart; made by [`with_timeouts`].
#[derive(Clone, Copy)]
pub struct WithTimeouts<C, F> {
    classify: C,
    judge: F,
}

/// Judges by `classify`, and calls that ran into a limit of time by `judge`, a closure `|kind: TimeoutKind| -> Outcome`.
///
/// It is asked in the place of [`Classify::timed_out`]. Where timeouts come as responses or boxed errors, those of attempts are
/// among the results that `classify` itself gets. To judge at the end of a body too, say so last:
/// `with_timeouts(StatusClassifier::client(), judge).at_end_of_body()`.
///
/// ```
/// use std::{io, time::Duration};
/// use tower_breaker::{
///     Circuit, Outcome, ResilienceLayer, TimeoutKind,
///     classify::{self, ErrorsButRefusals},
/// };
///
/// // Reports may take longer than anybody waits for them; that says nothing about the database.
/// let judge = classify::with_timeouts(ErrorsButRefusals::new(), |kind| match kind {
///     TimeoutKind::Whole => Outcome::Ignored,
///     _ => Outcome::Failure,
/// });
/// let layer = ResilienceLayer::builder()
///     .timeout(Duration::from_secs(60))
///     .circuit(Circuit::new("reports", Default::default()))
///     .classify(judge)
///     .build()?;
/// # let _ = layer;
/// # Ok::<_, tower_breaker::InvalidConfig>(())
/// ```
pub const fn with_timeouts<C, F>(classify: C, judge: F) -> WithTimeouts<C, F>
where
    F: Fn(TimeoutKind) -> Outcome + Clone,
{
    WithTimeouts { classify, judge }
}

#[cfg(feature = "http")]
impl<J, F> WithTimeouts<J, F>
where
    J: JudgeResponse,
    F: Fn(TimeoutKind) -> Outcome,
{
    /// Judges good heads at the end of their body, where the whole timeout may end them as well.
    #[must_use]
    pub const fn at_end_of_body(self) -> AtEndOfBody<Self> {
        AtEndOfBody::new(self)
    }
}

#[cfg(feature = "http")]
impl<J, F> JudgeResponse for WithTimeouts<J, F>
where
    J: JudgeResponse,
    F: Fn(TimeoutKind) -> Outcome,
{
    fn head<B>(&self, response: &Response<B>) -> Head {
        self.classify.head(response)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        self.classify.end(trailers)
    }

    fn unread(&self) -> Outcome {
        self.classify.unread()
    }

    fn timed_out(&self, kind: TimeoutKind) -> Outcome {
        (self.judge)(kind)
    }
}

impl<C, F, Req, Res, E> Classify<Req, Res, E> for WithTimeouts<C, F>
where
    C: Classify<Req, Res, E>,
    F: Fn(TimeoutKind) -> Outcome + Clone,
{
    type State = (C::State, F);
    type Response = C::Response;

    fn start(&self, request: &Req) -> Self::State {
        (self.classify.start(request), self.judge.clone())
    }

    fn end((state, _): Self::State, result: Result<Res, E>, permit: Permit) -> Result<C::Response, E> {
        C::end(state, result, permit)
    }

    fn timed_out((_, judge): Self::State, kind: TimeoutKind, permit: Permit) {
        permit.record(judge(kind));
    }

    fn ready_error(&self, error: E, permit: Permit) -> E {
        self.classify.ready_error(error, permit)
    }
}

// By hand: closures are not `Debug`.
impl<C: fmt::Debug, F> fmt::Debug for WithTimeouts<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithTimeouts").field("classify", &self.classify).finish_non_exhaustive()
    }
}
