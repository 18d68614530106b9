//! Whatever is in a routes file, it is read or refused in one line.

use http::Method;
use proptest::prelude::*;
use tower_breaker::routes::{NoExtra, Route, RouteTable, RoutesConfig};

use crate::documents::DOCUMENT;

/// Pieces that mean something somewhere in a document.
const PIECES: &[&str] = &[
    "",
    "\n",
    "=",
    "[",
    "]",
    "{",
    "}",
    "\"",
    ",",
    ".",
    "#",
    "[[routes]]",
    "[policies.a]",
    "extends = \"payments\"",
    "false",
    "true",
    "0",
    "-1",
    "1e999",
    "nan",
    "9223372036854775807",
    "\"30s\"",
    "\"999999999999y\"",
    "{ calls = 0 }",
    "path = \"/{*x}\"",
    "path = \"/{\"",
    "methods = []",
    "host = \"a\"",
    "key = \"host\"",
    "circuit_breaker",
    "policies",
    "permitted_calls = 3\n",
    "attempt_timeout = ",
    "retry = { base = \"1s\" }\n",
    "bulkhead.max_concurrent = ",
    "rate_limit = { per_second = 1e-300, burst = 1 }\n",
];

fn check(text: &str) -> Result<(), TestCaseError> {
    match RoutesConfig::<NoExtra>::from_toml(text) {
        Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{error:?}"),
        Ok(config) => {
            let table = RouteTable::new(config.clone());
            for path in ["/", "/orders/7", "/static/a/b", "*", ""] {
                let found = config.find(&Method::GET, Some("files.example"), path);
                let live = table.find_by(&Method::GET, Some("files.example"), path, &http::HeaderMap::new());
                prop_assert_eq!(found.map(Route::name), live.as_ref().map(|live| live.route().name()));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        check(&text)?;
    }

    #[test]
    fn a_document_with_pieces_put_in_and_taken_out_is_read_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES)), 1..6),
    ) {
        let mut text: Vec<char> = DOCUMENT.replace("upstream", "# upstream").chars().collect();
        for (at, gone, piece) in edits {
            let at = at.index(text.len());
            let end = (at + gone).min(text.len());
            text.splice(at..end, piece.chars());
        }
        check(&text.into_iter().collect::<String>())?;
    }
}
