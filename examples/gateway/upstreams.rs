//! The fields of a route that say where it leads: `upstream = ".."`, or `upstreams = ["..", ".."]` and `max_ejected`.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::upstream::Upstream;

/// One upstream, or endpoints that share the calls.
#[derive(Debug)]
pub(crate) enum Upstreams {
    One(Arc<Upstream>),
    Many {
        endpoints: Vec<Arc<Upstream>>,
        /// The share of them that may be out at once.
        max_ejected: f64,
    },
}

impl Upstreams {
    pub(crate) fn list(&self) -> &[Arc<Upstream>] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many { endpoints, .. } => endpoints,
        }
    }
}

/// As a routes file has it.
impl fmt::Display for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => write!(f, "upstream = \"{one}\""),
            Self::Many { endpoints, max_ejected } => {
                let endpoints: Vec<_> = endpoints.iter().map(|endpoint| format!("\"{endpoint}\"")).collect();
                write!(f, "upstreams = [{}]\nmax_ejected = {max_ejected:?}", endpoints.join(", "))
            }
        }
    }
}

const FIELDS: &[&str] = &["upstream", "upstreams", "max_ejected"];

impl<'de> Deserialize<'de> for Upstreams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Upstreams;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Upstreams, A::Error> {
                let (mut one, mut many, mut share) = (None, None, None);
                while let Some(name) = fields.next_key::<String>()? {
                    match &*name {
                        "upstream" | "upstreams" if one.is_some() || many.is_some() => {
                            fields.next_value_seed(Refused("a route has either upstream or upstreams, not both"))?;
                        }
                        "max_ejected" if one.is_some() => fields.next_value_seed(Refused(OF_MANY))?,
                        "upstream" if share.is_some() => fields.next_value_seed(Refused(OF_MANY))?,
                        "upstream" => one = Some(Arc::new(fields.next_value::<Upstream>()?)),
                        "upstreams" => many = Some(fields.next_value::<Endpoints>()?),
                        "max_ejected" => share = Some(fields.next_value::<Share>()?),
                        _ => drop(fields.next_value::<IgnoredAny>()?),
                    }
                }
                let Share(max_ejected) = share.unwrap_or(Share(0.5));
                let one = one.map(Upstreams::One);
                let many = many.map(|Endpoints(endpoints)| Upstreams::Many { endpoints, max_ejected });
                one.or(many).ok_or_else(|| de::Error::missing_field("upstream"))
            }
        }
        deserializer.deserialize_struct("route", FIELDS, Fields)
    }
}

const OF_MANY: &str = "max_ejected goes with upstreams = [\"..\", \"..\"]; one upstream is never ejected";

/// A value that may not be there: refused at its place.
struct Refused(&'static str);

impl<'de> DeserializeSeed<'de> for Refused {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(de::Error::custom(self.0))
    }
}

struct Endpoints(Vec<Arc<Upstream>>);

impl<'de> Deserialize<'de> for Endpoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Endpoints;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of at least one upstream, each once, as in [\"http://HOST:PORT\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Endpoints, A::Error> {
                let mut all: Vec<Arc<Upstream>> = Vec::new();
                while let Some(next) = elements.next_element::<Upstream>()? {
                    if all.iter().any(|other| other.endpoint() == next.endpoint()) {
                        return Err(de::Error::custom(format_args!("{next} is there twice")));
                    }
                    all.push(Arc::new(next));
                }
                if all.is_empty() { Err(de::Error::invalid_length(0, &self)) } else { Ok(Endpoints(all)) }
            }
        }
        deserializer.deserialize_seq(List)
    }
}

struct Share(f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        let refused = || de::Error::invalid_value(de::Unexpected::Float(share), &"a share in [0, 1]");
        (0.0..=1.0).contains(&share).then_some(Self(share)).ok_or_else(refused)
    }
}
