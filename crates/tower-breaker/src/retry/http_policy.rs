use std::{error::Error, fmt, io, marker::PhantomData};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::Instant;
use tower_breaker_core::{Exhausted, Refusal, TimedOut, TimeoutKind};

use super::{RetryPolicy, Verdict};
use crate::{
    deadline,
    headers::{Pushback, pushback, retry_after},
    view::{Boxed, ErrorView, Typed},
};

/// Marks a request, as an extension of it, that may be repeated whatever its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeatable;

/// What was tried before a refusal came in place of a retry: an extension of the refusal's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    attempts: u32,
    last_status: Option<StatusCode>,
}

impl Retried {
    /// Attempts that were made. The refused one is none.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The status that the last of them was answered with.
    #[must_use]
    pub const fn last_status(&self) -> Option<StatusCode> {
        self.last_status
    }
}

/// What of HTTP is retried.
///
/// | | retried |
/// |---|---|
/// | the connection was refused | for every method: nothing was sent |
/// | 408, 429, 502, 503, 504; a timeout; any other error of the service | if the request may be repeated |
/// | a response with a [`Refusal`] among its extensions, an error with one behind it | no: another stage made it |
/// | every other response | no |
///
/// A request may be repeated if its method is idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE; RFC 9110, section 9.2.2), if it
/// has an `Idempotency-Key`, or if it is marked [`Repeatable`]. A POST is none of these.
///
/// A service that follows redirects must not be further in: the connection that was refused may be the one a redirect led to,
/// after the request was carried out. Put its layer outside.
///
/// `Retry-After` (seconds or a date) and `grpc-retry-pushback-ms` win over the backoff; a negative pushback stops. Of gRPC
/// the head alone is seen: a response that is nothing but a head with `grpc-status: 14` (UNAVAILABLE) counts as a 503; a
/// status that comes in trailers is not retried.
pub struct HttpRetry<C = NotAsked, V = Typed> {
    connect: C,
    view: PhantomData<fn() -> V>,
}

impl HttpRetry {
    /// For services whose error is a `std::error::Error`.
    #[must_use]
    pub const fn new() -> Self {
        Self { connect: NotAsked, view: PhantomData }
    }
}

impl<C, V> HttpRetry<C, V> {
    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub fn boxed(self) -> HttpRetry<C, Boxed> {
        HttpRetry { connect: self.connect, view: PhantomData }
    }

    /// Takes errors for which `is_connect` says so for connect errors, too: the request was not sent, so every method is
    /// retried. Without it only `io::ErrorKind::ConnectionRefused`, anywhere along the error's `source()`s, is one.
    ///
    /// For hyper-util's client it is `|error: &hyper_util::client::legacy::Error| error.is_connect()`, for reqwest's
    /// `reqwest::Error::is_connect`. It is cloned for every call.
    pub fn connect_errors<D>(self, is_connect: D) -> HttpRetry<D, V> {
        HttpRetry { connect: is_connect, view: PhantomData }
    }
}

/// Knows the errors of connecting, for [`HttpRetry::connect_errors`]: closures `|error: &E| -> bool`, and [`NotAsked`].
pub trait IsConnect<E> {
    /// Whether nothing of the request was sent.
    fn is_connect(&self, error: &E) -> bool;
}

/// Knows of none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotAsked;

impl<E> IsConnect<E> for NotAsked {
    fn is_connect(&self, _: &E) -> bool {
        false
    }
}

impl<E, F: Fn(&E) -> bool> IsConnect<E> for F {
    fn is_connect(&self, error: &E) -> bool {
        self(error)
    }
}

/// What [`HttpRetry`] keeps of a request.
#[derive(Debug, Clone)]
pub struct HttpRetryState<C> {
    connect: C,
    repeatable: bool,
    deadline: Option<Instant>,
    last_status: Option<StatusCode>,
}

impl<C, V, B, R, E> RetryPolicy<Request<B>, Response<R>, E> for HttpRetry<C, V>
where
    C: IsConnect<E> + Clone,
    V: ErrorView<E>,
{
    type State = HttpRetryState<C>;

    fn start(&self, request: &Request<B>) -> Self::State {
        HttpRetryState {
            connect: self.connect.clone(),
            repeatable: is_repeatable(request),
            deadline: deadline::noted(request),
            last_status: None,
        }
    }

    fn deadline(state: &Self::State) -> Option<Instant> {
        state.deadline
    }

    fn judge(state: &mut Self::State, result: &Result<Response<R>, E>) -> Verdict {
        match result {
            Ok(response) if response.extensions().get::<Refusal>().is_some() => Verdict::Refused,
            Ok(response) => {
                state.last_status = Some(response.status());
                of_response(response, state.repeatable)
            }
            Err(error) if Refusal::find(V::view(error)).is_some() => Verdict::Refused,
            // The caller's time is over.
            Err(error) if TimedOut::find(V::view(error)).is_some_and(|limit| limit.kind() == TimeoutKind::Caller) => {
                Verdict::Final
            }
            Err(error) if state.repeatable || is_refused(V::view(error)) || state.connect.is_connect(error) => {
                Verdict::Retry
            }
            Err(_) => Verdict::Final,
        }
    }

    fn refused(state: &mut Self::State, refusal: Result<Response<R>, E>, attempts: u32) -> Result<Response<R>, E> {
        refusal.map(|mut response| {
            response.extensions_mut().insert(Retried { attempts, last_status: state.last_status });
            response
        })
    }

    fn exhausted(_: &mut Self::State, result: Result<Response<R>, E>, attempts: u32) -> Result<Response<R>, E> {
        result.map(|mut response| {
            response.extensions_mut().insert(Exhausted::new(attempts));
            response
        })
    }
}

fn is_repeatable<B>(request: &Request<B>) -> bool {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE];
    idempotent.contains(request.method())
        // draft-ietf-httpapi-idempotency-key-header
        || request.headers().contains_key("idempotency-key")
        || request.extensions().get::<Repeatable>().is_some()
}

fn of_response<R>(response: &Response<R>, repeatable: bool) -> Verdict {
    let (status, headers) = (response.status(), response.headers());
    match response.extensions().get::<TimedOut>().map(TimedOut::kind) {
        Some(TimeoutKind::Caller) => return Verdict::Final,
        Some(_) => {}
        None if is_retried(status, headers) => {}
        None => return if status.is_server_error() { Verdict::Final } else { Verdict::Success },
    }
    match pushback(headers) {
        _ if !repeatable => Verdict::Final,
        Some(Pushback::Stop) => Verdict::Final,
        Some(Pushback::After(wait)) => Verdict::RetryAfter(wait),
        None => retry_after(headers).map_or(Verdict::Retry, Verdict::RetryAfter),
    }
}

fn is_retried(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504)
        || headers.get("grpc-status").is_some_and(|status| status == "14")
}

/// Whether nobody was there to connect to.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let kind = |error: &(dyn Error + 'static)| error.downcast_ref::<io::Error>().map(io::Error::kind);
    let mut along = std::iter::successors(Some(error), |error| (*error).source());
    along.any(|error| kind(error) == Some(io::ErrorKind::ConnectionRefused))
}

// By hand: derives would ask the same of `V`, which is only a name here.
impl<C: Clone, V> Clone for HttpRetry<C, V> {
    fn clone(&self) -> Self {
        Self { connect: self.connect.clone(), view: PhantomData }
    }
}

impl Default for HttpRetry {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, V> fmt::Debug for HttpRetry<C, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpRetry")
    }
}
