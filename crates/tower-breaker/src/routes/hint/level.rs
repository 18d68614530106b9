use super::{
    super::{config, policy, route, settings},
    plain, question,
};

/// Which table of a document a field stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Level {
    Document,
    Route,
    Policy,
    CircuitBreaker,
    SlidingWindow,
    Retry,
    RateLimit,
    Bulkhead,
    /// A caller's own, or a plain value.
    Own,
}

const CIRCUIT_BREAKER: &[&str] = &[
    "failure_threshold",
    "failure_rate_threshold",
    "sliding_window",
    "minimum_calls",
    "max_age",
    "slow_call_duration_threshold",
    "slow_call_rate_threshold",
    "open_duration",
    "open_duration_multiplier",
    "max_open_duration",
    "open_duration_jitter",
    "success_threshold",
    "half_open_max_concurrent",
    "permitted_calls",
    "half_open_timeout",
    "on_cancel",
    "mode",
    "enforcement",
    "recovery_ramp",
    "throttle",
];

impl Level {
    pub(super) const ALL: [Self; 8] = [
        Self::Document,
        Self::Policy,
        Self::CircuitBreaker,
        Self::SlidingWindow,
        Self::Retry,
        Self::RateLimit,
        Self::Bulkhead,
        Self::Route,
    ];

    /// The fields that are read here. A caller's own type may know more of a route and of a policy.
    pub(in super::super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Document => config::FIELDS,
            Self::Route => route::FIELDS,
            Self::Policy => policy::FIELDS,
            Self::CircuitBreaker => CIRCUIT_BREAKER,
            Self::SlidingWindow => &["calls", "time", "buckets"],
            Self::Retry => settings::RETRY,
            Self::RateLimit => settings::RATE_LIMIT,
            Self::Bulkhead => settings::BULKHEAD,
            Self::Own => &[],
        }
    }

    /// The level of the table that a field of this one is.
    pub(in super::super) fn of(self, field: &str) -> Self {
        match (self, field) {
            (Self::CircuitBreaker, "sliding_window") => Self::SlidingWindow,
            _ => Self::Own,
        }
    }

    /// The way from the table of a policy. `None`: it is in none.
    pub(super) const fn way(self) -> Option<&'static str> {
        match self {
            Self::Policy => Some(""),
            Self::CircuitBreaker => Some("circuit_breaker."),
            Self::SlidingWindow => Some("circuit_breaker.sliding_window."),
            Self::Retry => Some("retry."),
            Self::RateLimit => Some("rate_limit."),
            Self::Bulkhead => Some("bulkhead."),
            Self::Document | Self::Route | Self::Own => None,
        }
    }

    /// Asks whether a field of this level was meant, as seen from `here`.
    pub(super) fn named(self, field: &str, here: Self) -> String {
        let whole = format!("{}{field}", self.way().unwrap_or_default());
        let of = match self {
            _ if self == here => return question(field),
            Self::Document => " at the top of the document",
            Self::Route => " of a route",
            _ => match here.way().and_then(|way| whole.strip_prefix(way)) {
                Some(rest) => return question(rest),
                None => " of the policy",
            },
        };
        format!("did you mean {whole:?}{of}?")
    }

    /// The one field of another level that has this name.
    pub(super) fn elsewhere(self, name: &str) -> Option<(Self, &'static str)> {
        if self == Self::Own {
            return None;
        }
        let all = Self::ALL.into_iter().flat_map(|level| level.fields().iter().map(move |field| (level, *field)));
        let mut found = all.filter(|(_, field)| plain(field).as_deref() == Some(name));
        found.next().filter(|_| found.next().is_none())
    }
}
