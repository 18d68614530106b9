use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// An answer that says what was wrong, as problem details (RFC 9457). It repeats nothing of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: &'static str,
}

impl Problem {
    pub(crate) const NO_SUCH_CIRCUIT: Self = Self::new(StatusCode::NOT_FOUND, "there is no circuit of that name");
    pub(crate) const NO_SUCH_SET: Self = Self::new(StatusCode::NOT_FOUND, "there is no set of circuits of that label");
    pub(crate) const SEVERAL_CIRCUITS: Self =
        Self::new(StatusCode::CONFLICT, "several circuits have that name; say which with ?set=LABEL");
    pub(crate) const BAD_QUERY: Self =
        Self::new(StatusCode::BAD_REQUEST, "the query is not accepted; accepted: ?set=LABEL, once");

    pub(crate) const fn new(status: StatusCode, detail: &'static str) -> Self {
        Self { status, detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let text =
            json!({ "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail });
        let mut response = Response::new(Body::from(text.to_string()));
        *response.status_mut() = self.status;
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}
