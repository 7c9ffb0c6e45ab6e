//! What a description may not do though it is well-formed: be endless, paint on a terminal, pass
//! options to tools, or take for ever to check.

use deploy_spec::Fault;
use env_pack::{Probe, Setup};
use serde_json::Value;

use super::Description;

/// Most of each list, and most bytes of any one text.
const TOOLS_MOST: usize = 16;
const CREDENTIALS_MOST: usize = 128;
const QUESTIONS_MOST: usize = 64;
const TEXT_BYTES: usize = 4096;

/// What lets a schema repeat itself, so that checking it takes exponential time.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Whether a text is one line that shows as it reads: no control characters, and nothing that turns
/// the direction of writing (Unicode UAX #9).
pub(crate) fn is_plain(text: &str) -> bool {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || turns(c) || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Every text and every name in the document is short and plain.
pub(super) fn of_text(value: &Value) -> Result<(), Fault> {
    let short = |text: &str| match text.len() <= TEXT_BYTES && is_plain(text) {
        true => Ok(()),
        false => Err(Fault::invalid(format!(
            "a text is at most {TEXT_BYTES} bytes without control characters"
        ))),
    };
    match value {
        Value::String(text) => short(text),
        Value::Array(list) => list.iter().try_for_each(of_text),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            short(name)?;
            of_text(value)
        }),
        _ => Ok(()),
    }
}

pub(super) fn hold(description: &Description) -> Result<(), Fault> {
    at_most("/tools", description.tools.len(), TOOLS_MOST)?;
    at_most("/credentials", description.credentials.len(), CREDENTIALS_MOST)?;
    for (i, need) in description.tools.iter().enumerate() {
        if let Some(probe) = &need.probe {
            of_probe(probe).map_err(|fault| fault.at(format!("/tools/{i}/probe")))?;
        }
    }
    for (i, need) in description.credentials.iter().enumerate() {
        if need.permission.trim().is_empty() || need.reason.trim().is_empty() {
            let why = "a need names a permission and the reason for it";
            return Err(Fault::invalid(why).at(format!("/credentials/{i}")));
        }
    }
    description.settings.as_ref().map_or(Ok(()), of_schema)
}

pub(super) fn of_setup(setup: &Setup) -> Result<(), Fault> {
    at_most("/setup/questions", setup.questions().len(), QUESTIONS_MOST)
}

fn at_most(at: &str, count: usize, most: usize) -> Result<(), Fault> {
    if count <= most {
        return Ok(());
    }
    Err(Fault::invalid(format!("there are {count}, and {most} are the most")).at(at))
}

/// Its words become arguments of a program, so none may be an option.
fn of_probe(probe: &Probe) -> Result<(), Fault> {
    let Probe::KubectlCanI { verb, resource, namespace } = probe else { return Ok(()) };
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*')
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:*".contains(&b))
    };
    let words = [Some(verb), Some(resource), namespace.as_ref()];
    if words.into_iter().flatten().all(|word| is_word(word)) {
        return Ok(());
    }
    Err(Fault::invalid("its words are letters, digits and `-._/:*`, and none begins with `-`"))
}

fn of_schema(schema: &Value) -> Result<(), Fault> {
    if !schema.is_object() {
        return Err(Fault::invalid("a schema of settings is an object").at("/settings"));
    }
    match refers(schema) {
        None => Ok(()),
        Some(name) => {
            let why = format!("a schema of settings says what it means, without `{name}`");
            Err(Fault::invalid(why).at("/settings"))
        }
    }
}

fn refers(value: &Value) -> Option<&'static str> {
    match value {
        Value::Array(list) => list.iter().find_map(refers),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let known = REFERENCES.into_iter().find(|reference| reference == name);
            known.or_else(|| refers(value))
        }),
        _ => None,
    }
}
