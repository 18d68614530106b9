use super::LONGEST;

/// A name put together on the stack: what does not fit is not a name's any more.
pub(super) struct Short {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Short {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }

    /// Appends as much of `text` as there is room for, in whole characters.
    pub(super) fn push(&mut self, text: &str) {
        let end = text.floor_char_boundary(LONGEST - self.len);
        self.bytes[self.len..self.len + end].copy_from_slice(&text.as_bytes()[..end]);
        self.len += end;
    }

    pub(super) fn make_ascii_lowercase(&mut self) {
        self.bytes[..self.len].make_ascii_lowercase();
    }

    pub(super) fn as_str(&self) -> &str {
        // Whole characters went in, and lower case leaves all but ASCII as it is.
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_whole_characters_up_to_its_bound() {
        let mut short = Short::new();
        short.push("GET ");
        short.push(&"ä".repeat(LONGEST));
        assert_eq!(short.as_str(), format!("GET {}", "ä".repeat((LONGEST - 4) / 2)));
        short.push("x");
        short.make_ascii_lowercase();
        assert!(short.as_str().starts_with("get ä"));

        let mut odd = Short::new();
        odd.push("x");
        odd.push(&"ä".repeat(LONGEST));
        assert_eq!(odd.as_str().len(), LONGEST - 1);
    }
}
