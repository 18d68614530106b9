//! tower-breaker for axum: a key for each route, and the circuits as a [`Router`](axum::Router): JSON, events, a live page,
//! an operator's commands. The example is at [`CircuitRoutes`].
//!
//! Serve it on an address that only operators reach. Whoever reaches it may read the names and figures of all circuits.
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /health/circuits` | `healthy`, `open_circuits`, `all_circuits`; always 200 |
//! | `GET /circuits`, `GET /circuits/{name}` | everything of all, or of one; the name percent-encoded |
//! | `GET /events` | server-sent events: `circuits` (all, once), `summary` (what changed, each second), `transitions` |
//! | `POST /circuits/{name}/ACTION` | `force-open` (`{"seconds": 60}` ends it), `force-close`, `observe`, `enforce`, `enforcement` (`{"enforcement": 0.25}`), `reset` |
//! | `POST /circuits/ACTION` | `observe`, `enforce`, `reset` of all |
//! | `POST /operator` | 204 if the token is right; changes nothing |
//!
//! The page shows a tile for each circuit, sick ones first: its state and what is left of its wait, the share of calls that
//! failed over the last minute, calls and refusals each second. Circuits are filtered by name, state and set. The name of a
//! circuit opens all that is known of it: why it last opened, rates, waits, counts, the configuration in force. With the
//! token it commands, and asks before it does.
//!
//! `?set=LABEL` says which set is meant, where several have a circuit of one name; sets of one name have labels of their
//! own, see [`CircuitRoutes::circuits`]. A name that is empty, `.` or `..`, or too long for a path, is shown and cannot be
//! commanded.
//!
//! # Counts
//!
//! Every document has `version` 1; it is raised when a field changes its meaning or goes. `in_window` and `calls_in_window` are
//! what the sliding window holds now, `in_row` and `.._in_row` what came in a row up to now, `total` and `.._count` are over the
//! circuit's life, as are `calls`, `failures`, `slow`, `refused` and `detected` of an event. Rates are in [0, 1], null below the
//! minimum; `ramp_share` is what a recovery ramp lets through, `throttle_share` what a throttle refuses, null where it is off. `.._seconds` are seconds; `last_failure_time` is RFC 3339; `at` of an event is milliseconds since 1970.
//!
//! Whoever begins to listen between two looks gets in `circuits` all as it is now but the counts over the life: these are of
//! the last look, `at` says when that was, and what the next `summary` adds is what came since then.
//!
//! # Health is not readiness
//!
//! `healthy` is false while a circuit is open and not ready to probe. Do not wire it to a readiness probe: what is sick is a
//! dependency, and an instance that gets no traffic can never find out that it is well again.
//!
//! # Commands
//!
//! None configured: 403. No token or a wrong one: 401. From a page of another origin: 403. Unknown circuit: 404. See
//! [`CircuitRoutes::operator_token`].
//!
//! With the feature `tracing` the log is told, under the target `tower_breaker_axum`: INFO `operator command` with `action`
//! and `circuit`, WARN `operator command refused` with `status` and `reason` too. Never the token; of a name its first 200
//! bytes.
//!
//! # Pages of strangers
//!
//! No page of another origin can read these routes. But whoever owns a name can point it at this address (DNS rebinding),
//! and then a page of that name is of this origin: open in an operator's browser it reads names and figures. To command it
//! would need the token. [`CircuitRoutes::allowed_hosts`] names the hosts that are answered to. Set it where people browse
//! from machines that reach the address, which is nearly everywhere; it is off until then, because only you know the names
//! under which you serve.
//!
//! # Those who listen and never read
//!
//! A listener that is 64 messages or 4 MiB behind loses its place and its queue. Its connection stays, with what the server
//! had taken over to be sent (hyper: some 400 KiB, or one message that is larger): routes cannot close a connection that takes
//! nothing, only the server can. On Linux this does (crate `socket2` with its feature `all`), and where others than operators
//! reach the address it should be set:
//!
//! ```no_run
//! use std::time::Duration;
//! use axum::serve::ListenerExt;
//!
//! # #[cfg(target_os = "linux")]
//! # async fn served(routes: axum::Router) -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9090").await?.tap_io(|stream| {
//!     // What is sent and not taken for so long ends the connection.
//!     let _ = socket2::SockRef::from(&*stream).set_tcp_user_timeout(Some(Duration::from_secs(30)));
//! });
//! axum::serve(listener, routes).await
//! # }
//! ```

// Says of each item which feature brings it, where docs are built with `--cfg docsrs` on nightly.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod dashboard;
mod events;
mod hosts;
mod json;
mod key;
mod operator;
mod problem;
mod query;
mod routes;
mod sets;

pub use self::{
    key::{MISSING, matched_path, method_and_matched_path},
    routes::CircuitRoutes,
};
