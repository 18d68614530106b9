use std::fmt;

use super::super::{RoutesError, node::Node};

/// The policy whose settings are read. What is wrong with them may be written in another one, which it extends.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Heir<'a> {
    pub(in super::super) name: &'a str,
    pub(in super::super) node: &'a Node,
}

impl Heir<'_> {
    /// Whether `place` is in this policy's own table.
    pub(in super::super) fn wrote(self, place: &Node) -> bool {
        place.field.strip_prefix(&self.node.field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// A value that is not accepted, told where it is written; and for whom, where that is another policy.
    pub(in super::super) fn refused(
        self,
        place: &Node,
        value: impl fmt::Display,
        accepted: impl fmt::Display,
    ) -> RoutesError {
        self.wrong(place, format_args!("is {value}"), accepted)
    }

    pub(super) fn wrong(self, place: &Node, what: impl fmt::Display, accepted: impl fmt::Display) -> RoutesError {
        let heir = if self.wrote(place) { String::new() } else { format!(" (inherited by {:?})", self.name) };
        RoutesError::at(&place.field, place.line, format!("{what}{heir}; accepted: {accepted}"))
    }
}
