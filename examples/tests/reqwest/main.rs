//! What `reqwest_client` shows a newcomer, and that it ends by itself.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

#[path = "../programs/mod.rs"]
mod programs;

use programs::{in_order, printed};

#[test]
fn the_client_retries_opens_refuses_and_recovers() {
    let printed = printed("reqwest_client");
    let expected = [
        "call 1\n        attempt: 200 OK",
        "got 3.20",
        "call 2\n        attempt: 503",
        "attempt: 200 OK",
        "got 3.20",
        "call 3\n        attempt: no answer, given up",
        "attempt: 200 OK",
        "call 4\n",
        "circuit: Closed -> Open",
        "failed, HTTP status server error (503",
        "the other origin: Ok(\"3.20\")",
        "circuit: HalfOpen -> Closed",
        "got 3.20",
        "calls were refused",
    ];
    in_order(&printed, &expected);
    // How many calls that are, the machine decides.
    in_order(&printed, &["circuit: Closed -> Open", "refused, for another", "circuit: HalfOpen -> Closed"]);
}
