//! HTTP/2 in front, HTTP/1.1 behind.

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::{LAX, one_route, process::Gateway, upstream::Upstream};

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let upstream = Upstream::start(|exchange| match exchange.path() {
        "/cut" => {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
            exchange.keep = false;
        }
        _ => {
            let body = String::from_utf8(exchange.body()).unwrap();
            exchange.reply("200 OK", &body);
        }
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();

    let request = Request::post(format!("http://{}/orders?x=1", gateway.at))
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(b"over two")));
    let answer = client.request(request.unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "over two");
    let seen = &upstream.seen()[0];
    assert_eq!(seen.start, "POST /orders?x=1 HTTP/1.1");
    assert_eq!(seen.get("cookie").unwrap(), "a=1; b=2");
    assert_eq!(seen.get("te"), None);
    assert_eq!(seen.get("host").unwrap(), upstream.at().to_string());
    assert_eq!(seen.get("x-forwarded-host").unwrap(), gateway.at.to_string());
    assert_eq!(seen.get("via").unwrap(), "2.0 gateway");

    let connect = Request::connect(gateway.at.to_string()).body(Full::default());
    assert_eq!(client.request(connect.unwrap()).await.unwrap().status(), 501);
    // Answered while the body is still on its way.
    let large = Full::new(Bytes::from(vec![b'x'; 4 << 20]));
    let nowhere = Request::post(format!("http://{}/", gateway.at)).body(large);
    assert_eq!(client.request(nowhere.unwrap()).await.unwrap().status(), 404);

    let cut = Request::get(format!("http://{}/cut", gateway.at)).body(Full::default());
    let ended_well = match client.request(cut.unwrap()).await {
        Ok(answer) => answer.into_body().collect().await.is_ok(),
        Err(_) => false,
    };
    assert!(!ended_well, "a body that breaks off breaks off here too");
}
