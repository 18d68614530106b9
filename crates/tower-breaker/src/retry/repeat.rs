use std::fmt;

/// Keeps of a request what it takes to make it again.
///
/// [`CloneRequest`] clones it, [`CloneBy`] asks a closure, `BufferBody` (feature `http`) keeps an HTTP body while it is sent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a request of type `{Req}` again",
    note = "`CloneRequest` needs `Clone`; `BufferBody` takes `http::Request<B>` with `B: http_body::Body + Unpin` and an \
            error that is `Into<Box<dyn Error + Send + Sync>>`; `CloneBy` takes any request and a closure"
)]
pub trait Repeat<Req> {
    /// What the inner service is called with.
    type Request;

    /// What is kept during the call.
    type Kept;

    /// The request of a call that is not to be retried.
    fn pass(&self, request: Req) -> Self::Request;

    /// The request of the first attempt, and what is kept for another. Without that, the call has one attempt.
    fn keep(&self, request: Req) -> (Self::Request, Option<Self::Kept>);

    /// Whether the request can be made again, as it stands now.
    fn can(kept: &Self::Kept) -> bool {
        let _ = kept;
        true
    }

    /// The request of the next attempt, and what is kept for one more unless it is the `last`. `None`: it cannot be made
    /// again after all.
    fn again(kept: Self::Kept, last: bool) -> Option<(Self::Request, Option<Self::Kept>)>;
}

/// The request is cloned for each attempt but the last.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloneRequest;

impl<Req: Clone> Repeat<Req> for CloneRequest {
    type Request = Req;
    type Kept = Req;

    fn pass(&self, request: Req) -> Req {
        request
    }

    fn keep(&self, request: Req) -> (Req, Option<Req>) {
        (request.clone(), Some(request))
    }

    fn again(kept: Req, last: bool) -> Option<(Req, Option<Req>)> {
        Some(if last { (kept, None) } else { (kept.clone(), Some(kept)) })
    }
}

/// A closure `|request: &Req| -> Option<Req>` makes the request again; one it has no copy of is tried once.
#[derive(Clone, Copy)]
pub struct CloneBy<F>(pub F);

impl<F, Req> Repeat<Req> for CloneBy<F>
where
    F: Fn(&Req) -> Option<Req> + Clone,
{
    type Request = Req;
    type Kept = (Req, F);

    fn pass(&self, request: Req) -> Req {
        request
    }

    fn keep(&self, request: Req) -> (Req, Option<(Req, F)>) {
        let copy = (self.0)(&request);
        (request, copy.map(|copy| (copy, self.0.clone())))
    }

    fn again((kept, copy): (Req, F), last: bool) -> Option<(Req, Option<(Req, F)>)> {
        let more = if last { None } else { copy(&kept).map(|more| (more, copy)) };
        Some((kept, more))
    }
}

impl<F> fmt::Debug for CloneBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloneBy")
    }
}
