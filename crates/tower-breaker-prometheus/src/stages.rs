//! The series of the stages around circuits.

use std::collections::BTreeMap;

use tower_breaker_core::{Figure, Figures};

use crate::family::{About, Family, Owner};

const RETRIES: About = About::counter(
    "resilience_retry_attempts_total",
    "Calls by how their attempts ended, and attempts after the first (retried).",
)
.by(&["outcome"]);
const BALANCE: About = About::gauge("resilience_retry_budget_balance", "Retries that the budget would allow now.");
const IN_USE: About = About::gauge("resilience_bulkhead_in_use", "Places taken.");
const QUEUED: About = About::gauge("resilience_bulkhead_queued", "Calls queued.");
const PLACES: About = About::gauge("resilience_bulkhead_max_concurrent", "Places there are.");
const REJECTED: About = About::counter("resilience_bulkhead_rejected_total", "Calls refused by a full bulkhead.");
const LIMITED: About = About::counter("resilience_rate_limited_total", "Calls refused by a rate limit.");
const TIMEOUTS: About =
    About::counter("resilience_timeouts_total", "Whole calls and attempts that ran out of time.").by(&["kind"]);

const ABOUTS: [About; 8] = [RETRIES, BALANCE, IN_USE, QUEUED, PLACES, REJECTED, LIMITED, TIMEOUTS];

pub(crate) fn abouts() -> impl Iterator<Item = About> {
    ABOUTS.into_iter()
}

/// Sums by family, stage and label: two stages of one name are one to a database.
type Sums = BTreeMap<(usize, String, &'static str), f64>;

pub(crate) fn collect<'a>(registers: impl Iterator<Item = (&'a str, &'a Figures)>) -> Vec<Family> {
    let mut families = ABOUTS.map(Family::new);
    for (set, figures) in registers {
        let mut sums = Sums::new();
        for (name, figure) in figures.list() {
            for (about, label, value) in values(&figure) {
                *sums.entry((about, name.to_string(), label)).or_default() += value;
            }
        }
        for ((about, name, label), value) in sums {
            let labels: &[&str] = if label.is_empty() { &[] } else { &[label] };
            families[about].add(Owner { name: &name, set }, labels, value);
        }
    }
    families.into()
}

/// Of each series: where its family stands in `ABOUTS`, its own label, and its value.
fn values(figure: &Figure) -> Vec<(usize, &'static str, f64)> {
    match figure {
        Figure::Retry(it) => vec![
            (0, "first_try", it.first_try as f64),
            (0, "retried", it.retries as f64),
            (0, "recovered", it.recovered as f64),
            (0, "exhausted", it.exhausted as f64),
            (0, "over_budget", it.over_budget as f64),
            (0, "refused", it.refused as f64),
            (1, "", it.budget_balance),
        ],
        Figure::Bulkhead(it) => vec![
            (2, "", it.in_use as f64),
            (3, "", it.queued as f64),
            (4, "", it.max_concurrent as f64),
            (5, "", it.rejected as f64),
        ],
        Figure::RateLimit(it) => vec![(6, "", it.limited as f64)],
        Figure::Timeout(it) => vec![(7, "whole", it.whole as f64), (7, "attempt", it.attempt as f64)],
        // A stage of a newer core: nothing is known of it here.
        _ => Vec::new(),
    }
}
