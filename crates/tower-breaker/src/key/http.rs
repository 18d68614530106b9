use std::borrow::Cow;

use http::{HeaderName, Request, header};

use super::{Key, MISSING, cut, short::Short};

/// The host the request is for; made by [`host`].
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Host;

/// The value of a header; made by [`header()`].
#[derive(Debug, Clone)]
pub struct Header(HeaderName);

/// Method and path; made by [`method_and_path`].
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct MethodAndPath;

/// The host, with its port if one is written: `db.internal:8080`. From the URI's authority (a client's request, or HTTP/2),
/// else from the `Host` header; [`MISSING`] without either.
///
/// For clients that call many hosts. Lower case, as hosts do not tell apart; user and password in an authority are left
/// out. No allocation.
#[must_use]
pub const fn host() -> Host {
    Host
}

/// The value of the header `name`; [`MISSING`] where it is absent or not visible ASCII. No allocation.
///
/// ```
/// use http::HeaderName;
/// use tower_breaker::key;
///
/// let tenant = key::header(HeaderName::from_static("x-tenant"));
/// # let _ = tenant;
/// ```
#[must_use]
pub const fn header(name: HeaderName) -> Header {
    Header(name)
}

/// Method and path: `GET /orders`. No allocation.
///
/// Not for paths with ids in them, which would make a circuit for each: take the route's pattern (axum's `MatchedPath`).
#[must_use]
pub const fn method_and_path() -> MethodAndPath {
    MethodAndPath
}

impl<B> Key<Request<B>> for Host {
    fn of<'a>(&self, request: &'a Request<B>) -> Cow<'a, str> {
        let host = written(request);
        if has_upper_case(host) { host.to_ascii_lowercase().into() } else { host.into() }
    }

    fn with<T>(&self, request: &Request<B>, use_it: impl FnOnce(&str) -> T) -> T {
        let host = written(request);
        if !has_upper_case(host) {
            return use_it(host);
        }
        let mut name = Short::new();
        name.push(host);
        name.make_ascii_lowercase();
        use_it(name.as_str())
    }
}

impl<B> Key<Request<B>> for Header {
    fn of<'a>(&self, request: &'a Request<B>) -> Cow<'a, str> {
        cut(visible(request, &self.0)).into()
    }
}

impl<B> Key<Request<B>> for MethodAndPath {
    fn of<'a>(&self, request: &'a Request<B>) -> Cow<'a, str> {
        self.with(request, str::to_owned).into()
    }

    fn with<T>(&self, request: &Request<B>, use_it: impl FnOnce(&str) -> T) -> T {
        let mut name = Short::new();
        name.push(request.method().as_str());
        name.push(" ");
        name.push(request.uri().path());
        use_it(name.as_str())
    }
}

/// The host, as it is written.
fn written<B>(request: &Request<B>) -> &str {
    let host = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => visible(request, &header::HOST),
    };
    cut(host.rsplit_once('@').map_or(host, |(_, host)| host))
}

fn has_upper_case(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn visible<'a, B>(request: &'a Request<B>, name: &HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or(MISSING)
}
