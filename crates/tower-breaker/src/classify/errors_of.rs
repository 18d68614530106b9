use std::{any::type_name, error::Error, fmt, marker::PhantomData};

use tower_breaker_core::{Outcome, Permit};

use super::{Boxed, Classify, ErrorView, Typed};

/// Errors of type `T`, or caused by one, are failures; any other error is ignored, `Ok` a success.
///
/// ```
/// use std::io;
/// use tower_breaker::{Circuit, CircuitBreakerLayer, classify::ErrorsOf};
///
/// // Behind tower's `timeout`, `buffer` and the like the error is boxed.
/// let layer = CircuitBreakerLayer::new(Circuit::new("files", Default::default()))
///     .classify(ErrorsOf::<io::Error>::new().boxed());
/// # let _ = layer;
/// ```
pub struct ErrorsOf<T, V = Typed>(PhantomData<fn() -> (T, V)>);

impl<T> ErrorsOf<T> {
    /// For services whose error is a `std::error::Error`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub const fn boxed(self) -> ErrorsOf<T, Boxed> {
        ErrorsOf(PhantomData)
    }
}

fn judge<T: Error + 'static>(error: &(dyn Error + 'static)) -> Outcome {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<T>() {
            return Outcome::Failure;
        }
        next = error.source();
    }
    Outcome::Ignored
}

impl<T, V, Req, Res, E> Classify<Req, Res, E> for ErrorsOf<T, V>
where
    T: Error + 'static,
    V: ErrorView<E>,
{
    type State = ();
    type Response = Res;

    fn start(&self, _: &Req) {}

    fn end((): (), result: Result<Res, E>, permit: Permit) -> Result<Res, E> {
        permit.record(match &result {
            Ok(_) => Outcome::Success,
            Err(error) => judge::<T>(V::view(error)),
        });
        result
    }

    fn ready_error(&self, error: E, permit: Permit) -> E {
        permit.record(judge::<T>(V::view(&error)));
        error
    }
}

// By hand: a derive would ask the same of `T` and `V`, which are only names here.
impl<T, V> Clone for ErrorsOf<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V> Copy for ErrorsOf<T, V> {}

impl<T> Default for ErrorsOf<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, V> fmt::Debug for ErrorsOf<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorsOf<{}>", type_name::<T>())
    }
}
