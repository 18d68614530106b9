//! Two sides, turn by turn: what disturbs one round disturbs both halves of it.

use std::time::Duration;

/// One side of a comparison: makes so many calls and says how long they took.
pub(crate) type Side = Box<dyn FnMut(u64) -> Duration>;

/// How much is measured.
///
/// A round is cut into slices, taken in turn, and stands for its median slice: on a machine that does other work as well,
/// most slices of a millisecond are undisturbed and most rounds are not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// Of each side in a round.
    pub(crate) calls: u64,
    pub(crate) slices: u64,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 31, calls: 200_000, slices: 20 };
    pub(crate) const QUICK: Self = Self { rounds: 15, calls: 40_000, slices: 4 };
}

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) ours_ns: f64,
    pub(crate) peer_ns: f64,
    /// Of the medians.
    pub(crate) ratio: f64,
    /// The ratios that a tenth of the rounds were below, and a tenth above.
    pub(crate) spread: (f64, f64),
    pub(crate) ours_allocs: f64,
    pub(crate) peer_allocs: f64,
}

pub(crate) fn interleaved(effort: Effort, ours: &mut Side, peer: &mut Side) -> Measured {
    let Effort { rounds, calls, slices } = effort;
    let slice = calls / slices;
    // Warms caches and branch predictors, and fills windows.
    let (ours_allocs, peer_allocs) = (allocations(ours, calls / 10), allocations(peer, calls / 10));
    let (mut ours_ns, mut peer_ns, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (one, other) = (0..slices).map(|_| (per_call(ours(slice), slice), per_call(peer(slice), slice))).unzip();
        let (one, other) = (median(one), median(other));
        ours_ns.push(one);
        peer_ns.push(other);
        ratios.push(one / other);
    }
    ratios.sort_by(f64::total_cmp);
    let spread = (ratios[rounds / 10], ratios[rounds - 1 - rounds / 10]);
    let (ours_ns, peer_ns) = (median(ours_ns), median(peer_ns));
    Measured { ours_ns, peer_ns, ratio: ours_ns / peer_ns, spread, ours_allocs, peer_allocs }
}

/// Per call, of this thread. The timer of a side is not running here.
fn allocations(side: &mut Side, calls: u64) -> f64 {
    // Whatever a side allocates once has been allocated after this.
    side(calls);
    let counted = allocation_counter::measure(|| {
        side(calls);
    });
    // A few of the harness's own (threads, a fresh circuit) are no calls'.
    (counted.count_total as f64 / calls as f64 * 100.0).round() / 100.0
}

fn per_call(time: Duration, calls: u64) -> f64 {
    time.as_nanos() as f64 / calls as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
