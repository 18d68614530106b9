//! Which route a request takes.

use http::Method;

use crate::read;

/// The name of the route of a request.
fn find(routes: &str, method: &Method, host: &str, path: &str) -> Option<String> {
    let config = read(&format!("policies.default = {{}}\n{routes}"));
    config.find(method, Some(host), path).map(|route| route.name().to_owned())
}

#[test]
fn the_path_decides_as_axum_decides() {
    let routes = "[[routes]]\npath = \"/{*rest}\"\n[[routes]]\npath = \"/orders/{id}\"\n\
                  [[routes]]\npath = \"/orders/new\"\n[[routes]]\npath = \"/\"\n";
    for (path, route) in [
        ("/orders/new", Some("/orders/new")),
        ("/orders/7", Some("/orders/{id}")),
        ("/orders/7%2F8", Some("/orders/{id}")),
        ("/orders/7/items", Some("/{*rest}")),
        ("/orders/", Some("/{*rest}")),
        ("/", Some("/")),
        ("*", None),
        ("", None),
    ] {
        assert_eq!(find(routes, &Method::GET, "a", path).as_deref(), route, "{path}");
    }
}

#[test]
fn the_rest_of_a_path_is_never_empty() {
    let routes = "[[routes]]\npath = \"/static/{*rest}\"\n";
    assert_eq!(find(routes, &Method::GET, "a", "/static/a/b.css").as_deref(), Some("/static/{*rest}"));
    assert_eq!(find(routes, &Method::GET, "a", "/static/"), None);
    assert_eq!(find(routes, &Method::GET, "a", "/static"), None);
}

#[test]
fn a_route_that_does_not_take_the_method_is_not_in_the_way() {
    let routes = "[[routes]]\npath = \"/orders/{id}\"\nmethods = [\"GET\"]\n\
                  [[routes]]\npath = \"/orders/{number}\"\nmethods = [\"PUT\", \"PURGE\"]\n[[routes]]\npath = \"/{*rest}\"\n";
    let purge = Method::from_bytes(b"PURGE").unwrap();
    assert_eq!(find(routes, &Method::GET, "a", "/orders/7").as_deref(), Some("GET /orders/{id}"));
    assert_eq!(find(routes, &Method::HEAD, "a", "/orders/7").as_deref(), Some("GET /orders/{id}"));
    assert_eq!(find(routes, &Method::PUT, "a", "/orders/7").as_deref(), Some("PUT,PURGE /orders/{number}"));
    assert_eq!(find(routes, &purge, "a", "/orders/7").as_deref(), Some("PUT,PURGE /orders/{number}"));
    assert_eq!(find(routes, &Method::POST, "a", "/orders/7").as_deref(), Some("/{*rest}"));
}

#[test]
fn of_the_same_path_the_first_has_the_request() {
    let routes = "[[routes]]\npath = \"/a\"\nmethods = [\"GET\", \"POST\"]\n[[routes]]\npath = \"/a\"\n";
    assert_eq!(find(routes, &Method::POST, "a", "/a").as_deref(), Some("GET,POST /a"));
    assert_eq!(find(routes, &Method::PUT, "a", "/a").as_deref(), Some("/a"));
}

#[test]
fn a_route_for_the_host_goes_before_one_for_any() {
    let routes = "[[routes]]\npath = \"/a/b\"\n[[routes]]\npath = \"/a/{b}\"\nhost = \"one.example\"\nmethods = [\"GET\"]\n\
                  [[routes]]\npath = \"/{x}\"\nhost = \"[::1]\"\n";
    assert_eq!(find(routes, &Method::GET, "one.example", "/a/b").as_deref(), Some("GET one.example/a/{b}"));
    assert_eq!(find(routes, &Method::GET, "ONE.example:8080", "/a/b").as_deref(), Some("GET one.example/a/{b}"));
    assert_eq!(find(routes, &Method::POST, "one.example", "/a/b").as_deref(), Some("/a/b"));
    assert_eq!(find(routes, &Method::GET, "two.example", "/a/b").as_deref(), Some("/a/b"));
    assert_eq!(find(routes, &Method::GET, "two.example", "/a/c"), None);
    assert_eq!(find(routes, &Method::GET, "[::1]:80", "/a").as_deref(), Some("[::1]/{x}"));
}

#[test]
fn a_request_without_a_host_takes_routes_for_any() {
    let config =
        read("policies.default = {}\n[[routes]]\npath = \"/\"\nhost = \"a.example\"\n[[routes]]\npath = \"/\"\n");
    assert_eq!(config.find(&Method::GET, None, "/").unwrap().name(), "/");
}
