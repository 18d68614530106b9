//! What is behind the error of a call.

use std::{convert::Infallible, error::Error as StdError};

use tower_breaker::{Error, Interruption, Refusal, Rejected, TimedOut, refuse::Refuse};

/// The circuit's refusal behind the error of a call, anywhere along its `source()`s. `None`: the call was made, or something
/// else refused it ([`refusal`]).
///
/// ```
/// # async fn call(client: reqwest_middleware::ClientWithMiddleware) -> Result<String, reqwest_middleware::Error> {
/// use tower_breaker_reqwest::rejected;
///
/// match client.get("http://prices.internal/tea").send().await {
///     Ok(response) => Ok(response.text().await?),
///     Err(error) => match rejected(&error) {
///         Some(refused) => Ok(format!("ask again in {:?}", refused.remaining())),
///         None => Err(error),
///     },
/// }
/// # }
/// ```
#[must_use]
pub fn rejected(error: &reqwest_middleware::Error) -> Option<&Rejected> {
    along(error).find_map(|error| error.downcast_ref())
}

/// The refusal behind the error of a call, the circuit's or another stage's: nothing was sent.
#[must_use]
pub fn refusal(error: &reqwest_middleware::Error) -> Option<Refusal> {
    Refusal::find(error)
}

/// The time limit of a stage that ended the call. A timeout that reqwest was given is not one of these
/// (`reqwest_middleware::Error::is_timeout`).
#[must_use]
pub fn timed_out(error: &reqwest_middleware::Error) -> Option<TimedOut> {
    TimedOut::find(error)
}

/// A refused call, and one whose time was over, ends in a `reqwest_middleware::Error::Middleware`: for Tower layers around a
/// `ClientWithMiddleware`, which keep its error type.
///
/// ```
/// use tower_breaker::{Circuit, CircuitBreakerLayer};
/// use tower_breaker_reqwest::{AsMiddlewareError, ReqwestClassifier};
///
/// let layer = CircuitBreakerLayer::new(Circuit::new("prices", Default::default()))
///     .classify(ReqwestClassifier::new())
///     .refuse(AsMiddlewareError);
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct AsMiddlewareError;

impl<Req, Res> Refuse<Req, Res, reqwest_middleware::Error> for AsMiddlewareError {
    type State = ();
    type Response = Res;
    type Error = reqwest_middleware::Error;

    fn start(&self, _: &Req) {}

    fn refuse((): (), interruption: Interruption) -> Result<Res, reqwest_middleware::Error> {
        // Not the refusal itself: reqwest-middleware and reqwest-retry are transparent, so that a walk along their sources
        // sees no error that they hold, but only what is behind it.
        Err(reqwest_middleware::Error::middleware(Error::<Infallible>::from(interruption)))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: reqwest_middleware::Error) -> reqwest_middleware::Error {
        error
    }
}

/// The reqwest error that is this error or behind it, the outermost one.
pub(crate) fn of_reqwest<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a reqwest::Error> {
    along(error).find_map(|error| match error.downcast_ref() {
        // Transparent: it is no source of its own.
        Some(reqwest_middleware::Error::Reqwest(error)) => Some(error),
        _ => error.downcast_ref(),
    })
}

fn along<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
