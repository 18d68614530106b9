//! One table for people, one list for programs.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::measure::Measured;

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) case: &'static str,
    pub(crate) peer: &'static str,
    /// The ratio must be at most this.
    pub(crate) bar: f64,
    pub(crate) measured: Measured,
}

impl Line {
    fn is_met(&self) -> bool {
        self.measured.ratio <= self.bar && self.measured.ours_allocs == 0.0
    }

    fn to_json(&self) -> Value {
        let Measured { ours_ns, peer_ns, ratio, spread, ours_allocs, peer_allocs } = self.measured;
        json!({
            "case": self.case,
            "ours_ns": rounded(ours_ns),
            "peer": self.peer,
            "peer_ns": rounded(peer_ns),
            "ratio": rounded(ratio),
            "ours_allocs": ours_allocs,
            "peer_allocs": peer_allocs,
            "spread": [rounded(spread.0), rounded(spread.1)],
            "bar": self.bar,
        })
    }
}

pub(crate) fn print_head() {
    println!(
        "{:<23} {:<17} {:>9} {:>9} {:>7} {:>15} {:>6}  {:<7} {:>11} {:>11}",
        "case", "peer", "ours ns", "peer ns", "ratio", "spread", "bar", "", "ours allocs", "peer allocs"
    );
}

pub(crate) fn print(line: &Line) {
    let Measured { ours_ns, peer_ns, ratio, spread, ours_allocs, peer_allocs } = line.measured;
    let spread = format!("{:.3}..{:.3}", spread.0, spread.1);
    println!(
        "{:<23} {:<17} {ours_ns:>9.1} {peer_ns:>9.1} {ratio:>7.3} {spread:>15} {:>6}  {:<7} {ours_allocs:>11} {peer_allocs:>11}",
        line.case,
        line.peer,
        line.bar,
        if line.is_met() { "met" } else { "missed" },
    );
}

/// Writes `versus.json` in the target folder; gives back where.
pub(crate) fn write(lines: &[Line]) -> std::io::Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
    fs::create_dir_all(&target)?;
    let path = target.join("versus.json");
    let list: Vec<_> = lines.iter().map(Line::to_json).collect();
    fs::write(&path, format!("{:#}\n", Value::Array(list)))?;
    Ok(path)
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
