//! Configuration as environment variables.

use std::collections::BTreeMap;

use deploy_spec::Fault;
use serde_json::{Map, Value};

use crate::component::text;

/// The variables that say where to be and to listen.
const OURS: [&str; 3] = ["GREENTIC_SOCKET", "PORT", "TMPDIR"];

/// Each value under its name in capitals, with `_` for whatever is neither letter nor digit.
///
/// # Errors
/// `invalid-input` when two values would have the same name, or one that is ours to give.
pub(super) fn variables(config: &Map<String, Value>) -> Result<BTreeMap<String, String>, Fault> {
    let mut variables = BTreeMap::new();
    for (key, value) in config {
        let name = name(key);
        if OURS.contains(&name.as_str()) {
            return Err(Fault::invalid(format!(
                "the value `{key}` would be `{name}` in the environment of a program, which says \
                 something else there"
            )));
        }
        if variables.insert(name.clone(), text(value)).is_some() {
            return Err(Fault::invalid(format!(
                "two values would be `{name}` in the environment of a program; one of them is `{key}`"
            )));
        }
    }
    Ok(variables)
}

fn name(key: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = key.chars().map(letter).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        true => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(config: &Value) -> Result<BTreeMap<String, String>, Fault> {
        variables(config.as_object().unwrap())
    }

    #[test]
    fn every_value_has_a_name_that_a_shell_would_take() {
        let given = of(&json!({"greeting": "hi", "api-key.v2": "k", "2nd": 2, "on": true}));
        let wanted = [("GREETING", "hi"), ("API_KEY_V2", "k"), ("_2ND", "2"), ("ON", "true")];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(given, Ok(wanted.into()));
    }

    #[test]
    fn no_value_takes_the_place_of_another() {
        for config in [json!({"a-b": 1, "a_b": 2}), json!({"port": 80}), json!({"TmpDir": "/"})] {
            assert!(of(&config).unwrap_err().message.contains("in the environment"), "{config}");
        }
    }
}
