//! Responses that are judged where their body ends.

use std::convert::Infallible;

use http::HeaderMap;
use reqwest::{Body, Response, ResponseBuilderExt};
use tower_breaker::{
    Outcome, Permit,
    classify::{AtEndOfBody, Classify, Head, JudgeResponse},
};

/// What is left to say once the head was good.
#[derive(Clone)]
struct Ends;

impl JudgeResponse for Ends {
    fn head<B>(&self, _: &http::Response<B>) -> Head {
        Head::Good
    }

    fn end(&self, _: Option<&HeaderMap>) -> Outcome {
        Outcome::Success
    }

    fn unread(&self) -> Outcome {
        Outcome::Success
    }
}

/// Moves the permit of a good head into the body.
pub(crate) fn judged(response: Response, permit: Permit) -> Response {
    // Of what a response of reqwest has, its URL alone is lost on the way through one of `http`.
    let url = http::Response::builder().url(response.url().clone()).body(()).expect("there is nothing wrong in it");
    let response = Ok::<http::Response<Body>, Infallible>(response.into());
    let Ok(judged) = <AtEndOfBody<Ends> as Classify<(), _, _>>::end(Ends, response, permit);
    let mut judged = judged.map(Body::wrap);
    judged.extensions_mut().extend(url.into_parts().0.extensions);
    judged.into()
}
