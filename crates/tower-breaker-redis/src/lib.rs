//! One view of a circuit across many instances, through Redis or Valkey.
//!
//! A breaker in one process learns of an outage from its own calls, and tries again by itself. A thousand processes learn a
//! thousand times, and send a thousand probes. A [`Fleet`] lets the instances of one service trip together, probe with one of
//! them, close together, and obey one operator.
//!
//! ```no_run
//! use std::time::Duration;
//! use tower_breaker_core::{CircuitBreakerConfig, Circuits};
//! use tower_breaker_redis::Fleet;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let circuits = Circuits::builder().name("upstreams").config(CircuitBreakerConfig::default()).build();
//! let fleet = Fleet::builder("redis://127.0.0.1:6379")
//!     .interval(Duration::from_secs(1))
//!     .quorum(2)
//!     .prefix("shop")
//!     .on_event(|event| eprintln!("{event:?}"))
//!     .start(&circuits)?;
//!
//! // The set is used as ever. No call waits for Redis, and none fails because of it.
//! let _ = circuits.get_or_create("payments").call(|| Ok::<_, std::io::Error>(()));
//!
//! println!("one fleet: {}", fleet.connected());
//! fleet.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # When not to use it
//!
//! With a handful of instances each breaker finds out by itself within seconds, and one part less can fail. Where instances
//! see different things (one zone has lost its network), a shared verdict is wrong for some of them: give each zone a prefix of
//! its own. And it is no store of state: what must survive a restart of everything is exported to a file.
//!
//! # What it means
//!
//! One task tells and hears once an interval. Calls never touch it: they ask the circuit, as ever.
//!
//! - *Counts.* What was called since the last round goes into ten time buckets in Redis, by Redis's own time. No clock of an
//!   instance is asked for the date.
//! - *Trip.* The fleet's window opens the circuit for all when at least [`quorum`](FleetBuilder::quorum) instances saw failures in
//!   it, `minimum_calls` are in it, and its failure rate (or slow call rate) reaches the circuit's threshold. A circuit without a rate
//!   is never opened by the fleet; operators' commands reach it all the same. Each circuit also goes on by its own rules: a
//!   local trip, its probes and its close stay local, and count for the fleet as any call.
//! - *Probe.* The fleet's wait grows as a circuit's own does (`open_duration`, multiplier, cap; no jitter). When it is over, the first
//!   instance whose callers were refused gets a lease, and its probes, as many as half-open asks for, decide for all. It says each round
//!   that it still probes; when it dies, the next takes over after [`lease`](FleetBuilder::lease), and when it leaves
//!   ([`Fleet::shutdown`]), within a few rounds. A server's `Retry-After` in the failed probe lengthens the fleet's wait up to the cap.
//! - *Close* reaches all, and so does a probe that failed, as the next wait.
//! - *Operator.* `force_open`, `force_open_for`, `force_closed`, `reset`, `set_mode` and `set_enforcement` on the circuit of any
//!   instance reach all; the last one to arrive stands. One given while Redis is away is told when it is back. What was set before
//!   the fleet was started, or restored from a file, is told only where the fleet knows nothing of the circuit.
//!   A `force_open_for` ends with one that probes: the other instances stay forced until they hear of its end, by themselves
//!   for as much longer as they are held back from probing, and `by_hand` and `Retry-After` say so.
//! - *Newcomers* hear in their first round, which starts at once, what is open or forced; a circuit made later hears in the round that
//!   first sees it.
//!
//! # When things go wrong
//!
//! | what | then |
//! |---|---|
//! | Redis is down, paused or unreachable, or can be read and decides nothing (out of memory, read-only, a node of its cluster is down) | each circuit goes on by itself: a shared open ends in a local probe, at most the lease (three intervals and two timeouts where that is longer) after its wait is over and Redis was first asked in vain. [`Fleet::connected`] is false, one [`FleetEvent::Away`] is told, and rounds go on, up to eight intervals apart, until one succeeds |
//! | Redis was emptied, is back with older data, or a failover lost its last writes | instances tell what they know; the highest epoch stands, also above a command of an instance that had heard of none |
//! | Redis evicts keys (`maxmemory` with a policy that does) | what is left of the index is dropped, and instances tell it anew; a circuit's own key is told again when somebody next has something to say of it. Counts are lost |
//! | an instance was away for more than half of [`expiry`](FleetBuilder::expiry) | it forgets what it knew, and hears; what operators set is told again where nobody knows better |
//! | an instance dies or restarts | its lease and its counts run out (a lease is given back by [`Fleet::shutdown`]); it comes back as a newcomer, and counts for the quorum as another instance: a process in a crash loop is two or more within the window |
//! | a message is late | counts, closes and reopens carry the epoch they belong to, and are dropped in any other; what is older than the circuit's window, by the clock of its Redis, is not done, and told again where it is still so |
//! | Redis's clock is set | forward by more than a window, the counts of that round may be lost and a wait ends early; back, nothing lasts longer than it would from then on |
//! | nodes of a cluster have different times | a wait or a timed force heard from the index is off by the difference of its node and the circuit's, a wait never longer than it is; what is late is judged by the circuit's node alone |
//! | a message is lost | what it counted is lost; nothing is sent twice, but in a cluster what was under way as a connection broke may be, once: it can count twice |
//! | keys of another version of this crate | as Redis down, with a message that names the key and both versions. Nothing is written |
//! | keys changed by hand | [`FleetEvent::Damaged`], once; a bad field counts as not there, a key of another type leaves that circuit to itself |
//! | a circuit is evicted from its set and made again | it starts anew and hears at once what the fleet made of it |
//! | a window's length changes, instance after instance | those of the old and of the new length write the same ten buckets over each other: until all have one length the fleet loses counts, and may trip late or not at all. Each circuit's own rules hold |
//! | one sick instance | its failures count, and alone they never reach the quorum, unless it restarts within the window. Beside instances with a few failures of their own its many calls can carry the fleet's rate: choose the quorum well above the number of hosts that fail together |
//!
//! # Redis
//!
//! `redis-server --save ""` starts one to try it with, or `docker run -p 6379:6379 redis:7 --save ""`: nothing has to be kept on disk.
//!
//! Redis 7 or Valkey 7 and later, one server, sentinels or a cluster: the URLs stand at [`Fleet::builder`]. Everything goes through
//! three scripts (`EVALSHA`, and `EVAL` the first time). A user of its own needs:
//!
//! ```text
//! ACL SETUSER breaker on >secret ~tower-breaker:* resetchannels -@all +@connection +evalsha +eval +time
//!     +get +set +del +hget +hmget +hset +hdel +hlen +hincrby +zadd +zrange +zrangebyscore +zrem +zcard +pttl +pexpire
//! ```
//!
//! (`+cluster` for a cluster, `+role` for sentinels). Keys are `prefix:{set}:..` for the index of a set and `prefix:{set/circuit}:v1`,
//! one hash, for each circuit that was called; all of them expire. One that the fleet never opened and nobody commanded lives for
//! two of its windows after its last call, the others for [`expiry`](FleetBuilder::expiry). In a cluster a circuit's key has a
//! slot of its own and the index another, and each circuit of a round is a command of its own.
//!
//! What it costs is measured in `FLEET.md` beside this crate's manifest.
//!
//! # Figures
//!
//! [`Fleet::status`] and [`Fleet::circuits`] are for exporters: `connected` is the gauge to alert on.

// Says of each item which feature brings it, where docs are built with `--cfg docsrs` on nightly.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod error;
mod event;
mod fleet;
mod keys;
mod link;
mod member;
mod round;
mod shared;
mod tell;
mod view;
mod wire;

pub use self::{
    builder::FleetBuilder,
    error::InvalidFleet,
    event::FleetEvent,
    fleet::Fleet,
    view::{FleetCircuit, FleetState, FleetStatus},
};
