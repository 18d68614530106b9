//! One request: its route, its upstream, its answer.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    answer,
    balanced::Choice,
    config::Table,
    forward::{End, Forward},
    headers, stack,
    stages::Stages,
    upload::Upload,
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Proxy {
    table: Table,
    stages: Arc<Stages>,
    forward: Forward,
    /// How long a caller is waited for.
    patience: Duration,
}

impl Proxy {
    /// Callers are waited for so long, and upstreams so long.
    pub(crate) fn new(table: Table, stages: Arc<Stages>, patience: Duration, upstreams: Duration) -> Arc<Self> {
        Arc::new(Self { table, stages, forward: Forward::new(upstreams), patience })
    }

    /// Answers a request of `caller`.
    pub(crate) async fn answer(&self, request: Request<Incoming>, caller: IpAddr) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        // From here on, whatever becomes of the request, its body is not left in the way of the answer.
        let body = Upload::new(body, headers::expects_continue(&head.headers), self.patience);
        if !headers::names_its_host(&head) {
            return answer::problem(StatusCode::BAD_REQUEST, "a request names one host, as in Host: a.example:8080");
        }
        if headers::wants_upgrade(&head) {
            return answer::problem(StatusCode::NOT_IMPLEMENTED, "no other protocols are spoken through this gateway");
        }
        if headers::has_other_codings(&head.headers) {
            return answer::problem(StatusCode::NOT_IMPLEMENTED, "of transfer codings only chunked is known here");
        }
        let has_body = !body.is_end_stream();
        let request = Request::from_parts(head, ());
        let Some(found) = self.table.find(&request) else {
            return answer::problem(StatusCode::NOT_FOUND, "no route leads there");
        };
        (head, ()) = request.into_parts();

        let upstreams = found.route().extra().upstreams.list();
        // Where there are several, each attempt goes to one of its own choice.
        let upstream = &upstreams[0];
        headers::prepare(&mut head, caller, has_body, upstream.host());
        head.uri = upstream.target(head.uri.path_and_query());
        head.extensions.clear();
        head.extensions.insert(body.progress());
        if upstreams.len() > 1 {
            head.extensions.insert(Choice::default());
        }
        // Taken before the timeout begins to count, so that it is never later.
        let end = found.route().policy().timeout().and_then(|timeout| Instant::now().checked_add(timeout));
        if let Some(end) = end {
            head.extensions.insert(End(end));
        }
        let stages = self.stages.of(found.route());
        let mut response = stack::call(&self.forward, &stages, found, Request::from_parts(head, body)).await;

        headers::remove_hop_by_hop(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        response
    }
}
