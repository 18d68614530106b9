use std::time::Duration;

use super::{
    super::{
        RoutesError,
        hint::{self, Level},
        node::Value,
    },
    Fields, value,
};

pub(in super::super) const FIELDS: &[&str] = &["attempts", "base", "max", "jitter", "budget"];
const JITTERS: &[(&str, RetryJitter)] = &[
    ("full", RetryJitter::Full),
    ("equal", RetryJitter::Equal),
    ("decorrelated", RetryJitter::Decorrelated),
    ("none", RetryJitter::None),
];

/// How failed calls are tried again: `retry` of a policy.
///
/// | field | default | accepted |
/// |---|---|---|
/// | `attempts`, the first one included | 3 | 1..=1000; 1 is no retry |
/// | `base`, the wait before the first retry, twice as long before each further one | `"100ms"` | more than 0, at most `max` |
/// | `max`, of any wait | `"10s"` | at least `base` |
/// | `jitter`, how chance spreads the waits | `"full"` | `"full"`, `"equal"`, `"decorrelated"`, `"none"` |
/// | `budget`, retries as a share of the calls | 0.2 | 0..=1, or `false` for any number |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrySettings {
    attempts: u32,
    base: Duration,
    max: Duration,
    jitter: RetryJitter,
    budget: Option<f64>,
}

/// How chance spreads the waits before retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryJitter {
    /// `"full"`: between nothing and the backoff. The default.
    #[default]
    Full,
    /// `"equal"`: between half of the backoff and all of it.
    Equal,
    /// `"decorrelated"`: between the base and three times the wait before.
    Decorrelated,
    /// `"none"`: the backoff itself.
    None,
}

impl RetryJitter {
    /// As a document has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Equal => "equal",
            Self::Decorrelated => "decorrelated",
            Self::None => "none",
        }
    }
}

impl RetrySettings {
    /// Attempts in all, the first one included; 1 is no retry.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The backoff before the first retry; it doubles with each further one.
    #[must_use]
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// The longest wait.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// How chance spreads the waits.
    #[must_use]
    pub const fn jitter(&self) -> RetryJitter {
        self.jitter
    }

    /// The retries there may be, as a share of the calls. `None`: any number.
    #[must_use]
    pub const fn budget(&self) -> Option<f64> {
        self.budget
    }

    /// The same for a [`RetryLayer`](crate::RetryLayer), to which a program may add what no document says. It builds as it is: a
    /// document accepts nothing that it would refuse.
    #[cfg(feature = "retry")]
    pub fn to_builder(&self) -> crate::retry::RetryConfigBuilder {
        use crate::retry::{Jitter, RetryConfig};

        let jitter = match self.jitter {
            RetryJitter::Full => Jitter::Full,
            RetryJitter::Equal => Jitter::Equal,
            RetryJitter::Decorrelated => Jitter::Decorrelated,
            RetryJitter::None => Jitter::None,
        };
        RetryConfig::builder().attempts(self.attempts).base(self.base).max(self.max).jitter(jitter).budget(self.budget)
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Result<RetrySettings, RoutesError> {
    const TIME: &str = "a duration as text, such as \"100ms\", more than 0";
    fields.only(Level::Retry)?;
    let attempts = fields.read("attempts", "1..=1000", value::count(1..=1_000))?.unwrap_or(3);
    let base = fields.read("base", TIME, value::positive)?.unwrap_or(Duration::from_millis(100));
    let max = fields.read("max", TIME, value::positive)?.unwrap_or(Duration::from_secs(10));
    if base > max {
        // The one that this policy sets, or else the one that anybody does.
        let own = |name| fields.get(name).is_some_and(|node| fields.heir.wrote(node));
        let is_max = own("max") && !own("base") || fields.get("base").is_none();
        return Err(if is_max {
            fields.refused("max", format_args!("at least base, which is {}", value::text(base)))
        } else {
            fields.refused("base", format_args!("at most max, which is {}", value::text(max)))
        });
    }
    let share = |value: &Value| value::number(value).filter(|share| (0.0..=1.0).contains(share));
    let budget = fields.read("budget", "a share in 0..=1, or false", value::or_off(share))?.unwrap_or(Some(0.2));
    Ok(RetrySettings { attempts, base, max, jitter: jitter(fields)?, budget })
}

fn jitter(fields: &Fields<'_>) -> Result<RetryJitter, RoutesError> {
    let Some(node) = fields.get("jitter") else { return Ok(RetryJitter::default()) };
    let names = JITTERS.iter().map(|(name, _)| *name);
    let Value::Text(text) = &node.value else {
        let accepted: Vec<&str> = names.collect();
        return Err(fields.refused("jitter", accepted.join(", ")));
    };
    let found = JITTERS.iter().find(|(name, _)| name == text).map(|(_, jitter)| *jitter);
    found.ok_or_else(|| RoutesError::at(&node.field, node.line, hint::none_of(text, names)))
}
