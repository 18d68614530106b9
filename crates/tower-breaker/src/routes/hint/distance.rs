//! How far one name is from another.

/// The known name within a third of the letters of `name`, nearest first.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    nearest_within(name, known, (name.chars().count() / 3).max(1))
}

/// The known name within so many letters of `name`, nearest first.
pub(super) fn nearest_within<'a>(name: &str, known: &[&'a str], allowed: usize) -> Option<&'a str> {
    // Names come from a file: one that is absurdly long is no slip of a known one.
    if name.len() > 64 {
        return None;
    }
    let near = known.iter().map(|known| (distance(name, known), *known));
    near.filter(|&(steps, _)| steps <= allowed).min_by_key(|&(steps, _)| steps).map(|(_, known)| known)
}

/// Letters to put in, take out, replace or swap with their neighbour until `from` reads `to`, capitals aside.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().flat_map(char::to_lowercase).collect();
    let to: Vec<char> = to.chars().flat_map(char::to_lowercase).collect();
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for row in 1..=from.len() {
        let mut current = vec![row];
        for column in 1..=to.len() {
            let same = from[row - 1] == to[column - 1];
            let mut steps = (last[column - 1] + usize::from(!same)).min(last[column] + 1).min(current[column - 1] + 1);
            let swapped = row > 1 && column > 1 && from[row - 1] == to[column - 2] && from[row - 2] == to[column - 1];
            if swapped {
                let before: &Vec<usize> = &before_last;
                steps = steps.min(before[column - 2] + 1);
            }
            current.push(steps);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let known = ["failure_threshold", "open_duration", "policy", "path"];
        assert_eq!(nearest("failure_treshold", &known), Some("failure_threshold"));
        assert_eq!(nearest("open_duraiton", &known), Some("open_duration"));
        assert_eq!(nearest("polcy", &known), Some("policy"));
        assert_eq!(nearest("PATH", &known), Some("path"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("colour", &["policy", "path"]), None);
        assert_eq!(nearest("", &["policy"]), None);
        assert_eq!(nearest(&"x".repeat(10_000), &["policy"]), None);
    }

    #[test]
    fn a_third_of_the_letters_may_be_wrong_and_one_at_least() {
        assert_eq!(nearest("abcxyz", &["abcdez"]), Some("abcdez"), "two of six");
        assert_eq!(nearest("abwxyz", &["abcdez"]), None, "three of six");
        assert_eq!(nearest("ax", &["ab"]), Some("ab"), "one of two");
    }

    #[test]
    fn only_names_of_up_to_64_letters_are_near_any() {
        for (length, found) in [(64, true), (65, false)] {
            let known = "x".repeat(length - 1);
            assert_eq!(nearest(&"x".repeat(length), &[&known]).is_some(), found, "{length}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_step() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("upstream", "upstraem"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
