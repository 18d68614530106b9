//! The JSON of the routes. The crate's documentation tells its fields; what is written here is what is promised there.

mod circuit;
mod config;
mod health;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer};

pub(crate) use self::{
    circuit::{Circuits, One},
    health::Health,
};

/// Raised when a field changes its meaning or goes. New fields do not raise it.
pub(crate) const VERSION: u32 = 1;

/// An answer of 200 with `value` as its body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        // Nothing that is written here can fail: there are no maps with keys that are not text.
        let Ok(text) = serde_json::to_vec(&self.0) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

pub(crate) fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
