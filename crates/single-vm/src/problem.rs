//! What is wrong with a description, and where. All of it is told at once.

use deploy_spec::{Fault, Kind};
use serde::Serialize;
use serde_json::json;

/// Where something stands in a text: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Which field, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, and why it is.
    pub message: String,
    /// What to type instead.
    pub hint: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.place.line, self.place.column)?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl Problem {
    /// All `problems` of the document called `file` as one failure: `invalid-input`, with each in
    /// `details.problems` and in the message.
    #[must_use]
    pub fn fault(file: &str, problems: &[Self]) -> Fault {
        let count = match problems.len() {
            1 => "one problem".to_owned(),
            many => format!("{many} problems"),
        };
        let lines: String =
            problems.iter().map(|problem| format!("\n  {file}:{problem}")).collect();
        let fault = Fault::new(Kind::InvalidInput, format!("{file} has {count}:{lines}"))
            .detail("problems", json!(problems))
            .hint("gtc single-vm plan --schema shows what a description holds");
        match problems.first() {
            Some(first) => fault.at(first.pointer.clone()),
            None => fault,
        }
    }
}
