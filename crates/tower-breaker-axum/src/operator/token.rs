use std::fmt;

use subtle::ConstantTimeEq;
use tower_breaker_core::InvalidConfig;

/// What an operator has to know. Never printed.
pub(crate) struct Token(Box<[u8]>);

impl Token {
    const SHORTEST: usize = 16;
    const LONGEST: usize = 1_024;

    pub(crate) fn new(text: &str) -> Result<Self, InvalidConfig> {
        let fits = (Self::SHORTEST..=Self::LONGEST).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            // Said without what it was set to: errors end up in logs.
            let shown = format_args!("a text of {} bytes", text.len()).to_string();
            let accepted = "16..=1024 visible ASCII characters, as `openssl rand -hex 16` makes them";
            return Err(InvalidConfig::new("operator_token", Shown(shown), accepted));
        }
        Ok(Self(text.as_bytes().into()))
    }

    /// Takes as long for a wrong token as for the right one of the same length.
    pub(crate) fn is(&self, sent: &[u8]) -> bool {
        self.0.ct_eq(sent).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Debug without quotes.
struct Shown(String);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
