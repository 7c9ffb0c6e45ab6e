//! Where the values of a JSON text stand.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::tree::{DEPTH, Node};

/// The tree of a JSON text; a byte order mark before it is passed over.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let value: &RawValue = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("is not JSON: {error}"))?;
    node(value, text, 0)
}

/// The entries of an object in their order, repeated names included.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn node(value: &RawValue, text: &str, depth: usize) -> Result<Node, String> {
    let raw = value.get();
    if depth > DEPTH {
        return Err(format!("is nested more than {DEPTH} deep"));
    }
    let unread = |error: serde_json::Error| format!("is not JSON: {error}");
    match raw.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(raw).map_err(unread)?;
            let both =
                |(key, value)| Ok((node(key, text, depth + 1)?, node(value, text, depth + 1)?));
            entries.into_iter().map(both).collect::<Result<_, String>>().map(Node::Map)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(unread)?;
            let items = items.into_iter().map(|item| node(item, text, depth + 1));
            items.collect::<Result<_, String>>().map(Node::List)
        }
        _ => {
            // `raw` is a part of `text`, so the distance of the two is where it stands.
            let from = raw.as_ptr().addr() - text.as_ptr().addr();
            let span = from..from + raw.len();
            let says = if raw.starts_with('"') {
                serde_json::from_str::<String>(raw).map_err(unread)?
            } else {
                raw.to_owned()
            };
            Ok(Node::scalar(says, span))
        }
    }
}
