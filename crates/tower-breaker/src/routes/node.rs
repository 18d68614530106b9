//! A document as a tree in which every value knows its line and its path, so that each mistake can be told where it is.
//!
//! TOML comes with its lines; anything else that serde reads comes with paths alone.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::RoutesError;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: Option<usize>,
    /// From the top of the document: `policies.payments.circuit_breaker`, `routes[0].path`; empty at the top.
    pub(super) field: String,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Reads TOML.
    pub(super) fn from_toml(text: &str) -> Result<Self, RoutesError> {
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            RoutesError::text(line, format!("is no TOML: {}", error.message()))
        })?;
        let mut top = Self::bare(table(text, document.into_inner())?);
        top.label("", None);
        Ok(top)
    }

    /// Reads any self-describing format.
    pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut top = Self::deserialize(deserializer)?;
        top.label("", None);
        Ok(top)
    }

    /// A table put together from entries of others, which keep the places they came from.
    pub(super) fn gathered(field: &str, line: Option<usize>, entries: Vec<(String, Self)>) -> Self {
        Self { line, field: field.to_owned(), value: Value::Table(entries) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Value::Table(entries) = &self.value else { return None };
        entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    fn bare(value: Value) -> Self {
        Self { line: None, field: String::new(), value }
    }

    fn label(&mut self, field: &str, line: Option<usize>) {
        field.clone_into(&mut self.field);
        self.line = self.line.or(line);
        match &mut self.value {
            Value::Table(entries) => {
                for (key, node) in entries {
                    node.label(&child(field, key), self.line);
                }
            }
            Value::List(nodes) => {
                for (index, node) in nodes.iter_mut().enumerate() {
                    node.label(&format!("{field}[{index}]"), self.line);
                }
            }
            _ => {}
        }
    }
}

/// As it stands in a document.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(on) => write!(f, "{on}"),
            Self::Signed(number) => write!(f, "{number}"),
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(_) => f.write_str("a list"),
            Self::Table(_) => f.write_str("a table"),
        }
    }
}

/// The path of a field of the table at `field`. A name that TOML would quote is quoted.
pub(super) fn child(field: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let dot = if field.is_empty() { "" } else { "." };
    if bare { format!("{field}{dot}{name}") } else { format!("{field}{dot}{name:?}") }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

fn table(text: &str, table: DeTable<'_>) -> Result<Value, RoutesError> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries.into_iter().map(|(key, value)| {
        // The line of a field is that of its name: a value may go over many lines.
        let line = line_of(text, key.span().start);
        Ok((key.into_inner().into_owned(), node(text, line, value)?))
    });
    entries.collect::<Result<_, _>>().map(Value::Table)
}

fn node(text: &str, line: usize, value: Spanned<DeValue<'_>>) -> Result<Node, RoutesError> {
    let value = match value.into_inner() {
        DeValue::Boolean(on) => Value::Bool(on),
        DeValue::String(string) => Value::Text(string.into_owned()),
        DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Value::Signed)
            .map_err(|_| RoutesError::text(Some(line), format!("is no TOML: {integer} is no 64-bit integer")))?,
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .map(Value::Float)
            .map_err(|_| RoutesError::text(Some(line), format!("is no TOML: {float} is no number")))?,
        DeValue::Array(array) => {
            let nodes = array.into_iter().map(|element| {
                let line = line_of(text, element.span().start);
                node(text, line, element)
            });
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => self::table(text, inner)?,
    };
    Ok(Node { line: Some(line), ..Node::bare(value) })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything).map(Self::bare)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a routes document")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Value, E> {
        Ok(Value::Bool(on))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Signed(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Unsigned(number), Value::Signed))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = elements.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        // A null is a field left out: formats that have it write unset options so.
        while let Some((name, node)) = fields.next_entry::<String, Option<Node>>()? {
            if entries.iter().any(|(earlier, _)| *earlier == name) {
                return Err(de::Error::custom(format_args!("{name:?} stands twice in one table")));
            }
            entries.extend(node.map(|node| (name, node)));
        }
        Ok(Value::Table(entries))
    }
}
