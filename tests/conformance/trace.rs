//! The files: a header, then as many steps as it says.

use std::{fs, path::Path, time::Duration};

use serde_json::{Map, Value};

/// One breaker's life.
#[derive(Clone)]
pub(crate) struct Trace {
    /// File, line and name.
    pub(crate) place: String,
    pub(crate) oracle: String,
    pub(crate) config: Config,
    /// Durations of results are independent of the clock.
    pub(crate) explicit: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) op: String,
    pub(crate) arg: Option<u64>,
    pub(crate) permit: Option<u64>,
    pub(crate) result: Option<String>,
    pub(crate) state: char,
    /// The oracle's own columns.
    pub(crate) columns: Vec<f64>,
    pub(crate) events: String,
    /// The line as it was read.
    pub(crate) text: String,
}

impl Step {
    /// An oracle's column, by its place after the state.
    pub(crate) fn column(&self, index: usize) -> Result<f64, String> {
        self.columns.get(index).copied().ok_or_else(|| format!("column {} is missing", index + 5))
    }
}

/// The header's `config`. Zero is "off" or "the default" in both oracles, and so is a field that is missing.
#[derive(Clone)]
pub(crate) struct Config(Map<String, Value>);

impl Config {
    pub(crate) fn count(&self, field: &str) -> Result<u32, String> {
        let count = self.whole(field)?;
        u32::try_from(count).map_err(|_| format!("config.{field} is {count}: too many"))
    }

    pub(crate) fn millis(&self, field: &str) -> Result<Duration, String> {
        self.whole(field).map(Duration::from_millis)
    }

    pub(crate) fn number(&self, field: &str) -> Result<f64, String> {
        self.get(field).map_or(Ok(0.0), |value| value.as_f64().ok_or_else(|| format!("config.{field} is {value}")))
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str)
    }

    /// What we have nothing like must be off.
    pub(crate) fn must_be_off(&self, field: &str) -> Result<(), String> {
        match self.number(field)? {
            0.0 => Ok(()),
            on => Err(format!("config.{field} is {on}: nothing here answers to that")),
        }
    }

    fn whole(&self, field: &str) -> Result<u64, String> {
        let number = self.number(field)?;
        let whole = number as u64;
        if whole as f64 == number { Ok(whole) } else { Err(format!("config.{field} is {number}: not a whole number")) }
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }
}

impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Value::Object(self.0.clone()).fmt(f)
    }
}

/// Every trace of every `*.jsonl` in `folder` and below, in the order of their paths.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<Trace>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>())
        .map_err(failed)?;
    paths.sort();
    let mut traces = Vec::new();
    for path in paths {
        if path.is_dir() {
            traces.extend(read_folder(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            let place = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|error| format!("{place}: {error}"))?;
            traces.extend(read(&place, &text)?);
        }
    }
    Ok(traces)
}

/// The traces of one file.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Trace>, String> {
    let mut traces: Vec<(Trace, u64)> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{file}:{}", index + 1);
        let value = serde_json::from_str(line).map_err(|error| format!("{place}: {error}"))?;
        match (value, traces.last_mut()) {
            (Value::Object(fields), _) => traces.push(header(&place, &fields)?),
            (Value::Array(fields), Some((trace, _))) => {
                trace.steps.push(step(&fields, line).ok_or_else(|| format!("{place}: not a step: {line}"))?);
            }
            _ => return Err(format!("{place}: neither a header nor a step after one")),
        }
    }
    for (trace, announced) in &traces {
        if *announced != trace.steps.len() as u64 {
            return Err(format!("{}: {announced} steps announced, {} found", trace.place, trace.steps.len()));
        }
    }
    Ok(traces.into_iter().map(|(trace, _)| trace).collect())
}

/// A trace without its steps, and how many it announces.
fn header(place: &str, fields: &Map<String, Value>) -> Result<(Trace, u64), String> {
    let missing = |field| format!("{place}: the header has no {field}");
    let text = |field| fields.get(field).and_then(Value::as_str);
    let trace = Trace {
        place: format!("{place} {}", text("trace").unwrap_or("(no name)")),
        oracle: text("oracle").ok_or_else(|| missing("oracle"))?.to_owned(),
        config: Config(fields.get("config").and_then(Value::as_object).ok_or_else(|| missing("config"))?.clone()),
        explicit: match text("durations") {
            Some("explicit") => true,
            Some("elapsed") | None => false,
            Some(other) => return Err(format!("{place}: durations are {other:?}")),
        },
        steps: Vec::new(),
    };
    Ok((trace, fields.get("steps").and_then(Value::as_u64).ok_or_else(|| missing("steps"))?))
}

fn step(fields: &[Value], text: &str) -> Option<Step> {
    let columns: Vec<f64> = fields.get(5..)?.iter().map_while(Value::as_f64).collect();
    let mut state = fields[4].as_str()?.chars();
    Some(Step {
        op: fields[0].as_str()?.to_owned(),
        arg: fields[1].as_u64(),
        permit: fields[2].as_u64(),
        result: fields[3].as_str().map(str::to_owned),
        state: state.next().filter(|_| state.next().is_none())?,
        events: fields.get(5 + columns.len()).and_then(Value::as_str).unwrap_or_default().to_owned(),
        columns,
        text: text.to_owned(),
    })
}
