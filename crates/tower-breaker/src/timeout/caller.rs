use std::time::Duration;

#[cfg(feature = "http")]
use http::Request;
use tokio::time::Instant;

#[cfg(feature = "http")]
use crate::{
    deadline::{note, noted},
    headers::{grpc_timeout, set_grpc_timeout},
    refuse::Dialect,
};

/// What a caller says about its time: [`Unsaid`] or, with feature `http`, `GrpcTimeout`. There are no others.
pub trait CallerLimit<Req>: sealed::Sealed {
    /// Whether a caller may say anything at all.
    const HEARD: bool;

    /// How long the caller waits.
    fn of(request: &Req) -> Option<Duration>;

    /// Notes for the stages further in when the time of the call is over.
    fn note(request: &mut Req, at: Option<Instant>);

    /// Tells the service how much is left, as the request goes out.
    fn pass_on(request: &mut Req);
}

/// Callers say nothing, or are not listened to. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsaid;

impl<Req> CallerLimit<Req> for Unsaid {
    const HEARD: bool = false;

    fn of(_: &Req) -> Option<Duration> {
        None
    }

    fn note(_: &mut Req, _: Option<Instant>) {}

    fn pass_on(_: &mut Req) {}
}

/// So much more time is told to the service than is left. Clients and servers keep the deadline themselves (tonic's channel by
/// a timer beside ours) and end the call as CANCELLED, which a breaker judges a failure. So it must be ours that ends it, which
/// knows whose time was over; dropped by it, the call ends at the service too.
#[cfg(feature = "http")]
const GRACE: Duration = Duration::from_millis(100);

/// `grpc-timeout`, of gRPC requests (by their content type).
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcTimeout;

#[cfg(feature = "http")]
impl<B> CallerLimit<Request<B>> for GrpcTimeout {
    const HEARD: bool = true;

    fn of(request: &Request<B>) -> Option<Duration> {
        // What a timeout further out has noted, it minds itself.
        let unminded = is_grpc(request) && noted(request).is_none();
        if unminded { grpc_timeout(request.headers()) } else { None }
    }

    fn note(request: &mut Request<B>, at: Option<Instant>) {
        if let Some(at) = at.filter(|_| is_grpc(request)) {
            note(request, at);
        }
    }

    fn pass_on(request: &mut Request<B>) {
        if let Some(at) = noted(request).filter(|_| is_grpc(request)) {
            let left = at.saturating_duration_since(Instant::now());
            set_grpc_timeout(request.headers_mut(), left.saturating_add(GRACE));
        }
    }
}

#[cfg(feature = "http")]
fn is_grpc<B>(request: &Request<B>) -> bool {
    Dialect::of(request.headers()) == Dialect::Grpc
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Unsaid {}
    #[cfg(feature = "http")]
    impl Sealed for super::GrpcTimeout {}
}
