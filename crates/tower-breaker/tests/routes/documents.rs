//! What a document that is right says about its routes.

use http::Method;
use serde::Deserialize;
use tower_breaker::routes::{NoExtra, Route, RouteKey, RoutesConfig};

use crate::Proxied;

pub(crate) const DOCUMENT: &str = r#"
[policies.default.circuit_breaker]
failure_threshold = 5
failure_rate_threshold = 0.5
sliding_window = { time = "5s", buckets = 10 }
minimum_calls = 20
open_duration = "30s"
mode = "enforce"

[policies.payments]
extends = "default"
circuit_breaker = { failure_threshold = 3, open_duration = "60s" }

[[routes]]
path = "/orders/{id}"
methods = ["GET"]
policy = "payments"
key = "header:x-tenant"
upstream = "http://127.0.0.1:9001"

[[routes]]
path = "/static/{*rest}"
host = "Files.Example"
key = "host"
upstream = "http://127.0.0.1:9002"
"#;

#[test]
fn a_document_is_read_whole() {
    let config = RoutesConfig::<Proxied>::from_toml(DOCUMENT).unwrap();
    let [orders, files] = &config.routes().collect::<Vec<_>>()[..] else { panic!("two routes") };

    assert_eq!((orders.name(), orders.path()), ("GET /orders/{id}", "/orders/{id}"));
    assert_eq!(orders.methods(), [Method::GET]);
    assert_eq!(orders.host(), None);
    assert_eq!(*orders.key(), RouteKey::Header("x-tenant".parse().unwrap()));
    assert_eq!(orders.policy().name(), "payments");
    assert_eq!(orders.policy().extends(), Some("default"));
    assert_eq!(orders.extra().upstream, "http://127.0.0.1:9001");

    assert_eq!(files.name(), "files.example/static/{*rest}");
    assert_eq!(files.host(), Some("files.example"));
    assert_eq!(*files.key(), RouteKey::Host);
    let by_route = RoutesConfig::<Proxied>::from_toml(&DOCUMENT.replace("\"host\"", "\"route\"")).unwrap();
    assert!(by_route.routes().any(|route| *route.key() == RouteKey::Route));
    assert_eq!(files.policy().name(), "default");
    assert!(files.methods().is_empty());
}

#[test]
fn names_of_routes_are_told_apart() {
    let config = RoutesConfig::<Proxied>::from_toml(
        &DOCUMENT.replace("path = \"/static/{*rest}\"\nhost = \"Files.Example\"", "path = \"/orders/{id}\""),
    )
    .unwrap();
    let names: Vec<&str> = config.routes().map(Route::name).collect();
    assert_eq!(names, ["GET /orders/{id}", "/orders/{id}"]);
}

#[test]
fn a_field_of_the_callers_may_be_a_choice_with_settings_of_its_own() {
    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Page {
        Plain,
        Styled { colour: String },
    }
    #[derive(Debug, Deserialize)]
    struct Own {
        page: Page,
    }
    let read = |page: &str| {
        let document = format!("policies.default = {{}}\n[[routes]]\npath = \"/\"\npage = {page}\n");
        let config = RoutesConfig::<Own>::from_toml(&document).map_err(|error| error.to_string())?;
        Ok::<_, String>(config.routes().next().unwrap().extra().page.clone())
    };
    assert_eq!(read("\"plain\""), Ok(Page::Plain));
    assert_eq!(read("{ styled = { colour = \"red\" } }"), Ok(Page::Styled { colour: "red".to_owned() }));
    for (page, said) in [
        ("\"styles\"", " is \"styles\" (did you mean \"styled\"?); accepted: plain, styled"),
        ("{ styles = {} }", ".styles is \"styles\" (did you mean \"styled\"?); accepted: plain, styled"),
        ("{ styled = { colour = 3 } }", ".styled.colour is 3; accepted: a string"),
        ("{ styled = {}, plain = {} }", " is a table; accepted: plain, styled, or a table with one of them"),
        ("{}", " is a table; accepted: plain, styled, or a table with one of them"),
        ("3", " is 3; accepted: plain, styled, or a table with one of them"),
    ] {
        assert_eq!(read(page), Err(format!("line 4: routes[0].page{said}")), "{page}");
    }
}

#[test]
fn a_policy_may_have_fields_of_the_callers_too() {
    #[derive(Debug, Deserialize)]
    struct Page {
        banner: String,
        #[serde(default)]
        colours: Vec<String>,
        #[expect(dead_code, reason = "only read")]
        frame: Option<Frame>,
    }
    #[derive(Debug, Deserialize)]
    struct Frame {}
    let document = r#"
        [policies.default]
        banner = "closed for now"
        colours = ["red", "blue"]

        [policies.night]
        extends = "default"
        colours = ["black"]

        [[routes]]
        path = "/"
    "#;
    let config = RoutesConfig::<tower_breaker::routes::NoExtra, Page>::from_toml(document).unwrap();
    let night = config.policy("night").unwrap();
    assert_eq!(night.extra().banner, "closed for now");
    assert_eq!(night.extra().colours, ["black"]);

    let wrong = document.replace("banner = \"closed for now\"", "banner = 3");
    let error = RoutesConfig::<tower_breaker::routes::NoExtra, Page>::from_toml(&wrong).unwrap_err();
    assert_eq!(error.to_string(), "line 3: policies.default.banner is 3; accepted: a string");
    let wrong = document.replace("colours = [\"black\"]", "frame = 3");
    let error = RoutesConfig::<tower_breaker::routes::NoExtra, Page>::from_toml(&wrong).unwrap_err();
    assert_eq!(error.to_string(), "line 8: policies.night.frame is 3; accepted: a table");
    let wrong = document.replace("colours = [\"black\"]", "colour = \"black\"");
    let error = RoutesConfig::<tower_breaker::routes::NoExtra, Page>::from_toml(&wrong).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 8: policies.night.colour is unknown (did you mean \"colours\"?); \
         accepted: extends, timeout, attempt_timeout, retry, rate_limit, bulkhead, circuit_breaker, banner, colours, frame"
    );
}

#[test]
fn a_table_of_the_callers_own_is_read_beside_the_rest_and_its_mistakes_have_their_line() {
    #[derive(Debug, Deserialize)]
    struct Own {
        port: u16,
    }

    let file = std::env::temp_dir().join(format!("own-table-{}.toml", std::process::id()));
    let read = |table: &str| {
        let text = format!("[policies.default]\ntimeout = \"1s\"\n\n[[routes]]\npath = \"/a\"\n\n{table}\n");
        std::fs::write(&file, text).unwrap();
        RoutesConfig::<NoExtra>::from_toml_file_with::<Own>(&file, "own")
    };
    let (config, own) = read("[own]\nport = 80").unwrap();
    assert_eq!((config.routes().len(), own.map(|own| own.port)), (1, Some(80)));
    assert!(read("").unwrap().1.is_none());
    let error = |table| read(table).unwrap_err().to_string();
    let said = error("[own]\nport = true");
    assert!(said.contains(".toml:8: own.port is true; accepted: "), "{said}");
    let said = error("[own]\nprot = 1");
    assert!(said.contains(".toml:8: own.prot is unknown"), "{said}");
    let said = error("[owl]\nport = 1");
    assert!(said.contains(".toml:7: owl is unknown") && said.contains("own"), "{said}");
    std::fs::remove_file(&file).unwrap();
}
