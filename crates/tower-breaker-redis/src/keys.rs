//! How keys are named.
//!
//! ```text
//! tower-breaker:{default}:version          what wrote these keys
//! tower-breaker:{default}:v1:meta          birth and last number of the index
//! tower-breaker:{default}:v1:order         circuits by the number of their last change
//! tower-breaker:{default}:v1:lines         what each came to be
//! tower-breaker:{default/payments}:v1      the circuit `payments`
//! ```
//! The part in braces decides the slot in a cluster: the index of a set has one, each circuit another. The key `version`
//! has no version in its name, so that whoever comes with another one sees it.

/// What the keys below are and mean. Whoever changes that, changes this.
pub(crate) const VERSION: u32 = 1;

/// The names of the keys of one set.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
    set: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str, set: &str) -> Self {
        // Nothing in the braces would give each key a slot of its own. No escaped name is this one.
        let set = if set.is_empty() { "%".to_owned() } else { escape(set) };
        Self { prefix: prefix.to_owned(), set }
    }

    /// The index: what all instances of the set look at.
    pub(crate) fn index(&self) -> [String; 4] {
        let Self { prefix, set } = self;
        let key = |what: &str| format!("{prefix}:{{{set}}}:v{VERSION}:{what}");
        [self.version(), key("meta"), key("order"), key("lines")]
    }

    pub(crate) fn version(&self) -> String {
        format!("{}:{{{}}}:version", self.prefix, self.set)
    }

    pub(crate) fn circuit(&self, name: &str) -> String {
        format!("{}:{{{}/{}}}:v{VERSION}", self.prefix, self.set, escape(name))
    }
}

/// Names may come from strangers: braces would move the slot, spaces and control characters are no joy to whoever lists keys.
/// A slash in the set's name would let two names meet.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '{' | '}' | '%' | '/') || char.is_whitespace() || char.is_control() {
            let mut bytes = [0; 4];
            for byte in char.encode_utf8(&mut bytes).bytes() {
                escaped.push_str(&format!("%{byte:02x}"));
            }
        } else {
            escaped.push(char);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a key that decides its slot, as Redis finds it: the whole where nothing is in the braces.
    fn tag(key: &str) -> &str {
        let (_, rest) = key.split_once('{').expect("an opening brace");
        let tag = rest.split_once('}').expect("a closing brace").0;
        if tag.is_empty() { key } else { tag }
    }

    #[test]
    fn the_keys_of_an_index_share_one_slot_whatever_the_name() {
        for set in ["default", "a}b", "{", "", "a/b"] {
            let keys = Keys::new("tower-breaker", set).index();
            assert!(keys.iter().all(|key| tag(key) == tag(&keys[0])), "{keys:?}");
        }
        assert_ne!(Keys::new("p", "").index(), Keys::new("p", "%").index());
    }

    #[test]
    fn names_of_strangers_neither_meet_nor_leave_their_braces() {
        let names = ["payments", "a}:v1", "{a", "a b", "a%20b", "a\r\nb", "", "a/b", "ü"];
        let keys: Vec<_> = names.iter().map(|name| Keys::new("p", "set").circuit(name)).collect();
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(key.matches(['{', '}']).count(), 2, "{key}");
            assert!(!key.contains(char::is_whitespace), "{key}");
            assert!(!keys[..at].contains(key), "{key} twice");
        }
        assert_ne!(Keys::new("p", "a").circuit("b/c"), Keys::new("p", "a/b").circuit("c"));
    }
}
