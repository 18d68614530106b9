use std::error::Error;

/// How an error of type `E` is seen as a `dyn Error`, for the classifiers that look into one.
///
/// `Box<dyn Error + Send + Sync>`, the error of many of tower's middlewares, is not itself an `Error`, and no one impl
/// covers both. So [`ErrorsOf`](crate::classify::ErrorsOf), [`ErrorsButRefusals`](crate::classify::ErrorsButRefusals) and
/// the policies of retry carry the way they look: [`Typed`], or [`Boxed`] by their `.boxed()`. There is no third one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot look into an error of type `{E}`",
    note = "`Typed` takes any `std::error::Error + 'static`; for `Box<dyn Error + Send + Sync>` call `.boxed()` on the \
            classifier or policy"
)]
pub trait ErrorView<E>: sealed::Sealed {
    /// The error, as something whose `source()`s can be walked.
    fn view(error: &E) -> &(dyn Error + 'static);
}

/// Errors that are themselves `std::error::Error`.
#[derive(Debug, Clone, Copy)]
pub enum Typed {}

/// Errors that are `Box<dyn Error + Send + Sync>`.
#[derive(Debug, Clone, Copy)]
pub enum Boxed {}

impl<E: Error + 'static> ErrorView<E> for Typed {
    fn view(error: &E) -> &(dyn Error + 'static) {
        error
    }
}

impl ErrorView<Box<dyn Error + Send + Sync>> for Boxed {
    fn view(error: &Box<dyn Error + Send + Sync>) -> &(dyn Error + 'static) {
        &**error
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Typed {}
    impl Sealed for super::Boxed {}
}
