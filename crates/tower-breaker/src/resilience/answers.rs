use super::JudgeInner;
use crate::{
    refuse::{AsBoxError, AsError, AsSameError},
    timeout::Unsaid,
};
#[cfg(feature = "http")]
use crate::{
    refuse::{AsResponse, AsWrappedResponse},
    timeout::GrpcTimeout,
};

/// How a stack answers what its stages cut short: [`Errors`], [`BoxErrors`], `Responses`, `WrappedResponses` or
/// `GrpcResponses`. There are no others.
pub trait Answers: sealed::Sealed {
    /// Of the stage that stands around the service itself.
    type First: Clone + Default;

    /// Of the stages around that one.
    type Rest: Clone + Default;

    /// Whether a caller's own time is minded.
    type Caller;

    /// A classifier of the service's own answers, as it stands behind the first stage.
    type Judge<C: Clone>: Clone;

    /// Puts the classifier there.
    fn judge<C: Clone>(classify: C) -> Self::Judge<C>;
}

/// As one typed error, [`Error`](crate::Error): the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Errors;

impl Answers for Errors {
    type First = AsError;
    type Rest = AsSameError;
    type Caller = Unsaid;
    type Judge<C: Clone> = JudgeInner<C>;

    fn judge<C: Clone>(classify: C) -> JudgeInner<C> {
        JudgeInner(classify)
    }
}

/// As boxed errors, for stacks that speak `BoxError` already.
#[derive(Debug, Clone, Copy, Default)]
pub struct BoxErrors;

impl Answers for BoxErrors {
    type First = AsBoxError;
    type Rest = AsBoxError;
    type Caller = Unsaid;
    type Judge<C: Clone> = C;

    fn judge<C: Clone>(classify: C) -> C {
        classify
    }
}

/// As HTTP responses; the service keeps its error type.
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Responses;

#[cfg(feature = "http")]
impl Answers for Responses {
    type First = AsResponse;
    type Rest = AsResponse;
    type Caller = Unsaid;
    type Judge<C: Clone> = C;

    fn judge<C: Clone>(classify: C) -> C {
        classify
    }
}

/// As HTTP responses around any body, which becomes a [`RefusalBody`](crate::refuse::RefusalBody).
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, Default)]
pub struct WrappedResponses;

#[cfg(feature = "http")]
impl Answers for WrappedResponses {
    type First = AsWrappedResponse;
    // The body is one that can be made of text by then.
    type Rest = AsResponse;
    type Caller = Unsaid;
    type Judge<C: Clone> = C;

    fn judge<C: Clone>(classify: C) -> C {
        classify
    }
}

/// As gRPC's statuses around any body; and `grpc-timeout` is minded.
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcResponses;

#[cfg(feature = "http")]
impl Answers for GrpcResponses {
    type First = AsWrappedResponse;
    type Rest = AsResponse;
    type Caller = GrpcTimeout;
    type Judge<C: Clone> = C;

    fn judge<C: Clone>(classify: C) -> C {
        classify
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Errors {}
    impl Sealed for super::BoxErrors {}
    #[cfg(feature = "http")]
    impl Sealed for super::Responses {}
    #[cfg(feature = "http")]
    impl Sealed for super::WrappedResponses {}
    #[cfg(feature = "http")]
    impl Sealed for super::GrpcResponses {}
}
