//! Who may give commands.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};

use super::token::Token;
use crate::problem::Problem;

pub(super) const READ_ONLY: Problem =
    Problem::new(StatusCode::FORBIDDEN, "no operator token is configured, so nothing can be changed here");
pub(super) const OTHER_ORIGIN: Problem =
    Problem::new(StatusCode::FORBIDDEN, "commands are not taken from a web page of another origin");
pub(super) const NO_TOKEN: Problem =
    Problem::new(StatusCode::UNAUTHORIZED, "the operator token is missing; send it as Authorization: Bearer TOKEN");
pub(super) const WRONG_TOKEN: Problem =
    Problem::new(StatusCode::UNAUTHORIZED, "the operator token is not the right one");

/// Whether a request with this head may give commands.
pub(super) fn admit(head: &Parts, token: Option<&Token>) -> Result<(), Problem> {
    let token = token.ok_or(READ_ONLY)?;
    if is_cross_origin(head) {
        return Err(OTHER_ORIGIN);
    }
    let sent = bearer(&head.headers).ok_or(NO_TOKEN)?;
    if token.is(sent) { Ok(()) } else { Err(WRONG_TOKEN) }
}

/// A refusal as an answer; one for want of the token asks for it (RFC 6750, section 3).
pub(super) fn refusal(problem: Problem) -> Response {
    let asks = match problem {
        NO_TOKEN => Some("Bearer realm=\"circuits\""),
        WRONG_TOKEN => Some("Bearer realm=\"circuits\", error=\"invalid_token\""),
        _ => None,
    };
    let mut response = problem.into_response();
    if let Some(asks) = asks {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(asks));
    }
    response
}

pub(super) fn method_not_allowed() -> Response {
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "accepted here: GET").into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
    response
}

/// The one token sent. With two `Authorization` fields nobody can say which is meant.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else { return None };
    let (scheme, token) = field.as_bytes().split_at_checked(6)?;
    let token = token.strip_prefix(b" ")?;
    scheme.eq_ignore_ascii_case(b"Bearer").then(|| token.trim_ascii())
}

/// What a browser says of the page that asks. Only a page with the token could do harm, and a browser sends none by itself,
/// so this is a second lock on the same door. Programs other than browsers send neither field.
fn is_cross_origin(head: &Parts) -> bool {
    let field = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    if field("sec-fetch-site").is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = head.headers.get(header::ORIGIN) else { return false };
    let host = head.uri.authority().map(|authority| authority.as_str().as_bytes()).or_else(|| field("host"));
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let origin = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str().as_bytes());
    match (origin, host) {
        (Some(origin), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}
