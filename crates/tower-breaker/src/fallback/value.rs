use std::{
    fmt,
    future::{Ready, ready},
    sync::Arc,
};

use super::{Answer, Cause, FallbackKind};

/// A value that is always the same; made by [`value`].
pub struct Value<T>(Arc<T>);

/// Answers a clone of `value`, whatever was asked. Nothing is kept of the request, and the value is cloned only when it
/// answers.
#[must_use]
pub fn value<T>(value: T) -> Value<T> {
    Value(Arc::new(value))
}

impl<T: Clone, Req, E> Answer<Req, T, E> for Value<T> {
    type Kept = Arc<T>;
    type Future = Ready<Result<T, E>>;

    const KIND: FallbackKind = FallbackKind::Value;

    fn keep(&self, _: &Req) -> Arc<T> {
        Arc::clone(&self.0)
    }

    fn answer(value: Arc<T>, _: &Cause, _: Result<T, E>) -> Result<Self::Future, Result<T, E>> {
        Ok(ready(Ok(T::clone(&value))))
    }
}

// By hand: a derive would ask the same of `T`.
impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

// By hand: an answer may be as private as a request.
impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}
