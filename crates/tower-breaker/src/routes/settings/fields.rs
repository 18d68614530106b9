use std::fmt;

use super::{
    super::{
        RoutesError,
        hint::{self, Level},
        node::{Node, Value, child},
    },
    Heir,
};

/// The table of one stage: what a policy says itself, and what it inherits.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// The nearest table: what is missing is missing there.
    table: &'a Node,
    entries: Vec<(&'a str, &'a Node)>,
    pub(super) heir: Heir<'a>,
}

impl<'a> Fields<'a> {
    /// Gathers the fields of a stage from the nearest policy on. `None`: nobody has it, or it is switched off.
    pub(super) fn gather(line: &[&'a Node], stage: &str, heir: Heir<'a>) -> Result<Option<Self>, RoutesError> {
        let mut gathered: Option<Self> = None;
        for table in line.iter().filter_map(|policy| policy.get(stage)) {
            let own = match &table.value {
                Value::Table(own) => own,
                // Switched off here: what is further up counts no more.
                Value::Bool(false) => break,
                _ => return Err(heir.wrong(table, "is no table", "a table of its settings, or false")),
            };
            let fields = gathered.get_or_insert_with(|| Self { table, entries: Vec::new(), heir });
            for (name, node) in own {
                if fields.get(name).is_none() {
                    fields.entries.push((name, node));
                }
            }
        }
        Ok(gathered)
    }

    /// Refuses a field that is none of these.
    pub(super) fn only(&self, level: Level) -> Result<(), RoutesError> {
        match self.entries.iter().find(|(name, _)| !level.fields().contains(name)) {
            None => Ok(()),
            Some((name, node)) => {
                Err(RoutesError::at(&node.field, node.line, hint::unknown(name, level, level.fields().iter().copied())))
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, node)| *node)
    }

    /// Reads a field. `None`: nobody sets it.
    pub(super) fn read<T>(
        &self,
        name: &str,
        accepted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, RoutesError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        read(&node.value).map(Some).ok_or_else(|| self.heir.refused(node, &node.value, accepted))
    }

    /// Reads a field that has no default.
    pub(super) fn required<T>(
        &self,
        name: &str,
        accepted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, RoutesError> {
        self.read(name, accepted, read)?.ok_or_else(|| {
            let problem = format!("is missing; accepted: {accepted}");
            RoutesError::at(&child(&self.table.field, name), self.table.line, problem)
        })
    }

    /// A field that does not go with another one.
    pub(super) fn refused(&self, name: &str, accepted: impl fmt::Display) -> RoutesError {
        let node = self.get(name).unwrap_or(self.table);
        self.heir.refused(node, &node.value, accepted)
    }
}
