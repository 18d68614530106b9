use http::{HeaderMap, Response};
use http_body::Body;
use tower_breaker_core::{Outcome, Permit, Refusal, TimedOut, TimeoutKind};

use super::{Classify, JudgedBody};

/// What the head of a response says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Head {
    /// The head decides.
    Decides(Outcome),
    /// The head is good; the end of the body decides.
    Good,
}

/// Judges a response in two steps: by its head and, if that is good, by how its body ends.
///
/// [`AtEndOfBody`] makes a classifier of it.
pub trait JudgeResponse {
    /// What the head says.
    fn head<B>(&self, response: &Response<B>) -> Head;

    /// What a body says that ended as it should, with these trailers.
    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome;

    /// What a good head says whose body nobody asked for: dropped without being polled once, as of an answer to HEAD, or by a
    /// caller who wants the status alone. Ignored, unless said otherwise; a judge whose good head is a success says so here.
    fn unread(&self) -> Outcome {
        Outcome::Ignored
    }

    /// What a call says that ran into a limit of time, before its head or in its body. A failure, unless said otherwise.
    fn timed_out(&self, kind: TimeoutKind) -> Outcome {
        let _ = kind;
        Outcome::Failure
    }
}

/// Judges responses where they really end: at the end of their body.
///
/// A head that decides is recorded at once, also if nobody reads its body; a good one moves the permit into the body
/// ([`JudgedBody`]), where a body that the server cuts off is a failure. A call is as slow as its body.
///
/// ```
/// use tower_breaker::{Circuit, CircuitBreakerLayer, classify::StatusClassifier};
///
/// let layer = CircuitBreakerLayer::http(Circuit::new("downloads", Default::default()))
///     .classify(StatusClassifier::client().at_end_of_body());
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct AtEndOfBody<J> {
    judge: J,
}

impl<J: JudgeResponse> AtEndOfBody<J> {
    /// Judges by `judge`.
    #[must_use]
    pub const fn new(judge: J) -> Self {
        Self { judge }
    }
}

impl<J, Req, B, E> Classify<Req, Response<B>, E> for AtEndOfBody<J>
where
    J: JudgeResponse + Clone,
    B: Body,
{
    type State = J;
    type Response = Response<JudgedBody<B, J>>;

    fn start(&self, _: &Req) -> J {
        self.judge.clone()
    }

    fn end(judge: J, result: Result<Response<B>, E>, permit: Permit) -> Result<Self::Response, E> {
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                permit.record(Outcome::Failure);
                return Err(error);
            }
        };
        Ok(match judge_head(&judge, &response) {
            None => response.map(JudgedBody::unjudged),
            Some(Head::Decides(outcome)) => {
                permit.record(outcome);
                response.map(JudgedBody::unjudged)
            }
            Some(Head::Good) => response.map(|body| JudgedBody::new(body, permit, judge)),
        })
    }

    fn timed_out(judge: J, kind: TimeoutKind, permit: Permit) {
        permit.record(judge.timed_out(kind));
    }
}

/// What other stages said comes before what the judge says. `None`: the caller gave the call up, which follows `on_cancel`.
pub(super) fn judge_head<J: JudgeResponse, B>(judge: &J, response: &Response<B>) -> Option<Head> {
    let extensions = response.extensions();
    if extensions.get::<Refusal>().is_some() {
        return Some(Head::Decides(Outcome::Ignored));
    }
    match extensions.get().map(TimedOut::kind) {
        Some(TimeoutKind::Caller) => None,
        Some(kind) => Some(Head::Decides(judge.timed_out(kind))),
        None => Some(judge.head(response)),
    }
}
