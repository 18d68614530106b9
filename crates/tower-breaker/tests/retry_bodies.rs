//! Request bodies that are sent again.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use ::tower::{Layer, service_fn};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tower_breaker::{
    refuse::BoxError,
    retry::{Budget, BufferBody, Jitter, ReplayBody, RetryConfig, RetryLayer},
};

use crate::support::ask;

/// Frames, one after the other; says its length only if told to.
#[derive(Debug, Default)]
struct Script {
    frames: VecDeque<Result<Frame<Bytes>, BoxError>>,
    length: Option<u64>,
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = self.frames.pop_front();
        if let (Some(Ok(frame)), Some(length)) = (&frame, self.length) {
            self.length = Some(length - frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn data(text: &'static str) -> Result<Frame<Bytes>, BoxError> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::header::ETAG, "17".parse().unwrap())])
}

fn script(frames: impl IntoIterator<Item = Result<Frame<Bytes>, BoxError>>) -> Script {
    Script { frames: frames.into_iter().collect(), length: None }
}

/// What an attempt read.
type Read = Result<(Bytes, Option<HeaderMap>), String>;

/// Reads at most so many frames of a body.
async fn read<B>(mut body: B, frames: usize) -> Read
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    let (mut all, mut trailers) = (Vec::new(), None);
    for _ in 0..frames {
        match body.frame().await {
            None => break,
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => all.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
    }
    Ok((all.into(), trailers))
}

/// What each attempt reads of `body` when the n-th stops after `frames[n]` frames, and all are answered 503.
async fn attempts<B>(cap: u64, body: B, frames: &'static [usize]) -> Vec<Read>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    let reads = Arc::new(Mutex::new(Vec::new()));
    let inner = {
        let reads = Arc::clone(&reads);
        service_fn(move |request: Request<ReplayBody<B>>| {
            let reads = Arc::clone(&reads);
            async move {
                let limit = frames[reads.lock().unwrap().len()];
                let read = read(request.into_body(), limit).await;
                reads.lock().unwrap().push(read);
                let mut response = Response::new(());
                *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                Ok::<_, Infallible>(response)
            }
        })
    };
    let config = RetryConfig::builder().attempts(frames.len() as u32).jitter(Jitter::None).build().unwrap();
    let budget = Budget::new(0.0, 1).unwrap();
    let repeat = BufferBody::new().cap(cap);
    let mut service = RetryLayer::http(config).repeat(repeat).budget(budget.clone()).layer(inner);
    let response = ask(&mut service, Request::builder().method(Method::PUT).body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), 503, "never an error of ours");
    let reads = std::mem::take(&mut *reads.lock().unwrap());
    assert_eq!(budget.balance(), 10.0 - (reads.len() - 1) as f64, "only what was made is charged");
    reads
}

const ALL: usize = usize::MAX;

#[tokio::test(start_paused = true)]
async fn a_body_is_sent_again_byte_for_byte_with_its_trailers() {
    let whole: Read = Ok((Bytes::from_static(b"one two three"), Some(trailers())));
    let body = || script([data("one "), data(""), data("two "), data("three"), Ok(Frame::trailers(trailers()))]);
    assert_eq!(attempts(100, body(), &[ALL, ALL, ALL]).await, vec![whole.clone(); 3]);
    // Even if no attempt before had read it all, or not yet its end.
    for stop in 0..6 {
        let frames: &'static [usize] = Box::leak(Box::new([stop, 1, ALL]));
        let reads = attempts(100, body(), frames).await;
        assert_eq!(reads.len(), 3);
        assert_eq!(reads[2], whole, "after {stop} frames");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_goes_out_untouched_once() {
    let whole: Read = Ok((Bytes::from_static(b"onetwothree"), None));
    let body = || script([data("one"), data("two"), data("three")]);
    assert_eq!(attempts(11, body(), &[ALL, ALL]).await, vec![whole.clone(); 2]);
    assert_eq!(attempts(10, body(), &[ALL, ALL]).await, vec![whole.clone()]);
    // Known beforehand.
    assert_eq!(attempts(10, Full::new(Bytes::from_static(b"onetwothree")), &[ALL, ALL]).await, vec![whole.clone()]);
    // The second attempt finds that it is too large, and is the last.
    let reads = attempts(10, body(), &[1, ALL, ALL]).await;
    assert_eq!(reads[1..], [whole]);
}

#[tokio::test(start_paused = true)]
async fn crumbs_without_end_are_not_kept() {
    let crumbs = script((0..1_025).map(|_| data("x")));
    assert_eq!(attempts(1 << 20, crumbs, &[ALL, ALL]).await.len(), 1);
    let crumbs = script((0..1_024).map(|_| data("x")));
    assert_eq!(attempts(1 << 20, crumbs, &[ALL, ALL]).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_failed_is_not_sent_again() {
    let body = script([data("one"), Err("the client went away".into())]);
    assert_eq!(attempts(100, body, &[ALL, ALL]).await, [Err("the client went away".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_body_is_repeated_whatever_the_cap() {
    let nothing: Read = Ok((Bytes::new(), None));
    assert_eq!(attempts(0, Full::<Bytes>::default(), &[ALL, ALL]).await, vec![nothing; 2]);
}

#[tokio::test(start_paused = true)]
async fn hints_are_those_of_what_is_left() {
    use tower_breaker::retry::Repeat;

    let body = Script { length: Some(6), ..script([data("one"), data("two")]) };
    let (first, kept) = BufferBody::new().keep(Request::new(body));
    let mut first = first.into_body();
    assert_eq!((first.size_hint().exact(), first.is_end_stream()), (Some(6), false));
    first.frame().await.unwrap().unwrap();
    assert_eq!(first.size_hint().exact(), Some(3));
    let (again, kept) = <BufferBody as Repeat<Request<Script>>>::again(kept.unwrap(), false).unwrap();
    let mut again = again.into_body();
    assert_eq!(again.size_hint().exact(), Some(6));
    // The abandoned attempt gets an error, not an end.
    assert!(!first.is_end_stream());
    let over = first.frame().await.unwrap().unwrap_err();
    assert_eq!(over.to_string(), "the request body is no longer this attempt's to read");
    while again.frame().await.is_some() {}
    assert_eq!((again.size_hint().exact(), again.is_end_stream()), (Some(0), true));
    let (mut third, _) = <BufferBody as Repeat<Request<Script>>>::again(kept.unwrap(), true).unwrap();
    assert_eq!((third.body().size_hint().exact(), third.body().is_end_stream()), (Some(6), false));
    third.body_mut().frame().await.unwrap().unwrap();
    third.body_mut().frame().await.unwrap().unwrap();
    assert_eq!((third.body().size_hint().exact(), third.body().is_end_stream()), (Some(0), true));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_keeps_nothing_of_what_it_reads() {
    use tower_breaker::retry::Repeat;

    let owner = Arc::new([7; 4]);
    let held = |owner: &Arc<[u8; 4]>| Ok(Frame::data(Bytes::from_owner(Owned(Arc::clone(owner)))));
    let (first, kept) = BufferBody::new().keep(Request::new(script([held(&owner), held(&owner)])));
    first.into_body().frame().await.unwrap().unwrap();
    let (again, _) = <BufferBody as Repeat<Request<Script>>>::again(kept.unwrap(), true).unwrap();
    let mut again = again.into_body();
    assert_eq!(Arc::strong_count(&owner), 3, "one on the tape, one to come");
    again.frame().await.unwrap().unwrap();
    again.frame().await.unwrap().unwrap();
    assert_eq!(Arc::strong_count(&owner), 1, "read by the last who may");
}

/// Counted as long as somebody holds its bytes.
struct Owned(Arc<[u8; 4]>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &*self.0
    }
}

#[tokio::test(start_paused = true)]
async fn stacks_with_one_body_type_keep_it() {
    let inner = service_fn(|request: Request<axum::body::Body>| async move {
        let body = axum::body::to_bytes(request.into_body(), 100).await.map_err(BoxError::from)?;
        Ok::<_, BoxError>(Response::new(body))
    });
    let policy = tower_breaker::retry::HttpRetry::new().boxed();
    let layer = RetryLayer::http(RetryConfig::default()).policy(policy).map_body(axum::body::Body::new);
    let request = Request::put("/").body(axum::body::Body::from("hello")).unwrap();
    assert_eq!(ask(&mut layer.layer(inner), request).await.unwrap().into_body(), "hello");
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_body_goes_to_the_newer_attempt_while_the_older_still_waits_for_it() {
    use tower_breaker::retry::Repeat;

    /// Ends with what comes through the channel.
    struct Channel(tokio::sync::mpsc::Receiver<Bytes>);

    impl Body for Channel {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx).map(|data| data.map(|data| Ok(Frame::data(data))))
        }
    }

    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let (first, kept) = BufferBody::new().keep(Request::new(Channel(receiver)));
    sender.send(Bytes::from_static(b"one ")).await.unwrap();
    let mut first = first.into_body();
    first.frame().await.unwrap().unwrap();
    // A connection that was answered early holds it, waiting.
    let held = tokio::spawn(async move { first.frame().await.unwrap().is_err() });
    tokio::task::yield_now().await;
    let (again, _) = <BufferBody as Repeat<Request<Channel>>>::again(kept.unwrap(), true).unwrap();
    let again = tokio::spawn(again.into_body().collect());
    tokio::task::yield_now().await;
    sender.send(Bytes::from_static(b"two")).await.unwrap();
    drop(sender);
    assert_eq!(again.await.unwrap().unwrap().to_bytes(), "one two");
    held.abort();
}

#[tokio::test(start_paused = true)]
async fn the_end_after_the_last_frame_is_known_without_another_poll() {
    use tower_breaker::retry::Repeat;

    let full = || Request::new(Full::new(Bytes::from_static(b"17")));
    let mut body = BufferBody::new().keep(full()).0.into_body();
    body.frame().await.unwrap().unwrap();
    assert!(body.is_end_stream());
    // What is known to be too large is not even begun to be kept.
    assert!(BufferBody::new().cap(1).keep(full()).1.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_frame_read_while_a_newer_attempt_begins_is_the_newer_ones_too() {
    use tower_breaker::retry::{KeptRequest, Repeat, Unmapped};

    type Kept = Arc<Mutex<Option<KeptRequest<Overtaken, Unmapped>>>>;
    type Newer = Arc<Mutex<Option<ReplayBody<Overtaken>>>>;

    /// While its first frame is read, another attempt begins.
    struct Overtaken(Script, Kept, Newer);

    impl Body for Overtaken {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            if let Some(kept) = self.1.lock().unwrap().take() {
                let (again, _) = <BufferBody as Repeat<Request<Self>>>::again(kept, true).unwrap();
                let mut again = again.into_body();
                // The body is being polled, so this one has to wait.
                assert!(Pin::new(&mut again).poll_frame(cx).is_pending());
                *self.2.lock().unwrap() = Some(again);
            }
            Pin::new(&mut self.0).poll_frame(cx)
        }
    }

    let (kept, newer) = (Kept::default(), Newer::default());
    let body = Overtaken(script([data("one "), data("two")]), Arc::clone(&kept), Arc::clone(&newer));
    // Too large to be kept, were it not for the newer attempt.
    let (first, keeps) = BufferBody::new().cap(1).keep(Request::new(body));
    *kept.lock().unwrap() = keeps;
    let mut first = first.into_body();
    first.frame().await.unwrap().unwrap();
    let newer = newer.lock().unwrap().take().unwrap();
    assert_eq!(read(newer, ALL).await.unwrap().0, "one two");
}
