//! Settings on their way into a pack, and what it says against them on its way out.

use deploy_spec::Fault;
use env_pack::Objection;
use serde_json::{Map, Value};

use crate::describe::is_plain;
use crate::host::bad;

/// Most bytes of settings, as JSON text.
const SETTINGS_BYTES: usize = 64 << 10;
/// Most objections of one pack.
const OBJECTIONS_MOST: usize = 64;
/// Most bytes of a pointer and of a message.
const TEXT_BYTES: usize = 1024;

/// The settings as a pack reads them.
pub(crate) fn settings(name: &str, answers: &Map<String, Value>) -> Result<String, Fault> {
    let text = serde_json::to_string(answers)
        .map_err(|error| Fault::internal(format!("settings that are no JSON: {error}")))?;
    if text.len() > SETTINGS_BYTES {
        let size = text.len();
        return Err(Fault::invalid(format!(
            "the settings of `{name}` have {size} bytes, and {SETTINGS_BYTES} are the most"
        ))
        .at("/answers"));
    }
    Ok(text)
}

/// What a pack said, as pointers into its binding.
pub(crate) fn read(name: &str, said: Vec<Objection>) -> Result<Vec<Objection>, Fault> {
    if said.len() > OBJECTIONS_MOST {
        let count = said.len();
        let why = format!("it has {count} objections, and {OBJECTIONS_MOST} are the most");
        return Err(bad(name, &why));
    }
    let placed = |(pointer, message): Objection| {
        let is_pointer = pointer.is_empty() || pointer.starts_with('/');
        let is_said = !message.trim().is_empty() && is_plain(&message) && is_plain(&pointer);
        if !is_pointer || !is_said || pointer.len().max(message.len()) > TEXT_BYTES {
            let why = "an objection of it is no pointer and a line of text";
            return Err(bad(name, why));
        }
        Ok((format!("/answers{pointer}"), message))
    };
    said.into_iter().map(placed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pointer: &str, message: &str) -> Result<Vec<Objection>, Fault> {
        read("p", vec![(pointer.to_owned(), message.to_owned())])
    }

    #[test]
    fn pointers_become_those_of_the_binding_and_nonsense_is_the_packs_fault() {
        assert_eq!(said("/region", "no").unwrap(), [("/answers/region".into(), "no".into())]);
        assert_eq!(said("", "no").unwrap(), [("/answers".into(), "no".into())]);
        let long = "x".repeat(TEXT_BYTES + 1);
        for (pointer, message) in
            [("region", "no"), ("/a", " "), ("/a", "\u{1b}[2J"), ("/\n", "no"), ("/a", &long)]
        {
            let fault = said(pointer, message).unwrap_err();
            assert!(fault.message.contains("`p`"), "{pointer:?} {message:?}: {fault:?}");
        }
        let many = vec![(String::new(), "no".to_owned()); OBJECTIONS_MOST + 1];
        assert!(read("p", many).unwrap_err().message.contains("65 objections"));
    }

    #[test]
    fn settings_are_bounded() {
        let mut answers = Map::new();
        answers.insert("a".into(), "x".repeat(SETTINGS_BYTES).into());
        assert_eq!(settings("p", &answers).unwrap_err().details["pointer"], "/answers");
        answers.insert("a".into(), 1.into());
        assert_eq!(settings("p", &answers).unwrap(), r#"{"a":1}"#);
    }
}
