//! What was seen, second by second and altogether.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::{
    args::Plan,
    episodes::Episodes,
    seen::{Kind, Seen},
};

/// So many of them are told one by one.
const EPISODES: usize = 20;
/// A load that was itself later than this says so.
const LATE: Duration = Duration::from_millis(20);

/// Bounded by the calls of a plan.
#[derive(Debug, Default)]
pub(crate) struct Report {
    seen: BTreeMap<Seen, u64>,
    took: BTreeMap<Kind, Vec<Micros>>,
    not_sent: u64,
    late: Duration,
    episodes: Episodes,
    second: Second,
}

/// Of a call; a deadline is no longer than a minute.
type Micros = u32;

/// Since the last line.
#[derive(Debug, Default)]
struct Second {
    counts: BTreeMap<Kind, u64>,
    successes: Vec<Micros>,
    not_sent: u64,
}

impl Report {
    pub(crate) fn add(&mut self, at: Duration, took: Duration, seen: Seen) {
        let (kind, micros) = (seen.kind(), Micros::try_from(took.as_micros()).unwrap_or(Micros::MAX));
        *self.seen.entry(seen).or_default() += 1;
        self.took.entry(kind).or_default().push(micros);
        self.episodes.add(at, kind);
        *self.second.counts.entry(kind).or_default() += 1;
        if kind == Kind::Success {
            self.second.successes.push(micros);
        }
    }

    /// The cap on calls under way was reached.
    pub(crate) fn not_sent(&mut self) {
        self.not_sent += 1;
        self.second.not_sent += 1;
    }

    /// So much later than it was due a call began.
    pub(crate) fn late(&mut self, late: Duration) {
        self.late = self.late.max(late);
    }

    /// Whether anybody has ever answered.
    pub(crate) fn was_answered(&self) -> bool {
        self.seen.keys().any(|seen| matches!(seen, Seen::Answer(_) | Seen::Refusal | Seen::BrokeOff))
    }

    /// Whether there is something since the last line.
    pub(crate) fn has_more(&self) -> bool {
        !self.second.counts.is_empty() || self.second.not_sent > 0
    }

    /// The line of a second that is over.
    pub(crate) fn line(&mut self, second: u64, under_way: usize) -> String {
        let Second { counts, mut successes, not_sent } = std::mem::take(&mut self.second);
        let count = |kind| counts.get(&kind).copied().unwrap_or(0);
        let mut text = format!("{second:5} s {:6} ok", count(Kind::Success));
        if successes.is_empty() {
            text.push_str(&" ".repeat(36));
        } else {
            let _ =
                write!(text, ", p50 {:>9}, p99 {:>9}", percentile(&mut successes, 50), percentile(&mut successes, 99));
            text.push_str(&" ".repeat(6));
        }
        let _ = write!(text, "{:6} refused{:6} failed", count(Kind::Refusal), count(Kind::Failure));
        for (number, word) in [(count(Kind::Other), "4xx"), (not_sent, "not sent"), (under_way as u64, "under way")] {
            if number > 0 {
                let _ = write!(text, "{number:6} {word}");
            }
        }
        text
    }

    /// Everything, after so long. Those still under way have no end to tell of.
    pub(crate) fn whole(&mut self, plan: &Plan, elapsed: Duration, under_way: usize) -> String {
        let calls = self.seen.values().sum::<u64>() + self.not_sent + under_way as u64;
        let mut text = format!("\n{calls} calls were due in {:.1} s, {} a second:\n", elapsed.as_secs_f64(), plan.rate);
        let share = |count: u64| 100.0 * count as f64 / calls.max(1) as f64;
        let mut count = |words: &str, count: u64| {
            let _ = writeln!(text, "{count:9}  {:5.1} %  {words}", share(count));
        };
        for (seen, times) in &self.seen {
            count(&seen.words(), *times);
        }
        if self.not_sent > 0 {
            count(&format!("not sent: {} were under way (--connections)", plan.connections), self.not_sent);
        }
        if under_way > 0 {
            count("still under way", under_way as u64);
        }
        text.push_str("\nhow long they took, from when they were due:\n");
        let _ = writeln!(text, "{:12}{:>11}{:>11}{:>11}{:>11}", "", "p50", "p90", "p99", "max");
        for (kind, words) in [
            (Kind::Success, "successes"),
            (Kind::Refusal, "refusals"),
            (Kind::Failure, "failures"),
            (Kind::Other, "4xx"),
        ] {
            if let Some(took) = self.took.get_mut(&kind) {
                let _ = write!(text, "{words:12}");
                for share in [50, 90, 99, 100] {
                    let _ = write!(text, "{:>11}", percentile(took, share));
                }
                text.push('\n');
            }
        }
        if self.late > LATE {
            let _ = writeln!(text, "(of which up to {} because this program itself was late)", words(self.late));
        }
        text.push('\n');
        let mut rest = 0;
        for (index, episode) in self.episodes.all().enumerate() {
            if index < EPISODES {
                let _ = writeln!(text, "{}", episode.words());
            } else {
                rest += 1;
            }
        }
        match rest {
            0 if self.episodes.all().next().is_none() => text.push_str("nothing failed and nothing was refused\n"),
            0 => {}
            rest => {
                let _ = writeln!(text, "and {rest} more times");
            }
        }
        text
    }
}

/// The smallest that so many of a hundred are at most as long as.
fn percentile(took: &mut [Micros], share: usize) -> String {
    took.sort_unstable();
    let at = (took.len() * share).div_ceil(100).max(1) - 1;
    words(Duration::from_micros(took[at].into()))
}

fn words(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1_000.0;
    if milliseconds < 1_000.0 { format!("{milliseconds:.1} ms") } else { format!("{:.2} s", milliseconds / 1_000.0) }
}
