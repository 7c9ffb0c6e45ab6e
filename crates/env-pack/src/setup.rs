//! The questions that a bundle or an env-pack asks before it can work: `greentic.setup.v1`.

mod check;
mod laws;
mod question;

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objection::Objection;
pub use check::{Settled, check_answers};
pub use question::{Question, QuestionKind};

deploy_spec::schema_tag!(
    /// `greentic.setup.v1`
    SetupSchema = "greentic.setup.v1"
);

/// Questions that make sense by themselves: names are distinct, patterns can be matched, defaults
/// answer their own question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Unchecked")]
pub struct Setup {
    /// Which document this is.
    schema: SetupSchema,
    /// In the order in which they are asked.
    questions: Vec<Question>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Setup")]
struct Unchecked {
    /// Which document this is.
    schema: SetupSchema,
    /// In the order in which they are asked.
    questions: Vec<Question>,
}

impl TryFrom<Unchecked> for Setup {
    type Error = String;

    fn try_from(document: Unchecked) -> Result<Self, String> {
        laws::hold(&document.questions).map_err(|(pointer, why)| format!("{pointer}: {why}"))?;
        Ok(Self { schema: document.schema, questions: document.questions })
    }
}

impl Setup {
    /// The document that asks these.
    ///
    /// # Errors
    /// `invalid-input` with the pointer of the field that is wrong.
    pub fn new(questions: Vec<Question>) -> Result<Self, Fault> {
        let wrong = |(pointer, why): Objection| Fault::invalid(why).at(pointer);
        laws::hold(&questions).map_err(wrong)?;
        Ok(Self { schema: SetupSchema, questions })
    }

    /// Reads the document.
    ///
    /// # Errors
    /// `invalid-input` with the pointer of the field that is wrong.
    pub fn from_value(value: Value) -> Result<Self, Fault> {
        let document: Unchecked = deploy_spec::document::from_value(value)?;
        Self::new(document.questions)
    }

    /// The questions, in the order in which they are asked.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }
}

#[cfg(test)]
mod tests;
