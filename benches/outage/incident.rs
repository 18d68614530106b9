//! What goes wrong, for how long, and how many calls come meanwhile.

use std::time::Duration;

/// The backend well: so many workers, each a call at a time, this long in the mean.
pub(crate) const WORKERS: usize = 6;
pub(crate) const SERVICE: Duration = Duration::from_millis(100);
/// Calls a second that it can answer.
pub(crate) const CAPACITY: f64 = 60.0;
/// Of its capacity, what is asked for while all is well.
const USUAL_LOAD: f64 = 0.7;

/// All is well before, and after.
pub(crate) const BEFORE: Duration = Duration::from_secs(60);
pub(crate) const AFTER: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incident {
    /// Nothing.
    None,
    /// Takes calls and never answers.
    Dead,
    /// Fails each call at once.
    Refusing,
    /// Works at a tenth of its speed.
    Slow,
    /// Half of the workers are gone; what is too much is turned away at once.
    HalfCapacity,
    /// Half of the workers are gone; what is too much queues for seconds.
    HalfCapacityQueue,
    /// Refuses for some seconds, is well for some, and so on.
    Flapping,
}

/// How the backend is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) workers: usize,
    pub(crate) slower: u32,
    pub(crate) answers: Answers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Well,
    Never,
    AtOnceWithAnError,
}

const WELL: Condition = Condition { workers: WORKERS, slower: 1, answers: Answers::Well };

impl Condition {
    /// Calls a second that can be answered well.
    #[expect(clippy::cast_precision_loss, reason = "a handful of workers")]
    pub(crate) fn capacity(&self) -> f64 {
        let share = self.workers as f64 / WORKERS as f64 / f64::from(self.slower);
        if self.answers == Answers::Well { CAPACITY * share } else { 0.0 }
    }
}

impl Incident {
    pub(crate) const ALL: [Self; 7] = [
        Self::None,
        Self::Dead,
        Self::Refusing,
        Self::Slow,
        Self::HalfCapacity,
        Self::HalfCapacityQueue,
        Self::Flapping,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "nothing wrong",
            Self::Dead => "dead",
            Self::Refusing => "refusing",
            Self::Slow => "slow x10",
            Self::HalfCapacity => "half capacity",
            Self::HalfCapacityQueue => "half capacity, long queue",
            Self::Flapping => "flapping",
        }
    }

    /// As a file is called.
    pub(crate) fn slug(self) -> String {
        self.name().replace(',', "").replace(' ', "-")
    }

    /// Calls that may wait; one more is turned away at once. Twenty are a third of a second's work, or five seconds'.
    pub(crate) const fn longest_queue(self) -> usize {
        if matches!(self, Self::HalfCapacityQueue) { 300 } else { 20 }
    }

    fn condition(self, since: Duration, seed: u64) -> Condition {
        match self {
            Self::Dead => Condition { answers: Answers::Never, ..WELL },
            Self::Refusing => Condition { answers: Answers::AtOnceWithAnError, ..WELL },
            Self::Slow => Condition { slower: 10, ..WELL },
            Self::HalfCapacity | Self::HalfCapacityQueue => Condition { workers: WORKERS / 2, ..WELL },
            Self::Flapping if is_refusing(since, seed) => Condition { answers: Answers::AtOnceWithAnError, ..WELL },
            Self::None | Self::Flapping => WELL,
        }
    }
}

/// It begins with refusing; each phase lasts between 2 s and 10 s.
fn is_refusing(since: Duration, seed: u64) -> bool {
    let mut chance = fastrand::Rng::with_seed(seed ^ 0xf1a9);
    let (mut end, mut refusing) = (0.0, false);
    while end <= since.as_secs_f64() {
        end += 2.0 + 8.0 * chance.f64();
        refusing = !refusing;
    }
    refusing
}

/// One run: the same for every stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) incident: Incident,
    pub(crate) seed: u64,
    pub(crate) length: Duration,
    /// Calls a second during the incident, in capacities: callers try again on their own account.
    pub(crate) load: f64,
}

impl Plan {
    /// Lengths between 10 s and 2 min; loads from what is usual up to three times the capacity.
    pub(crate) fn draw(incident: Incident, seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let length = Duration::from_secs_f64(10.0 + 110.0 * chance.f64());
        let load = USUAL_LOAD + (3.0 - USUAL_LOAD) * chance.f64();
        Self { incident, seed, length, load: if incident == Incident::None { USUAL_LOAD } else { load } }
    }

    pub(crate) fn end(&self) -> Duration {
        BEFORE + self.length
    }

    pub(crate) fn is_under_way(&self, at: Duration) -> bool {
        at >= BEFORE && at < self.end()
    }

    pub(crate) fn condition(&self, at: Duration) -> Condition {
        if self.is_under_way(at) { self.incident.condition(at - BEFORE, self.seed) } else { WELL }
    }

    /// When calls come: at random, independently of what became of those before.
    pub(crate) fn arrivals(&self) -> Vec<Duration> {
        let mut chance = fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(1));
        let (mut arrivals, mut at) = (Vec::new(), Duration::ZERO);
        loop {
            let load = if self.is_under_way(at) { self.load } else { USUAL_LOAD };
            at += Duration::from_secs_f64(-(1.0 - chance.f64()).ln() / (load * CAPACITY));
            if at >= self.end() + AFTER {
                return arrivals;
            }
            arrivals.push(at);
        }
    }

    /// Calls that the backend can answer during the incident.
    pub(crate) fn could_answer(&self) -> f64 {
        const STEP: Duration = Duration::from_millis(100);
        let steps = self.length.div_duration_f64(STEP).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a thousand or so")]
        let steps = 0..steps as u32;
        steps.map(|step| self.condition(BEFORE + step * STEP).capacity() * STEP.as_secs_f64()).sum()
    }
}
