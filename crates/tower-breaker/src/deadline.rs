//! What a timeout notes in a request, for the stages further in.

use http::Request;
use tokio::time::Instant;

/// When the time of the call is over that a request belongs to: an extension, as long as the request is in this process.
#[derive(Debug, Clone, Copy)]
struct CallDeadline(Instant);

/// When the time of the call is over; `None` where nobody has noted it.
pub(crate) fn noted<B>(request: &Request<B>) -> Option<Instant> {
    request.extensions().get().map(|CallDeadline(at)| *at)
}

/// Notes that it is over then, unless it is over before.
#[cfg(feature = "timeout")]
pub(crate) fn note<B>(request: &mut Request<B>, at: Instant) {
    let at = noted(request).map_or(at, |before| before.min(at));
    request.extensions_mut().insert(CallDeadline(at));
}
