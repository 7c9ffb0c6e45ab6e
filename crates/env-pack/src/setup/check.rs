//! Holding answers against the questions: everything missing or wrong at once.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{QuestionKind, Setup};
use crate::objection::{Objection, member};

/// Answers that fit their questions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// What is no secret, with the defaults of what was not answered.
    pub config: Map<String, Value>,
    /// The names of the secrets that were answered, in the order of the questions; their values
    /// stay where they came from.
    pub secrets: Vec<String>,
}

/// Sorts the answers into configuration and secrets. `null` is no answer; the secrets in `kept` have
/// a value already, and need none.
///
/// # Errors
/// Everything that is missing, wrong or not asked, at `/<name>`, in the order of the questions.
pub fn check_answers(
    setup: &Setup,
    answers: &Map<String, Value>,
    kept: &BTreeSet<String>,
) -> Result<Settled, Vec<Objection>> {
    let mut settled = Settled::default();
    let mut objections = Vec::new();
    for question in setup.questions() {
        let name = &question.name;
        let given = answers.get(name).filter(|answer| !answer.is_null());
        let objection = |why: &str| (member("", name), format!("{}: {why}", question.prompt));
        match given.or(question.default.as_ref()) {
            None if question.required && !kept.contains(name) => {
                objections.push(objection(&format!(
                    "it is not answered; it must be {}",
                    question.wanted()
                )));
            }
            None => {}
            Some(answer) => match question.takes(answer) {
                Err(why) => objections.push(objection(&format!("the answer {why}"))),
                Ok(()) if question.kind == QuestionKind::Secret => {
                    settled.secrets.push(name.clone());
                }
                Ok(()) => {
                    settled.config.insert(name.clone(), answer.clone());
                }
            },
        }
    }
    let asked = |name: &str| setup.questions().iter().any(|question| question.name == name);
    objections.extend(answers.keys().filter(|name| !asked(name)).map(|name| {
        let shown = deploy_spec::document::shown(name);
        (member("", name), format!("{shown} is not asked"))
    }));
    if objections.is_empty() { Ok(settled) } else { Err(objections) }
}
