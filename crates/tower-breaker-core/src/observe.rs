//! Being told what a circuit does, as it does it.
//!
//! Transitions are told in the order of their generations, after the circuit's lock is let go, by the thread that caused
//! them or by one that is telling already. An observer may call back into the circuit; if it panics, nobody else notices.
//! For figures, pull snapshots instead: a call never pays for them.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    ActiveMode, Condition, Reason, State,
    state::{Change, duration},
};

/// Somebody who wants to know. Every `Fn(&Transition)` is one.
pub trait Observe: Send + Sync + 'static {
    /// A generation began.
    fn on_transition(&self, transition: &Transition);

    /// A call was refused, or would have been. Told only if [`wants_refusals`](Self::wants_refusals).
    fn on_refusal(&self, refusal: &RefusalEvent) {
        let _ = refusal;
    }

    /// A fallback answered in place of a call of `circuit`. Told only if [`wants_refusals`](Self::wants_refusals).
    fn on_fallback(&self, circuit: &str) {
        let _ = circuit;
    }

    /// Whether to tell of single calls too. It costs each refusal the circuit's lock, and an observer slower than the calls
    /// misses some. Asked once, when the observer is added.
    fn wants_refusals(&self) -> bool {
        false
    }
}

impl<F: Fn(&Transition) + Send + Sync + 'static> Observe for F {
    fn on_transition(&self, transition: &Transition) {
        self(transition);
    }
}

/// The beginning of a generation: an entry to a state, or to or from a forced mode (then `from` and `to` may be alike).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// The circuit's name.
    pub circuit: Arc<str>,
    /// The state before.
    pub from: State,
    /// The state since.
    pub to: State,
    /// What governs the circuit since.
    pub mode: ActiveMode,
    /// The generation that began.
    pub generation: u64,
    /// Where it opened: why. `None` for all other transitions, also for the one from forced open to open, when the time of
    /// [`force_open_for`](crate::Circuit::force_open_for) is over.
    pub condition: Option<Condition>,
    /// Where it opened: the failure rate then; `None` below the minimum.
    pub failure_rate: Option<f64>,
    /// Where it opened: the slow call rate then; `None` below the minimum.
    pub slow_call_rate: Option<f64>,
    /// Of an entry to open: how long it waits before it probes.
    pub wait: Option<Duration>,
}

/// A call that was refused, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusalEvent {
    /// The circuit's name.
    pub circuit: Arc<str>,
    /// Why.
    pub reason: Reason,
    /// Whether the refusal was carried out.
    pub enforced: bool,
}

#[derive(Debug)]
pub(crate) enum Event {
    Changed(Change),
    Refused { reason: Reason, enforced: bool },
    FellBack,
}

pub(crate) type Observers = Arc<[Arc<dyn Observe>]>;

/// Events under way to observers. Kept under the circuit's lock.
pub(crate) struct News {
    observers: Observers,
    wants_refusals: bool,
    queue: VecDeque<Event>,
    /// Somebody is telling: what is queued meanwhile is told by the same thread, in order.
    telling: bool,
}

impl News {
    const MOST_WAITING: usize = 1_024;
    const SHARE: usize = 64;

    pub(crate) const fn new(observers: Observers, wants_refusals: bool) -> Self {
        Self { observers, wants_refusals, queue: VecDeque::new(), telling: false }
    }

    pub(crate) fn add(&mut self, observer: Arc<dyn Observe>, wants_refusals: bool) {
        if self.observers.iter().any(|other| Arc::ptr_eq(other, &observer)) {
            return;
        }
        self.observers = self.observers.iter().cloned().chain([observer]).collect();
        self.wants_refusals |= wants_refusals;
    }

    pub(crate) const fn wants_refusals(&self) -> bool {
        self.wants_refusals
    }

