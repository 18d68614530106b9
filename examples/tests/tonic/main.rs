//! What `tonic_client` and `tonic_server` show a newcomer, and that they end by themselves.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

#[path = "../programs/mod.rs"]
mod programs;

use programs::{in_order, printed};

#[test]
fn the_client_opens_refuses_and_recovers() {
    let printed = printed("tonic_client");
    let expected = [
        "quote  1 tea 3.20",
        "DeadlineExceeded: the answer did not come in time",
        "Internal: the database is down",
        "circuit: Closed -> Open",
        "circuit: HalfOpen -> Open",
        "circuit: HalfOpen -> Closed",
        "tea 3.20",
        "watch    tea 3.10",
        "were refused without asking the server",
    ];
    in_order(&printed, &expected);
    // While it is open for the first time or the second: how many calls that are, the machine decides.
    let refused = "Unavailable: not available at the moment, come back in ";
    in_order(&printed, &["circuit: Closed -> Open", refused, "circuit: HalfOpen -> Closed"]);
}

#[test]
fn the_server_refuses_one_method_and_answers_the_other() {
    let printed = printed("tonic_server");
    let expected = [
        "Quote tea 3.20; Watch tea 3.20",
        "Quote Internal (the database is down); Watch tea 3.20",
        "Quote Unavailable (not available at the moment); Watch tea 3.20",
        "shop.Prices/Quote: HalfOpen -> Closed",
        "Quote tea 3.20; Watch tea 3.20",
    ];
    in_order(&printed, &expected);
    assert!(!printed.contains("shop.Prices/Watch"), "{printed}");
}
