//! What a run comes to, and medians of many.

use std::time::Duration;

use crate::{
    clients::{Call, Ending, Run},
    incident::{AFTER, BEFORE, Plan},
};

/// Calls are looked at by when they came, half a second together.
pub(crate) const SLICE: Duration = Duration::from_millis(500);
/// Well again is: so many of a slice's calls are answered, and of all slices after it.
const WELL: f64 = 0.9;

/// The figures of one run. `None`: there was nothing to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    /// Answered, of what the backend could have answered of the calls that came during the incident.
    pub(crate) during: Option<f64>,
    /// Answered, of the calls that came in the minute after it.
    pub(crate) after: Option<f64>,
    /// Attempts a second, during the incident, that reached the backend and helped nobody.
    pub(crate) useless: Option<f64>,
    /// Attempts that reached the backend during the incident, for each call that came.
    pub(crate) amplification: Option<f64>,
    /// Seconds within which 99 of 100 refused calls knew.
    pub(crate) refusal_p99: Option<f64>,
    /// Seconds from the beginning of the incident to the first refusal.
    pub(crate) detected: Option<f64>,
    /// Seconds from its end until all is well and stays so.
    pub(crate) recovered: Option<f64>,
}

/// A figure's name, unit, and where it stands in a tally.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Tally) -> Option<f64>,
    pub(crate) write: fn(f64) -> String,
}

pub(crate) const FIGURES: [Figure; 7] = [
    Figure { name: "goodput during", of: |tally| tally.during, write: percent },
    Figure { name: "goodput after", of: |tally| tally.after, write: percent },
    Figure { name: "useless calls", of: |tally| tally.useless, write: |rate| format!("{rate:.2}/s") },
    Figure { name: "amplification", of: |tally| tally.amplification, write: |times| format!("{times:.2}") },
    Figure { name: "refusals p99", of: |tally| tally.refusal_p99, write: |time| format!("{:.0} ms", time * 1e3) },
    Figure { name: "detected", of: |tally| tally.detected, write: |time| format!("{time:.1} s") },
    Figure { name: "well again", of: |tally| tally.recovered, write: |time| format!("{time:.1} s") },
];

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls")]
pub(crate) fn tally(plan: &Plan, run: &Run) -> Tally {
    let during = |call: &&Call| plan.is_under_way(call.came);
    let came = run.calls.iter().filter(during).count() as f64;
    let good = |calls: &mut dyn Iterator<Item = &Call>| calls.filter(|call| is_good(call)).count() as f64;
    let could = plan.could_answer().min(came);
    let minute = |call: &&Call| call.came >= plan.end() && call.came < plan.end() + Duration::from_secs(60);
    let after = run.calls.iter().filter(minute).count() as f64;
    let refused = run.calls.iter().filter(|call| call.ending == Ending::Refused);
    let first = refused.clone().map(|call| call.came + call.took).filter(|at| *at >= BEFORE).min();
    let mut refusals: Vec<Duration> = refused.map(|call| call.took).collect();
    refusals.sort_unstable();
    let length = plan.length.as_secs_f64();
    Tally {
        during: (could > 0.0).then(|| good(&mut run.calls.iter().filter(during)) / could),
        after: Some(good(&mut run.calls.iter().filter(minute)) / after),
        useless: Some((run.during.sent - run.during.useful) as f64 / length),
        amplification: Some(run.during.sent as f64 / came),
        refusal_p99: refusals.get(refusals.len() * 99 / 100).map(Duration::as_secs_f64),
        detected: first.filter(|at| *at < plan.end()).map(|at| (at - BEFORE).as_secs_f64()),
        recovered: Some(recovered(plan, &run.calls)),
    }
}

fn is_good(call: &Call) -> bool {
    call.ending == Ending::Answered
}

/// Calls that came and that were answered, by slices from `from` on.
pub(crate) fn slices(calls: &[Call], from: Duration, to: Duration) -> Vec<(u32, u32)> {
    let count = (to - from).div_duration_f64(SLICE).floor();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let mut slices = vec![(0, 0); count as usize];
    for call in calls.iter().filter(|call| call.came >= from) {
        let place = ((call.came - from).as_nanos() / SLICE.as_nanos()) as usize;
        if let Some((came, answered)) = slices.get_mut(place) {
            *came += 1;
            *answered += u32::from(is_good(call));
        }
    }
    slices
}

/// The end of the last slice that was not well.
fn recovered(plan: &Plan, calls: &[Call]) -> f64 {
    let slices = slices(calls, plan.end(), plan.end() + AFTER);
    let unwell = |(came, answered): &(u32, u32)| f64::from(*answered) < WELL * f64::from(*came);
    let last = slices.iter().rposition(unwell).map_or(0, |place| place + 1);
    SLICE.as_secs_f64() * f64::from(u32::try_from(last).unwrap_or(u32::MAX))
}

/// The middle one, where there is one for at least half of the runs; what was never seen is not zero.
pub(crate) fn median(runs: &[Tally], of: fn(&Tally) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = runs.iter().filter_map(of).collect();
    values.sort_unstable_by(f64::total_cmp);
    (2 * values.len() >= runs.len() && !values.is_empty()).then(|| values[values.len() / 2])
}
