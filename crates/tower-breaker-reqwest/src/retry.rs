use std::{error::Error, fmt, marker::PhantomData};

use reqwest::{Method, Request, Response, StatusCode};
use tokio::time::Instant;
use tower_breaker::{
    Refusal, TimedOut, TimeoutKind,
    classify::{Boxed, ErrorView, Typed, retry_after},
    retry::{Repeat, RetryPolicy, Verdict},
};

use crate::{classify::is_the_callers, error::of_reqwest};

/// What of reqwest's calls is retried.
///
/// | | retried |
/// |---|---|
/// | nobody to connect to | if the request may be repeated, and every request of a client that [follows no redirects](Self::follows_redirects): nothing was sent |
/// | 408, 429, 502, 503, 504; a timeout, reqwest's or of an attempt; any other error of reqwest | if the request may be repeated |
/// | an error of the builder or of following redirects | no: it would be the same again |
/// | a refusal of a stage further in | no |
/// | every other response, every other error (of a middleware further in) | no |
///
/// A request may be repeated if its method is idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE; RFC 9110, section 9.2.2), if
/// it has an `Idempotency-Key`, or if the policy is told so ([`repeatable`](Self::repeatable)). `Retry-After`, in seconds or as
/// a date, wins over the backoff.
pub struct ReqwestRetry<V = Typed> {
    repeatable: bool,
    follows_redirects: bool,
    deadline: Option<Instant>,
    view: PhantomData<fn() -> V>,
}

impl ReqwestRetry {
    /// For services whose error is [`reqwest::Error`], [`reqwest_middleware::Error`], or has one of them along its `source()`s.
    #[must_use]
    pub const fn new() -> Self {
        Self { repeatable: false, follows_redirects: true, deadline: None, view: PhantomData }
    }

    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub const fn boxed(self) -> ReqwestRetry<Boxed> {
        let Self { repeatable, follows_redirects, deadline, .. } = self;
        ReqwestRetry { repeatable, follows_redirects, deadline, view: PhantomData }
    }
}

impl<V> ReqwestRetry<V> {
    /// Whether every request may be repeated, whatever its method. Default: false.
    #[must_use]
    pub const fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = repeatable;
        self
    }

    /// Whether the client follows redirects. Default: true, as reqwest's own.
    ///
    /// A connect error may then be that of the place a redirect led to, and a POST was carried out by who answered with it;
    /// reqwest does not tell. Of a client with `redirect::Policy::none()` say `false`: nobody to connect to means that nothing
    /// was sent, and every method is tried again.
    #[must_use]
    pub const fn follows_redirects(mut self, follows: bool) -> Self {
        self.follows_redirects = follows;
        self
    }

    /// When the time of the call is over: no retry waits beyond it.
    #[must_use]
    pub(crate) const fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }
}

/// What [`ReqwestRetry`] keeps of a request.
#[derive(Debug, Clone)]
pub struct ReqwestRetryState {
    repeatable: bool,
    /// Whether it may be repeated where nobody was found to connect to.
    unsent: bool,
    deadline: Option<Instant>,
}

impl<V: ErrorView<E>, E> RetryPolicy<Request, Response, E> for ReqwestRetry<V> {
    type State = ReqwestRetryState;

    fn start(&self, request: &Request) -> ReqwestRetryState {
        let repeatable = self.repeatable || is_repeatable(request);
        ReqwestRetryState { repeatable, unsent: repeatable || !self.follows_redirects, deadline: self.deadline }
    }

    fn deadline(state: &ReqwestRetryState) -> Option<Instant> {
        state.deadline
    }

    fn judge(state: &mut ReqwestRetryState, result: &Result<Response, E>) -> Verdict {
        match result {
            Ok(response) => of_response(response, state.repeatable),
            Err(error) => of_error(V::view(error), state),
        }
    }
}

fn is_repeatable(request: &Request) -> bool {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE];
    // draft-ietf-httpapi-idempotency-key-header
    idempotent.contains(request.method()) || request.headers().contains_key("idempotency-key")
}

fn of_response(response: &Response, repeatable: bool) -> Verdict {
    if response.extensions().get::<Refusal>().is_some() {
        return Verdict::Refused;
    }
    let status = response.status();
    match response.extensions().get::<TimedOut>().map(TimedOut::kind) {
        Some(TimeoutKind::Caller) => return Verdict::Final,
        Some(_) => {}
        None if is_retried(status) => {}
        None => return if status.is_server_error() { Verdict::Final } else { Verdict::Success },
    }
    match retry_after(response.headers()) {
        _ if !repeatable => Verdict::Final,
        Some(wait) => Verdict::RetryAfter(wait),
        None => Verdict::Retry,
    }
}

fn of_error(error: &(dyn Error + 'static), state: &ReqwestRetryState) -> Verdict {
    let ReqwestRetryState { repeatable, unsent, .. } = *state;
    if Refusal::find(error).is_some() {
        return Verdict::Refused;
    }
    if let Some(limit) = TimedOut::find(error) {
        return if repeatable && limit.kind() == TimeoutKind::Attempt { Verdict::Retry } else { Verdict::Final };
    }
    let Some(error) = of_reqwest(error) else { return Verdict::Final };
    let mends = match error.status() {
        Some(status) => repeatable && is_retried(status),
        None => !is_the_callers(error) && (repeatable || (unsent && error.is_connect())),
    };
    if mends { Verdict::Retry } else { Verdict::Final }
}

fn is_retried(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504)
}

/// Makes a request again by [`Request::try_clone`]. A body that is a stream cannot be: such a call goes out untouched and has
/// one attempt, and never fails for that.
#[derive(Debug, Clone, Copy, Default)]
pub struct TryClone;

impl Repeat<Request> for TryClone {
    type Request = Request;
    type Kept = Request;

    fn pass(&self, request: Request) -> Request {
        request
    }

    fn keep(&self, request: Request) -> (Request, Option<Request>) {
        let copy = request.try_clone();
        (request, copy)
    }

    fn again(kept: Request, last: bool) -> Option<(Request, Option<Request>)> {
        let more = if last { None } else { kept.try_clone() };
        Some((kept, more))
    }
}

// By hand: derives would ask the same of `V`, which is only a name here.
impl<V> Clone for ReqwestRetry<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for ReqwestRetry<V> {}

impl Default for ReqwestRetry {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> fmt::Debug for ReqwestRetry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestRetry").field("repeatable", &self.repeatable).finish_non_exhaustive()
    }
}
