//! Until when a stage holds what it holds for a call: its place in a bulkhead, its time.

/// Ends what a stage holds for a call with the response, or moves it into the response's body. `Held` is what it holds.
///
/// [`Head`] and, with feature `http`, `EndOfBody` are all there is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold a `{Held}` together with a `{Res}`",
    note = "only an `http::Response` with a body that is an `http_body::Body` has an end of its body to wait for"
)]
pub trait Until<Res, Held>: sealed::Sealed {
    /// The response on its way out: `Res`, or one with a body that holds on.
    type Response;

    /// The response is here.
    fn hold(response: Res, held: Held) -> Self::Response;
}

/// Until the response: of an HTTP response, its head. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Head;

impl<Res, Held> Until<Res, Held> for Head {
    type Response = Res;

    fn hold(response: Res, _: Held) -> Res {
        response
    }
}

/// Until the end of the response's body, however it ends: its last frame, an error, or dropped.
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, Default)]
pub struct EndOfBody;

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Head {}
    #[cfg(feature = "http")]
    impl Sealed for super::EndOfBody {}
}
