/// What a fallback keeps of each request, in case it is asked.
///
/// It is made for every call, before the call goes out, so it should be cheap: a key rather than the whole request. Any
/// closure `|request: &Req| -> Kept` will do.
#[diagnostic::on_unimplemented(
    message = "the fallback cannot keep a `{Req}`",
    label = "this request is not `Clone`",
    note = "say what to keep of it: `.keep(|request: &{Req}| ..)` on the fallback; `|_| ()` keeps nothing"
)]
pub trait Keep<Req> {
    /// What is kept.
    type Kept;

    /// Takes it from a request.
    fn keep(&self, request: &Req) -> Self::Kept;
}

/// Keeps a clone of the request. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloneRequest;

impl<Req: Clone> Keep<Req> for CloneRequest {
    type Kept = Req;

    fn keep(&self, request: &Req) -> Req {
        request.clone()
    }
}

impl<F: Fn(&Req) -> Kept, Req, Kept> Keep<Req> for F {
    type Kept = Kept;

    fn keep(&self, request: &Req) -> Kept {
        self(request)
    }
}
