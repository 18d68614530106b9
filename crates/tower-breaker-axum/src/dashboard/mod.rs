//! The page: written by hand, sent as one document that asks for nothing but this router's own routes.
//!
//! Style and script stand in files of their own here (the script in parts, in the order below) and inside the page there, so
//! that it works wherever the router is nested. They run by a nonce; the content security policy allows nothing else, and no
//! HTML made from text.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

const PAGE: &str = include_str!("index.html");
const STYLE: &str = include_str!("style.css");
/// In one piece: each part uses what those before it declare.
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("script/words.js"),
    include_str!("script/arrivals.js"),
    include_str!("script/tiles.js"),
    include_str!("script/details.js"),
    include_str!("script/link.js"),
    include_str!("script/operator.js"),
    include_str!("script/start.js"),
    "})();",
);

pub(crate) async fn page() -> Response {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let nonce = format!("{:032x}", u128::from_ne_bytes(random));
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    let page = PAGE.replace("{nonce}", &nonce).replace("{style}", STYLE).replace("{script}", SCRIPT);
    let mut response = Html(page).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}
