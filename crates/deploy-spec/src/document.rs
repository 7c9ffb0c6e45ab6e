//! Documents: every one names its schema and version, and refuses what it does not know.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;

/// Defines a zero-size type that is exactly one `schema` text on the wire.
macro_rules! schema_tag {
    ($(#[$doc:meta])* $name:ident = $text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name;

        impl $name {
            /// The text on the wire.
            pub const TEXT: &'static str = $text;
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str($text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let found = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                if found == $text {
                    return Ok(Self);
                }
                Err(serde::de::Error::custom(format!(
                    "schema is {}, this gtc reads {}",
                    crate::text::shown(&found),
                    $text
                )))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "const": $text })
            }
        }
    };
}

pub(crate) use schema_tag;

/// Reads a typed document out of a JSON value.
///
/// # Errors
/// `invalid-input`, with the JSON pointer of the field that is wrong.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        Fault::invalid(error.into_inner().to_string()).at(pointer)
    })
}

/// Reads a typed document out of JSON text.
///
/// # Errors
/// `invalid-input`, with the JSON pointer of the field that is wrong.
pub fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let document = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        Fault::invalid(error.into_inner().to_string()).at(pointer)
    })?;
    json.end().map_err(|error| Fault::invalid(error.to_string()).at(""))?;
    Ok(document)
}

/// The path of a serde error as a JSON pointer (RFC 6901).
#[must_use]
pub fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                text.push('/');
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}
