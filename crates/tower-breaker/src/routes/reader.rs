//! Serde over a [`Node`]: whatever a type refuses comes back with the line and the path of the value it refused.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
        value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    RoutesError,
    hint::{self, Level},
    node::{Node, Value, child},
};

/// Reads a `T` from a table of this level. Of a route and of a policy some fields have been read by somebody else: they
/// are named too when an unknown one is refused.
pub(super) fn read<'de, T: Deserialize<'de>>(node: &'de Node, level: Level) -> Result<T, RoutesError> {
    T::deserialize(Reader { node, level }).map_err(|fault| match fault.place {
        Some((field, line)) => RoutesError::at(&field, line, fault.problem),
        None => RoutesError::at(&node.field, node.line, fault.problem),
    })
}

#[derive(Clone, Copy)]
struct Reader<'de> {
    node: &'de Node,
    level: Level,
}

impl Reader<'_> {
    /// Refuses what a struct does not know, also for a type that would pass over it.
    fn check_names(&self, entries: &[(String, Node)], fields: &'static [&'static str]) -> Result<(), Fault> {
        match entries.iter().find(|(name, _)| !fields.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, node)) => {
                let others = match self.level {
                    Level::Route | Level::Policy => self.level.fields(),
                    _ => &[],
                };
                let known = others.iter().chain(fields).copied();
                Err(Fault::new(hint::unknown(name, self.level, known)).place(&node.field, node.line))
            }
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let (Node { line, field, value }, level) = (self.node, self.level);
        let read = match value {
            Value::Bool(on) => visitor.visit_bool(*on),
            Value::Signed(number) => visitor.visit_i64(*number),
            Value::Unsigned(number) => visitor.visit_u64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(nodes) => visitor.visit_seq(Elements(nodes.iter())),
            Value::Table(entries) => visitor.visit_map(Entries::new(entries, level)),
        };
        // The innermost value that was refused is the place; further out it is known already.
        read.map_err(|fault| fault.place(field, *line))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Value::Table(entries) = &self.node.value {
            self.check_names(entries, fields)?;
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Node { line, field, value } = self.node;
        let read = match value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries::new(entries, Level::Own)))
            }
            // A visitor of an enum takes nothing else, and would name a type of Rust.
            _ => return self.deserialize_any(Neither(variants, PhantomData)),
        };
        read.map_err(|fault| fault.place(field, *line))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// Refuses what is neither the name of a variant nor a table with one.
struct Neither<T>(&'static [&'static str], PhantomData<T>);

impl<T> Visitor<'_> for Neither<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a table with one of them", self.0.join(", "))
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, (String, Node)>,
    level: Level,
    value: Option<(&'de Node, Level)>,
}

impl<'de> Entries<'de> {
    fn new(entries: &'de [(String, Node)], level: Level) -> Self {
        Self { rest: entries.iter(), level, value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, node)) = self.rest.next() else { return Ok(None) };
        self.value = Some((node, self.level.of(name)));
        seed.deserialize(name.as_str().into_deserializer())
            .map(Some)
            .map_err(|fault: Fault| fault.place(&node.field, node.line))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (node, level) = self.value.take().ok_or_else(|| <Fault as de::Error>::custom("is read out of order"))?;
        read_seed(seed, node, level)
    }
}

struct Elements<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.0.next().map(|node| read_seed(seed, node, Level::Own)).transpose()
    }
}

/// What a type refuses after it has read its value, as `TryFrom` does, is refused here.
fn read_seed<'de, S: DeserializeSeed<'de>>(seed: S, node: &'de Node, level: Level) -> Result<S::Value, Fault> {
    seed.deserialize(Reader { node, level }).map_err(|fault| fault.place(&node.field, node.line))
}

/// What a type refused; the reader adds the place on the way out.
#[derive(Debug)]
struct Fault {
    place: Option<(String, Option<usize>)>,
    /// A field that is not there: the place is the table it is missing from, and this its name.
    missing: Option<&'static str>,
    problem: String,
}

impl Fault {
    fn new(problem: String) -> Self {
        Self { place: None, missing: None, problem }
    }

    fn place(mut self, field: &str, line: Option<usize>) -> Self {
        if self.place.is_none() {
            let field = self.missing.map_or_else(|| field.to_owned(), |missing| child(field, missing));
            self.place = Some((field, line));
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(format!("is not accepted: {message}"))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("is {}; accepted: {}", Shown(found), Wanted(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("is {}; accepted: {}", Shown(found), Wanted(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("has {length} elements; accepted: {}", Wanted(expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(hint::none_of(variant, expected.iter().copied()))
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        Self::new(hint::unknown(name, Level::Own, expected.iter().copied()))
    }

    fn missing_field(name: &'static str) -> Self {
        Self { missing: Some(name), ..Self::new("is missing".to_owned()) }
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(format!("has {name:?} twice"))
    }
}

/// A value as the document has it, where serde would say "integer `0`".
struct Shown<'a>(Unexpected<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(on) => write!(f, "{on}"),
            Unexpected::Signed(number) => write!(f, "{number}"),
            Unexpected::Unsigned(number) => write!(f, "{number}"),
            Unexpected::Float(number) => write!(f, "{number:?}"),
            Unexpected::Str(text) => write!(f, "{text:?}"),
            Unexpected::Map => f.write_str("a table"),
            Unexpected::Seq => f.write_str("a list"),
            other => write!(f, "{other}"),
        }
    }
}

/// What is accepted, where serde would name a type of Rust: "u32", "struct Upstream".
struct Wanted<'a>(&'a dyn Expected);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.0.to_string();
        match expected.as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" => f.write_str("a whole number, not negative"),
            "i8" | "i16" | "i32" | "i64" | "isize" => f.write_str("a whole number"),
            "f32" | "f64" => f.write_str("a number"),
            "a boolean" => f.write_str("true or false"),
            other if other.starts_with("struct ") => f.write_str("a table"),
            other => f.write_str(other),
        }
    }
}
