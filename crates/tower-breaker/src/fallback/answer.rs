use std::future::Future;

use super::Cause;

/// What answers in place of a call.
///
/// Ready-made: [`value`](super::value), [`from_fn`](super::from_fn), [`lookup`](super::lookup),
/// [`from_async_fn`](super::from_async_fn), [`service`](super::service).
///
/// A response with a lifetime, were it `&'static str`, does not compile inside `tokio::spawn(async move { .. })`: there
/// the compiler asks for an answer of every lifetime ("not general enough"). Answer with a `String`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer a `{Req}` with a `Result<{Res}, {E}>`",
    label = "no fallback for this service",
    note = "`value` needs a response that is `Clone`; a function takes what it keeps of the request and a `Cause`; another \
            service must give the same response, and an error that is `Into<{E}>`"
)]
pub trait Answer<Req, Res, E> {
    /// What is kept of the request, and of the fallback itself, until it is asked. It is part of the response future.
    type Kept;

    /// The answer under way.
    type Future: Future<Output = Result<Res, E>>;

    /// How it answers, for those who read the response.
    const KIND: FallbackKind;

    /// Notes what the answer will need, for every call.
    fn keep(&self, request: &Req) -> Self::Kept;

    /// Begins to answer in place of `own`, the call's own result.
    ///
    /// # Errors
    ///
    /// `own`, where there is nothing better: it is passed on as it is.
    fn answer(kept: Self::Kept, cause: &Cause, own: Result<Res, E>) -> Result<Self::Future, Result<Res, E>>;
}

/// How a fallback answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FallbackKind {
    /// By a value that is always the same.
    Value,
    /// By a function of the request and the cause.
    Function,
    /// By another service.
    Service,
}

impl FallbackKind {
    /// The kind as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Function => "function",
            Self::Service => "service",
        }
    }
}
