//! Closures as classifiers.

use tower_breaker_core::{Outcome, Permit};

use super::Classify;

/// A closure over the result of a call is a classifier.
///
/// It is cloned for every call, which is free for one that captures nothing or plain data; an `Arc` in it costs a counter
/// that all threads share.
#[diagnostic::do_not_recommend]
impl<F, Req, Res, E> Classify<Req, Res, E> for F
where
    F: Fn(&Result<Res, E>) -> Outcome + Clone,
{
    type State = F;
    type Response = Res;

    fn start(&self, _: &Req) -> F {
        self.clone()
    }

    fn end(judge: F, result: Result<Res, E>, permit: Permit) -> Result<Res, E> {
        permit.record(judge(&result));
        result
    }

    fn ready_error(&self, error: E, permit: Permit) -> E {
        let result: Result<Res, E> = Err(error);
        permit.record(self(&result));
        match result {
            Err(error) => error,
            Ok(_) => unreachable!("made of an error above"),
        }
    }
}

/// Gives `judge` back as it is; the bound tells the compiler what the closure takes.
///
/// ```
/// use tower_breaker::{Circuit, CircuitBreakerLayer, Outcome, classify};
///
/// // An empty page is an outage of the search index, whatever it says.
/// let judge = classify::from_fn(|result: &Result<Vec<String>, std::io::Error>| match result {
///     Ok(page) if page.is_empty() => Outcome::Failure,
///     Ok(_) => Outcome::Success,
///     Err(_) => Outcome::Failure,
/// });
/// let layer = CircuitBreakerLayer::new(Circuit::new("search", Default::default())).classify(judge);
/// # let _ = layer;
/// ```
pub fn from_fn<Res, E, F>(judge: F) -> F
where
    F: Fn(&Result<Res, E>) -> Outcome + Clone,
{
    judge
}
