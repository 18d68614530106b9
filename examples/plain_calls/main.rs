//! Circuits around plain functions, without Tower: a page that asks two dependencies in a row.
//!
//! ```sh
//! cargo run --example plain_calls
//! ```
//!
//! The price service is down from the fourth page to the ninth. After three failures in a row its circuit opens: the pages
//! go on at once, with the fallback, and the price service is left alone. Half a second later one call tries it, and all is well again.
//! The stock is well all the time, so its circuit stays closed; that it does not know every item is no failure.

use std::{error::Error as StdError, fmt, thread, time::Duration};

use tower_breaker::{Circuit, CircuitBreakerConfig, Error, Outcome};

fn main() -> Result<(), Box<dyn StdError>> {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_millis(500))
        .success_threshold(1)
        .build()?;
    let prices = Circuit::new("prices", config.clone());
    let stock = Circuit::new("stock", config);

    // A function and its circuit, to keep and to call again.
    let in_stock = stock.wrap(count);

    for page in 1..=16 {
        // First dependency: `call_or` gives the fallback right where the call is, and counts its use.
        let price = prices.call_or(
            || ask_price(page),
            |cause| match cause {
                Error::Rejected(refused) => format!("see at checkout ({refused})"),
                cause => format!("see at checkout ({cause})"),
            },
        );

        // Second dependency: the wrapped function, whose fallback is a plain `match`.
        let left = match in_stock.call("tea") {
            Ok(left) => left.to_string(),
            Err(_) => {
                in_stock.circuit().record_fallback();
                "some".to_owned()
            }
        };
        println!("page {page:2}: tea, {left} left, price: {price}");
        thread::sleep(Duration::from_millis(100));
    }

    // An item that nobody sells is the asker's mistake, not an outage: the judge says so, or three of them would open the
    // circuit for everybody.
    for _ in 0..10 {
        let answer = stock.call_with(
            || count("unobtainium"),
            |result| match result {
                Ok(_) | Err(StockError::UnknownItem) => Outcome::Success,
                Err(StockError::Unreachable) => Outcome::Failure,
            },
        );
        assert_eq!(answer, Err(Error::Inner(StockError::UnknownItem)));
    }

    for circuit in [&prices, &stock] {
        let seen = circuit.snapshot();
        let (calls, failures) = (seen.totals.calls(), seen.totals.failures);
        let refused = seen.refusals.open.enforced + seen.refusals.half_open.enforced;
        println!(
            "{}: {:?}; {calls} calls, {failures} of them failed; {refused} refused; {} fallbacks",
            seen.name, seen.state, seen.fallbacks
        );
    }
    Ok(())
}

fn ask_price(page: u32) -> Result<String, &'static str> {
    if (4..=9).contains(&page) { Err("connection timed out") } else { Ok("3.20".to_owned()) }
}

fn count(item: &str) -> Result<u32, StockError> {
    match item {
        "tea" => Ok(12),
        "" => Err(StockError::Unreachable),
        _ => Err(StockError::UnknownItem),
    }
}

#[derive(Debug, PartialEq)]
enum StockError {
    UnknownItem,
    Unreachable,
}

impl fmt::Display for StockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownItem => "no such item",
            Self::Unreachable => "the stock does not answer",
        })
    }
}

impl StdError for StockError {}
