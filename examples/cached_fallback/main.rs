//! A fallback that answers the last good response, from a cache of its own (moka).
//!
//! ```sh
//! cargo run --example cached_fallback
//! ```
//!
//! In one process, in two seconds: a client asks a shop's page for tea every 100 ms. The shop breaks with the sixth
//! call. After three failures its circuit opens, and half a second later a call finds it well again. Meanwhile the
//! client sees the last good page, with its age, and a header that says so; a page that nobody had asked for before
//! stays a 503.
//!
//! # What may be kept for others
//!
//! One caller's answer must not reach another. So here, as in any shared cache (RFC 9111), nothing is kept
//!
//! - for a request with `Authorization`, or a cookie, nor of a response that is `private`, `no-store` or sets a cookie;
//! - of a response that varies by anything but `Accept-Language` (its `Vary` header): that one header is part of the
//!   key.
//!
//! And such a request is never answered from the cache either.

use std::{
    convert::Infallible,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use moka::sync::Cache;
use tokio::time::sleep;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_breaker::{
    Circuit, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer,
    fallback::{self, Cause, FellBack},
};

/// A good response, and when it came.
type Kept = (Response<String>, Instant);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_millis(500))
        .success_threshold(1)
        .build()?;
    let circuit = Circuit::new("shop", config);

    // Bounded in entries and in age: a page of an hour ago may be worse than none.
    let pages: Cache<String, Kept> =
        Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(3_600)).build();

    let cached = {
        let pages = pages.clone();
        // A look-up that finds nothing leaves the refusal as it was.
        fallback::lookup(move |key: Option<String>, _: &Cause| {
            let (mut page, since) = pages.get(&key?)?;
            page.headers_mut().insert(header::AGE, HeaderValue::from(since.elapsed().as_secs()));
            Some(page)
        })
        // All it needs of a request is the key.
        .keep(key)
    };

    let shop = Shop::default();
    let mut client = ServiceBuilder::new()
        .layer(
            FallbackLayer::http(cached)
                // Refusals, and what the shop itself answers when it is broken.
                .or_when(|answer: &Result<Response<String>, Infallible>| {
                    answer.as_ref().is_ok_and(|answer| answer.status().is_server_error())
                })
                .header(HeaderName::from_static("x-fallback"), HeaderValue::from_static("cached"))
                .circuit(circuit.clone()),
        )
        .layer(CircuitBreakerLayer::http(circuit.clone()))
        .service(service_fn(move |request: Request<()>| {
            let (shop, pages, key) = (shop.clone(), pages.clone(), key(&request));
            async move {
                let answer = shop.page(&request).await;
                if let Some(key) = key.filter(|_| may_be_kept(&answer)) {
                    pages.insert(key, (answer.clone(), Instant::now()));
                }
                Ok::<_, Infallible>(answer)
            }
        }));

    for call in 1..=18 {
        let path = if call == 9 { "/coffee" } else { "/tea" };
        let answer = client.ready().await?.call(Request::get(path).body(())?).await?;
        let why = answer.extensions().get::<FellBack>().map(|fell_back| fell_back.cause.to_string());
        println!(
            "{call:2} {path:8} {} {:26} {}",
            answer.status().as_u16(),
            if answer.status() == StatusCode::OK { answer.body() } else { "nothing kept of it" },
            why.map_or_else(|| "as it came".to_owned(), |why| format!("from the cache: {why}"))
        );
        sleep(Duration::from_millis(100)).await;
    }
    println!("{} answers came from the cache", circuit.snapshot().fallbacks);
    Ok(())
}

/// Under what a response to this may be kept; `None`: it may not.
fn key(request: &Request<()>) -> Option<String> {
    let headers = request.headers();
    let is_personal = headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE);
    if request.method() != Method::GET || is_personal {
        return None;
    }
    let language = headers.get(header::ACCEPT_LANGUAGE).map_or("", |value| value.to_str().unwrap_or(""));
    Some(format!("{} {language}", request.uri()))
}

fn may_be_kept(answer: &Response<String>) -> bool {
    let words = |name: HeaderName| {
        let values = answer.headers().get_all(name).iter();
        values.flat_map(|value| value.to_str().unwrap_or("*").split(',')).map(str::trim)
    };
    let varies_by_language_alone = words(header::VARY).all(|name| name.eq_ignore_ascii_case("accept-language"));
    let is_public = words(header::CACHE_CONTROL).all(|word| {
        let name = word.split('=').next().unwrap_or(word);
        !["private", "no-store", "no-cache", "*"].iter().any(|taboo| name.eq_ignore_ascii_case(taboo))
    });
    let is_for_all = !answer.headers().contains_key(header::SET_COOKIE);
    answer.status() == StatusCode::OK && varies_by_language_alone && is_public && is_for_all
}

/// Breaks with its sixth call, and is well again with its ninth.
#[derive(Clone, Default)]
struct Shop(Arc<AtomicU32>);

impl Shop {
    async fn page(&self, request: &Request<()>) -> Response<String> {
        let call = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let mut answer = Response::new(format!("{} at 3.20, page no. {call}", request.uri().path()));
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
        if (6..=8).contains(&call) {
            answer = Response::new("the shop is broken".to_owned());
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
        }
        answer
    }
}
