//! Which circuit, or which rate limit, a request belongs to.
//!
//! A key is a function from the request to a name. A name that is a slice of the request costs no allocation once it is
//! known. Any `fn` will do as it is; a closure goes through [`from_fn`], without which the compiler
//! does not see that the name may borrow from the request:
//!
//! ```
//! use std::borrow::Cow;
//! use tower_breaker::key;
//!
//! struct Job {
//!     queue: String,
//! }
//!
//! fn queue(job: &Job) -> Cow<'_, str> {
//!     job.queue.as_str().into()
//! }
//!
//! let as_closure = key::from_fn(|job: &Job| job.queue.as_str().into());
//! # let _ = (queue, as_closure);
//! ```
//!
//! With feature `http` there are `host()`, `header(name)`, `method_and_path()`, `grpc_service()` and `grpc_method()`.
//!
//! Keys often come from strangers, who may send a new one with every call. The set of circuits is bounded and drops
//! closed ones first, and the keys of this module are at most [`LONGEST`] bytes; but a name still ends up in logs and
//! metrics: prefer names you know (routes) to names they send.

use std::borrow::Cow;

#[cfg(feature = "http")]
mod grpc;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod short;

#[cfg(feature = "http")]
pub use self::{
    grpc::{GrpcMethod, GrpcService, grpc_method, grpc_service},
    http::{Header, Host, MethodAndPath, header, host, method_and_path},
};

/// The key of a request that has none: no host, or no such header.
pub const MISSING: &str = "-";

/// The most bytes a key of this module has. What is longer is cut, so that a set of circuits has a bound in bytes too; names that
/// agree so far share a circuit. Enough for every host there can be, with its port.
pub const LONGEST: usize = 260;

/// Names the circuit a request belongs to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a circuit for a `{Req}`",
    label = "not a key for these requests",
    note = "a key is `for<'a> Fn(&'a {Req}) -> Cow<'a, str>`; wrap a closure in `key::from_fn`, so that what it returns may \
            borrow from its argument",
    note = "`key::host`, `key::header`, `key::method_and_path` and those of gRPC name circuits for `http::Request<_>` only"
)]
pub trait Key<Req> {
    /// The circuit's name.
    fn of<'a>(&self, request: &'a Req) -> Cow<'a, str>;

    /// Hands the name to `use_it`. For a name that is put together of several parts of the request: it can be, without an
    /// allocation, on the stack.
    fn with<T>(&self, request: &Req, use_it: impl FnOnce(&str) -> T) -> T
    where
        Self: Sized,
    {
        use_it(&self.of(request))
    }
}

#[diagnostic::do_not_recommend]
impl<F, Req> Key<Req> for F
where
    F: for<'a> Fn(&'a Req) -> Cow<'a, str>,
{
    fn of<'a>(&self, request: &'a Req) -> Cow<'a, str> {
        self(request)
    }
}

/// Gives `key` back as it is; the bound tells the compiler that what it returns borrows from its argument.
pub const fn from_fn<Req, F>(key: F) -> F
where
    F: for<'a> Fn(&'a Req) -> Cow<'a, str>,
{
    key
}

#[cfg(feature = "http")]
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST)]
}
