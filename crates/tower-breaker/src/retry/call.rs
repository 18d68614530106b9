//! One call: what is kept between its attempts, and what is decided after each.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tower_service::Service;

use super::{
    Ask, Repeat, RetryPolicy, Verdict,
    backoff::Waits,
    shared::{Common, Ended},
};

/// What an attempt ends in.
type Answer<S, K, Req> =
    Result<<S as Service<<K as Repeat<Req>>::Request>>::Response, <S as Service<<K as Repeat<Req>>::Request>>::Error>;

/// What follows an attempt.
pub(super) enum Step<T, R> {
    /// Nothing: the caller's answer.
    Answer(T),
    /// Another one, after that time, of this request: made before the wait, so that nothing can come between.
    Wait(Duration, R),
}

pub(super) struct Call<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request>,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    common: Arc<Common<S, A>>,
    policy: P::State,
    ask: A::State,
    kept: Option<K::Kept>,
    /// Of the attempt before, to be returned if the next one is refused. A response is never kept: it holds a connection.
    error: Option<S::Error>,
    started: Instant,
    /// The number of the attempt under way, or waited for.
    attempt: u32,
    waits: Waits,
}

impl<S, Req, P, K, A> Call<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request>,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    /// `started`: when it began to wait for the service, if it had to.
    pub(super) fn new(
        common: Arc<Common<S, A>>,
        policy: P::State,
        ask: A::State,
        kept: Option<K::Kept>,
        started: Instant,
    ) -> Self {
        if let Some(budget) = &common.layer.budget {
            budget.record_call_at(started);
        }
        Self { common, policy, ask, kept, error: None, started, attempt: 1, waits: Waits::default() }
    }

    /// Decides after an attempt. Nothing is spent, and nothing dropped, unless there is to be another.
    pub(super) fn step(&mut self, result: Answer<S, K, Req>) -> Step<Answer<S, K, Req>, K::Request> {
        let wish = match P::judge(&mut self.policy, &result) {
            Verdict::Success => return self.end(Ended::Recovered, result),
            Verdict::Final => return self.end(Ended::Exhausted, result),
            Verdict::Refused => return self.refused(result),
            Verdict::Retry => None,
            Verdict::RetryAfter(wish) => Some(wish),
        };
        let Some(wait) = self.wait(wish) else { return self.gave_up(Ended::Exhausted, result) };
        if self.common.ask.would_refuse(&self.ask) {
            return self.gave_up(Ended::Refused, result);
        }
        // The last question, because a yes is charged.
        if self.common.layer.budget.as_ref().is_some_and(|budget| !budget.try_spend()) {
            return self.gave_up(Ended::OverBudget, result);
        }
        let last = self.attempt + 1 >= self.common.layer.config.attempts;
        let Some((next, kept)) = self.kept.take().and_then(|kept| K::again(kept, last)) else {
            return self.gave_up(Ended::Exhausted, result);
        };
        self.kept = kept;
        // A response is dropped here, before the wait: its connection and its place are free meanwhile.
        self.error = result.err();
        self.common.layer.meter.retried();
        self.attempt += 1;
        #[cfg(feature = "tracing")]
        crate::trace::retrying(self.attempt, wait);
        Step::Wait(wait, next)
    }

    /// A failure that would have been retried stands.
    fn gave_up(&mut self, how: Ended, result: Answer<S, K, Req>) -> Step<Answer<S, K, Req>, K::Request> {
        let result = P::exhausted(&mut self.policy, result, self.attempt);
        match how {
            Ended::Exhausted => self.end(how, result),
            _ => self.count(how, result),
        }
    }

    /// How long to wait for another attempt, if there may be one.
    fn wait(&mut self, wish: Option<Duration>) -> Option<Duration> {
        let config = &self.common.layer.config;
        if self.attempt >= config.attempts || !self.kept.as_ref().is_some_and(K::can) {
            return None;
        }
        let wait = match wish {
            Some(wish) => {
                self.waits.restart();
                wish
            }
            None => config.backoff.next(&mut self.waits, &mut self.common.layer.chance()),
        };
        let in_time = |total: Duration| self.started.elapsed().saturating_add(wait) < total;
        let before = |deadline: Instant| wait < deadline.saturating_duration_since(Instant::now());
        let in_time = config.total_timeout.is_none_or(in_time) && P::deadline(&self.policy).is_none_or(before);
        (wait <= config.backoff.max && in_time).then_some(wait)
    }

    /// A stage further in refused: an attempt that was not made.
    fn refused(&mut self, refusal: Answer<S, K, Req>) -> Step<Answer<S, K, Req>, K::Request> {
        if self.attempt == 1 {
            // Nothing was sent: while a circuit is open, calls must not save up retries for when it closes.
            if let Some(budget) = &self.common.layer.budget {
                budget.take_back_call_at(self.started);
            }
            return self.end(Ended::FirstTry, refusal);
        }
        let answer = match self.error.take() {
            Some(error) => Err(error),
            None => P::refused(&mut self.policy, refusal, self.attempt - 1),
        };
        self.count(Ended::Refused, answer)
    }

    /// The service could not be made ready for another attempt. By Tower's contract it is of no further use.
    pub(super) fn unready(&mut self, error: S::Error) -> Answer<S, K, Req> {
        let result = Err(error);
        let step = match P::judge(&mut self.policy, &result) {
            Verdict::Refused => self.refused(result),
            _ => self.end(Ended::Exhausted, result),
        };
        match step {
            Step::Answer(answer) => answer,
            Step::Wait(..) => unreachable!("both of them end the call"),
        }
    }

    /// A service for another attempt.
    pub(super) fn service(&self) -> S
    where
        S: Clone,
    {
        self.common.service()
    }

    fn end<T>(&self, how: Ended, answer: T) -> Step<T, K::Request> {
        self.count(if self.attempt == 1 { Ended::FirstTry } else { how }, answer)
    }

    fn count<T>(&self, how: Ended, answer: T) -> Step<T, K::Request> {
        self.common.layer.meter.ended(how);
        Step::Answer(answer)
    }
}
