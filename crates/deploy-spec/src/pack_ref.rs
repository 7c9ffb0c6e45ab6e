//! Where an env-pack comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an env-pack comes from: `builtin`, or where its component was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum PackRef {
    /// It is part of this program.
    Builtin,
    /// A path, `file://…`, `oci://…`, `repo://…`, `store://…`, or the digest of a component that
    /// the environment already holds.
    At(String),
}

/// What stands for [`PackRef::Builtin`]; a file of that name is `./builtin`.
const BUILTIN: &str = "builtin";

impl From<String> for PackRef {
    fn from(text: String) -> Self {
        if text == BUILTIN { Self::Builtin } else { Self::At(text) }
    }
}

impl From<PackRef> for String {
    fn from(pack_ref: PackRef) -> Self {
        match pack_ref {
            PackRef::Builtin => BUILTIN.to_owned(),
            PackRef::At(text) => text,
        }
    }
}

impl std::fmt::Display for PackRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin => f.pad(BUILTIN),
            Self::At(text) => f.pad(text),
        }
    }
}

impl JsonSchema for PackRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PackRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where an env-pack comes from: `builtin`, a path, `file://…`, \
                `oci://…`, `repo://…`, `store://…`, or the digest of a component that the \
                environment already holds.",
            "type": "string",
            "minLength": 1,
            "maxLength": 4096,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_builtin_or_where_it_was_named() {
        let builtin: PackRef = serde_json::from_str("\"builtin\"").unwrap();
        assert_eq!(builtin, PackRef::Builtin);
        for text in ["./builtin", "oci://ghcr.io/x/y:1", "/packs/a b.wasm", "Builtin", ""] {
            let read: PackRef = serde_json::from_value(text.into()).unwrap();
            assert_eq!(read, PackRef::At(text.to_owned()));
            assert_eq!(serde_json::to_value(&read).unwrap(), text);
        }
        assert_eq!(serde_json::to_value(PackRef::Builtin).unwrap(), "builtin");
        assert!(serde_json::from_str::<PackRef>("{\"file\": \"x\"}").is_err());
    }
}
