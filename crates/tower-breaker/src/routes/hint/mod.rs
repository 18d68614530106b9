//! "Did you mean": the field that one nobody knows was meant to be.
//!
//! It may be a slip, one of our own fields in the wrong table, or what another library or a proxy calls it. The last has a
//! remark where its unit or meaning is another one.

mod abroad;
mod distance;
mod level;
mod stages;

use self::abroad::Abroad;
pub(super) use self::level::Level;

/// What is said of a name that nobody knows, in a table of this level.
pub(super) fn unknown<'a>(name: &str, level: Level, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = meant(name, level, &known).map_or(String::new(), |hint| format!(" ({hint})"));
    format!("is unknown{hint}; accepted: {}", accepted(&known))
}

/// What is said of a value that is none of the few there are.
pub(super) fn none_of<'a>(value: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = distance::nearest(value, &known).map_or(String::new(), |near| format!(" ({})", question(near)));
    format!("is {value:?}{hint}; accepted: {}", accepted(&known))
}

fn accepted(known: &[&str]) -> String {
    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
}

fn question(name: &str) -> String {
    format!("did you mean {name:?}?")
}

/// The surest guess first: what is the same but for its writing, or one letter away, and names from abroad before what
/// merely looks alike.
fn meant(name: &str, level: Level, known: &[&str]) -> Option<String> {
    let plain = plain(name)?;
    let abroad = Abroad::find(&plain, level);
    if let Some(here) = abroad.filter(|abroad| abroad.level == level) {
        return Some(here.told(level));
    }
    let same = known.iter().find(|known| self::plain(known).as_ref() == Some(&plain)).copied();
    if let Some(known) = same.or_else(|| distance::nearest_within(name, known, 1)) {
        return Some(question(known));
    }
    if let Some(abroad) = abroad {
        return Some(abroad.told(level));
    }
    let elsewhere = level.elsewhere(&plain).map(|(there, field)| there.named(field, level));
    elsewhere.or_else(|| distance::nearest(name, known).map(question))
}

/// A name as all ways of writing it have it: `openDuration`, `OpenDuration`, `open-duration` and `open_duration` are one.
/// `None` for what is too long to be a name.
fn plain(name: &str) -> Option<String> {
    let letters = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    (name.len() <= 64).then(|| letters.collect())
}

#[cfg(test)]
mod tests;
