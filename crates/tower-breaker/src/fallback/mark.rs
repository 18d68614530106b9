use super::{Cause, FallbackKind};

/// That a fallback answered, and why: an extension of the HTTP responses it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FellBack {
    /// How it answered.
    pub kind: FallbackKind,
    /// Why it was asked.
    pub cause: Cause,
}

/// Marks a response as a fallback's.
pub trait Mark<Res> {
    /// Called once for each answer of a fallback, and for no other.
    fn mark(&self, response: &mut Res, fell_back: FellBack);
}

/// Leaves responses as they are. For services whose responses have no room for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmarked;

impl<Res> Mark<Res> for Unmarked {
    fn mark(&self, _: &mut Res, _: FellBack) {}
}

/// Puts a [`FellBack`] among a response's extensions and, if asked, a header on it.
#[cfg(feature = "http")]
#[derive(Debug, Clone, Default)]
pub struct MarkResponses {
    pub(super) header: Option<(http::HeaderName, http::HeaderValue)>,
}

#[cfg(feature = "http")]
impl<B> Mark<http::Response<B>> for MarkResponses {
    fn mark(&self, response: &mut http::Response<B>, fell_back: FellBack) {
        response.extensions_mut().insert(fell_back);
        if let Some((name, value)) = &self.header {
            response.headers_mut().insert(name, value.clone());
        }
    }
}
