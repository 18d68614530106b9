//! The rest of a client's middlewares, and the client, as a service.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Next};
use tower_service::Service;

pub(crate) type Boxed<'a> = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>>;

/// Takes one call.
pub(crate) struct Once<'a>(Option<(Next<'a>, &'a mut Extensions)>);

impl<'a> Once<'a> {
    pub(crate) const fn new(next: Next<'a>, extensions: &'a mut Extensions) -> Self {
        Self(Some((next, extensions)))
    }
}

impl<'a> Service<Request> for Once<'a> {
    type Response = Response;
    type Error = Error;
    type Future = Boxed<'a>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Boxed<'a> {
        let (next, extensions) = self.0.take().expect("made for one call");
        next.run(request, extensions)
    }
}

/// Takes one call after the other. Each attempt has the extensions as the one before left them when it ended; what an attempt
/// that was cut short has put there is lost with it.
#[derive(Clone)]
pub(crate) struct Attempts<'a> {
    next: Next<'a>,
    extensions: Arc<Mutex<Extensions>>,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(next: Next<'a>, extensions: &Arc<Mutex<Extensions>>) -> Self {
        Self { next, extensions: Arc::clone(extensions) }
    }
}

impl<'a> Service<Request> for Attempts<'a> {
    type Response = Response;
    type Error = Error;
    type Future = Boxed<'a>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Boxed<'a> {
        let Self { next, extensions } = self.clone();
        Box::pin(async move {
            let mut own = extensions.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let result = next.run(request, &mut own).await;
            *extensions.lock().unwrap_or_else(PoisonError::into_inner) = own;
            result
        })
    }
}
