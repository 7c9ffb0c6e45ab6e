//! Several things that are wrong, told all at once.

use deploy_spec::{Fault, Kind};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// One thing that is wrong with what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// Where in the answers document, by JSON pointer (RFC 6901).
    pub pointer: String,
    /// What, in one sentence.
    pub message: String,
}

impl Problem {
    /// That `message` holds at `pointer`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// `name` as one part of a JSON pointer.
pub(crate) fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Nothing when there is no problem; otherwise one failure that names them all, and points at the
/// first.
///
/// # Errors
/// That failure.
pub fn none_of(kind: Kind, what: &str, problems: &[Problem]) -> Result<(), Fault> {
    let Some(first) = problems.first() else { return Ok(()) };
    let each: Vec<String> = problems.iter().map(shown).collect();
    let fault = Fault::new(kind, format!("{what}: {}", each.join("; ")));
    let fault = if kind == Kind::InvalidInput { fault.at(first.pointer.clone()) } else { fault };
    Err(fault.detail("problems", json!(problems)))
}

fn shown(problem: &Problem) -> String {
    match problem.pointer.as_str() {
        "" => problem.message.clone(),
        pointer => format!("{pointer}: {}", problem.message),
    }
}
