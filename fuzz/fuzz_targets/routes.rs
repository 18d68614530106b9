//! Any text is a routes document or refused in one line; what is read finds its routes in every way alike.
#![no_main]

use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use tower_breaker::routes::{NoExtra, Route, RouteTable, RoutesConfig};

fuzz_target!(|text: &str| {
    match RoutesConfig::<NoExtra>::from_toml(text) {
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error:?}"),
        Ok(config) => {
            let table = RouteTable::new(config.clone());
            for path in ["/", "/orders/7", "/static/a/b", "*", ""] {
                let found = config.find(&Method::GET, Some("files.example"), path);
                let live = table.find_by(&Method::GET, Some("files.example"), path, &HeaderMap::new());
                assert_eq!(found.map(Route::name), live.as_ref().map(|live| live.route().name()));
            }
            table.apply(config);
        }
    }
});
