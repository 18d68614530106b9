use std::borrow::Cow;

use reqwest::{Request, Url};
use tower_breaker::key::{Key, LONGEST, MISSING};

/// The origin a request is for (RFC 6454): scheme, host and port, `https://api.example.com` or `http://10.0.0.7:8080`. A
/// scheme's own port is left out, whether the URL names it or not; user, password, path and query never are in it.
///
/// The key of the middlewares, unless they are given another, and of a `KeyedCircuitBreakerLayer` around a `reqwest::Client`:
///
/// ```
/// use tower_breaker::{Circuits, KeyedCircuitBreakerLayer};
/// use tower_breaker_reqwest::{Origin, ReqwestClassifier};
///
/// let layer = KeyedCircuitBreakerLayer::new(Circuits::new(Default::default()), Origin).classify(ReqwestClassifier::new());
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin;

impl Key<Request> for Origin {
    fn of<'a>(&self, request: &'a Request) -> Cow<'a, str> {
        origin(request.url())
    }
}

fn origin(url: &Url) -> Cow<'_, str> {
    // A parsed URL is normal: lower case, and no port that goes without saying. So the origin mostly stands in it as it is.
    if matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none() {
        let text = url.as_str();
        let host = url.scheme().len() + "://".len();
        let end = text[host..].find(['/', '?', '#']).map_or(text.len(), |end| host + end);
        return text[..text[..end].floor_char_boundary(LONGEST)].into();
    }
    let origin = url.origin();
    if !origin.is_tuple() {
        // A URL without a host, which reqwest will not send.
        return MISSING.into();
    }
    let mut name = origin.ascii_serialization();
    name.truncate(name.floor_char_boundary(LONGEST));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> String {
        origin(&url.parse().unwrap()).into_owned()
    }

    #[test]
    fn a_port_that_goes_without_saying_is_not_said() {
        assert_eq!(of("https://api.example.com"), of("https://user:secret@API.example.com:443/orders?id=1"));
        assert_eq!(of("http://api.example.com:80/"), "http://api.example.com");
        assert_eq!(of("http://api.example.com:443/"), "http://api.example.com:443");
        assert_eq!(of("http://[::1]:8080/x"), "http://[::1]:8080");
        assert_eq!(of("data:text/plain,x"), MISSING);
    }

    #[test]
    fn it_is_a_slice_of_a_url_without_user_and_password() {
        for url in
            ["https://api.example.com/orders?id=1", "http://10.0.0.7:8080", "http://[::1]:8080/x", "http://a?x=/y"]
        {
            let url: Url = url.parse().unwrap();
            assert!(matches!(origin(&url), Cow::Borrowed(_)), "{url}");
            assert_eq!(origin(&url), url.origin().ascii_serialization());
        }
        assert_eq!(of("https://user:secret@api.example.com/"), "https://api.example.com");
    }

    #[test]
    fn a_long_host_is_cut() {
        assert_eq!(of(&format!("http://{}.example/", "a".repeat(1_000))).len(), LONGEST);
    }
}