    pub(crate) fn push(&mut self, event: Event) {
        // Of single calls only so many wait to be told: an observer slower than the calls misses some, and the counters
        // stay exact. Transitions are never dropped.
        if matches!(event, Event::Changed(_)) || (self.wants_refusals && self.queue.len() < Self::MOST_WAITING) {
            self.queue.push_back(event);
        }
    }

    /// Whether the caller is to tell what is queued, once it has let the lock go.
    pub(crate) fn is_mine_to_tell(&mut self) -> bool {
        let mine = !self.telling && !self.queue.is_empty();
        self.telling |= mine;
        mine
    }

    /// The next event to tell, for one who has `told` so many; after `None` somebody else may tell. Nobody has to tell of
    /// other callers' calls for ever: after its share it leaves them to the next one who comes by, transitions aside.
    pub(crate) fn next(&mut self, told: usize) -> Option<(Event, Observers)> {
        let did_its_share = told >= Self::SHARE && !self.queue.iter().any(|event| matches!(event, Event::Changed(_)));
        let event = if did_its_share { None } else { self.queue.pop_front() };
        self.telling = event.is_some();
        Some((event?, Arc::clone(&self.observers)))
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("News").field("observers", &self.observers.len()).field("queue", &self.queue).finish()
    }
}

/// Tells one event to all. A panic of one reaches neither the others nor the caller.
pub(crate) fn tell(circuit: &Arc<str>, event: &Event, observers: &[Arc<dyn Observe>]) {
    for observer in observers {
        let told = catch_unwind(AssertUnwindSafe(|| match *event {
            Event::Changed(change) => observer.on_transition(&transition(circuit, change)),
            Event::Refused { reason, enforced } => {
                observer.on_refusal(&RefusalEvent { circuit: Arc::clone(circuit), reason, enforced });
            }
            Event::FellBack => observer.on_fallback(circuit),
        }));
        // The panic hook has spoken; there is nobody else to tell. What the panic carries may panic again as it is dropped.
        if let Err(payload) = told {
            std::mem::forget(payload);
        }
    }
}

fn transition(circuit: &Arc<str>, change: Change) -> Transition {
    Transition {
        circuit: Arc::clone(circuit),
        from: change.from,
        to: change.to,
        mode: change.mode,
        generation: change.generation,
        condition: change.condition,
        failure_rate: change.failure_rate,
        slow_call_rate: change.slow_call_rate,
        wait: change.wait.map(duration),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const REFUSED: Event = Event::Refused { reason: Reason::Open, enforced: true };

    fn changed() -> Event {
        Event::Changed(Change {
            from: State::Closed,
            to: State::Open,
            mode: ActiveMode::Enforce,
            generation: 1,
            condition: None,
            failure_rate: None,
            slow_call_rate: None,
            wait: None,
        })
    }

    #[test]
    fn of_single_calls_only_so_many_wait_to_be_told_and_transitions_always() {
        let mut news = News::new(Arc::new([]), true);
        (0..News::MOST_WAITING + 10).for_each(|_| news.push(REFUSED));
        assert_eq!(news.queue.len(), News::MOST_WAITING);
        news.push(changed());
        assert_eq!(news.queue.len(), News::MOST_WAITING + 1);
    }

    #[test]
    fn who_has_told_its_share_leaves_single_calls_to_the_next_and_no_transition() {
        let mut news = News::new(Arc::new([]), true);
        news.push(REFUSED);
        assert!(news.is_mine_to_tell() && !news.is_mine_to_tell(), "one tells at a time");
        assert!(news.next(News::SHARE).is_none());
        assert!(news.is_mine_to_tell(), "it is the next one's");
        news.push(changed());
        assert!(matches!(news.next(News::SHARE), Some((Event::Refused { .. }, _))), "before the transition behind it");
        assert!(matches!(news.next(News::SHARE), Some((Event::Changed(_), _))));
        assert!(news.next(0).is_none() && !news.is_mine_to_tell());
    }
}
