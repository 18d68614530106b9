#[cfg(feature = "http")]
use std::cell::Cell;
use std::pin::Pin;

use tower_service::Service;

/// A service that can be told that the time of a call is over.
///
/// A breaker cannot see why a call is dropped: its caller may have gone away, which says little, or the time that *you*
/// gave it may be over, which is a failure of whatever was being waited for. So a timeout outside the breaker says so
/// before it drops the call (`TimeoutLayer::expiring`, feature `timeout`). The stages between pass it on to what they wait
/// for, and a breaker records a failure. Nothing is allocated or shared for it: it is a plain call inward, through futures
/// that own each other.
///
/// Not for a deadline that the caller brought along (`grpc-timeout`): whoever ends a call for that drops it untold, and
/// the breaker follows `on_cancel`. A stranger who allows one nanosecond must not open a circuit.
///
/// Implement it for a middleware of yours that stands between the two, by passing both on:
///
/// ```
/// # use std::{pin::Pin, task::{Context, Poll}};
/// # use tower::Service;
/// use tower_breaker::Expire;
///
/// struct Traced<S>(S);
/// # impl<S: Service<Req>, Req> Service<Req> for Traced<S> {
/// #     type Response = S::Response;
/// #     type Error = S::Error;
/// #     type Future = S::Future;
/// #     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> { self.0.poll_ready(cx) }
/// #     fn call(&mut self, request: Req) -> S::Future { self.0.call(request) }
/// # }
///
/// impl<S: Expire<Req>, Req> Expire<Req> for Traced<S> {
///     fn expire_ready(&mut self, request: Option<&Req>) {
///         self.0.expire_ready(request);
///     }
///
///     fn expire_call(call: Pin<&mut Self::Future>) {
///         S::expire_call(call);
///     }
/// }
/// ```
pub trait Expire<Req>: Service<Req> {
    /// The time is over while `request` waited for this service to become ready. `None`: while a call waited whose request
    /// is not yet what this service takes.
    fn expire_ready(&mut self, request: Option<&Req>);

    /// The time of this call is over. It is dropped next, and not polled again.
    fn expire_call(call: Pin<&mut Self::Future>);
}

#[cfg(feature = "http")]
thread_local! {
    static OVER: Cell<bool> = const { Cell::new(false) };
}

/// Whether a response's body is being dropped because the time of its call is over: for the `Drop` of a body of your own that
/// judges where it ends.
///
/// A call is told of its end through the futures that own each other ([`Expire`]). A body may be boxed by anybody on its way
/// out, so that no type leads to it any more; but it is dropped where the timeout drops it, on the same thread and before
/// anything else happens.
#[cfg(feature = "http")]
#[must_use]
pub fn time_is_over() -> bool {
    OVER.get()
}

/// Drops a body because its time is over.
#[cfg(all(feature = "http", feature = "timeout"))]
pub(crate) fn let_go(body: impl FnOnce()) {
    struct Was(bool);

    impl Drop for Was {
        fn drop(&mut self) {
            OVER.set(self.0);
        }
    }

    let _was = Was(OVER.replace(true));
    body();
}
