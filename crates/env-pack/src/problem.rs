//! One thing that is wrong with a document, so that all of them can be said at once.

use std::fmt;

use deploy_spec::Fault;
use serde::Serialize;
use serde_json::Value;

/// What is wrong, and with which field. It never shows an answer, which may be a secret that
/// somebody put in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// A sentence: what and why.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }

    /// All problems of one document as one `invalid-input` fault: `details.problems` lists them,
    /// `details.pointer` names the first. `None` when there are none.
    #[must_use]
    pub fn fault(what: &str, problems: &[Self]) -> Option<Fault> {
        let first = problems.first()?;
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let list = problems
            .iter()
            .map(|p| serde_json::json!({"pointer": p.pointer, "message": p.message}))
            .collect::<Vec<Value>>();
        let fault = Fault::invalid(format!("{what}: {}", all.join("; ")));
        Some(fault.at(first.pointer.clone()).detail("problems", list))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

/// A pointer to the member `name` of the document at `parent`.
pub(crate) fn member(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}
