use std::{
    fmt,
    future::{Future, Ready, ready},
    marker::PhantomData,
};

use super::{
    Answer, Cause, FallbackKind,
    keep::{CloneRequest, Keep},
};

/// A function of the request and the cause; made by [`from_fn`], [`lookup`] or [`from_async_fn`].
pub struct Function<F, H, K = CloneRequest> {
    function: F,
    keep: K,
    how: PhantomData<fn() -> H>,
}

/// `Fn(Kept, &Cause) -> Result<Res, E>`.
#[derive(Debug, Clone, Copy)]
pub enum Always {}

/// `Fn(Kept, &Cause) -> Option<Res>`.
#[derive(Debug, Clone, Copy)]
pub enum IfFound {}

/// `Fn(Kept, Cause) -> impl Future<Output = Result<Res, E>>`.
#[derive(Debug, Clone, Copy)]
pub enum Async {}

/// Answers what `function` makes of the request and the cause: `|request: Req, cause: &Cause| -> Result<Res, E>`.
///
/// It runs inside the call's `poll`, so it must not block. It is cloned for every call. [`keep`](Function::keep) says
/// what it gets in place of the request.
pub const fn from_fn<F>(function: F) -> Function<F, Always> {
    Function { function, keep: CloneRequest, how: PhantomData }
}

/// Answers what `function` finds for the request, for caches: `|request: Req, cause: &Cause| -> Option<Res>`. Where it
/// finds nothing the call's own result stands, and is not counted as a fallback.
///
/// As [`from_fn`] otherwise.
pub const fn lookup<F>(function: F) -> Function<F, IfFound> {
    Function { function, keep: CloneRequest, how: PhantomData }
}

/// Answers what a future of `function` gives: `|request: Req, cause: Cause| async { .. }`. It has `fallback_timeout` to
/// do so. The call's own result is dropped before.
pub const fn from_async_fn<F>(function: F) -> Function<F, Async> {
    Function { function, keep: CloneRequest, how: PhantomData }
}

impl<F, H, K> Function<F, H, K> {
    /// Keeps `keep(&request)` of each request instead of a clone of it: less, or what can be had of one that is not
    /// `Clone`.
    ///
    /// ```
    /// use http::{Request, Response, Uri};
    /// use tower_breaker::fallback::{self, Cause};
    ///
    /// let moved = fallback::from_fn(|uri: Uri, cause: &Cause| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(format!("not now: {uri} ({cause})")))
    /// })
    /// .keep(|request: &Request<String>| request.uri().clone());
    /// # let _ = moved;
    /// ```
    pub fn keep<J>(self, keep: J) -> Function<F, H, J> {
        Function { function: self.function, keep, how: PhantomData }
    }
}

impl<F, K, Req, Res, E> Answer<Req, Res, E> for Function<F, Always, K>
where
    F: Fn(K::Kept, &Cause) -> Result<Res, E> + Clone,
    K: Keep<Req>,
{
    type Kept = (F, K::Kept);
    type Future = Ready<Result<Res, E>>;

    const KIND: FallbackKind = FallbackKind::Function;

    fn keep(&self, request: &Req) -> Self::Kept {
        (self.function.clone(), self.keep.keep(request))
    }

    fn answer((function, kept): Self::Kept, cause: &Cause, _: Result<Res, E>) -> Result<Self::Future, Result<Res, E>> {
        Ok(ready(function(kept, cause)))
    }
}

impl<F, K, Req, Res, E> Answer<Req, Res, E> for Function<F, IfFound, K>
where
    F: Fn(K::Kept, &Cause) -> Option<Res> + Clone,
    K: Keep<Req>,
{
    type Kept = (F, K::Kept);
    type Future = Ready<Result<Res, E>>;

    const KIND: FallbackKind = FallbackKind::Function;

    fn keep(&self, request: &Req) -> Self::Kept {
        (self.function.clone(), self.keep.keep(request))
    }

    fn answer(
        (function, kept): Self::Kept,
        cause: &Cause,
        own: Result<Res, E>,
    ) -> Result<Self::Future, Result<Res, E>> {
        function(kept, cause).map(|found| ready(Ok(found))).ok_or(own)
    }
}

impl<F, Fut, K, Req, Res, E> Answer<Req, Res, E> for Function<F, Async, K>
where
    F: Fn(K::Kept, Cause) -> Fut + Clone,
    Fut: Future<Output = Result<Res, E>>,
    K: Keep<Req>,
{
    type Kept = (F, K::Kept);
    type Future = Fut;

    const KIND: FallbackKind = FallbackKind::Function;

    fn keep(&self, request: &Req) -> Self::Kept {
        (self.function.clone(), self.keep.keep(request))
    }

    fn answer((function, kept): Self::Kept, cause: &Cause, own: Result<Res, E>) -> Result<Fut, Result<Res, E>> {
        // Its connection is free while the fallback runs.
        drop(own);
        Ok(function(kept, cause.clone()))
    }
}

// By hand: a derive would ask the same of `H`, which is only a name here.
impl<F: Clone, H, K: Clone> Clone for Function<F, H, K> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), keep: self.keep.clone(), how: PhantomData }
    }
}

// By hand: closures are not `Debug`.
impl<F, H, K> fmt::Debug for Function<F, H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").finish_non_exhaustive()
    }
}
