//! A script and the name Redis knows it by.

use redis::Cmd;

#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, hash: sha1_smol::Sha1::from(text).digest().to_string() }
    }

    /// For a server that has it.
    pub(super) fn known(&self, keys: &[String], words: &[String]) -> Cmd {
        command("EVALSHA", &self.hash, keys, words)
    }

    /// For a server that does not: it keeps it.
    pub(super) fn whole(&self, keys: &[String], words: &[String]) -> Cmd {
        command("EVAL", self.text, keys, words)
    }
}

fn command(verb: &str, script: &str, keys: &[String], words: &[String]) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(keys.len()).arg(keys).arg(words);
    command
}
