//! One question, and what answers it.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

use crate::SECRET_MAX;

/// What sort of answer a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// A text; not an empty one when it is required.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of the choices.
    Choice,
    /// A text that is sealed in the secrets slot and stands in no document.
    Secret,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The name of its answer: 1 to 63 of a-z, 0-9, `_` and `-`, beginning with a letter.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"))]
    pub name: String,
    /// What sort of answer it takes.
    pub kind: QuestionKind,
    /// What is asked, in one line.
    pub prompt: String,
    /// What helps to answer it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The answer when none is given; a secret has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether it needs an answer.
    #[serde(default = "yes")]
    pub required: bool,
    /// A regular expression that all of a text or secret must match (syntax of the Rust crate
    /// `regex`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

const fn yes() -> bool {
    true
}

impl Question {
    /// A question for a secret.
    #[must_use]
    pub fn secret(name: &str, prompt: String, required: bool) -> Self {
        Self {
            name: name.to_owned(),
            kind: QuestionKind::Secret,
            prompt,
            help: None,
            default: None,
            required,
            pattern: None,
            min: None,
            max: None,
            choices: Vec::new(),
        }
    }

    /// The JSON Schema of its answer.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = match self.kind {
            QuestionKind::Text => json!({"type": "string"}),
            QuestionKind::Secret => json!({"type": "string", "writeOnly": true, "minLength": 1}),
            QuestionKind::Number => json!({"type": "number"}),
            QuestionKind::Boolean => json!({"type": "boolean"}),
            QuestionKind::Choice => json!({"enum": self.choices}),
        };
        schema["description"] = self.prompt.as_str().into();
        let pattern = self.pattern.as_ref().map(|pattern| format!("^(?:{pattern})$").into());
        let number = |number: &Option<Number>| number.clone().map(Value::Number);
        let rest = [
            ("default", self.default.clone()),
            ("pattern", pattern),
            ("minimum", number(&self.min)),
            ("maximum", number(&self.max)),
        ];
        for (name, value) in rest {
            if let Some(value) = value {
                schema[name] = value;
            }
        }
        schema
    }

    /// Why `answer` is no answer to this question; it does not show the answer.
    ///
    /// # Errors
    /// A predicate, such as `must be a number`.
    pub fn takes(&self, answer: &Value) -> Result<(), String> {
        match (self.kind, answer) {
            (QuestionKind::Text, Value::String(text)) => self.matches(text),
            (QuestionKind::Secret, Value::String(text)) if text.len() > SECRET_MAX => {
                Err(format!("must have at most {SECRET_MAX} bytes"))
            }
            (QuestionKind::Secret, Value::String(text)) => self.matches(text),
            (QuestionKind::Number, Value::Number(number)) => self.bounds(number),
            (QuestionKind::Choice, Value::String(text)) if self.choices.contains(text) => Ok(()),
            (QuestionKind::Boolean, Value::Bool(_)) => Ok(()),
            _ => Err(format!("must be {}", self.wanted())),
        }
    }

    /// What it takes, in words.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self.kind {
            QuestionKind::Text => "a text".into(),
            QuestionKind::Secret => "a text (a secret)".into(),
            QuestionKind::Number => "a number".into(),
            QuestionKind::Boolean => "true or false".into(),
            QuestionKind::Choice => format!("one of {}", self.choices.join(", ")),
        }
    }

    fn matches(&self, text: &str) -> Result<(), String> {
        if text.is_empty() && (self.required || self.kind == QuestionKind::Secret) {
            return Err("must not be empty".into());
        }
        match self.expression()? {
            Some(whole) if !whole.is_match(text) => {
                Err(format!("must match `{}`", self.pattern.as_deref().unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// The pattern as an expression of the whole text. Its size is bounded, and matching takes
    /// time in proportion to the text.
    pub(super) fn expression(&self) -> Result<Option<Regex>, String> {
        const MOST: usize = 1 << 20;
        let Some(pattern) = &self.pattern else { return Ok(None) };
        let compile = |text: &str| {
            let built = RegexBuilder::new(text).size_limit(MOST).build();
            built.map_err(|error| format!("is not a regular expression: {error}"))
        };
        // By itself first, so that no bracket of it closes one of ours.
        compile(pattern)?;
        compile(&format!(r"\A(?:{pattern})\z")).map(Some)
    }

    fn bounds(&self, number: &Number) -> Result<(), String> {
        let value = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
        if self.min.as_ref().is_some_and(|min| value(number) < value(min)) {
            return Err(format!("must be at least {}", self.min.as_ref().map_or(0.0, value)));
        }
        if self.max.as_ref().is_some_and(|max| value(number) > value(max)) {
            return Err(format!("must be at most {}", self.max.as_ref().map_or(0.0, value)));
        }
        Ok(())
    }
}
