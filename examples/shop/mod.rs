//! `shop.Prices`, the gRPC service of the tonic examples, as tonic's generator would write it: a client, a server, a trait to
//! implement.
//!
//! By hand, so that building it needs no protoc. Its messages are plain text and no protobuf, which neither tonic nor a
//! breaker can tell. A method for each kind of call:
//!
//! ```proto
//! service Prices {
//!     rpc Quote(Text) returns (Text);
//!     rpc Watch(Text) returns (stream Text);
//!     rpc Total(stream Text) returns (Text);
//!     rpc Haggle(stream Text) returns (stream Text);
//! }
//! ```

mod client;
mod codec;
mod flaky;
mod server;

#[allow(unused_imports, reason = "each example takes what it needs")]
pub(crate) use self::{
    client::PricesClient,
    flaky::FlakyPrices,
    server::{Answers, Prices, PricesServer},
};
