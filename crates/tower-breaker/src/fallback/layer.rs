use std::{fmt, sync::Arc, time::Duration};

use tower_breaker_core::Circuit;
use tower_layer::Layer;

use super::{AnyError, Fallback, Interruptions, Unmarked, service::Settings, trigger::Either};
#[cfg(feature = "http")]
use super::{InterruptedResponses, MarkResponses};
#[cfg(feature = "http")]
use crate::refuse::AsResponse;
use crate::refuse::{AsError, AsSameError};

const TIMEOUT: Duration = Duration::from_secs(1);

/// Answers in place of calls that were refused, timed out, or failed in ways that you choose.
///
/// | constructor | the service around which it goes | falls back from | a fallback that is too late |
/// |---|---|---|---|
/// | [`new`](Self::new) | a stack: its error is an [`Error`](crate::Error) | refusals, timeouts | [`Error::TimedOut`](crate::Error::TimedOut) |
/// | `http` (feature `http`) | a stack that answers in responses | the responses of its refusals, timeouts and given-up retries | 504 |
/// | [`on_errors`](Self::on_errors) | any | every error | [`Error::TimedOut`](crate::Error::TimedOut); other errors are wrapped |
///
/// Default of [`fallback_timeout`](Self::fallback_timeout): 1 s.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct FallbackLayer<A, T = Interruptions, M = Unmarked, R = AsSameError> {
    on: bool,
    answer: A,
    trigger: T,
    refuse: R,
    settings: Settings<M>,
}

impl<A> FallbackLayer<A> {
    /// Around a stack whose error is an [`Error`](crate::Error): `answer` is asked when a stage refused the call or its
    /// time was over. The failure of the call itself stands; [`or_when`](Self::or_when) takes more.
    pub const fn new(answer: A) -> Self {
        Self::with(answer, Interruptions, Unmarked, AsSameError)
    }
}

impl<A> FallbackLayer<A, AnyError, Unmarked, AsError> {
    /// Around any service: `answer` is asked after every error, also the last one of a retry. The error of the service
    /// becomes an [`Error`](crate::Error), since the fallback may itself be too late.
    pub const fn on_errors(answer: A) -> Self {
        Self::with(answer, AnyError, Unmarked, AsError)
    }
}

#[cfg(feature = "http")]
impl<A> FallbackLayer<A, InterruptedResponses, MarkResponses, AsResponse> {
    /// Around a stack that answers its refusals and timeouts in HTTP responses. What a fallback answers carries
    /// [`FellBack`](super::FellBack) as an extension.
    ///
    /// ```
    /// use axum::{Router, body::Body, extract::Request, http::Response, routing::get};
    /// use tower::ServiceBuilder;
    /// use tower_breaker::{Circuit, CircuitBreakerLayer, FallbackLayer, fallback};
    ///
    /// let circuit = Circuit::new("recommendations", Default::default());
    /// let nothing = fallback::from_fn(|(), _: &_| Ok(Response::new(Body::from("[]")))).keep(|_: &Request| ());
    /// let guarded = ServiceBuilder::new()
    ///     .layer(FallbackLayer::http(nothing).circuit(circuit.clone()))
    ///     .layer(CircuitBreakerLayer::http(circuit));
    /// let app: Router = Router::new().route("/recommendations", get(|| async { r#"["tea"]"# }).layer(guarded));
    /// ```
    pub const fn http(answer: A) -> Self {
        Self::with(answer, InterruptedResponses, MarkResponses { header: None }, AsResponse)
    }
}

#[cfg(feature = "http")]
impl<A, T, R> FallbackLayer<A, T, MarkResponses, R> {
    /// Puts this header on what a fallback answers, so that a client can tell. It takes the place of one of that name.
    ///
    /// ```
    /// use http::{HeaderName, HeaderValue, Response};
    /// use tower_breaker::{FallbackLayer, fallback};
    ///
    /// let layer = FallbackLayer::http(fallback::value(Response::new("[]")))
    ///     .header(HeaderName::from_static("x-fallback"), HeaderValue::from_static("default"));
    /// # let _ = layer;
    /// ```
    pub fn header(mut self, name: http::HeaderName, value: http::HeaderValue) -> Self {
        self.settings.mark.header = Some((name, value));
        self
    }
}

impl<A, T, M, R> FallbackLayer<A, T, M, R> {
    const fn with(answer: A, trigger: T, mark: M, refuse: R) -> Self {
        let settings = Settings { mark, circuit: None, timeout: TIMEOUT };
        Self { on: true, answer, trigger, refuse, settings }
    }

    /// Falls back when `trigger` says so, and only then: a [`Trigger`](super::Trigger), or a closure
    /// `|result: &Result<Res, E>| -> bool`.
    pub fn when<U>(self, trigger: U) -> FallbackLayer<A, U, M, R> {
        let Self { on, answer, refuse, settings, .. } = self;
        FallbackLayer { on, answer, trigger, refuse, settings }
    }

    /// Falls back also when `trigger` says so. It is asked of results that the triggers before it let stand.
    ///
    /// ```
    /// use tower_breaker::{FallbackLayer, fallback::{self, AnyError}};
    ///
    /// // Refusals, timeouts, and what is left of an error when retries have given up.
    /// let layer = FallbackLayer::new(fallback::value("unknown".to_owned())).or_when(AnyError);
    /// # let _ = layer;
    /// ```
    pub fn or_when<U>(self, trigger: U) -> FallbackLayer<A, Either<T, U>, M, R> {
        let Self { on, answer, trigger: first, refuse, settings } = self;
        FallbackLayer { on, answer, trigger: Either(first, trigger), refuse, settings }
    }

    /// Answers by `refuse` where the fallback itself is too late: one of [`refuse`](crate::refuse), or a closure
    /// `|why: Interruption| -> Result<Res, E>`.
    pub fn refuse<Q>(self, refuse: Q) -> FallbackLayer<A, T, M, Q> {
        let Self { on, answer, trigger, settings, .. } = self;
        FallbackLayer { on, answer, trigger, refuse, settings }
    }

    /// How long the fallback may take. Default: 1 s. Zero: only what it answers at once counts.
    pub const fn fallback_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Counts its answers in the `fallbacks` of `circuit`, the one inside.
    pub fn circuit(mut self, circuit: Circuit) -> Self {
        self.settings.circuit = Some(circuit);
        self
    }

    #[cfg(feature = "resilience")]
    pub(crate) fn circuit_unless_set(mut self, circuit: &Circuit) -> Self {
        self.settings.circuit.get_or_insert_with(|| circuit.clone());
        self
    }

    /// Switches it off or on. Off, its services pass every call on, keeping nothing of the request and looking at no
    /// result.
    pub const fn enabled(mut self, on: bool) -> Self {
        self.on = on;
        self
    }
}

impl<S, A, T, M, R> Layer<S> for FallbackLayer<A, T, M, R>
where
    A: Clone,
    T: Clone,
    M: Clone,
    R: Clone,
{
    type Service = Fallback<S, A, T, M, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { on, answer, trigger, refuse, settings } = self.clone();
        Fallback::with(inner, answer, trigger, refuse, on.then(|| Arc::new(settings)))
    }
}

// By hand: closures are not `Debug`, and an answer may be as private as a request.
impl<A, T, M, R> fmt::Debug for FallbackLayer<A, T, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer")
            .field("on", &self.on)
            .field("fallback_timeout", &self.settings.timeout)
            .field("circuit", &self.settings.circuit)
            .finish_non_exhaustive()
    }
}
