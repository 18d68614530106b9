//! Places held until the head of a response, or the end of its body.

use super::*;

/// What a body does, poll by poll.
#[derive(Default)]
struct Scripted(Vec<Result<Frame<Bytes>, &'static str>>);

impl Body for Scripted {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready((!self.0.is_empty()).then(|| self.0.remove(0)))
    }
}

async fn held<B: Body>(places: &Bulkhead, body: B) -> BulkheadBody<B> {
    let mut body = Some(body);
    let mut service = BulkheadLayer::new(places.clone()).until_end_of_body().layer(OneBody(body.take()));
    service.call(()).await.unwrap().into_body()
}

struct OneBody<B>(Option<B>);

// The one that moves into the call has it.
impl<B> Clone for OneBody<B> {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl<B> Service<()> for OneBody<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Ok(Response::new(self.0.take().unwrap())))
    }
}

fn data() -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from_static(b"data")))
}

#[tokio::test(start_paused = true)]
async fn to_the_head_the_place_is_free_with_the_response() {
    let places = bulkhead(1, 0);
    let mut service = BulkheadLayer::new(places.clone()).layer(OneBody(Some(Scripted(vec![data()]))));
    let _response = service.call(()).await.unwrap();
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn to_the_end_of_the_body_the_place_is_free_however_it_ends() {
    let trailers = || Ok(Frame::trailers(HeaderMap::new()));
    let endings = [(vec![data()], 1), (vec![data(), Err("broken off")], 1), (vec![data(), trailers()], 1)];
    for (script, frames) in endings {
        let places = bulkhead(1, 0);
        let mut body = held(&places, Scripted(script)).await;
        for _ in 0..frames {
            assert!(body.frame().await.unwrap().is_ok());
            assert_eq!(gauges(&places), (1, 0, 0));
        }
        let _ = body.frame().await;
        assert_eq!(gauges(&places), (0, 0, 0));
    }

    let places = bulkhead(1, 0);
    let body = held(&places, Scripted(vec![data()])).await;
    assert_eq!(gauges(&places), (1, 0, 0));
    drop(body);
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_place_is_free_with_the_last_frame_of_a_body_that_knows_it() {
    let places = bulkhead(1, 0);
    let mut body = held(&places, Full::new(Bytes::from_static(b"data"))).await;
    assert_eq!((gauges(&places), body.size_hint().exact()), ((1, 0, 0), Some(4)));
    assert!(!body.is_end_stream());
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.is_end_stream());
    assert_eq!(gauges(&places), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_holds_no_place() {
    let places = bulkhead(1, 0);
    let _body = held(&places, Full::<Bytes>::default()).await;
    assert_eq!(gauges(&places), (0, 0, 0));
}
