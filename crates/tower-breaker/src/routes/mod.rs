//! Which calls get which circuit breaker and which stages around it, from a file.
//!
//! A routes document has named policies, and an ordered list of routes that pick one:
//!
//! ```toml
//! [policies.default.circuit_breaker]
//! failure_threshold = 5
//! open_duration = "2s"
//!
//! [policies.default]
//! timeout = "10s"
//! attempt_timeout = "2s"
//! retry = { attempts = 3, base = "100ms", max = "10s", jitter = "full", budget = 0.2 }
//! rate_limit = { per_second = 500, burst = 50 }
//! bulkhead = { max_concurrent = 64, max_queue = 128, max_wait = "100ms" }
//!
//! [policies.payments]
//! extends = "default"
//! retry = false
//! circuit_breaker = { failure_threshold = 3 }
//!
//! [[routes]]
//! path = "/orders/{id}"
//! methods = ["GET"]
//! policy = "payments"
//! key = "header:x-tenant"
//! ```
//!
//! | field of a policy | meaning |
//! |---|---|
//! | `extends` | another policy: what is not set here is taken from there, field by field |
//! | `timeout` | the time for a whole call, as `"10s"` |
//! | `attempt_timeout` | the time for each attempt, as `"2s"`; less than `timeout` |
//! | `retry` | a table with the fields of [`RetrySettings`]; `{}` has the defaults |
//! | `rate_limit` | a table with the fields of [`RateLimitSettings`] |
//! | `bulkhead` | a table with the fields of [`BulkheadSettings`] |
//! | `circuit_breaker` | a table with the fields of [`CircuitBreakerConfigBuilder`]; `{}` has the defaults |
//!
//! Each of these stages may be `false`: off, also where a parent has it. One that nobody sets is off. A table inherits
//! field by field. Impossible settings, alone or together, are refused. [`Policy`] tells them; to put them around calls is
//! the caller's part.
//!
//! | field of a route | meaning |
//! |---|---|
//! | `path` | in axum's syntax: `/orders/{id}`, `/static/{*rest}`; as there, the rest is never empty, so `/{*rest}` leaves out `/` |
//! | `methods` | a list such as `["GET"]`, which takes `HEAD` along; left out: all |
//! | `host` | the host a request must name, without a port; left out: any |
//! | `policy` | one of the policies; left out: the one called `default` |
//! | `key` | what shares a circuit: `"route"` (default), `"host"`, `"header:x-tenant"` |
//!
//! Fields that are not in these tables go to the caller's own types, `R` for routes and `P` for policies, which refuse what
//! they do not know either; [`NoExtra`] knows none. A field of `P` is inherited whole.
//!
//! [`RoutesConfig`] is a document that has been checked: a field nobody knows, a policy that is not there, policies that
//! extend each other in a circle and a route that can never be reached are [errors](RoutesError) that name file, line,
//! field and what is accepted. [`RouteTable`] has the circuits, and takes a changed document while calls go on.
//!
//! Names that other libraries, proxies and gateways have for a field are refused with ours as a hint; the guide has a
//! [page on migrating](crate::guide::migrating).
//!
//! Where the routes of a program are known when it is written, layers on an axum `Router` say the same in less.
//!
//! ```
//! use http::Method;
//! use serde::Deserialize;
//! use tower_breaker::routes::{RouteTable, RoutesConfig};
//!
//! #[derive(Deserialize)]
//! struct Proxied {
//!     upstream: String,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let document = r#"
//!     [policies.default.circuit_breaker]
//!     failure_threshold = 3
//!
//!     [[routes]]
//!     path = "/orders/{id}"
//!     upstream = "http://127.0.0.1:9001"
//! "#;
//! let table: RouteTable<Proxied> = RouteTable::new(RoutesConfig::from_toml(document)?);
//! let request = http::Request::get("/orders/7").body(())?;
//! let found = table.find(&request).ok_or("no route")?;
//! assert_eq!(found.route().extra().upstream, "http://127.0.0.1:9001");
//! let circuit = found.circuit().ok_or("no circuit breaker")?;
//! assert_eq!(circuit.name(), "/orders/{id}");
//!
//! let changed = document.replace("failure_threshold = 3", "failure_threshold = 10");
//! table.apply(RoutesConfig::from_toml(&changed)?);
//! assert_eq!(circuit.config().failure_threshold(), Some(10));
//! # Ok(())
//! # }
//! ```
//!
//! [`CircuitBreakerConfigBuilder`]: crate::CircuitBreakerConfigBuilder

mod breakers;
mod config;
mod error;
mod finder;
mod hint;
mod matched;
mod node;
mod path;
mod policy;
mod reader;
mod request;
mod route;
mod settings;
mod table;

pub use self::{
    config::RoutesConfig,
    error::RoutesError,
    matched::Matched,
    policy::Policy,
    route::{Route, RouteKey},
    settings::{BulkheadSettings, RateLimitSettings, RetryJitter, RetrySettings},
    table::RouteTable,
};

/// The caller's own fields where there are none: every field that the library does not know is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoExtra {}
