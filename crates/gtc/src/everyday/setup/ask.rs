//! Asking a person at a terminal; what is secret is not shown while it is typed.

use std::io;

use deploy_spec::Fault;
use dialoguer::{Confirm, Input, Select};
use env_pack::{Question, QuestionKind};
use serde_json::{Map, Value};

use super::super::deploy::Target;
use super::hidden;
use super::questions::{Group, Whose};

/// Asks what is not answered yet.
pub(super) fn all(groups: &[Group], given: &mut Map<String, Value>) -> Result<(), Fault> {
    for group in groups {
        let open = |q: &&Question| !given.contains_key(&group.key(&q.name));
        let open: Vec<&Question> = group.setup.questions().iter().filter(open).collect();
        if !open.is_empty() {
            match &group.whose {
                Whose::Bundle(bundle) => anstream::eprintln!("{bundle} asks:"),
                Whose::Pack(slot) => anstream::eprintln!("the env-pack of slot {slot} asks:"),
            }
        }
        for question in open {
            if let Some(help) = &question.help {
                anstream::eprintln!("  {help}");
            }
            let present = group.present.get(&question.name).or(question.default.as_ref());
            let kept = group.kept.contains(&question.name);
            if let Some(answer) = one(question, present, kept).map_err(|error| failed(&error))? {
                given.insert(group.key(&question.name), answer);
            }
        }
    }
    Ok(())
}

/// How much of the traffic the new revision gets, in percent.
pub(super) fn share(target: &Target<'_>) -> Result<String, Fault> {
    let revision = target.revision();
    let asked = if target.serves() {
        Input::new()
            .with_prompt(format!("{revision} is ready. Its share of the traffic, in percent"))
            .default("0".to_owned())
            .validate_with(|text: &String| match text.parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(()),
                _ => Err("a number from 0 to 100"),
            })
            .interact_text()
    } else {
        Confirm::new()
            .with_prompt(format!("{revision} is ready. Give it all the traffic?"))
            .default(true)
            .interact()
            .map(|yes| if yes { "100" } else { "0" }.to_owned())
    };
    asked.map_err(|error| failed(&error))
}

fn failed(error: &dialoguer::Error) -> Fault {
    let dialoguer::Error::IO(cause) = error;
    if cause.kind() == std::io::ErrorKind::Interrupted {
        return Fault::refused("the questions were given up; nothing was changed")
            .hint("give --answers FILE, or --non-interactive");
    }
    Fault::unavailable(format!("the terminal does not answer: {error}"))
        .hint("give --answers FILE, or --non-interactive")
}

/// The answer to one question; none leaves it open.
fn one(
    question: &Question,
    present: Option<&Value>,
    kept: bool,
) -> Result<Option<Value>, dialoguer::Error> {
    let prompt = question.prompt.as_str();
    match question.kind {
        QuestionKind::Boolean => {
            let confirm = Confirm::new().with_prompt(prompt);
            let confirm = match present.and_then(Value::as_bool) {
                Some(default) => confirm.default(default),
                None => confirm,
            };
            confirm.interact().map(|yes| Some(Value::Bool(yes)))
        }
        QuestionKind::Choice => {
            let at = |value: &Value| question.choices.iter().position(|choice| value == choice);
            let select = Select::new().with_prompt(prompt).items(&question.choices);
            let chosen = select.default(present.and_then(at).unwrap_or(0)).interact()?;
            Ok(question.choices.get(chosen).map(|choice| Value::String(choice.clone())))
        }
        QuestionKind::Secret => Ok(hidden(question, kept)?),
        QuestionKind::Text | QuestionKind::Number => typed(question, present),
    }
}

fn hidden(question: &Question, kept: bool) -> io::Result<Option<Value>> {
    let note = if kept { " (empty keeps the present value)" } else { "" };
    hidden::ask(&format!("{}{note}", question.prompt), |text| {
        if text.is_empty() {
            let may_be_empty = kept || !question.required;
            return may_be_empty.then_some(None).ok_or_else(|| "must not be empty".to_owned());
        }
        let answer = Value::String(text);
        question.takes(&answer).map(|()| Some(answer))
    })
}

fn typed(question: &Question, present: Option<&Value>) -> Result<Option<Value>, dialoguer::Error> {
    let value = |text: &str| match question.kind {
        QuestionKind::Number => text.parse().map(Value::Number).unwrap_or_else(|_| text.into()),
        _ => Value::from(text),
    };
    let input = Input::<String>::new().with_prompt(question.prompt.as_str());
    let input = match present {
        Some(Value::String(text)) => input.default(text.clone()),
        Some(other) => input.default(other.to_string()),
        None => input.allow_empty(!question.required),
    };
    let text = input
        .validate_with(|text: &String| match text.as_str() {
            "" if !question.required => Ok(()),
            _ => question.takes(&value(text)),
        })
        .interact_text()?;
    Ok(Some(value(&text)).filter(|_| !text.is_empty()))
}
