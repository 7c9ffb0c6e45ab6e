//! What makes a list of questions one that can be asked.

use std::collections::BTreeSet;

use super::{Question, QuestionKind};
use crate::objection::Objection;

/// The first law that the questions break.
pub(super) fn hold(questions: &[Question]) -> Result<(), Objection> {
    let mut names = BTreeSet::new();
    for (i, question) in questions.iter().enumerate() {
        let at = |field: &str, why: &str| {
            let name = deploy_spec::document::shown(&question.name);
            (format!("/questions/{i}/{field}"), format!("the question {name}: {why}"))
        };
        if !is_name(&question.name) {
            return Err(at("name", "a name is 1 to 63 of a-z, 0-9, _ and -, a letter first"));
        }
        if !names.insert(&question.name) {
            return Err(at("name", "another question has its name"));
        }
        one(question).map_err(|(field, why)| at(field, &why))?;
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

/// The field, and why.
type Broken = (&'static str, String);

/// What is wrong with a question by itself.
fn one(question: &Question) -> Result<(), Broken> {
    use QuestionKind::{Choice, Number, Secret, Text};
    let kind = question.kind;
    if question.prompt.trim().is_empty() {
        return Err(("prompt", "it asks nothing".into()));
    }
    let only = |field, given: bool, kinds: &[QuestionKind], whose: &str| {
        let wrong = given && !kinds.contains(&kind);
        if wrong { Err((field, format!("only {whose} has `{field}`"))) } else { Ok(()) }
    };
    only("pattern", question.pattern.is_some(), &[Text, Secret], "a text or secret")?;
    only("min", question.min.is_some(), &[Number], "a number")?;
    only("max", question.max.is_some(), &[Number], "a number")?;
    only("choices", !question.choices.is_empty(), &[Choice], "a choice")?;
    question.expression().map_err(|why| ("pattern", why))?;
    if let (Some(min), Some(max)) = (&question.min, &question.max)
        && min.as_f64() > max.as_f64()
    {
        return Err(("min", "it is above `max`".into()));
    }
    if kind == Choice {
        let distinct: BTreeSet<_> = question.choices.iter().collect();
        if question.choices.is_empty() || distinct.len() < question.choices.len() {
            return Err(("choices", "a choice has choices, each of them once".into()));
        }
    }
    default(question)
}

fn default(question: &Question) -> Result<(), Broken> {
    let Some(default) = &question.default else { return Ok(()) };
    if question.kind == QuestionKind::Secret {
        return Err(("default", "a secret has no default".into()));
    }
    question.takes(default).map_err(|why| ("default", format!("it {why}")))
}
