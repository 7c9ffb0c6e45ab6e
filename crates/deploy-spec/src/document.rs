//! Documents: every one names its schema and version, and refuses what it does not know.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;

pub use crate::text::shown;

/// Defines a zero-size type that is exactly one `schema` text on the wire.
#[macro_export]
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
                    $crate::document::shown(&found),
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
    // Keeping track of the path costs as much as reading; only an error needs it.
    if let Ok(document) = serde_json::from_slice(text) {
        return Ok(document);
    }
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

/// A document as one line of JSON, without the newline. Field order is the type's, so equal
/// documents give equal bytes.
///
/// # Panics
/// Never for the documents of this crate: they have string keys and no fallible parts.
#[must_use]
pub fn to_line<T: serde::Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents are plain data with string keys")
}

/// The digest of a JSON value whatever the order of its keys: of its compact JSON, keys sorted.
#[must_use]
pub fn canonical_digest(value: &Value) -> crate::digest::Digest {
    crate::digest::Digest::of(&to_line(&sorted(value)))
}

/// `value` with the keys of every object in order, whatever map serde_json was built with.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: std::collections::BTreeMap<_, _> = map.iter().collect();
            ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Outer {
        list: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Inner {
        digest: crate::digest::Digest,
    }

    #[test]
    fn a_wrong_field_is_named_by_pointer() {
        let fault = from_value::<Outer>(json!({"list": [{"digest": "x"}]})).unwrap_err();
        assert_eq!(fault.details["pointer"], "/list/0/digest");
        let fault = from_json::<Outer>(br#"{"list": [], "a/b": 1}"#).unwrap_err();
        assert_eq!(fault.details["pointer"], "/a~1b");
    }

    #[test]
    fn the_canonical_digest_ignores_key_order() {
        let a: Value = serde_json::from_str(r#"{"a":{"x":1,"y":[2]},"b":3}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"b":3,"a":{"y":[2],"x":1}}"#).unwrap();
        assert_eq!(canonical_digest(&a), canonical_digest(&b));
        assert_ne!(
            canonical_digest(&a),
            canonical_digest(&json!({"a": {"x": 1, "y": [3]}, "b": 3}))
        );
    }
}
